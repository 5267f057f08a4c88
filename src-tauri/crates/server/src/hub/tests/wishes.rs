//! What people who mean harm may do, drawn at random.

use fika_call::identity::Identity;
use fika_call::ring::{self, CallId};

use super::*;

/// What somebody does, with numbers in place of what is only known when it is done.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Connect,
    Break(u64),
    Wait(u64),
    /// Of two instances.
    Restart(usize),
    /// `true`: also what would cost the connection, because it has a place already or none yet.
    Say(u64, Wish, bool),
}

#[derive(Clone, Debug)]
pub(super) enum Wish {
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
    /// Under the key of this seed.
    Listen(u8),
    /// Over one of the challenges that anybody was told.
    Prove(u8, usize),
    Ring(u8, u8, String),
    AnswerRing(u8, String),
    /// To the keys of these seeds.
    Show(Vec<u8>),
    Other(u8),
}

impl Wish {
    pub(super) fn is_of_newcomers(&self) -> bool {
        matches!(self, Self::Create(_) | Self::OpenAgain(..) | Self::Manage { .. } | Self::Join { .. })
            || matches!(self, Self::Listen(_) | Self::Prove(..) | Self::Ring(..))
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
        2 => (0..3u8).prop_map(Wish::Listen),
        2 => (0..3u8, known()).prop_map(|(seed, nonce)| Wish::Prove(seed, nonce)),
        2 => (0..3u8, 0..4u8, payload()).prop_map(|(to, call, payload)| Wish::Ring(to, call, payload)),
        2 => (0..4u8, payload()).prop_map(|(call, payload)| Wish::AnswerRing(call, payload)),
        2 => prop::collection::vec(0..4u8, 0..4).prop_map(Wish::Show),
        2 => any::<u8>().prop_map(Wish::Other),
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
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

    pub(super) fn message(&self, wish: Wish) -> ClientMessage {
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
            Wish::Listen(seed) => ClientMessage::Listen { version, key: identity(seed).public().to_string() },
            Wish::Prove(seed, nonce) => {
                let nonce = self.nonces.get(self.nonces.len().saturating_sub(1 + nonce % 3));
                let signature = ring::proof(&identity(seed), nonce.map_or("none", |nonce| nonce));
                ClientMessage::Prove { signature }
            }
            Wish::Ring(to, call, payload) => {
                let to = identity(to).public().to_string();
                ClientMessage::Ring { version, to, call: self::call(call), payload: Sealed(payload) }
            }
            Wish::AnswerRing(call, payload) => {
                ClientMessage::AnswerRing { call: self::call(call), payload: Sealed(payload) }
            }
            Wish::Show(to) => {
                ClientMessage::Show { keys: to.iter().map(|seed| identity(*seed).public().to_string()).collect() }
            }
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

pub(super) fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32], true)
}

fn call(number: u8) -> CallId {
    CallId(format!("call{number:018}"))
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
