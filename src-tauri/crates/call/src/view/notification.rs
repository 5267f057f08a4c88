//! What happens in a call and is said once, to be shown for a moment.

use serde::{Deserialize, Serialize};

use crate::room::Role;

/// Something that happened, told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Notification {
    Joined {
        name: String,
    },
    Left {
        name: String,
    },
    /// Another device took over because the chosen one went away.
    DeviceReplaced {
        kind: String,
        name: String,
    },
    Reconnected,
    /// Somebody knocks.
    Waiting {
        name: String,
    },
    /// We are let in.
    Admitted,
    /// By a host.
    Muted {
        by: Option<String>,
    },
    CameraStopped {
        by: Option<String>,
    },
    /// Ours has changed.
    RoleChanged {
        role: Role,
    },
    HandRaised {
        name: String,
    },
    Chat {
        name: String,
        private: bool,
    },
    /// Somebody wants to give us a file.
    FileOffered {
        name: String,
        file: String,
    },
    /// A file has come, and is kept under this name.
    FileSaved {
        name: String,
        file: String,
    },
    /// Somebody writes in real time, for the first time since it was switched on or off.
    RealTimeText {
        name: String,
    },
    /// A host's doing came to nothing: the role does not allow it any more, or whom it was about has left, or
    /// there is no place.
    NotDone,
    /// A link came from outside while a call goes on.
    LinkIgnored,
}
