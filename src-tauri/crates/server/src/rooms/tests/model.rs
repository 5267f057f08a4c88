//! Any order of what people do: what must never happen, does not.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Join { who: u64, resume: Option<u64>, owner: bool },
    Leave(u64),
    Break(u64),
    Media { who: u64, microphone: bool },
    Signal(u64, u64),
    Hand(u64, bool),
    Chat(u64, Option<u64>),
    Moderate(u64, Moderation),
    Wait(u64),
}

fn who() -> impl Strategy<Value = u64> {
    0..10u64
}

fn moderation() -> impl Strategy<Value = Moderation> {
    prop_oneof![
        4 => who().prop_map(|who| Moderation::Admit { who: id(who) }),
        1 => Just(Moderation::AdmitAll),
        1 => who().prop_map(|who| Moderation::Deny { who: id(who) }),
        1 => who().prop_map(|who| Moderation::Mute { who: id(who) }),
        1 => Just(Moderation::MuteAll),
        1 => who().prop_map(|who| Moderation::Ask { who: id(who), what: fika_call::room::Asked::Microphone }),
        1 => who().prop_map(|who| Moderation::StopCamera { who: id(who) }),
        2 => who().prop_map(|who| Moderation::Remove { who: id(who) }),
        2 => who().prop_map(|who| Moderation::MoveToWaiting { who: id(who) }),
        2 => (who(), any::<bool>()).prop_map(|(who, on)| Moderation::SetCoHost { who: id(who), on }),
        1 => who().prop_map(|who| Moderation::MakeHost { who: id(who) }),
        1 => any::<bool>().prop_map(|on| Moderation::SetLocked { on }),
        2 => any::<bool>().prop_map(|on| Moderation::SetWaitingRoom { on }),
        1 => prop::option::of(who()).prop_map(|who| Moderation::Spotlight { who: who.map(id) }),
        1 => who().prop_map(|who| Moderation::LowerHand { who: id(who) }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (who(), prop::option::of(who()), prop::bool::weighted(0.2))
            .prop_map(|(who, resume, owner)| Step::Join { who, resume, owner }),
        1 => who().prop_map(Step::Leave),
        2 => who().prop_map(Step::Break),
        2 => (who(), any::<bool>()).prop_map(|(who, microphone)| Step::Media { who, microphone }),
        2 => (who(), who()).prop_map(|(from, to)| Step::Signal(from, to)),
        1 => (who(), any::<bool>()).prop_map(|(who, up)| Step::Hand(who, up)),
        2 => (who(), prop::option::of(who())).prop_map(|(from, to)| Step::Chat(from, to)),
        6 => (who(), moderation()).prop_map(|(who, action)| Step::Moderate(who, action)),
        2 => (0..60u64).prop_map(Step::Wait),
    ]
}

/// What somebody knows of the room from what the server has said.
#[derive(Default)]
struct Client {
    others: Vec<ParticipantInfo>,
    inside: bool,
    state: Option<RoomState>,
}

#[derive(Default)]
struct World {
    clients: BTreeMap<u64, Client>,
    /// Who has ever been put out; their ids come back no more.
    removed: BTreeSet<ParticipantId>,
}

impl World {
    fn hear(&mut self, output: Output) {
        let (to, message) = match output {
            Output::Close(connection) => {
                self.clients.remove(&connection.0);
                return;
            }
            Output::Send { to, message } | Output::Token { to, message, .. } => (to.0, message),
            Output::Keep { .. } => return,
        };
        let client = self.clients.entry(to).or_default();
        match message {
            ServerMessage::Joined { participants, .. } => {
                *client = Client { others: participants, inside: true, state: None };
            }
            ServerMessage::Waiting { .. } => *client = Client::default(),
            ServerMessage::Refused { .. } => client.inside = false,
            ServerMessage::Room { state } => {
                assert!(client.inside);
                client.state = Some(state);
            }
            ServerMessage::ParticipantJoined { participant } => {
                assert!(client.inside, "before the door one learns of nobody");
                assert!(!self.removed.contains(&participant.id));
                client.others.push(participant);
            }
            ServerMessage::ParticipantChanged { participant } => {
                let known = client.others.iter_mut().find(|known| known.id == participant.id);
                let known = known.expect("only known ones change");
                *known = participant;
            }
            ServerMessage::ParticipantLeft { participant } => client.others.retain(|known| known.id != participant),
            ServerMessage::Signal { from, .. } => {
                assert!(client.inside && client.others.iter().any(|other| other.id == from), "from somebody inside");
            }
            ServerMessage::WaitingRoom { .. } | ServerMessage::Reacted { .. } | ServerMessage::Chat { .. } => {
                assert!(client.inside);
            }
            _ => {}
        }
    }
}

/// Microphones as everybody is told they are.
fn microphones(house: &House) -> BTreeMap<ParticipantId, bool> {
    let room = &house.rooms.rooms[&house.room];
    room.people.iter().map(|person| (person.info.id.clone(), person.info.media.microphone)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_people_hear_adds_up_and_nobody_gets_past_the_host(
        waiting_room in any::<bool>(),
        steps in prop::collection::vec(step(), 0..100),
    ) {
        let options = RoomOptions { waiting_room, ..RoomOptions::default() };
        let mut house = House::with(options, None);
        let mut world = World::default();
        for step in steps {
            let now = house.now;
            let before = microphones(&house);
            let inside_before = house.inside();
            let state_before = house.state().clone();
            let mut own_media = None;
            let (mut by_moderator, mut by_token, mut by_owner) = (false, false, false);
            match step.clone() {
                Step::Join { who, resume, owner } => {
                    // Connections and ids are new for each join in the server; here only if they are free.
                    let room = &house.rooms.rooms[&house.room];
                    let free = !room.people.iter().any(|person| {
                        person.info.id == id(who) || person.line == Line::Up(ConnectionId(who))
                    });
                    if free && !world.removed.contains(&id(who)) {
                        let resume = resume.and_then(|of| house.grants.get(&ConnectionId(of)).cloned());
                        by_token = resume.is_some();
                        own_media = resume.as_ref().map(|grant| grant.participant.clone());
                        by_owner = owner || resume.as_ref().is_some_and(|grant| grant.owner);
                        let shown = Shown { host_key: owner.then_some(KEY), ..Shown::default() };
                        let _ = house.come(who, resume, shown);
                    }
                }
                Step::Leave(who) => house.rooms.leave(ConnectionId(who), now),
                Step::Break(who) => {
                    house.rooms.disconnected(ConnectionId(who), RESUME, now);
                    world.clients.remove(&who);
                }
                Step::Media { who, microphone } => {
                    own_media = match house.rooms.places.get(&ConnectionId(who)) {
                        Some(Place::Person(_, me)) => Some(me.clone()),
                        _ => None,
                    };
                    let _ = house.rooms.set_media(ConnectionId(who), MediaState { microphone, camera: true });
                }
                Step::Signal(from, to) => {
                    let _ = house.rooms.signal(ConnectionId(from), &id(to), Sealed("x".into()));
                }
                Step::Hand(who, up) => {
                    let _ = house.rooms.set_hand(ConnectionId(who), up);
                }
                Step::Chat(from, to) => {
                    let _ = house.rooms.chat(ConnectionId(from), 1, to.map(id), Sealed("x".into()), now);
                }
                Step::Moderate(who, action) => {
                    let me = match house.rooms.places.get(&ConnectionId(who)) {
                        Some(Place::Person(_, me)) => Some(me.clone()),
                        _ => None,
                    };
                    let role = me.map_or(Role::Participant, |me| house.rooms.rooms[&house.room].role(&me));
                    let done = house.rooms.moderate(ConnectionId(who), action.clone(), now);
                    by_moderator = role.may_moderate();
                    prop_assert!(by_moderator || done != Ok(Ok(())), "{action:?} by {role:?}");
                    if let (Moderation::Remove { who }, Ok(Ok(()))) = (action, done) {
                        world.removed.insert(who);
                    }
                }
                Step::Wait(seconds) => house.pass(Duration::from_secs(seconds)),
            }
            house.outputs().into_iter().for_each(|output| world.hear(output));
            if !house.rooms.rooms.contains_key(&house.room) {
                break;
            }
            // Nobody switches somebody else's microphone on.
            for (who, on) in microphones(&house) {
                let was = before.get(&who).copied();
                prop_assert!(was != Some(false) || !on || own_media.as_ref() == Some(&who), "{step:?} un-muted {who:?}");
            }
            // With a waiting room, only a host, the owner's key or a token from inside leads in.
            let inside = house.inside();
            let came = inside.iter().any(|who| !inside_before.contains(who));
            prop_assert!(!came || !state_before.waiting_room || by_moderator || by_token || by_owner, "{step:?}");
            prop_assert!(inside.iter().all(|who| !world.removed.contains(who)));
            let state = house.state();
            let here = |who: &ParticipantId| inside.contains(who);
            prop_assert!(state.host.iter().chain(&state.co_hosts).chain(&state.hands).chain(&state.spotlight).all(here));
            prop_assert!(state.host.as_ref().is_none_or(|host| !state.co_hosts.contains(host)));
            prop_assert!(inside.len() <= MAX_PARTICIPANTS);
            // What each one has heard is what is.
            for (connection, client) in &world.clients {
                let Some(Place::Person(id, me)) = house.rooms.places.get(&ConnectionId(*connection)) else { continue };
                let room = &house.rooms.rooms[id];
                prop_assert_eq!(client.inside, room.is_inside(me));
                if client.inside {
                    let others: BTreeMap<_, _> = room.inside().filter(|person| person.info.id != *me)
                        .map(|person| (person.info.id.clone(), &person.info)).collect();
                    let heard: BTreeMap<_, _> = client.others.iter().map(|info| (info.id.clone(), info)).collect();
                    prop_assert_eq!(client.others.len(), heard.len());
                    prop_assert_eq!(heard, others);
                    prop_assert_eq!(client.state.as_ref(), Some(state));
                }
            }
        }
    }
}
