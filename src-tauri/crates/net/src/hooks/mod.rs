//! What `rtp` decides, put into the interceptor chain of a peer connection. Each stage runs inside the connection's driver
//! task, under its lock: short, no waiting.
//!
//! The crate's own congestion control, pacer, NACK generator and responder are left out: the first two freeze the picture
//! when the rate falls, the latter ask for what RTX has already brought. Ours are in the [`Outlet`]. Slots are distances from the wire.

mod correct;
mod intake;
mod outlet;
mod repair;
mod stage;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fika_call::TrackKind;
use fika_rtp::clock::RtpClock;
use fika_rtp::congestion::Config;
use fika_rtp::stats::{Inbound, Outbound, RoundTrip};
use rtc::interceptor::{ReceiverReportBuilder, Registry, SenderReportBuilder, Slot, StreamInfo, TwccReceiverBuilder};
use tokio::sync::mpsc;

pub(crate) use intake::{Arrival, INTAKE_QUEUE};
pub(crate) use outlet::Outlet;

use crate::clock::SessionClock;
use crate::sdp::VideoPayload;

pub(crate) const TRANSPORT_CC_URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Full: the hint is left out; the same need comes up again.
pub(crate) const HINT_QUEUE: usize = 16;

/// What the stages tell the task of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// The peer asks us for a keyframe (rate-limited).
    KeyframeRequested,
    /// We lost so much that we need a keyframe of the peer.
    KeyframeNeeded,
    /// The path carries much less from now on.
    RateFallen,
}

/// SSRCs and clocks of what we send; drawn with the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ssrcs {
    pub(crate) audio: u32,
    pub(crate) video: u32,
    pub(crate) video_rtx: u32,
    pub(crate) audio_clock: RtpClock,
    pub(crate) video_clock: RtpClock,
}

/// What the stages share and the peer's task reads. One owner of the lock at a time, never across an await.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) audio_sent: Outbound,
    pub(crate) video_sent: Outbound,
    pub(crate) audio_received: Inbound,
    pub(crate) video_received: Inbound,
    pub(crate) round_trip: RoundTrip,
    pub(crate) outlet: Outlet,
    /// Negotiated id of abs-capture-time on what we send.
    pub(crate) capture_time_id: Option<u8>,
    /// What the peer takes; the answer of the negotiation.
    pub(crate) video_payload: Option<VideoPayload>,
    /// SSRC of the peer's video.
    pub(crate) remote_video: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct SharedLink(Arc<Mutex<Link>>);

impl SharedLink {
    pub(crate) fn new(config: Config) -> Self {
        Self(Arc::new(Mutex::new(Link {
            audio_sent: Outbound::default(),
            video_sent: Outbound::default(),
            audio_received: Inbound::new(48_000),
            video_received: Inbound::new(90_000),
            round_trip: RoundTrip::default(),
            outlet: Outlet::new(config),
            capture_time_id: None,
            video_payload: None,
            remote_video: None,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Link> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The chain of one connection.
pub(crate) fn registry(
    link: &SharedLink,
    clock: SessionClock,
    ssrcs: Ssrcs,
    arrivals: mpsc::Sender<Arrival>,
    hints: mpsc::Sender<Hint>,
) -> Registry {
    let stage = stage::Adapter::new;
    Registry::new()
        .with(Slot::CongestionControl, stage(wire::Wire::new(link.clone(), clock, ssrcs, hints.clone())))
        .with(
            Slot::NackResponder,
            stage::Adapter::new(repair::Responder::new(link.clone(), clock, ssrcs, hints.clone())),
        )
        .with(Slot::from(6_000), stage::Adapter::new(correct::Corrector::default()))
        .with(Slot::NackGenerator, stage::Adapter::new(repair::Requester::new(link.clone(), clock, hints)))
        .with(Slot::TwccReceiver, TwccReceiverBuilder::new().build())
        .with(Slot::ReceiverReport, ReceiverReportBuilder::new().build())
        .with(Slot::SenderReport, SenderReportBuilder::new().build())
        .with(Slot::from(13_500), stage::Adapter::new(intake::Intake::new(link.clone(), clock, arrivals)))
}

/// `None`: neither Opus nor H.264.
fn kind(info: &StreamInfo) -> Option<TrackKind> {
    if info.mime_type.eq_ignore_ascii_case("audio/opus") {
        Some(TrackKind::Audio)
    } else if info.mime_type.eq_ignore_ascii_case("video/h264") {
        Some(TrackKind::Video)
    } else {
        None
    }
}

fn extension_id(info: &StreamInfo, uri: &str) -> Option<u8> {
    info.rtp_header_extensions.iter().find(|extension| extension.uri == uri)?.id.try_into().ok()
}

#[cfg(test)]
mod tests;
