//! Calls over the network: peer-to-peer WebRTC connections to everybody in a room, and the signalling that sets them up.
//!
//! Everything here runs on the tokio runtime of the caller. RTP never leaves this crate and `fika-rtp`: encoded frames go
//! in, encoded frames and events come out, through the bounded channels of a [`Session`].

mod changes;
mod clock;
mod filter;
mod hooks;
pub mod mesh;
mod peer;
mod random;
mod relay;
pub mod ring;
mod sdp;
mod session;
pub mod signal;
mod trust;

pub use session::{
    ARRIVED_QUEUE, AUDIO_QUEUE, COMMAND_QUEUE, DATA_QUEUE, EVENT_QUEUE, INCOMING_QUEUE, IncomingMedia, IncomingTrack,
    Session, TRACK_QUEUE, VIDEO_QUEUE,
};

pub use trust::{Trust, TrustError};

/// The WebRTC crates name addresses in their logs, and the one that checks certificates names servers: a shell adds these directives to its filter.
pub const LOG_DIRECTIVES: &str = "webrtc=off,rtc=off,rtc_dtls=off,rtc_ice=off,rtc_interceptor=off,rtc_mdns=off,\
    rtc_rtp=off,rtc_rtcp=off,rtc_sctp=off,rtc_sdp=off,rtc_srtp=off,rtc_stun=off,rtc_turn=off,\
    rustls_platform_verifier=off";
