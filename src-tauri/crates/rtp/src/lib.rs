//! An encoded frame's way between codec and socket, as rules without a socket: H.264 and Opus payload formats, sequence
//! and timestamp arithmetic, loss repair, congestion control and transport statistics.
//!
//! Pure: told the time, owns no thread, clock, socket or random numbers. `net` runs it inside the interceptors of a peer
//! connection and in the task that receives a peer's media. Every buffer is bounded; each type says what full means.

pub mod capture_time;
pub mod clock;
pub mod congestion;
pub mod fec;
pub mod framing;
pub mod h264;
pub mod jitter;
pub mod keyframe;
pub mod nack;
pub mod opus;
pub mod rtx;
pub mod stats;
pub mod unwrap;

/// One RTP packet as it arrived, without its transport: what the payload formats need of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: bytes::Bytes,
    pub arrived: fika_media::Timestamp,
    /// From the abs-capture-time extension, on this machine's clock.
    pub captured: Option<fika_media::Timestamp>,
    /// Captured, on the sender's clock: known once the sender has reported.
    pub sender_time: Option<fika_media::Timestamp>,
}

/// Largest RTP payload that we send, in bytes: with 12 bytes of header, 20 of extensions, 2 of RTX and 16 of SRTP tag the
/// datagram stays within 1200 bytes, which every path carries.
pub const MAX_PAYLOAD: usize = 1150;
