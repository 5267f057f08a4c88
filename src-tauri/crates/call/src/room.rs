//! A room beyond who sits in it: roles, what hosts may do, hands, reactions. Plain values of messages and of the view;
//! who may do what is decided by the server alone.

use serde::{Deserialize, Serialize};

use crate::ParticipantId;
use crate::signal::MAX_PARTICIPANTS;

/// People who may wait before a room's door. Full: the next one is refused.
pub const MAX_WAITING: usize = 32;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// One at most. Everything that a co-host may, hands out roles and ends the meeting for all.
    Host,
    CoHost,
    #[default]
    Participant,
}

impl Role {
    pub const fn may_moderate(self) -> bool {
        matches!(self, Self::Host | Self::CoHost)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub enum Reaction {
    ThumbsUp,
    Heart,
    Clap,
    Laugh,
    Surprised,
    Sad,
    Celebrate,
    Thinking,
    Coffee,
}

impl Reaction {
    pub const ALL: [Self; 9] = [
        Self::ThumbsUp,
        Self::Heart,
        Self::Clap,
        Self::Laugh,
        Self::Surprised,
        Self::Sad,
        Self::Celebrate,
        Self::Thinking,
        Self::Coffee,
    ];
}

/// What holds for a whole room; told complete at each change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct RoomState {
    pub host: Option<ParticipantId>,
    pub co_hosts: Vec<ParticipantId>,
    /// Nobody more can join.
    pub locked: bool,
    /// Who comes waits until a host lets them in.
    pub waiting_room: bool,
    /// Shown large for all.
    pub spotlight: Option<ParticipantId>,
    /// Raised hands, the first one up first.
    pub hands: Vec<ParticipantId>,
}

impl RoomState {
    pub fn role(&self, who: &ParticipantId) -> Role {
        if self.host.as_ref() == Some(who) {
            Role::Host
        } else if self.co_hosts.contains(who) {
            Role::CoHost
        } else {
            Role::Participant
        }
    }

    /// Place in the line of raised hands, from 1.
    pub fn hand(&self, who: &ParticipantId) -> Option<u32> {
        self.hands.iter().zip(1..).find_map(|(hand, place)| (hand == who).then_some(place))
    }

    /// Lists of a length that a fika-server may send.
    pub fn is_plausible(&self) -> bool {
        self.co_hosts.len() <= MAX_PARTICIPANTS && self.hands.len() <= MAX_PARTICIPANTS
    }
}

/// Somebody before the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct WaitingGuest {
    pub id: ParticipantId,
    pub name: String,
    /// For whom the invite was made that they came with.
    pub label: Option<String>,
}

/// What a host may ask somebody to switch on. Only that person does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub enum Asked {
    Microphone,
    Camera,
}

/// What hosts and co-hosts do. There is no way to switch somebody's microphone or camera on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Moderation {
    Admit {
        who: ParticipantId,
    },
    AdmitAll,
    Deny {
        who: ParticipantId,
    },
    Mute {
        who: ParticipantId,
    },
    /// All but hosts and co-hosts.
    MuteAll,
    Ask {
        who: ParticipantId,
        what: Asked,
    },
    StopCamera {
        who: ParticipantId,
    },
    /// Puts somebody out, for good: their invite is revoked and the waiting room switched on.
    Remove {
        who: ParticipantId,
    },
    MoveToWaiting {
        who: ParticipantId,
    },
    /// The host alone.
    SetCoHost {
        who: ParticipantId,
        on: bool,
    },
    /// The host alone, who becomes a co-host.
    MakeHost {
        who: ParticipantId,
    },
    SetLocked {
        on: bool,
    },
    /// Off: who waits is let in.
    SetWaitingRoom {
        on: bool,
    },
    Spotlight {
        who: Option<ParticipantId>,
    },
    LowerHand {
        who: ParticipantId,
    },
    /// Ends the meeting for all. The host alone.
    End,
}

impl Moderation {
    /// Not for co-hosts.
    pub const fn is_for_host(&self) -> bool {
        matches!(self, Self::SetCoHost { .. } | Self::MakeHost { .. } | Self::End)
    }
}

/// Why something was not done. The connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub enum Decline {
    /// The role does not allow it (any more).
    NotAllowed,
    /// Whom or what it was about is not here (any more).
    NotHere,
    /// Too often.
    TooFast,
    /// There is no place for it: in the room, before the door, or in what is kept.
    Full,
}
