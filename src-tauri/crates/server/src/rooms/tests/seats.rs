//! Seats: who comes, goes, breaks off and comes back.

use super::*;

#[test]
fn everybody_learns_who_comes_and_goes() {
    let mut house = House::new();
    house.join(1);
    let first = house.outputs();
    assert_eq!(news(&first, 1), [joined(1, &[])]);
    let state = RoomState { host: Some(id(1)), ..RoomState::default() };
    assert!(sent(&first, 1).contains(&ServerMessage::Room { state }), "somebody is host");
    house.join(2);
    let second = house.outputs();
    assert_eq!(news(&second, 2), [joined(2, &[1])]);
    assert!(sent(&second, 2).iter().any(|message| matches!(message, ServerMessage::Room { .. })));
    assert_eq!(news(&second, 1), [ServerMessage::ParticipantJoined { participant: info(2, false) }]);
    house.rooms.leave(ConnectionId(1), house.now);
    let left = house.outputs();
    assert_eq!(news(&left, 2), [ServerMessage::ParticipantLeft { participant: id(1) }]);
    assert!(closed(&left, 1));
    house.rooms.leave(ConnectionId(1), house.now);
    assert_eq!(house.outputs(), [Output::Close(ConnectionId(1))], "leaving twice is harmless");
}

#[test]
fn a_payload_goes_to_one_and_says_who_sent_it() {
    let mut house = House::new();
    (1..=3).for_each(|connection| house.join(connection));
    house.outputs();
    let payload = Sealed("abc-_9".into());
    house.rooms.signal(ConnectionId(1), &id(3), payload.clone()).unwrap();
    let message = ServerMessage::Signal { from: id(1), payload: payload.clone() };
    assert_eq!(house.outputs(), [Output::Send { to: ConnectionId(3), message }]);

    house.rooms.signal(ConnectionId(1), &ParticipantId("nobody".into()), payload.clone()).unwrap();
    assert_eq!(house.outputs(), [], "somebody who has just left");
    assert_eq!(house.rooms.signal(ConnectionId(1), &id(1), payload.clone()), Err(Refusal::BadMessage));
    assert_eq!(house.rooms.signal(ConnectionId(9), &id(1), payload), Err(Refusal::BadMessage));
    let unreadable = Sealed("with space".into());
    assert_eq!(house.rooms.signal(ConnectionId(1), &id(3), unreadable), Err(Refusal::BadMessage));
}

#[test]
fn only_a_real_change_of_media_is_told() {
    let mut house = House::new();
    house.join(1);
    house.join(2);
    house.outputs();
    house.rooms.set_media(ConnectionId(1), MEDIA).unwrap();
    assert_eq!(house.outputs(), []);
    let media = MediaState { microphone: false, camera: true };
    house.rooms.set_media(ConnectionId(1), media).unwrap();
    let message = ServerMessage::ParticipantChanged { participant: ParticipantInfo { media, ..info(1, false) } };
    assert_eq!(house.outputs(), [Output::Send { to: ConnectionId(2), message }]);
    assert_eq!(house.rooms.set_media(ConnectionId(9), MEDIA), Err(Refusal::BadMessage));
}

#[test]
fn a_broken_connection_keeps_its_seat_for_half_a_minute() {
    let mut house = House::new();
    house.join(1);
    house.join(2);
    house.outputs();
    house.rooms.disconnected(ConnectionId(1), RESUME, house.now);
    let away = house.outputs();
    assert_eq!(news(&away, 2), [ServerMessage::ParticipantChanged { participant: info(1, true) }]);
    assert_eq!(house.state().host, Some(id(1)), "still the host");

    house.pass(RESUME - Duration::from_secs(1));
    let grant = house.grants[&ConnectionId(1)].clone();
    house.come(3, Some(grant.clone()), Shown::default()).unwrap();
    let outputs = house.outputs();
    assert_eq!(news(&outputs, 3), [joined(1, &[2])]);
    assert_eq!(news(&outputs, 2), [ServerMessage::ParticipantChanged { participant: info(1, false) }]);

    house.rooms.disconnected(ConnectionId(3), RESUME, house.now);
    house.outputs();
    house.pass(RESUME);
    let late = house.outputs();
    assert_eq!(news(&late, 2), [ServerMessage::ParticipantLeft { participant: id(1) }]);
    assert_eq!(house.state().host, Some(id(2)), "handed over");
    house.come(4, Some(grant), Shown::default()).unwrap();
    assert_eq!(house.sent(4)[0], joined(1, &[2]), "too late for the seat, but known by the same id");
    assert_eq!(house.state().host, Some(id(2)), "nor is the host's place theirs again");
}

#[test]
fn who_hung_up_without_a_word_is_not_waited_for_as_long() {
    let mut house = House::new();
    house.join(1);
    house.join(2);
    house.outputs();
    house.rooms.disconnected(ConnectionId(1), HUNG_UP, house.now);
    assert_eq!(news(&house.outputs(), 2), [ServerMessage::ParticipantChanged { participant: info(1, true) }]);
    house.pass(HUNG_UP - Duration::from_secs(1));
    assert_eq!(house.outputs(), [], "still kept");
    house.pass(Duration::from_secs(1));
    assert_eq!(news(&house.outputs(), 2), [ServerMessage::ParticipantLeft { participant: id(1) }]);
}

#[test]
fn a_connection_that_looks_alive_is_replaced() {
    let mut house = House::new();
    house.join(1);
    house.outputs();
    let grant = house.grants[&ConnectionId(1)].clone();
    house.come(2, Some(grant), Shown::default()).unwrap();
    assert!(closed(&house.outputs(), 1));
    house.rooms.disconnected(ConnectionId(1), RESUME, house.now);
    assert_eq!(house.outputs(), [], "the old connection has nothing to say any more");
}

#[test]
fn a_forgotten_room_is_opened_again_with_its_people_in_their_seats() {
    let mut before = House::new();
    before.own(0);
    before.join(1);
    before.join(2);
    before.join(3);
    before.moderate(0, Moderation::SetCoHost { who: id(1), on: true }).unwrap();
    before.rooms.chat(ConnectionId(1), 1, None, Sealed("x".into()), before.now).unwrap().unwrap();
    before.outputs();
    before.moderate(0, Moderation::Remove { who: id(3) }).unwrap();
    let (state, grants) = (before.state().clone(), before.grants.clone());

    let mut rooms = Rooms::new(4);
    let people = (0..3).map(|who| ParticipantInfo { away: true, ..info(who, false) }).collect();
    let past = Past::new(people, state.clone());
    let options = RoomOptions { waiting_room: true, ..RoomOptions::default() };
    let id_of_it = before.room.clone();
    let again = |past| NewRoom { past, ..new(id_of_it.clone(), options.clone()) };
    rooms.create(Some(ConnectionId(10)), again(past), before.now).unwrap();
    let mut house = House { rooms, ..before };
    house.come(10, Some(grants[&ConnectionId(0)].clone()), Shown { host_key: Some(KEY), ..Shown::default() }).unwrap();
    house.come(11, Some(grants[&ConnectionId(1)].clone()), Shown::default()).unwrap();
    assert_eq!(house.inside(), [id(0), id(1), id(2)]);
    assert_eq!(*house.state(), RoomState { waiting_room: true, ..state });
    house.join(12);
    house.come(13, Some(grants[&ConnectionId(3)].clone()), Shown::default()).unwrap();
    assert_eq!(house.inside().len(), 3, "a stranger knocks, and who was put out");
    house.pass(RESUME);
    assert_eq!(house.inside(), [id(0), id(1)], "whoever did not come back is gone");
    house.outputs();
    house.rooms.chat(ConnectionId(11), 2, None, Sealed("y".into()), house.now).unwrap().unwrap();
    let told = house.sent(10);
    let [ServerMessage::Chat { message, .. }] = &told[..] else { panic!("{told:?}") };
    assert!(message.id.0 > 1, "an id that nobody knows from before");

    house.rooms.create(Some(ConnectionId(15)), again(None), house.now).unwrap();
    assert_eq!(house.inside(), [id(0), id(1)], "it is there already");
    let thief = NewRoom { host_key: Digest([9; 32]), ..again(None) };
    assert_eq!(house.rooms.create(Some(ConnectionId(14)), thief, house.now), Err(Refusal::RoomNotFound));
}

#[test]
fn the_token_of_one_seat_is_no_use_in_another_room() {
    let mut house = House::new();
    house.join(1);
    house.outputs();
    let grant = house.grants[&ConnectionId(1)].clone();
    house.room = RoomId("bbbb-bbbb-bbbb-bbbb".into());
    let options = RoomOptions { waiting_room: true, ..RoomOptions::default() };
    house.rooms.create(None, new(house.room.clone(), options), house.now).unwrap();
    house.come(2, Some(grant), Shown::default()).unwrap();
    assert!(matches!(house.sent(2)[0], ServerMessage::Waiting { .. }));
}

#[test]
fn tokens_are_renewed_in_time() {
    let mut house = House::new();
    house.join(1);
    house.outputs();
    house.pass(TOKEN_RENEWAL - Duration::from_secs(1));
    assert_eq!(house.outputs(), []);
    house.pass(Duration::from_secs(1));
    assert_eq!(house.sent(1), [ServerMessage::Token { resume: String::new(), ice_servers: Vec::new() }]);
    house.pass(TOKEN_RENEWAL);
    assert_eq!(house.sent(1), [ServerMessage::Token { resume: String::new(), ice_servers: Vec::new() }]);
}

#[test]
fn unknown_and_malformed_is_refused() {
    let mut house = House::new();
    house.join(0);
    assert_eq!(house.come(0, None, Shown::default()), Err(Refusal::BadMessage), "one seat for one connection");
    let mut named = |name: &str| {
        let join =
            Join { room: house.room.clone(), name: name.into(), media: MEDIA, resume: None, shown: Shown::default() };
        house.rooms.join(ConnectionId(101), join, id(101), house.now)
    };
    assert_eq!(named(&"å".repeat(MAX_NAME + 1)), Err(Refusal::BadMessage));
    assert_eq!(named("a\nb"), Err(Refusal::BadMessage));
    assert_eq!(named(&"å".repeat(MAX_NAME)), Ok(()));
    house.room = RoomId("no room".into());
    assert_eq!(house.come(102, None, Shown::default()), Err(Refusal::RoomNotFound));
}

#[test]
fn rooms_end_when_nobody_comes_and_when_all_have_left() {
    let mut house = House::new();
    house.pass(FRESH_ROOM - Duration::from_secs(1));
    assert_eq!(house.rooms.count().rooms, 1);
    house.join(1);
    house.pass(FRESH_ROOM * 2);
    assert_eq!(house.rooms.count().rooms, 1, "somebody sits here");
    house.rooms.leave(ConnectionId(1), house.now);
    house.pass(LEFT_ROOM - Duration::from_secs(1));
    assert_eq!(house.rooms.count().rooms, 1);
    house.join(2);
    house.rooms.disconnected(ConnectionId(2), RESUME, house.now);
    house.pass(RESUME);
    house.pass(LEFT_ROOM);
    assert_eq!(house.rooms.count(), Count::default());
    assert_eq!(house.come(3, None, Shown::default()), Err(Refusal::RoomNotFound));
    assert_eq!(house.rooms.poll_timeout(), None);

    let mut unused = House::new();
    unused.pass(FRESH_ROOM);
    assert_eq!(unused.rooms.count(), Count::default());
}

#[test]
fn a_name_can_be_changed_and_everybody_hears_it() {
    let mut house = House::new();
    house.join(1);
    house.join(2);
    house.outputs();
    assert_eq!(house.rooms.set_name(ConnectionId(1), "Åsa".into(), house.now), Ok(Ok(())));
    let participant = ParticipantInfo { name: "Åsa".into(), ..info(1, false) };
    assert_eq!(house.sent(2), [ServerMessage::ParticipantChanged { participant }]);
    assert_eq!(house.rooms.set_name(ConnectionId(1), "a\nb".into(), house.now), Err(Refusal::BadMessage));
    let all: Vec<_> = (0..40).map(|at| house.rooms.set_name(ConnectionId(1), format!("{at}"), house.now)).collect();
    assert!(all.contains(&Ok(Err(Decline::TooFast))));
}
