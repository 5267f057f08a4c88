//! From arrival to playout: what a session delivers, and the buffers that decide when it plays.

pub mod audio;
mod delay;
pub mod video;

use bytes::Bytes;

use crate::{EncodedFrame, Timestamp};

/// One Opus packet as it arrived, in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioPacket {
    /// RTP sequence number, unwrapped (RFC 3550 appendix A.1).
    pub sequence: u64,
    /// RTP timestamp in samples of 48 kHz, unwrapped.
    pub timestamp: u64,
    pub arrived: Timestamp,
    /// When its first sample was captured, on the sender's clock, once the sender has said so (RTCP sender report).
    pub sender_time: Option<Timestamp>,
    pub payload: Bytes,
}

/// One H.264 access unit as it was completed, in decoding order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoUnit {
    /// `pts` is the RTP timestamp (90 kHz, unwrapped) in microseconds: media time of the sender, any origin.
    pub frame: EncodedFrame,
    /// Arrival of the first packet.
    pub arrived: Timestamp,
    /// Something before this unit is lost: it decodes only if it is a keyframe.
    pub after_gap: bool,
    /// When the sender captured it, on this machine's clock, where the sender said so (abs-capture-time).
    pub captured: Option<Timestamp>,
    /// The same on the sender's clock, once the sender has said so (RTCP sender report): the time line that it shares with
    /// the sender's sound.
    pub sender_time: Option<Timestamp>,
}
