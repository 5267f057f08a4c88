//! What two participants say about files over the data channel `files`: messages as JSON text, pieces as binary. Remote
//! input: read strictly, sizes capped.

use serde::{Deserialize, Serialize};

/// Longest text message in bytes.
pub const MAX_TEXT: usize = 4 * 1024;
/// Longest piece of a file in bytes.
pub const MAX_PIECE: usize = 16 * 1024;
/// Bytes before a piece: id and offset.
pub const HEAD: usize = 12;
/// Larger numbers are not exact in every client.
pub const MAX_SIZE: u64 = (1 << 53) - 1;

/// `id` is given by who sends the file, and unique among what that participant sends to the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FileMessage {
    // From who has the file.
    /// Said again after a reconnect until it is answered.
    Offer {
        id: u32,
        name: String,
        #[ts(type = "number")]
        size: u64,
        /// As RFC 6838; empty: not known.
        media_type: String,
    },
    /// After a reconnect, of one that was accepted. Answered by `accept`, `saved` or `stop`.
    Resume {
        id: u32,
    },
    /// Everything was sent: SHA-256 of the whole, hexadecimal.
    End {
        id: u32,
        sha256: String,
    },
    /// It will not come any more.
    Withdraw {
        id: u32,
        reason: FileEnd,
    },

    // From who gets it.
    /// Send from here on.
    Accept {
        id: u32,
        #[ts(type = "number")]
        offset: u64,
    },
    Decline {
        id: u32,
    },
    /// Everything before this is kept; at most [`super::MAX_WINDOW`] may be under way beyond.
    Ack {
        id: u32,
        #[ts(type = "number")]
        offset: u64,
    },
    /// Whole, right and in its place.
    Saved {
        id: u32,
    },
    /// It is not wanted any more, or cannot be kept.
    Stop {
        id: u32,
        reason: FileEnd,
    },
}

/// Why a file does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub enum FileEnd {
    /// One of the two did not want it any more.
    Cancelled,
    /// Larger than the receiver takes.
    TooLarge,
    /// More offers than the receiver looks at.
    TooMany,
    /// The receiver's disk is full.
    DiskFull,
    /// The receiver cannot write where files go.
    CannotWrite,
    /// The sender cannot read it, or it is no file.
    CannotRead,
    /// It became another one while it was sent.
    Changed,
    /// What came is not what was sent.
    WrongHash,
    /// The other side broke the rules.
    BrokeRules,
    /// Nothing moves any more.
    Stalled,
    /// The participant is gone.
    PeerLeft,
    /// There is no way for files to this participant.
    NoChannel,
    /// A reason that this version does not know, or a file that is not known.
    #[serde(other)]
    Unknown,
}

impl FileMessage {
    /// `None`: no message, or one of a later version.
    pub fn parse(text: &str) -> Option<Self> {
        let message: Self = serde_json::from_str(text).ok().filter(|_| text.len() <= MAX_TEXT)?;
        let plausible = match &message {
            Self::Offer { size, .. } => *size <= MAX_SIZE,
            Self::Accept { offset, .. } | Self::Ack { offset, .. } => *offset <= MAX_SIZE,
            Self::End { sha256, .. } => sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()),
            _ => true,
        };
        plausible.then_some(message)
    }

    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A piece as it travels: id and offset, both big-endian, then the bytes.
pub fn piece(id: u32, offset: u64, bytes: &[u8]) -> Vec<u8> {
    let mut piece = Vec::with_capacity(HEAD + bytes.len());
    piece.extend_from_slice(&id.to_be_bytes());
    piece.extend_from_slice(&offset.to_be_bytes());
    piece.extend_from_slice(bytes);
    piece
}

/// `None`: no piece.
pub fn read_piece(data: &[u8]) -> Option<(u32, u64, &[u8])> {
    let (id, rest) = data.split_first_chunk::<4>()?;
    let (offset, bytes) = rest.split_first_chunk::<8>()?;
    let offset = u64::from_be_bytes(*offset);
    (!bytes.is_empty() && bytes.len() <= MAX_PIECE && offset <= MAX_SIZE)
        .then(|| (u32::from_be_bytes(*id), offset, bytes))
}
