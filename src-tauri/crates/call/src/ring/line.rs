//! What the engine and the network say to each other about calls that ring. Plain values.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{CallId, Invitation, News, Reply};
use crate::identity::IdentityKey;

/// Servers at which somebody is looked for.
pub const MAX_SERVERS: usize = 4;

/// To the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineCommand {
    /// Be there for calls, at this server, if there is one, and on the local network if `nearby`.
    Listen { server: Option<url::Url>, nearby: bool },
    /// Call somebody at the first of these servers where they are, and at the same time on the local network if `nearby`.
    Ring { call: CallId, to: IdentityKey, servers: Vec<url::Url>, nearby: bool, invitation: Invitation },
    /// The outgoing call is over.
    Hang { call: CallId },
    /// To an incoming call.
    Reply { call: CallId, reply: Reply },
    /// While we listen at the server, these may know that we can be called, and we ask it about them.
    Show { to: BTreeSet<IdentityKey> },
}

/// From the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineEvent {
    /// At the server.
    Reach(Reach),
    /// On the local network.
    Nearby(Reach),
    /// `nearby`: on the local network. The same call may come on both ways.
    Incoming {
        call: CallId,
        from: IdentityKey,
        nearby: bool,
        invitation: Invitation,
    },
    News {
        call: CallId,
        news: News,
    },
    /// Who of those to whom we show ourselves can be called at the server now: all of them.
    Present(BTreeSet<IdentityKey>),
}

/// Whether we can be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Reach {
    /// Not wished for.
    #[default]
    Off,
    Connecting,
    On,
    /// The server cannot be reached, or refuses, or there is no local network; it is tried again.
    Failed,
    /// The settings name none.
    NoServer,
}
