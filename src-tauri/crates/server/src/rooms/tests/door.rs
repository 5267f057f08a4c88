//! The door: waiting room, passcode, invites, lock, and who comes back.

use fika_call::door::{InviteOptions, MAX_INVITES};
use fika_call::room::{MAX_WAITING, WaitingGuest};

use super::*;

const CODE: Digest = Digest([9; 32]);

fn guest(connection: u64) -> WaitingGuest {
    WaitingGuest { id: id(connection), name: "Elin".into(), label: None }
}

fn waiting(guests: &[u64]) -> ServerMessage {
    ServerMessage::WaitingRoom { guests: guests.iter().copied().map(guest).collect() }
}

fn invited(options: InviteOptions) -> House {
    let mut house = House::with(RoomOptions { waiting_room: true, invite_only: true, ..RoomOptions::default() }, None);
    house.own(0);
    make(&mut house, options, CODE).unwrap();
    house.outputs();
    house
}

fn make(house: &mut House, options: InviteOptions, code: Digest) -> Result<(), Decline> {
    let number = house.rooms.rooms[&house.room].invites.len();
    house.rooms.make_invite(ConnectionId(0), options, format!("i{number}"), code).unwrap()
}

fn with_code() -> Shown {
    Shown { invite: Some(CODE), ..Shown::default() }
}

#[test]
fn who_waits_is_let_in_by_the_host() {
    let mut house = House::hosted();
    house.join(1);
    let outputs = house.outputs();
    let message = ServerMessage::Waiting { you: id(1), resume: String::new(), host: Some("Elin".into()) };
    assert_eq!(sent(&outputs, 1), [message], "and learns of nobody inside");
    assert_eq!(sent(&outputs, 0), [waiting(&[1])]);
    assert_eq!(house.inside(), [id(0)]);

    assert_eq!(house.moderate(1, Moderation::Admit { who: id(1) }), Err(Decline::NotAllowed), "not by themselves");
    assert_eq!(house.moderate(0, Moderation::Admit { who: id(7) }), Err(Decline::NotHere));
    house.outputs();
    house.moderate(0, Moderation::Admit { who: id(1) }).unwrap();
    let outputs = house.outputs();
    assert_eq!(news(&outputs, 1), [joined(1, &[0])]);
    assert_eq!(news(&outputs, 0), [ServerMessage::ParticipantJoined { participant: info(1, false) }]);
    assert!(sent(&outputs, 0).contains(&waiting(&[])));
    assert_eq!(house.role(1), Role::Participant);
}

#[test]
fn all_are_let_in_in_the_order_of_knocking_and_one_is_not() {
    let mut house = House::hosted();
    (1..=4).for_each(|connection| house.join(connection));
    house.outputs();
    house.moderate(0, Moderation::Deny { who: id(2) }).unwrap();
    let outputs = house.outputs();
    assert_eq!(sent(&outputs, 2), [ServerMessage::Refused { reason: Refusal::Denied }]);
    assert!(closed(&outputs, 2));
    assert_eq!(sent(&outputs, 0), [waiting(&[1, 3, 4])]);
    house.moderate(0, Moderation::AdmitAll).unwrap();
    assert_eq!(house.inside(), [id(0), id(1), id(3), id(4)]);
}

#[test]
fn switching_the_waiting_room_off_lets_everybody_in() {
    let mut house = House::hosted();
    house.join(1);
    house.moderate(0, Moderation::SetWaitingRoom { on: false }).unwrap();
    assert_eq!(house.inside(), [id(0), id(1)]);
    house.join(2);
    assert_eq!(house.inside().len(), 3);
}

#[test]
fn before_the_door_there_is_little_to_do() {
    let mut house = House::hosted();
    house.join(1);
    house.outputs();
    let nothing = Ok(Err(Decline::NotHere));
    assert_eq!(house.rooms.chat(ConnectionId(1), 1, None, Sealed("x".into()), house.now), nothing);
    assert_eq!(house.rooms.set_hand(ConnectionId(1), true), nothing);
    house.rooms.signal(ConnectionId(1), &id(0), Sealed("x".into())).unwrap();
    assert_eq!(house.outputs(), []);
    house.rooms.set_media(ConnectionId(1), MediaState::default()).unwrap();
    assert_eq!(house.rooms.set_name(ConnectionId(1), "Maja".into(), house.now), Ok(Ok(())));
    let guests = vec![WaitingGuest { name: "Maja".into(), ..guest(1) }];
    assert_eq!(house.outputs(), [Output::Send { to: ConnectionId(0), message: ServerMessage::WaitingRoom { guests } }]);
    // And both directions: somebody inside does not reach them either.
    house.rooms.signal(ConnectionId(0), &id(1), Sealed("x".into())).unwrap();
    assert_eq!(house.outputs(), []);
}

#[test]
fn the_place_before_the_door_is_kept_too() {
    let mut house = House::hosted();
    house.join(1);
    house.outputs();
    house.rooms.disconnected(ConnectionId(1), RESUME, house.now);
    let grant = house.grants[&ConnectionId(1)].clone();
    house.come(2, Some(grant.clone()), Shown::default()).unwrap();
    assert!(matches!(house.sent(2)[0], ServerMessage::Waiting { .. }));
    house.rooms.disconnected(ConnectionId(2), RESUME, house.now);
    house.pass(RESUME);
    assert!(house.sent(0).contains(&waiting(&[])));
    house.come(3, Some(grant), Shown::default()).unwrap();
    assert!(matches!(house.sent(3)[0], ServerMessage::Waiting { .. }), "a token from before the door opens nothing");
}

#[test]
fn unknown_wrong_and_locked_have_the_same_answer() {
    let mut house = House::with(RoomOptions::default(), Some(PASSCODE));
    let wrong = Err(Refusal::RoomNotFound);
    assert_eq!(house.come(1, None, Shown::default()), wrong);
    assert_eq!(house.come(1, None, Shown { passcode: Some(Digest([7; 32])), ..Shown::default() }), wrong);
    assert_eq!(house.come(1, None, Shown { host_key: Some(Digest([7; 32])), ..Shown::default() }), wrong);
    let right = Shown { passcode: Some(PASSCODE), ..Shown::default() };
    house.come(1, None, right).unwrap();
    assert_eq!(house.come(2, None, Shown { invite: Some(CODE), ..right }), wrong, "no such invite");
    house.moderate(1, Moderation::SetLocked { on: true }).unwrap();
    assert_eq!(house.come(2, None, right), wrong, "nobody more can join");
    house.own(3);
    house.moderate(3, Moderation::SetLocked { on: false }).unwrap();
    house.come(4, None, right).unwrap();
    house.room = RoomId("another".into());
    assert_eq!(house.come(5, None, right), wrong);
}

#[test]
fn who_was_inside_comes_back_through_a_locked_door() {
    let mut house = House::hosted();
    house.join(1);
    house.moderate(0, Moderation::Admit { who: id(1) }).unwrap();
    house.moderate(0, Moderation::SetLocked { on: true }).unwrap();
    house.outputs();
    house.rooms.disconnected(ConnectionId(1), RESUME, house.now);
    house.pass(RESUME);
    let grant = house.grants[&ConnectionId(1)].clone();
    house.come(2, Some(grant), Shown::default()).unwrap();
    assert!(house.inside().contains(&id(1)), "known by the same id");
}

#[test]
fn an_invite_opens_what_the_link_alone_does_not() {
    let mut house = invited(InviteOptions { label: Some("Maja".into()), single_use: true, ..Default::default() });
    assert_eq!(house.come(1, None, Shown::default()), Err(Refusal::RoomNotFound));
    house.come(1, None, with_code()).unwrap();
    let guests = vec![WaitingGuest { label: Some("Maja".into()), ..guest(1) }];
    assert!(house.sent(0).contains(&ServerMessage::WaitingRoom { guests }));
    assert_eq!(house.come(2, None, with_code()), Err(Refusal::RoomNotFound), "used up");
    // Who came by it comes back without it.
    let grant = house.grants[&ConnectionId(1)].clone();
    house.rooms.disconnected(ConnectionId(1), RESUME, house.now);
    house.come(3, Some(grant), Shown::default()).unwrap();
}

#[test]
fn invites_run_out_and_are_revoked() {
    let until = Some(START + 60);
    let mut house = invited(InviteOptions { until, skip_waiting: true, ..Default::default() });
    house.come(1, None, with_code()).unwrap();
    assert!(house.inside().contains(&id(1)), "straight in");
    house.pass(Duration::from_secs(60));
    assert_eq!(house.come(2, None, with_code()), Err(Refusal::RoomNotFound));

    let second = Digest([8; 32]);
    make(&mut house, InviteOptions { co_host: true, ..Default::default() }, second).unwrap();
    let shown = Shown { invite: Some(second), ..Shown::default() };
    house.come(3, None, shown).unwrap();
    assert_eq!(house.role(3), Role::CoHost);
    assert_eq!(house.rooms.revoke_invite(ConnectionId(3), "i1"), Ok(Err(Decline::NotAllowed)), "the host alone");
    house.outputs();
    assert_eq!(house.rooms.revoke_invite(ConnectionId(0), "i1"), Ok(Ok(())));
    assert_eq!(house.rooms.revoke_invite(ConnectionId(0), "i7"), Ok(Err(Decline::NotHere)));
    match house.sent(0).as_slice() {
        [ServerMessage::Invites { invites }] => {
            assert_eq!(invites.iter().map(|one| (one.used, one.revoked)).collect::<Vec<_>>(), [(1, false), (1, true)]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(house.come(4, None, shown), Err(Refusal::RoomNotFound));
    assert!(house.inside().contains(&id(3)), "who is inside stays");
}

#[test]
fn there_is_an_end_to_invites_and_to_waiting() {
    let mut house = invited(InviteOptions::default());
    for _ in 1..MAX_INVITES {
        make(&mut house, InviteOptions::default(), Digest([3; 32])).unwrap();
    }
    assert_eq!(make(&mut house, InviteOptions::default(), Digest([3; 32])), Err(Decline::Full));
    let label = Some("x".repeat(65));
    let too_long = InviteOptions { label, ..InviteOptions::default() };
    let made = house.rooms.make_invite(ConnectionId(0), too_long, "i".into(), CODE);
    assert_eq!(made, Err(Refusal::BadMessage));
    for connection in 1..=MAX_WAITING as u64 {
        house.come(connection, None, with_code()).unwrap();
    }
    assert_eq!(house.come(1000, None, with_code()), Err(Refusal::RoomFull));
}

#[test]
fn a_room_of_a_later_day_is_kept_and_comes_back() {
    let until = START + 3 * 24 * 60 * 60;
    let options = RoomOptions { waiting_room: true, invite_only: true, until: Some(until), ..RoomOptions::default() };
    let mut house = House::with(options, Some(PASSCODE));
    house.own(0);
    make(&mut house, InviteOptions { single_use: true, ..Default::default() }, CODE).unwrap();
    let shown = Shown { passcode: Some(PASSCODE), ..with_code() };
    house.come(1, None, shown).unwrap();
    let mut kept: Option<KeptRoom> = None;
    for output in house.outputs() {
        let Output::Keep { what, answer } = output else { continue };
        if let Some((to, message)) = answer {
            assert!(matches!(message, ServerMessage::InviteMade { .. }) && to == ConnectionId(0));
        }
        for what in what {
            match (what, &mut kept) {
                (Kept::Room(room), kept) => *kept = Some(room),
                (Kept::Invite(_, invite), Some(room)) => room.invites = vec![invite],
                other => panic!("{other:?}"),
            }
        }
    }
    let kept = kept.unwrap();
    assert_eq!((kept.until, kept.invites[0].used), (until, 1));

    let now = Now { at: Moment(u64::from(START) * 1000), unix: START + 60 };
    let mut rooms = Rooms::new(4);
    rooms.restore(vec![kept], now);
    let mut house = House { rooms, now, ..House::new() };
    assert_eq!(house.come(1, None, shown), Err(Refusal::RoomNotFound), "used up before");
    house.own(2);
    house.rooms.leave(ConnectionId(2), house.now);
    house.pass(Duration::from_secs(24 * 60 * 60));
    house.own(3);
    house.rooms.leave(ConnectionId(3), house.now);
    house.outputs();
    house.pass(Duration::from_secs(3 * 24 * 60 * 60));
    assert!(house.outputs().contains(&Output::Keep { what: vec![Kept::Gone(house.room.clone())], answer: None }));
    assert_eq!(house.rooms.count(), Count::default());
}

#[test]
fn nobody_keeps_rooms_for_ever() {
    let mut house = House::new();
    let mut keep = |until: u32| {
        let options = RoomOptions { until: Some(until), ..RoomOptions::default() };
        house.rooms.create(None, new(RoomId(format!("{until}")), options), house.now)
    };
    assert_eq!(keep(START), Err(Refusal::BadMessage));
    assert_eq!(keep(u32::MAX), Err(Refusal::BadMessage));
    assert_eq!(keep(START + 60), Ok(()));
    assert_eq!(keep(START + 61), Err(Refusal::TooManyRequests), "half of the rooms are for those of a moment");
}
