//! The rooms in virtual time.

use proptest::prelude::*;

use super::*;

const MEDIA: MediaState = MediaState { microphone: true, camera: false };

struct House {
    rooms: Rooms,
    room: RoomId,
    now: Instant,
}

impl House {
    fn new() -> Self {
        let mut rooms = Rooms::new(2, Vec::new());
        let room = RoomId("aaaa-aaaa-aaaa-aaaa".into());
        let now = Instant::now();
        rooms.create(room.clone(), now).unwrap();
        Self { rooms, room, now }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.rooms.handle_timeout(self.now);
    }

    fn try_join(&mut self, connection: u64, name: &str, resume: Option<&str>) -> Result<(), Refusal> {
        let join = Join { room: self.room.clone(), name: name.into(), media: MEDIA, resume: resume.map(str::to_owned) };
        let fresh =
            Fresh { participant: ParticipantId(format!("p{connection}")), resume: format!("secret{connection}") };
        self.rooms.join(ConnectionId(connection), join, fresh, self.now)
    }

    fn join(&mut self, connection: u64) {
        self.try_join(connection, "Elin", None).unwrap();
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.rooms.poll_output()).collect()
    }
}

fn to(connection: u64, message: ServerMessage) -> Output {
    Output::Send { to: ConnectionId(connection), message }
}

fn info(connection: u64, away: bool) -> ParticipantInfo {
    ParticipantInfo { id: ParticipantId(format!("p{connection}")), name: "Elin".into(), media: MEDIA, away }
}

fn joined(connection: u64, others: &[u64]) -> Output {
    let message = ServerMessage::Joined {
        you: ParticipantId(format!("p{connection}")),
        resume: format!("secret{connection}"),
        participants: others.iter().map(|other| info(*other, false)).collect(),
        ice_servers: Vec::new(),
    };
    to(connection, message)
}

#[test]
fn everybody_learns_who_comes_and_goes() {
    let mut house = House::new();
    house.join(1);
    assert_eq!(house.outputs(), [joined(1, &[])]);
    house.join(2);
    let came = ServerMessage::ParticipantJoined { participant: info(2, false) };
    assert_eq!(house.outputs(), [joined(2, &[1]), to(1, came)]);
    house.rooms.leave(ConnectionId(1), house.now);
    let left = ServerMessage::ParticipantLeft { participant: ParticipantId("p1".into()) };
    assert_eq!(house.outputs(), [to(2, left), Output::Close(ConnectionId(1))]);
    house.rooms.leave(ConnectionId(1), house.now);
    assert_eq!(house.outputs(), [Output::Close(ConnectionId(1))], "leaving twice is harmless");
}

#[test]
fn a_payload_goes_to_one_and_says_who_sent_it() {
    let mut house = House::new();
    (1..=3).for_each(|connection| house.join(connection));
    house.outputs();
    let payload = Sealed("abc-_9".into());
    house.rooms.signal(ConnectionId(1), &ParticipantId("p3".into()), payload.clone()).unwrap();
    let message = ServerMessage::Signal { from: ParticipantId("p1".into()), payload: payload.clone() };
    assert_eq!(house.outputs(), [to(3, message)]);

    house.rooms.signal(ConnectionId(1), &ParticipantId("nobody".into()), payload.clone()).unwrap();
    assert_eq!(house.outputs(), [], "somebody who has just left");
    let me = ParticipantId("p1".into());
    assert_eq!(house.rooms.signal(ConnectionId(1), &me, payload.clone()), Err(Refusal::BadMessage));
    assert_eq!(house.rooms.signal(ConnectionId(9), &me, payload), Err(Refusal::BadMessage));
    let unreadable = Sealed("with space".into());
    let three = ParticipantId("p3".into());
    assert_eq!(house.rooms.signal(ConnectionId(1), &three, unreadable), Err(Refusal::BadMessage));
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
    assert_eq!(house.outputs(), [to(2, message)]);
    assert_eq!(house.rooms.set_media(ConnectionId(9), MEDIA), Err(Refusal::BadMessage));
}

#[test]
fn a_broken_connection_keeps_its_seat_for_half_a_minute() {
    let mut house = House::new();
    house.join(1);
    house.join(2);
    house.outputs();
    house.rooms.disconnected(ConnectionId(1), house.now);
    assert_eq!(house.outputs(), [to(2, ServerMessage::ParticipantChanged { participant: info(1, true) })]);
    assert_eq!(house.rooms.poll_timeout(), Some(house.now + RESUME));

    house.pass(RESUME - Duration::from_millis(1));
    house.try_join(3, "Elin", Some("secret1")).unwrap();
    let message = ServerMessage::Joined {
        you: ParticipantId("p1".into()),
        resume: "secret1".into(),
        participants: vec![info(2, false)],
        ice_servers: Vec::new(),
    };
    let back = ServerMessage::ParticipantChanged { participant: info(1, false) };
    assert_eq!(house.outputs(), [to(3, message), to(2, back)]);

    house.rooms.disconnected(ConnectionId(3), house.now);
    house.outputs();
    house.pass(RESUME);
    let left = ServerMessage::ParticipantLeft { participant: ParticipantId("p1".into()) };
    assert_eq!(house.outputs(), [to(2, left)]);
    house.try_join(4, "Elin", Some("secret1")).unwrap();
    assert_eq!(house.outputs()[0], joined(4, &[2]), "too late: a new seat");
}

#[test]
fn a_connection_that_looks_alive_is_replaced() {
    let mut house = House::new();
    house.join(1);
    house.outputs();
    house.try_join(2, "Elin", Some("secret1")).unwrap();
    assert_eq!(house.outputs()[0], Output::Close(ConnectionId(1)));
    house.rooms.disconnected(ConnectionId(1), house.now);
    assert_eq!(house.outputs(), [], "the old connection has nothing to say any more");
}

#[test]
fn the_secret_of_one_seat_is_no_use_in_another_room() {
    let mut house = House::new();
    house.join(1);
    house.room = RoomId("bbbb-bbbb-bbbb-bbbb".into());
    house.rooms.create(house.room.clone(), house.now).unwrap();
    house.outputs();
    house.try_join(2, "Elin", Some("secret1")).unwrap();
    assert_eq!(house.outputs(), [joined(2, &[])]);
}

#[test]
fn full_unknown_and_wrong_are_refused() {
    let mut house = House::new();
    (0..MAX_PARTICIPANTS as u64).for_each(|connection| house.join(connection));
    assert_eq!(house.try_join(100, "Elin", None), Err(Refusal::RoomFull));
    assert_eq!(house.try_join(0, "Elin", None), Err(Refusal::BadMessage), "one seat for one connection");
    assert_eq!(house.try_join(101, &"å".repeat(MAX_NAME + 1), None), Err(Refusal::BadMessage));
    assert_eq!(house.try_join(101, "a\nb", None), Err(Refusal::BadMessage));
    house.room = RoomId("no room".into());
    assert_eq!(house.try_join(100, &"å".repeat(MAX_NAME), None), Err(Refusal::RoomNotFound));
    house.rooms.create(RoomId("bbbb-bbbb-bbbb-bbbb".into()), house.now).unwrap();
    let more = house.rooms.create(RoomId("cccc-cccc-cccc-cccc".into()), house.now);
    assert_eq!(more, Err(Refusal::TooManyRequests));
}

#[test]
fn rooms_end_when_nobody_comes_and_when_all_have_left() {
    let mut house = House::new();
    house.pass(FRESH_ROOM - Duration::from_secs(1));
    assert_eq!(house.rooms.len(), 1);
    house.join(1);
    house.pass(FRESH_ROOM * 2);
    assert_eq!(house.rooms.len(), 1, "somebody sits here");
    house.rooms.leave(ConnectionId(1), house.now);
    house.pass(LEFT_ROOM - Duration::from_secs(1));
    assert_eq!(house.rooms.len(), 1);
    house.join(2);
    house.rooms.disconnected(ConnectionId(2), house.now);
    house.pass(RESUME);
    house.pass(LEFT_ROOM);
    assert!(house.rooms.is_empty());
    assert_eq!(house.try_join(3, "Elin", None), Err(Refusal::RoomNotFound));
    assert_eq!(house.rooms.poll_timeout(), None);

    let mut unused = House::new();
    unused.pass(FRESH_ROOM);
    assert!(unused.rooms.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Join(u64, Option<u64>),
    Leave(u64),
    Break(u64),
    Media(u64, bool),
    Signal(u64, u64),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..12u64;
    prop_oneof![
        4 => (who(), prop::option::of(who())).prop_map(|(who, resume)| Step::Join(who, resume)),
        2 => who().prop_map(Step::Leave),
        2 => who().prop_map(Step::Break),
        1 => (who(), any::<bool>()).prop_map(|(who, on)| Step::Media(who, on)),
        2 => (who(), who()).prop_map(|(from, to)| Step::Signal(from, to)),
        1 => (0..60u64).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Whatever happens, the news that reach a participant add up to the list that the server has.
    #[test]
    fn news_add_up(steps in prop::collection::vec(step(), 0..80)) {
        let mut house = House::new();
        let mut lists: HashMap<ConnectionId, Vec<ParticipantInfo>> = HashMap::new();
        for step in steps {
            let now = house.now;
            match step {
                Step::Join(who, resume) => {
                    let resume = resume.map(|who| format!("secret{who}"));
                    // Connection numbers and ids are new for each join in the server; here only if the seat is free.
                    let id = ParticipantId(format!("p{who}"));
                    let taken = house.rooms.rooms.values().any(|room| room.seats.iter().any(|seat| seat.info.id == id));
                    if !taken {
                        let _ = house.try_join(who, "Elin", resume.as_deref());
                    }
                }
                Step::Leave(who) => house.rooms.leave(ConnectionId(who), now),
                Step::Break(who) => {
                    house.rooms.disconnected(ConnectionId(who), now);
                    lists.remove(&ConnectionId(who));
                }
                Step::Media(who, camera) => {
                    let _ = house.rooms.set_media(ConnectionId(who), MediaState { microphone: true, camera });
                }
                Step::Signal(from, to) => {
                    let to = ParticipantId(format!("p{to}"));
                    let _ = house.rooms.signal(ConnectionId(from), &to, Sealed("x".into()));
                }
                Step::Wait(seconds) => house.pass(Duration::from_secs(seconds)),
            }
            for output in house.outputs() {
                match output {
                    Output::Close(id) => drop(lists.remove(&id)),
                    Output::Send { to, message: ServerMessage::Joined { participants, .. } } => {
                        lists.insert(to, participants);
                    }
                    Output::Send { to, message } => {
                        let list = lists.get_mut(&to).expect("news only after joined");
                        match message {
                            ServerMessage::ParticipantJoined { participant } => list.push(participant),
                            ServerMessage::ParticipantChanged { participant } => {
                                let known = list.iter_mut().find(|known| known.id == participant.id);
                                *known.expect("only known ones change") = participant;
                            }
                            ServerMessage::ParticipantLeft { participant } => list.retain(|p| p.id != participant),
                            _ => {}
                        }
                    }
                }
            }
            for (connection, list) in &lists {
                let (room, me) = &house.rooms.seated[connection];
                let others = house.rooms.rooms[room].seats.iter().map(|seat| &seat.info).filter(|info| info.id != *me);
                prop_assert!(others.eq(list));
            }
            prop_assert!(house.rooms.rooms.values().all(|room| room.seats.len() <= MAX_PARTICIPANTS));
        }
    }
}
