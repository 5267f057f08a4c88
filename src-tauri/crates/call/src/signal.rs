//! Signalling messages: JSON text over one WebSocket at [`PATH`]. Documented in docs/protocol.md; shared with the page
//! by ts-rs. The server reads all but [`Sealed`] payloads, which only people with the link's secret can open.

use serde::{Deserialize, Serialize};

use crate::{ParticipantId, RoomId, TrackSource, VideoWant};

pub const PATH: &str = "/api/v1/signal";
pub const PROTOCOL_VERSION: u32 = 1;
/// Largest WebSocket message either side accepts, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// Longest name in characters; longer ones are refused.
pub const MAX_NAME: usize = 64;
/// Participants of one room.
pub const MAX_PARTICIPANTS: usize = 8;
/// Seconds between pings from either side; three missed ones mean gone.
pub const HEARTBEAT_SECONDS: u64 = 5;
/// Seconds for which the server keeps the seat of a participant whose connection broke.
pub const RESUME_SECONDS: u64 = 30;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ClientMessage {
    /// First message of a connection that wants a new room; answered by `created`. The connection may then join.
    Create {
        version: u32,
    },
    /// Takes a seat; answered by `joined` or `refused`. `resume` claims the seat of an earlier connection.
    Join {
        version: u32,
        room: RoomId,
        name: String,
        media: MediaState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        resume: Option<String>,
    },
    /// What the sender lets others see and hear now.
    SetMedia {
        media: MediaState,
    },
    /// Passed on to `to` unread.
    Signal {
        to: ParticipantId,
        payload: Sealed,
    },
    Leave,
    Ping,
}

impl ClientMessage {
    /// Reads what a client sent, or says with which words to refuse it. Of another protocol version only `version` has
    /// to be readable.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        if text.len() > MAX_MESSAGE {
            return Err(Refusal::BadMessage);
        }
        serde_json::from_str(text).map_err(|_| match serde_json::from_str(text) {
            Ok(Versioned { version }) if version != PROTOCOL_VERSION => Refusal::Version,
            _ => Refusal::BadMessage,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerMessage {
    Created {
        room: RoomId,
    },
    /// `resume` is the secret with which this seat can be claimed again.
    Joined {
        you: ParticipantId,
        resume: String,
        participants: Vec<ParticipantInfo>,
        ice_servers: Vec<IceServer>,
    },
    ParticipantJoined {
        participant: ParticipantInfo,
    },
    ParticipantChanged {
        participant: ParticipantInfo,
    },
    ParticipantLeft {
        participant: ParticipantId,
    },
    Signal {
        from: ParticipantId,
        payload: Sealed,
    },
    /// The last message before the server closes.
    Refused {
        reason: Refusal,
    },
    Pong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    RoomNotFound,
    RoomFull,
    TooManyRequests,
    BadMessage,
    /// The app is older or newer than the server speaks.
    Version,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantInfo {
    pub id: ParticipantId,
    pub name: String,
    pub media: MediaState,
    /// The signalling connection is broken and the seat is kept.
    pub away: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct MediaState {
    pub microphone: bool,
    pub camera: bool,
}

/// `urls` as in RFC 7064 and RFC 7065.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub credential: Option<String>,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IceServer({} urls)", self.urls.len())
    }
}

/// A [`PeerMessage`] under AES-256-GCM, base64url without padding: 12 bytes nonce, ciphertext, 16 bytes tag.
/// Key: HKDF-SHA256(ikm = link secret, salt = room id, info = "fika signal v1"), 32 bytes.
/// Additional data: `from "\n" to`, the server's participant ids, so that a message cannot be sent back or to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Sealed(pub String);

/// What two participants say to each other. `session` is drawn anew by the offerer for each peer connection, `seq`
/// counts each sender's messages in it from 0; a message out of order or of another session is dropped (no replay).
/// The description carries the DTLS fingerprint, so the seal authenticates it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct PeerMessage {
    pub session: String,
    pub seq: u32,
    pub body: PeerBody,
}

/// The participant whose id is smaller offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PeerBody {
    Offer {
        sdp: String,
    },
    Answer {
        sdp: String,
    },
    /// RFC 8840; `None` ends the list.
    Candidate {
        candidate: Option<String>,
        sdp_mid: Option<String>,
        sdp_m_line_index: Option<u16>,
    },
    /// How much of a video the receiver shows. Holds for 15 s, is said again every 5 s, and means everything where it has
    /// never been said. Who does not know these words goes on as before.
    WantVideo {
        source: TrackSource,
        want: VideoWant,
    },
    /// The sender of a fresh session has nothing to offer (it waits): asks the offerer to begin again.
    Restart,
}
