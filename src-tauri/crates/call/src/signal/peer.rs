//! What two participants say to each other, under the seal: the server cannot read it.

use serde::{Deserialize, Serialize};

use crate::{TrackSource, VideoWant};

/// What two participants say to each other. `session` is drawn anew by the offerer for each peer connection, `seq`
/// counts each sender's messages in it from 0; a message out of order or of another session is dropped (no replay).
/// The description carries the DTLS fingerprint, so the seal authenticates it, and so does the binding beside it.
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        binding: Option<Binding>,
    },
    Answer {
        sdp: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        binding: Option<Binding>,
    },
    /// The offerer shows what its offer's binding committed to, when it has the answer's: the words are known now. Who does
    /// not know these words goes on without.
    Reveal { nonce: String },
    /// RFC 8840; `None` ends the list.
    Candidate { candidate: Option<String>, sdp_mid: Option<String>, sdp_m_line_index: Option<u16> },
    /// How much of a video the receiver shows. Holds for 15 s, is said again every 5 s, and means everything where it has
    /// never been said. Who does not know these words goes on as before.
    WantVideo { source: TrackSource, want: VideoWant },
    /// The sender of a fresh session has nothing to offer (it waits): asks the offerer to begin again.
    Restart,
}

/// Its sender's signature over the certificate of a description, for one room, pair, session and direction
/// (docs/protocol.md, "Who somebody is"). Keys and numbers are base64url without padding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// Ed25519, of whoever signs.
    pub key: String,
    /// The key is kept: the next call comes with the same.
    pub lasting: bool,
    /// X25519, for this connection.
    pub ephemeral: String,
    /// In an offer the commitment to a nonce, in an answer a nonce. 32 bytes.
    pub share: String,
    /// Seconds since 1970.
    pub expires: u32,
    pub signature: String,
}
