//! The hub without sockets: any order of messages from people who mean harm, and what is signed with each token.

use std::collections::{BTreeMap, HashSet};

use fika_call::chat::MessageId;
use fika_call::door::InviteOptions;
use fika_call::room::{Asked, MAX_WAITING, Moderation, Reaction};
use fika_call::signal::{IceServer, MAX_MESSAGE, MAX_PARTICIPANTS, MediaState, Sealed};
use proptest::prelude::*;

use super::*;
use crate::Limits;
use crate::limits::Rate;
use crate::outgoing::Waiting;
use crate::rooms::{HUNG_UP, TOKEN_RENEWAL};
use crate::turn::TurnSecret;

const ROOMS: usize = 3;
const PEOPLE: u64 = 14;
const START: u32 = 1_700_000_000;

/// A hub and what its connections were told.
struct House {
    hub: Hub,
    now: Now,
    lines: BTreeMap<u64, mpsc::Receiver<Waiting>>,
    next: u64,
    /// What somebody has learned and may try again: rooms, keys, codes, tokens and ids.
    rooms: Vec<RoomId>,
    words: Vec<String>,
    people: Vec<ParticipantId>,
}

impl House {
    fn new(limits: Limits, ice_servers: Vec<IceServer>, turn_secret: Option<TurnSecret>) -> Self {
        let mut config =
            Config { limits, ice_servers, turn_secret, ..Config::new(std::net::SocketAddr::from(([127, 0, 0, 1], 0))) };
        let hub = Hub::new(&mut config, Arc::default());
        let now = Now { at: Instant::now(), unix: START };
        let (lines, rooms, words, people) = Default::default();
        Self { hub, now, lines, next: 0, rooms, words, people }
    }

    fn connect(&mut self) -> u64 {
        let id = self.next;
        self.next += 1;
        let (outgoing, waiting) = Outgoing::channel();
        self.hub.handle(Event::Connected { id: ConnectionId(id), outgoing }, self.now);
        self.lines.insert(id, waiting);
        id
    }

    fn say(&mut self, id: u64, message: ClientMessage) {
        let address = IpAddr::from([192, 0, 2, (id % 4) as u8]);
        self.hub.handle(Event::Message { id: ConnectionId(id), address, message }, self.now);
    }

    fn pass(&mut self, time: Duration) {
        self.now.at += time;
        self.now.unix += u32::try_from(time.as_secs()).unwrap();
        self.hub.rooms.handle_timeout(self.now);
    }

    /// Reads what everybody was told. Whose queue is at its end is gone.
    fn hear(&mut self) -> Vec<(u64, ServerMessage)> {
        self.hub.deliver(self.now);
        let mut heard = Vec::new();
        let mut gone = Vec::new();
        for (id, line) in &mut self.lines {
            loop {
                match line.try_recv() {
                    Ok(waiting) => {
                        assert!(waiting.text.len() <= MAX_MESSAGE, "{} bytes", waiting.text.len());
                        heard.push((*id, serde_json::from_str(&waiting.text).unwrap()));
                    }
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => {
                        gone.push(*id);
                        break;
                    }
                }
            }
        }
        for id in gone {
            self.lines.remove(&id);
            self.hub.handle(Event::Gone { id: ConnectionId(id), keep: RESUME }, self.now);
        }
        for (_, message) in &heard {
            self.learn(message);
        }
        heard
    }

    fn learn(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Created { room, host_key } => {
                self.rooms.push(room.clone());
                self.words.push(host_key.clone());
            }
            ServerMessage::Joined { you, resume, .. } | ServerMessage::Waiting { you, resume, .. } => {
                self.people.push(you.clone());
                self.words.push(resume.clone());
            }
            ServerMessage::InviteMade { code, invite } => self.words.extend([code.clone(), invite.id.clone()]),
            _ => {}
        }
    }
}

/// What somebody does, with numbers in place of what is only known when it is done.
#[derive(Clone, Debug)]
enum Step {
    Connect,
    Break(u64),
    Wait(u64),
    Say(u64, Wish),
}

#[derive(Clone, Debug)]
enum Wish {
    Create(RoomOptions),
    Manage {
        room: usize,
        key: usize,
    },
    Join {
        room: usize,
        name: String,
        resume: Option<usize>,
        key: Option<usize>,
        invite: Option<usize>,
        passcode: Option<String>,
    },
    MakeInvite(InviteOptions),
    Revoke(usize),
    Chat {
        to: Option<usize>,
        payload: String,
    },
    Signal {
        to: usize,
        payload: String,
    },
    React(u32, bool),
    Name(String),
    Moderate(u8, usize, bool),
    Other(u8),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Z0-9_-]{0,40}",
        1 => any::<String>(),
        1 => (0..70_000usize).prop_map(|length| "A".repeat(length)),
        1 => Just("\u{202e}\u{0}\n*".to_owned()),
    ]
}

fn options() -> impl Strategy<Value = RoomOptions> {
    (any::<bool>(), any::<bool>(), prop::option::weighted(0.2, text()), prop::option::weighted(0.3, any::<u32>()))
        .prop_map(|(waiting_room, invite_only, passcode, until)| RoomOptions {
            waiting_room,
            invite_only,
            passcode,
            until,
        })
}

fn invite() -> impl Strategy<Value = InviteOptions> {
    (prop::option::of(text()), any::<bool>(), prop::option::of(any::<u32>()), any::<bool>(), any::<bool>()).prop_map(
        |(label, single_use, until, skip_waiting, co_host)| InviteOptions {
            label,
            single_use,
            until,
            skip_waiting,
            co_host,
        },
    )
}

fn wish() -> impl Strategy<Value = Wish> {
    let known = || 0..64usize;
    let maybe = || prop::option::weighted(0.3, 0..64usize);
    prop_oneof![
        2 => options().prop_map(Wish::Create),
        1 => (known(), known()).prop_map(|(room, key)| Wish::Manage { room, key }),
        8 => (known(), text(), maybe(), maybe(), maybe(), prop::option::weighted(0.1, text())).prop_map(
            |(room, name, resume, key, invite, passcode)| Wish::Join { room, name, resume, key, invite, passcode }
        ),
        1 => invite().prop_map(Wish::MakeInvite),
        1 => known().prop_map(Wish::Revoke),
        2 => (maybe(), text()).prop_map(|(to, payload)| Wish::Chat { to, payload }),
        2 => (known(), text()).prop_map(|(to, payload)| Wish::Signal { to, payload }),
        1 => (any::<u32>(), any::<bool>()).prop_map(|(message, on)| Wish::React(message, on)),
        1 => text().prop_map(Wish::Name),
        5 => (any::<u8>(), known(), any::<bool>()).prop_map(|(what, who, on)| Wish::Moderate(what, who, on)),
        2 => any::<u8>().prop_map(Wish::Other),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Connect),
        1 => (0..PEOPLE).prop_map(Step::Break),
        1 => (0..900u64).prop_map(Step::Wait),
        20 => ((0..PEOPLE), wish()).prop_map(|(who, wish)| Step::Say(who, wish)),
    ]
}

impl House {
    fn room(&self, at: usize) -> RoomId {
        let none = RoomId("aaaa-aaaa-aaaa-aaaa".into());
        self.rooms.get(at % (self.rooms.len() + 1)).cloned().unwrap_or(none)
    }

    fn word(&self, at: usize) -> String {
        self.words.get(at % (self.words.len() + 1)).cloned().unwrap_or_else(|| "guess".into())
    }

    fn person(&self, at: usize) -> ParticipantId {
        let nobody = ParticipantId("*".into());
        self.people.get(at % (self.people.len() + 1)).cloned().unwrap_or(nobody)
    }

    fn message(&self, wish: Wish) -> ClientMessage {
        let version = PROTOCOL_VERSION;
        let media = MediaState { microphone: true, camera: true };
        match wish {
            Wish::Create(options) => ClientMessage::Create { version, options },
            Wish::Manage { room, key } => {
                ClientMessage::Manage { version, room: self.room(room), host_key: self.word(key) }
            }
            Wish::Join { room, name, resume, key, invite, passcode } => {
                let word = |at: Option<usize>| at.map(|at| self.word(at));
                let entry = Entry { host_key: word(key), invite: word(invite), passcode };
                ClientMessage::Join { version, room: self.room(room), name, media, resume: word(resume), entry }
            }
            Wish::MakeInvite(options) => ClientMessage::MakeInvite { options },
            Wish::Revoke(id) => ClientMessage::RevokeInvite { id: self.word(id) },
            Wish::Chat { to, payload } => {
                ClientMessage::Chat { tag: 1, to: to.map(|to| self.person(to)), payload: Sealed(payload) }
            }
            Wish::Signal { to, payload } => ClientMessage::Signal { to: self.person(to), payload: Sealed(payload) },
            Wish::React(message, on) => {
                ClientMessage::ReactToMessage { message: MessageId(message), reaction: Reaction::Heart, on }
            }
            Wish::Name(name) => ClientMessage::SetName { name },
            Wish::Moderate(what, who, on) => ClientMessage::Moderate { action: moderation(what, self.person(who), on) },
            Wish::Other(what) => match what % 7 {
                0 => ClientMessage::ListInvites,
                1 => ClientMessage::SetHand { up: what > 127 },
                2 => ClientMessage::React { reaction: Reaction::Coffee },
                3 => ClientMessage::SetMedia { media },
                4 => ClientMessage::Leave,
                5 => ClientMessage::Create { version: u32::from(what), options: RoomOptions::default() },
                _ => ClientMessage::Ping,
            },
        }
    }
}

fn moderation(what: u8, who: ParticipantId, on: bool) -> Moderation {
    match what % 16 {
        0 => Moderation::Admit { who },
        1 => Moderation::AdmitAll,
        2 => Moderation::Deny { who },
        3 => Moderation::Mute { who },
        4 => Moderation::MuteAll,
        5 => Moderation::Ask { who, what: Asked::Camera },
        6 => Moderation::StopCamera { who },
        7 => Moderation::Remove { who },
        8 => Moderation::MoveToWaiting { who },
        9 => Moderation::SetCoHost { who, on },
        10 => Moderation::MakeHost { who },
        11 => Moderation::SetLocked { on },
        12 => Moderation::SetWaitingRoom { on },
        13 => Moderation::Spotlight { who: on.then_some(who) },
        14 => Moderation::LowerHand { who },
        _ => Moderation::End,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is said in whatever order: nothing panics, what is bounded stays so, and who is not inside hears nothing of a
    /// room.
    #[test]
    fn no_order_of_messages_breaks_the_house(steps in prop::collection::vec(step(), 0..120)) {
        let fast = Rate { per_second: 1e9, burst: 1e9 };
        let limits = Limits { rooms: ROOMS, creates: fast, joins: fast, guesses: fast, guesses_at_room: fast, ..Limits::default() };
        let mut house = House::new(limits, Vec::new(), None);
        let mut inside = HashSet::new();
        for step in steps {
            match step {
                Step::Connect => {
                    if house.lines.len() < PEOPLE as usize {
                        house.connect();
                    }
                }
                Step::Break(who) => {
                    if let Some(id) = house.lines.keys().nth(who as usize).copied() {
                        house.lines.remove(&id);
                        inside.remove(&id);
                        let keep = if who % 2 == 0 { HUNG_UP } else { RESUME };
                        house.hub.handle(Event::Gone { id: ConnectionId(id), keep }, house.now);
                    }
                }
                Step::Wait(seconds) => house.pass(Duration::from_secs(seconds)),
                Step::Say(who, wish) => {
                    let Some(id) = house.lines.keys().nth(who as usize % house.lines.len().max(1)).copied() else { continue };
                    let message = house.message(wish);
                    // As it comes through the socket: what is too long or not well-formed is refused there.
                    match ClientMessage::parse(&serde_json::to_string(&message).unwrap()) {
                        Ok(read) => {
                            prop_assert_eq!(&read, &message);
                            house.say(id, read);
                        }
                        Err(reason) => house.hub.handle(Event::Offended { id: ConnectionId(id), reason }, house.now),
                    }
                }
            }
            for (id, message) in house.hear() {
                match message {
                    ServerMessage::Joined { participants, .. } => {
                        prop_assert!(participants.len() < MAX_PARTICIPANTS);
                        inside.insert(id);
                    }
                    ServerMessage::Waiting { .. } | ServerMessage::Refused { .. } => drop(inside.remove(&id)),
                    ServerMessage::Signal { .. } | ServerMessage::Chat { .. } | ServerMessage::Reacted { .. } => {
                        prop_assert!(inside.contains(&id), "{message:?}");
                    }
                    ServerMessage::WaitingRoom { guests } => prop_assert!(guests.len() <= MAX_WAITING),
                    _ => {}
                }
            }
            let count = house.hub.rooms.count();
            prop_assert!(count.rooms <= ROOMS);
            prop_assert!(count.participants <= ROOMS * MAX_PARTICIPANTS && count.waiting <= ROOMS * MAX_WAITING);
            prop_assert!(house.hub.connections.len() <= house.lines.len());
        }
    }
}

#[test]
fn credentials_for_a_relay_come_with_the_seat_and_anew_with_each_token() {
    let relay = IceServer { urls: vec!["turn:turn.example.org:3478".into()], username: None, credential: None };
    let mut house = House::new(Limits::default(), vec![relay], Some(TurnSecret::new("north")));
    let elin = house.connect();
    house.say(elin, ClientMessage::Create { version: PROTOCOL_VERSION, options: RoomOptions::default() });
    house.hear();
    house.say(
        elin,
        house.message(Wish::Join {
            room: 0,
            name: "Elin".into(),
            resume: None,
            key: None,
            invite: None,
            passcode: None,
        }),
    );
    let until = |servers: &[IceServer]| -> u32 {
        let [server] = servers else { panic!("{servers:?}") };
        assert!(server.credential.is_some());
        server.username.as_ref().unwrap().split(':').next().unwrap().parse().unwrap()
    };
    let told = house.hear().into_iter().find_map(|(_, message)| match message {
        ServerMessage::Joined { ice_servers, .. } => Some(until(&ice_servers)),
        _ => None,
    });
    assert_eq!(told, Some(START + 3600));
    house.pass(TOKEN_RENEWAL);
    let renewed = house.hear().into_iter().find_map(|(_, message)| match message {
        ServerMessage::Token { ice_servers, .. } => Some(until(&ice_servers)),
        _ => None,
    });
    assert_eq!(renewed, Some(START + 3600 + u32::try_from(TOKEN_RENEWAL.as_secs()).unwrap()));
}
