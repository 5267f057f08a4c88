//! The files of a call as they are shown.

use serde::{Deserialize, Serialize};

use super::wire::FileEnd;
use crate::ParticipantId;

/// In the order in which they were offered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct FilesView {
    pub files: Vec<FileView>,
    /// The largest file that is taken, in bytes.
    #[specta(type = u32)]
    pub max_size: u64,
}

/// One file between us and one participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct FileView {
    pub key: u32,
    /// The other participant.
    pub with: ParticipantId,
    /// Of the other participant.
    pub person: String,
    /// It comes to us.
    pub incoming: bool,
    /// As it is shown and kept: safe, with all its endings.
    pub name: String,
    #[specta(type = u32)]
    pub size: u64,
    /// Empty: not known.
    pub media_type: String,
    pub state: FileState,
    /// Bytes that have arrived.
    #[specta(type = u32)]
    pub done: u64,
    /// What it is called in the folder of downloads.
    pub saved_as: Option<String>,
    /// Why it does not come.
    pub end: Option<FileEnd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum FileState {
    /// Its sender opens it.
    Preparing,
    /// Waits for the receiver's answer.
    Offered,
    /// Accepted; others go first.
    Queued,
    Moving,
    /// The connection is away; goes on by itself.
    Interrupted,
    /// All of it is there and is being looked at.
    Checking,
    Done,
    Declined,
    /// It does not come; `end` says why.
    Ended,
}
