//! Statistics with the names and meanings of W3C webrtc-stats, put together once a second by the actor: what the session
//! counts (RTP) beside what the threads count (codecs, jitter buffers). Plain values; times are seconds.

use fika_call::session::{CandidateType, InboundStats, OutboundStats, PeerStats};
use fika_call::{ParticipantId, TrackKind, TrackSource};
use fika_media::playout::Lag;
use fika_media::{Timestamp, jitter};
use serde::Serialize;

/// One second's snapshot of a call. Serialises to the object of `fika-cli --stats` (docs/cli.md).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Microseconds of the engine's clock.
    pub timestamp: Timestamp,
    /// One for each participant with a media connection.
    pub connections: Vec<Connection>,
    pub tracks: Vec<Track>,
}

/// `RTCIceCandidatePairStats`, of the pair in use.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    pub participant: ParticipantId,
    pub current_round_trip_time: Option<f64>,
    /// Bits a second.
    pub available_outgoing_bitrate: Option<u32>,
    pub relayed: bool,
    /// `RTCIceCandidateStats.candidateType` of both ends.
    pub local_candidate_type: Option<CandidateType>,
    pub remote_candidate_type: Option<CandidateType>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "direction", rename_all = "camelCase")]
pub enum Track {
    Outbound(Box<Outbound>),
    Inbound(Box<Inbound>),
}

/// `RTCOutboundRtpStreamStats`, and the far side's `RTCRemoteInboundRtpStreamStats`: `fractionLost`, `packetsLost`,
/// `jitter`, `roundTripTime`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outbound {
    /// Who gets it.
    pub participant: ParticipantId,
    pub kind: TrackKind,
    pub source: TrackSource,
    pub bytes_sent: u64,
    pub packets_sent: u64,
    pub retransmitted_packets_sent: u64,
    pub nack_count: u64,
    pub pli_count: u64,
    pub fir_count: u64,
    pub fraction_lost: Option<f64>,
    pub packets_lost: Option<i64>,
    pub jitter: Option<f64>,
    pub round_trip_time: Option<f64>,
    /// Bits a second, for all that goes to this participant.
    pub available_outgoing_bitrate: Option<u32>,
    #[serde(flatten)]
    pub video: Option<VideoOut>,
    #[serde(flatten)]
    pub audio: Option<AudioOut>,
}

/// What the encode thread counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoOut {
    pub frames_encoded: u64,
    pub key_frames_encoded: u64,
    /// Raw pictures that were not encoded: a newer one came, the queue was full, or the ladder lowered the rate.
    pub frames_dropped: u64,
    pub frame_width: u32,
    pub frame_height: u32,
    /// Over the last second.
    pub frames_per_second: u32,
    pub total_encode_time: f64,
    /// Bits a second.
    pub target_bitrate: u32,
    pub encoder_implementation: &'static str,
    pub quality_limitation_reason: QualityLimitation,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum QualityLimitation {
    #[default]
    None,
    Bandwidth,
    Cpu,
}

/// What the audio thread counts of the microphone.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AudioOut {
    /// Opus packets that found the queue to the network full.
    pub packets_discarded_on_send: u64,
    /// Times that the microphone lost samples.
    pub capture_gaps: u64,
    /// 0 to 100, after voice processing.
    pub level: u8,
}

/// `RTCInboundRtpStreamStats`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inbound {
    /// Whose it is.
    pub participant: ParticipantId,
    pub kind: TrackKind,
    pub source: TrackSource,
    pub bytes_received: u64,
    pub packets_received: u64,
    pub packets_lost: i64,
    pub jitter: f64,
    pub nack_count: u64,
    pub pli_count: u64,
    /// What plays now: when it was captured, in milliseconds since 1900 on the sender's clock. The difference between two
    /// tracks of one participant is how far they lie apart.
    pub estimated_playout_timestamp: Option<f64>,
    #[serde(flatten)]
    pub video: Option<VideoIn>,
    #[serde(flatten)]
    pub audio: Option<AudioIn>,
}

/// What a decode thread counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoIn {
    #[serde(flatten)]
    pub buffer: jitter::video::Stats,
    pub frame_width: u32,
    pub frame_height: u32,
    /// Presented, over the last second.
    pub frames_per_second: u32,
    pub total_decode_time: f64,
    pub freeze_count: u64,
    pub total_freezes_duration: f64,
    pub decoder_implementation: &'static str,
    #[serde(skip)]
    pub(crate) lag: Option<Lag>,
}

/// What the audio thread counts of a remote track.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AudioIn {
    #[serde(flatten)]
    pub buffer: jitter::audio::Stats,
    /// 0 to 100.
    pub level: u8,
    #[serde(skip)]
    pub(crate) lag: Option<Lag>,
}

impl Connection {
    pub(crate) fn new(participant: &ParticipantId, stats: &PeerStats) -> Self {
        Self {
            participant: participant.clone(),
            current_round_trip_time: stats.round_trip_time.map(|time| time.as_secs_f64()),
            available_outgoing_bitrate: stats.available_outgoing_bitrate,
            relayed: stats.relayed(),
            local_candidate_type: stats.pair.map(|pair| pair.local),
            remote_candidate_type: stats.pair.map(|pair| pair.remote),
        }
    }
}

impl Outbound {
    pub(crate) fn new(participant: &ParticipantId, rtp: &OutboundStats, peer: &PeerStats) -> Self {
        Self {
            participant: participant.clone(),
            kind: rtp.source.kind(),
            source: rtp.source,
            bytes_sent: rtp.bytes_sent,
            packets_sent: rtp.packets_sent,
            retransmitted_packets_sent: rtp.retransmitted_packets_sent,
            nack_count: rtp.nack_count,
            pli_count: rtp.pli_count,
            fir_count: rtp.fir_count,
            fraction_lost: rtp.fraction_lost,
            packets_lost: rtp.remote_packets_lost,
            jitter: rtp.remote_jitter.map(|time| time.as_secs_f64()),
            round_trip_time: peer.round_trip_time.map(|time| time.as_secs_f64()),
            available_outgoing_bitrate: peer.available_outgoing_bitrate,
            video: None,
            audio: None,
        }
    }
}

impl Inbound {
    pub(crate) fn new(participant: &ParticipantId, rtp: &InboundStats) -> Self {
        Self {
            participant: participant.clone(),
            kind: rtp.source.kind(),
            source: rtp.source,
            bytes_received: rtp.bytes_received,
            packets_received: rtp.packets_received,
            packets_lost: rtp.packets_lost,
            jitter: rtp.jitter.as_secs_f64(),
            nack_count: rtp.nack_count,
            pli_count: rtp.pli_count,
            estimated_playout_timestamp: None,
            video: None,
            audio: None,
        }
    }
    /// As of `now`.
    pub(crate) fn estimate_playout(&mut self, now: Timestamp) {
        let video = self.video.as_ref().and_then(|video| video.lag);
        let lag = video.or(self.audio.as_ref().and_then(|audio| audio.lag));
        self.estimated_playout_timestamp = lag.map(|lag| lag.playing(now).as_micros() as f64 / 1000.0);
    }
}
