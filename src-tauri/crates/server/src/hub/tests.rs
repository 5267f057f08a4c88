//! The hub without sockets: any order of messages from people who mean harm, and what is signed with each token.

use std::collections::{BTreeMap, HashSet};

use fika_call::chat::MessageId;
use fika_call::door::InviteOptions;
use fika_call::room::{Asked, MAX_WAITING, Moderation, Reaction, RoomState};
use fika_call::signal::{Again, IceServer, MAX_MESSAGE, MAX_PARTICIPANTS, MediaState, ParticipantInfo, Sealed};
use proptest::prelude::*;

use fika_call::door::Entry as Shown;
use fika_call::signal::PROTOCOL_VERSION;
use fika_call::{ParticipantId, RoomId};

use super::*;
use crate::limits::Rate;
use crate::log::{Entry, PROPOSALS, Position, Proposal, Shared, Written};
use crate::moment::Moment;
use crate::outgoing::Waiting;
use crate::rooms::{HUNG_UP, TOKEN_RENEWAL};
use crate::turn::TurnSecret;

const ROOMS: usize = 3;
const PEOPLE: u64 = 14;
const START: u32 = 1_700_000_000;

/// A server of one instance, or of two that write one log, and what its connections were told.
struct House {
    hubs: Vec<Hub>,
    /// From each hub to the log; none alone.
    proposals: Vec<mpsc::Receiver<Proposal>>,
    entries: u64,
    now: Now,
    /// Even ones are at the first instance.
    lines: BTreeMap<u64, mpsc::Receiver<Waiting>>,
    next: u64,
    /// Who was told so.
    inside: HashSet<u64>,
    /// And those before a door.
    placed: HashSet<u64>,
    /// What somebody has learned and may try again: rooms, keys, codes, tokens and ids.
    rooms: Vec<RoomId>,
    words: Vec<String>,
    people: Vec<ParticipantId>,
}

impl House {
    fn new(limits: Limits, ice_servers: Vec<IceServer>, turn_secret: Option<TurnSecret>) -> Self {
        let mut config =
            Config { limits, ice_servers, turn_secret, ..Config::new(std::net::SocketAddr::from(([127, 0, 0, 1], 0))) };
        let hubs = vec![Hub::new(&mut config, Arc::default(), Arc::default())];
        let now = Now { at: Moment(u64::from(START) * 1000), unix: START };
        let (proposals, lines, inside, placed, rooms, words, people) = Default::default();
        Self { hubs, proposals, entries: 0, now, lines, next: 0, inside, placed, rooms, words, people }
    }

    fn of_two(limits: Limits) -> Self {
        let seed = Seed::random();
        let mut house = Self { hubs: Vec::new(), ..Self::new(limits, Vec::new(), None) };
        for instance in 1..=2 {
            let (proposals, inbox) = mpsc::channel(PROPOSALS);
            let (_, entries) = mpsc::channel(1);
            let shared = Shared { seed: seed.clone(), proposals, entries, instances: watch::Sender::default() };
            let mut config = Config { shared: Some(shared), limits, ..Config::new(([127, 0, 0, 1], 0).into()) };
            let mut hub = Hub::new(&mut config, Arc::default(), Arc::default());
            hub.on_entry(Entry::Begin { instance, house: None });
            house.hubs.push(hub);
            house.proposals.push(inbox);
        }
        house
    }

    fn handle(&mut self, id: u64, event: impl FnOnce(Number) -> Event) {
        let at = id as usize % self.hubs.len();
        self.hubs[at].handle(event(id as Number), self.now);
        self.write();
    }

    /// What was proposed is written, and read by all.
    fn write(&mut self) {
        loop {
            let proposed =
                self.proposals.iter_mut().enumerate().find_map(|(by, inbox)| Some((by, inbox.try_recv().ok()?)));
            let Some((by, Proposal::Change { number, change })) = proposed else { return };
            let instance = self.hubs[by].log.connection(0).instance();
            self.append(instance, Some(number), &change);
        }
    }

    fn append(&mut self, instance: u32, number: Option<u64>, change: &Change) {
        self.entries += 1;
        let position = Position { at: self.now.at, number: self.entries };
        // As it comes out of the log.
        let change = serde_json::to_string(change).unwrap();
        for hub in &mut self.hubs {
            let change = serde_json::from_str(&change).unwrap();
            hub.on_entry(Entry::Change(Box::new(Written { position, instance, number, change })));
        }
    }

    /// An instance loses its connections, and begins anew where the other is.
    fn begin_again(&mut self, at: usize) {
        let before = self.hubs[at].log.connection(0).instance();
        let house = serde_json::to_string(&self.hubs[1 - at].house).unwrap();
        let house = Some(serde_json::from_str(&house).unwrap());
        while self.proposals[at].try_recv().is_ok() {}
        self.hubs[at].on_entry(Entry::Away);
        self.hubs[at].on_entry(Entry::Begin { instance: before + 2, house });
        self.append(before + 2, None, &Change::Lost { instance: before });
    }

    fn connect(&mut self) -> u64 {
        let id = self.next;
        self.next += 1;
        let (outgoing, waiting) = Outgoing::channel();
        self.handle(id, |id| Event::Connected { id, outgoing });
        self.lines.insert(id, waiting);
        id
    }

    fn open_a_room(&mut self) {
        let id = self.connect();
        self.say(id, ClientMessage::Create { version: PROTOCOL_VERSION, options: RoomOptions::default(), again: None });
        self.hear();
    }

    fn say(&mut self, id: u64, message: ClientMessage) {
        let address = IpAddr::from([192, 0, 2, (id % 4) as u8]);
        self.handle(id, |id| Event::Message { id, address, message });
    }

    fn pass(&mut self, time: Duration) {
        self.now.at += time;
        self.now.unix += u32::try_from(time.as_secs()).unwrap();
        for at in 0..self.hubs.len() {
            self.hubs[at].on_timer(self.now);
            self.write();
        }
    }

    /// Reads what everybody was told. Whose queue is at its end is gone.
    fn hear(&mut self) -> Vec<(u64, ServerMessage)> {
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
            self.handle(id, |id| Event::Gone { id, keep: RESUME });
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
    /// Of two instances.
    Restart(usize),
    /// `true`: also what would cost the connection, because it has a place already or none yet.
    Say(u64, Wish, bool),
}

#[derive(Clone, Debug)]
enum Wish {
    Create(RoomOptions),
    /// With a word that may be a key, and what somebody may remember.
    OpenAgain(usize, Vec<usize>, bool),
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

impl Wish {
    fn is_of_newcomers(&self) -> bool {
        matches!(self, Self::Create(_) | Self::OpenAgain(..) | Self::Manage { .. } | Self::Join { .. })
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Z0-9_-]{0,40}",
        1 => any::<String>(),
        1 => (0..70_000usize).prop_map(|length| "A".repeat(length)),
        1 => Just("\u{202e}\u{0}\n*".to_owned()),
    ]
}

fn sometimes() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.2)
}

fn payload() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-zA-Z0-9_-]{40}", 1 => text()]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![9 => "[a-zA-Z ]{1,20}", 1 => text()]
}

fn options() -> impl Strategy<Value = RoomOptions> {
    let until = prop::option::weighted(0.3, prop_oneof![START..START + 100_000, any::<u32>()]);
    (sometimes(), sometimes(), prop::option::weighted(0.1, text()), until).prop_map(
        |(waiting_room, invite_only, passcode, until)| RoomOptions { waiting_room, invite_only, passcode, until },
    )
}

fn invite() -> impl Strategy<Value = InviteOptions> {
    (prop::option::of(name()), sometimes(), prop::option::weighted(0.1, any::<u32>()), any::<bool>(), any::<bool>())
        .prop_map(|(label, single_use, until, skip_waiting, co_host)| InviteOptions {
            label,
            single_use,
            until,
            skip_waiting,
            co_host,
        })
}

fn wish() -> impl Strategy<Value = Wish> {
    let known = || 0..64usize;
    let maybe = || prop::option::weighted(0.2, 0..64usize);
    prop_oneof![
        2 => options().prop_map(Wish::Create),
        1 => (known(), prop::collection::vec(known(), 0..10), any::<bool>())
            .prop_map(|(key, people, locked)| Wish::OpenAgain(key, people, locked)),
        1 => (known(), known()).prop_map(|(room, key)| Wish::Manage { room, key }),
        12 => (known(), name(), maybe(), maybe(), maybe(), prop::option::weighted(0.1, text())).prop_map(
            |(room, name, resume, key, invite, passcode)| Wish::Join { room, name, resume, key, invite, passcode }
        ),
        1 => invite().prop_map(Wish::MakeInvite),
        1 => known().prop_map(Wish::Revoke),
        3 => (maybe(), payload()).prop_map(|(to, payload)| Wish::Chat { to, payload }),
        3 => (known(), payload()).prop_map(|(to, payload)| Wish::Signal { to, payload }),
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
        1 => prop_oneof![4 => 0..20u64, 1 => 0..900u64].prop_map(Step::Wait),
        1 => (0..2usize).prop_map(Step::Restart),
        20 => ((0..PEOPLE), wish(), sometimes()).prop_map(|(who, wish, bold)| Step::Say(who, wish, bold)),
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
            Wish::Create(options) => ClientMessage::Create { version, options, again: None },
            Wish::OpenAgain(key, people, locked) => {
                let info =
                    |at: &usize| ParticipantInfo { id: self.person(*at), name: "Elin".into(), media, away: true };
                let people: Vec<ParticipantInfo> = people.iter().map(info).collect();
                let co_hosts = people.iter().skip(1).map(|one| one.id.clone()).collect();
                let state = RoomState { locked, co_hosts, ..RoomState::default() };
                let again = Some(Box::new(Again { host_key: self.word(key), people, state }));
                ClientMessage::Create { version, options: RoomOptions::default(), again }
            }
            Wish::Manage { room, key } => {
                ClientMessage::Manage { version, room: self.room(room), host_key: self.word(key) }
            }
            Wish::Join { room, name, resume, key, invite, passcode } => {
                let word = |at: Option<usize>| at.map(|at| self.word(at));
                let entry = Shown { host_key: word(key), invite: word(invite), passcode };
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
                5 => ClientMessage::Create { version: u32::from(what), options: RoomOptions::default(), again: None },
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

fn limits() -> Limits {
    let fast = Rate { per_second: 1e9, burst: 1e9 };
    Limits { rooms: ROOMS, creates: fast, joins: fast, guesses: fast, guesses_at_room: fast, ..Limits::default() }
}

/// Whatever is said in whatever order: what is bounded stays so, and who is not inside hears nothing of a room.
fn live(house: &mut House, steps: Vec<Step>) -> Result<(), TestCaseError> {
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
                    house.inside.remove(&id);
                    let keep = if who % 2 == 0 { HUNG_UP } else { RESUME };
                    house.handle(id, |id| Event::Gone { id, keep });
                }
            }
            Step::Wait(seconds) => house.pass(Duration::from_secs(seconds)),
            Step::Restart(at) => {
                if house.hubs.len() > 1 {
                    house.begin_again(at);
                    house.inside.retain(|id| *id as usize % 2 != at);
                }
            }
            Step::Say(who, wish, bold) => {
                let Some(id) = house.lines.keys().nth(who as usize % house.lines.len().max(1)).copied() else {
                    continue;
                };
                if !bold && wish.is_of_newcomers() == house.placed.contains(&id) {
                    continue;
                }
                let message = house.message(wish);
                // As it comes through the socket: what is too long or not well-formed is refused there.
                match ClientMessage::parse(&serde_json::to_string(&message).unwrap()) {
                    Ok(read) => {
                        prop_assert_eq!(&read, &message);
                        house.say(id, read);
                    }
                    Err(reason) => house.handle(id, |id| Event::Offended { id, reason }),
                }
            }
        }
        for (id, message) in house.hear() {
            match message {
                ServerMessage::Joined { participants, .. } => {
                    prop_assert!(participants.len() < MAX_PARTICIPANTS);
                    house.inside.insert(id);
                    house.placed.insert(id);
                }
                ServerMessage::Waiting { .. } => {
                    house.inside.remove(&id);
                    house.placed.insert(id);
                }
                ServerMessage::Refused { .. } => drop(house.inside.remove(&id)),
                ServerMessage::Signal { .. } | ServerMessage::Chat { .. } | ServerMessage::Reacted { .. } => {
                    prop_assert!(house.inside.contains(&id), "{message:?}");
                }
                ServerMessage::WaitingRoom { guests } => prop_assert!(guests.len() <= MAX_WAITING),
                _ => {}
            }
        }
        let count = house.hubs[0].house.count();
        prop_assert!(count.rooms <= ROOMS);
        prop_assert!(count.participants <= ROOMS * MAX_PARTICIPANTS && count.waiting <= ROOMS * MAX_WAITING);
        let connections: usize = house.hubs.iter().map(|hub| hub.connections.len()).sum();
        prop_assert!(connections <= house.lines.len());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_order_of_messages_breaks_the_house(steps in prop::collection::vec(step(), 0..120)) {
        let mut house = House::new(limits(), Vec::new(), None);
        house.open_a_room();
        live(&mut house, steps)?;
    }

    /// The same, and both have the same house all along, also one that begins where the other is.
    #[test]
    fn two_instances_are_one_server(steps in prop::collection::vec(step(), 0..120)) {
        let mut house = House::of_two(limits());
        house.open_a_room();
        for step in steps {
            live(&mut house, vec![step])?;
            let [first, second] = &house.hubs[..] else { panic!("two of them") };
            let written = |hub: &Hub| serde_json::to_value(&hub.house).unwrap();
            prop_assert_eq!(written(first), written(second));
        }
    }
}

#[test]
fn credentials_for_a_relay_come_with_the_seat_and_anew_with_each_token() {
    let relay = IceServer { urls: vec!["turn:turn.example.org:3478".into()], username: None, credential: None };
    let mut house = House::new(Limits::default(), vec![relay], Some(TurnSecret::new("north")));
    let elin = house.connect();
    house.say(elin, ClientMessage::Create { version: PROTOCOL_VERSION, options: RoomOptions::default(), again: None });
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
