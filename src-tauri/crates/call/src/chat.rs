//! Chat: what is relayed and kept by the server, and what only people with the link can read in it.

use serde::{Deserialize, Serialize};

use crate::ParticipantId;
use crate::room::Reaction;
use crate::signal::Sealed;

/// Longest text in characters.
pub const MAX_TEXT: usize = 2000;
/// Longest sealed message in letters.
pub const MAX_SEALED: usize = 16 * 1024;
/// Messages that a room keeps for who comes later. Full: the oldest is forgotten.
pub const HISTORY: usize = 100;
/// Letters of all sealed messages that a room keeps. Full: the oldest is forgotten.
pub const HISTORY_LETTERS: usize = 192 * 1024;

/// Counts the messages of a room, in the order in which the server took them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, specta::Type, ts_rs::TS)]
pub struct MessageId(pub u32);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessage {
    pub id: MessageId,
    pub from: ParticipantId,
    /// Of the sender when it was sent.
    pub name: String,
    /// `None`: everybody in the room.
    pub to: Option<ParticipantId>,
    /// Seconds since 1970 by the server's clock.
    pub at: u32,
    /// A [`ChatBody`].
    pub payload: Sealed,
    pub reactions: Vec<MessageReaction>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct MessageReaction {
    pub from: ParticipantId,
    pub reaction: Reaction,
}

/// Sealed as in [`Sealed`], but with info = "fika chat v1" and `from "\n" to`, or `from "\n*"` for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct ChatBody {
    pub text: String,
    #[serde(default)]
    pub reply_to: Option<MessageId>,
}

/// A text as it may be sent and shown: at most [`MAX_TEXT`] characters, none that control the text around it but line
/// breaks. Empty: nothing to send.
pub fn clean_text(text: &str) -> String {
    let controls = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.trim().chars().filter(|c| !controls(*c)).take(MAX_TEXT).collect()
}

/// The chat as the page shows it; told apart from the rest of the view, because it is large. Oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct ChatView {
    pub messages: Vec<ChatMessageView>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessageView {
    /// Stays the same as long as the message is shown.
    pub key: u32,
    /// `None` until it is sent.
    pub id: Option<MessageId>,
    pub from: ParticipantId,
    pub name: String,
    pub mine: bool,
    /// `None`: everybody.
    pub to: Option<ChatPartner>,
    /// Text, never markup.
    pub text: String,
    pub reply_to: Option<MessageId>,
    /// Seconds since 1970; `None` until it is sent.
    pub at: Option<u32>,
    pub state: ChatState,
    pub reactions: Vec<ReactionCount>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct ChatPartner {
    pub id: ParticipantId,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum ChatState {
    Sending,
    Sent,
    /// Not sent; may be tried again.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct ReactionCount {
    pub reaction: Reaction,
    pub count: u32,
    /// One of them is ours.
    pub mine: bool,
}
