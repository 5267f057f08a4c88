//! What goes into the ring and what comes out of it. Plain values.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::CALL_BYTES;
use crate::identity::IdentityKey;
use crate::invite::Invite;

/// Drawn by the caller, [`CALL_BYTES`] in base64url without padding: 22 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, specta::Type, ts_rs::TS)]
pub struct CallId(pub String);

impl CallId {
    pub fn from_bytes(bytes: [u8; CALL_BYTES]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub fn is_well_formed(&self) -> bool {
        self.0.len() == (CALL_BYTES * 4).div_ceil(3)
            && self.0.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    }
}

/// What the caller lets the callee know, under the seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// To the room in which the caller waits.
    pub link: String,
    /// What the caller calls themselves.
    pub name: String,
    pub video: bool,
}

/// What the callee's app says, under the seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Reply {
    /// The user is being told.
    Ringing,
    /// They come.
    Accepted,
    Declined {
        message: Option<String>,
    },
    /// In another call.
    Busy,
}

/// What the user does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// `call` is drawn anew.
    Call {
        call: CallId,
        to: IdentityKey,
        video: bool,
    },
    /// Takes the outgoing call back, or has seen what came of it.
    Cancel,
    Answer {
        call: CallId,
    },
    Decline {
        call: CallId,
        message: Option<String>,
    },
}

/// What becomes of a call, as the network tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The caller of an incoming one has given up, or their line broke.
    Ended,
    /// To the outgoing one.
    Reply(Reply),
    /// The outgoing one reaches nobody: they are at none of the servers.
    Unreachable,
    /// No server takes the outgoing one.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Wish(Wish),
    /// In a room or its lobby, also in that of the outgoing call.
    Occupied(bool),
    /// Somebody has come into the room.
    Joined,
    /// `saved`: from one of the contacts. `nearby`: on the local network.
    Incoming {
        call: CallId,
        from: IdentityKey,
        saved: bool,
        nearby: bool,
        invitation: Invitation,
    },
    News {
        call: CallId,
        news: News,
    },
    /// Whether those who are no contacts may ring.
    Strangers(bool),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Open a room, join it, and call from there.
    Open {
        call: CallId,
        to: IdentityKey,
        video: bool,
    },
    /// To an incoming call.
    Reply {
        call: CallId,
        reply: Reply,
    },
    /// The outgoing call ends; the callee's app is told by the server.
    Hang {
        call: CallId,
    },
    /// Join this room. `relayed`: so that the caller does not learn where we are.
    Enter {
        link: String,
        video: bool,
        relayed: bool,
    },
    /// Leave the room that was opened for the outgoing call.
    Leave,
    Missed(Missed),
    /// There is another [`Ring::incoming`] or [`Ring::outgoing`].
    Changed,
}

/// Somebody has called in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Missed {
    pub from: IdentityKey,
    /// What they call themselves.
    pub name: String,
    pub video: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub call: CallId,
    pub from: IdentityKey,
    pub saved: bool,
    pub invitation: Invitation,
    pub(super) until: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub call: CallId,
    pub to: IdentityKey,
    pub video: bool,
    pub state: OutgoingState,
    /// Said while declining.
    pub message: Option<String>,
    pub(super) until: Instant,
}

/// How far an outgoing call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum OutgoingState {
    /// On its way.
    Calling,
    Ringing,
    /// They come.
    Answered,
    Declined,
    Busy,
    NoAnswer,
    Unreachable,
    /// No server takes it.
    Failed,
}

impl OutgoingState {
    /// It may still be answered.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Calling | Self::Ringing)
    }
}

impl Invitation {
    /// What a stranger's app has sent, made safe to show; `None` if its link leads nowhere.
    pub(crate) fn cleaned(self) -> Option<Self> {
        let link = Invite::parse(&self.link).ok()?.link();
        Some(Self { link, name: crate::machine::clean_name(&self.name), video: self.video })
    }
}
