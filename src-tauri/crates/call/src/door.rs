//! Who gets in: what a room asks for, invites, and what somebody shows at the door.

use serde::{Deserialize, Serialize};

/// Longest passcode in characters.
pub const MAX_PASSCODE: usize = 64;
/// Longest label of an invite in characters.
pub const MAX_LABEL: usize = 64;
/// Invites of one room, revoked ones included. Full: no further one is made.
pub const MAX_INVITES: usize = 64;

/// What a room asks for. The default is open for everybody with the link, until all have left.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RoomOptions {
    pub waiting_room: bool,
    /// The link alone opens nothing: an invite is needed too.
    pub invite_only: bool,
    pub passcode: Option<String>,
    /// Seconds since 1970. The room is kept until then, also when it is empty and when the server starts anew.
    pub until: Option<u32>,
}

impl std::fmt::Debug for RoomOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let passcode = self.passcode.is_some();
        let Self { waiting_room, invite_only, until, .. } = self;
        write!(f, "RoomOptions(waiting_room {waiting_room}, invite_only {invite_only}, passcode {passcode}, {until:?})")
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct InviteOptions {
    /// For whom; hosts see it beside the name.
    pub label: Option<String>,
    /// Opens the door once. Who has come in comes back without it.
    pub single_use: bool,
    /// Seconds since 1970.
    pub until: Option<u32>,
    /// Straight in, past the waiting room.
    pub skip_waiting: bool,
    pub co_host: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct InviteInfo {
    /// Names it to its maker; opens nothing.
    pub id: String,
    pub label: Option<String>,
    pub single_use: bool,
    pub until: Option<u32>,
    pub skip_waiting: bool,
    pub co_host: bool,
    /// How often it has opened the door.
    pub used: u32,
    pub revoked: bool,
}

/// What somebody shows at the door.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Entry {
    /// Of who opened the room: makes its bearer the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub host_key: Option<String>,
    /// The code of an invite.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub invite: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub passcode: Option<String>,
}

impl Entry {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry")
    }
}

/// Settings for a kind of meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The candidate waits, and only who has an invite of their own comes to the door.
    Interview,
    /// One open link for many, who wait and are let in one after the other.
    OfficeHours,
}

impl Preset {
    pub const fn room(self, until: u32) -> RoomOptions {
        RoomOptions {
            waiting_room: true,
            invite_only: matches!(self, Self::Interview),
            passcode: None,
            until: Some(until),
        }
    }

    /// For a guest; who asks the questions gets one with `co_host`.
    pub const fn guest(self, label: Option<String>, until: u32) -> InviteOptions {
        InviteOptions {
            label,
            single_use: matches!(self, Self::Interview),
            until: Some(until),
            skip_waiting: false,
            co_host: false,
        }
    }
}
