//! Data between two participants, beside sound and picture: what passes between the engine and a session about it.

use crate::ParticipantId;

/// A way for data between two participants, beside sound and picture. Reliable and in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataChannel {
    /// [`crate::files`].
    Files,
    /// [`crate::text`]: RFC 8865.
    Text,
}

impl DataChannel {
    pub const ALL: [Self; 2] = [Self::Files, Self::Text];

    /// Both sides make the channel of this id themselves.
    pub const fn id(self) -> u16 {
        match self {
            Self::Files => 1,
            Self::Text => 2,
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Text => "text",
        }
    }

    /// The subprotocol.
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::Files => "fika-files-1",
            Self::Text => "t140",
        }
    }
}

/// To the session: for the data channel to one participant. Without such a channel it is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataCommand {
    Text(String),
    Binary(Vec<u8>),
    /// Who is there breaks the rules: nothing more over this channel until there is a new connection.
    Close,
}

/// From the session, about the data channel to one participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataEvent {
    /// It stands, in place of an earlier one if there was one.
    Open,
    Closed,
    Text(String),
    Binary(Vec<u8>),
    /// Sound and picture leave so much of the way to this participant, bytes a second; `None`: they have all they want.
    Budget(Option<u32>),
}

/// What goes over a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataOut {
    pub to: ParticipantId,
    pub channel: DataChannel,
    pub command: DataCommand,
}

/// What comes over a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataIn {
    pub from: ParticipantId,
    pub channel: DataChannel,
    pub event: DataEvent,
}
