//! The hub without sockets: any order of messages from people who mean harm, and what is signed with each token.

mod presence;
mod wishes;

use std::collections::{BTreeMap, HashSet};

use fika_call::chat::MessageId;
use fika_call::door::{Entry as Shown, InviteOptions};
use fika_call::room::{Asked, MAX_WAITING, Moderation, Reaction, RoomState};
use fika_call::signal::{
    Again, IceServer, MAX_MESSAGE, MAX_PARTICIPANTS, MediaState, PROTOCOL_VERSION, ParticipantInfo, Sealed,
};
use fika_call::{ParticipantId, RoomId};
use proptest::prelude::*;

use self::wishes::{Step, Wish, step};
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
    /// Who may act for an owner without a seat, and hears what happens.
    owners: HashSet<u64>,
    /// And those before a door.
    placed: HashSet<u64>,
    /// Who can be called, and who has called.
    listening: HashSet<u64>,
    calling: HashSet<u64>,
    nonces: Vec<String>,
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
        Self {
            hubs,
            proposals: Vec::new(),
            entries: 0,
            now,
            lines: BTreeMap::new(),
            next: 0,
            inside: HashSet::new(),
            owners: HashSet::new(),
            placed: HashSet::new(),
            listening: HashSet::new(),
            calling: HashSet::new(),
            nonces: Vec::new(),
            rooms: Vec::new(),
            words: Vec::new(),
            people: Vec::new(),
        }
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
        if matches!(message, ClientMessage::Create { .. } | ClientMessage::Manage { .. }) {
            self.owners.insert(id);
        }
        if matches!(message, ClientMessage::Ring { .. }) {
            self.calling.insert(id);
        }
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
            ServerMessage::Challenge { nonce } => self.nonces.push(nonce.clone()),
            ServerMessage::InviteMade { code, invite } => self.words.extend([code.clone(), invite.id.clone()]),
            _ => {}
        }
    }
}

fn limits() -> Limits {
    let fast = Rate { per_second: 1e9, burst: 1e9 };
    Limits {
        rooms: ROOMS,
        creates: fast,
        joins: fast,
        guesses: fast,
        guesses_at_room: fast,
        rings: fast,
        ..Limits::default()
    }
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
                    house.owners.remove(&id);
                    house.inside.insert(id);
                    house.placed.insert(id);
                }
                ServerMessage::Waiting { .. } => {
                    house.owners.remove(&id);
                    house.inside.remove(&id);
                    house.placed.insert(id);
                }
                ServerMessage::Refused { .. } => drop(house.inside.remove(&id)),
                ServerMessage::Signal { .. } | ServerMessage::Chat { .. } => {
                    prop_assert!(house.inside.contains(&id), "{message:?}");
                }
                ServerMessage::Reacted { .. } => {
                    prop_assert!(house.inside.contains(&id) || house.owners.contains(&id), "{message:?}");
                }
                ServerMessage::Listening { .. } => {
                    house.listening.insert(id);
                    house.placed.insert(id);
                }
                ServerMessage::Ringing { .. } => prop_assert!(house.listening.contains(&id), "{message:?}"),
                ServerMessage::Present { keys, .. } => {
                    prop_assert!(house.listening.contains(&id) && keys.len() <= 3, "{keys:?}");
                }
                ServerMessage::RingAnswered { .. } => prop_assert!(house.calling.contains(&id), "{message:?}"),
                ServerMessage::RingEnded { .. } => {
                    prop_assert!(house.listening.contains(&id) || house.calling.contains(&id), "{message:?}");
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

/// What it has asked for cannot be told any more, and that it leaves still counts.
#[test]
fn whoever_is_gone_before_their_last_words_are_read_has_left() {
    let mut house = House::new(limits(), Vec::new(), None);
    house.open_a_room();
    let elin = house.connect();
    let join = Wish::Join { room: 0, name: "Elin".into(), resume: None, key: None, invite: None, passcode: None };
    house.say(elin, house.message(join));
    house.hear();
    assert_eq!(house.hubs[0].house.count().participants, 1);
    drop(house.lines.remove(&elin));
    house.say(elin, ClientMessage::Ping);
    house.say(elin, ClientMessage::Leave);
    house.handle(elin, |id| Event::Gone { id, keep: HUNG_UP });
    assert_eq!(house.hubs[0].house.count().participants, 0);
}
