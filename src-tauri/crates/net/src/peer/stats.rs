//! The counters of a connection with their W3C names. A copy is made once a second, in the peer's task.

use std::sync::Arc;
use std::time::Instant;

use fika_call::TrackSource;
use fika_call::session::{CandidatePair, CandidateType, InboundStats, OutboundStats, PeerStats};
use fika_rtp::stats::{Inbound, Outbound};
use rtc::peer_connection::transport::RTCIceCandidateType;
use webrtc::peer_connection::{PeerConnection, RTCStatsReportEntry, StatsSelector};

use crate::hooks::Link;

pub(super) fn read(link: &Link, pair: Option<CandidatePair>) -> PeerStats {
    PeerStats {
        round_trip_time: link.round_trip.get(),
        available_outgoing_bitrate: Some(link.outlet.control.target()),
        pair,
        outbound: vec![
            outbound(TrackSource::Microphone, &link.audio_sent),
            outbound(TrackSource::Camera, &link.video_sent),
        ],
        inbound: vec![
            inbound(TrackSource::Microphone, &link.audio_received),
            inbound(TrackSource::Camera, &link.video_received),
        ],
    }
}

/// The kinds of the pair in use.
pub(super) async fn pair(connection: &Arc<dyn PeerConnection>) -> Option<CandidatePair> {
    let report = connection.get_stats(Instant::now(), StatsSelector::None).await;
    let selected = report.iter().find_map(|entry| match entry {
        RTCStatsReportEntry::Transport(transport) => Some(&transport.selected_candidate_pair_id),
        _ => None,
    })?;
    let pair = report.iter().find_map(|entry| match entry {
        RTCStatsReportEntry::IceCandidatePair(pair) if pair.stats.id == *selected => Some(pair),
        _ => None,
    })?;
    // A candidate's id in the report is the pair's with a word before it. One that is not in the report was told by nobody:
    // the connectivity checks themselves found it.
    let kind = |id: &str, word: &str| {
        let found = report.iter().find_map(|entry| match entry {
            RTCStatsReportEntry::LocalCandidate(candidate) | RTCStatsReportEntry::RemoteCandidate(candidate) => {
                let named = candidate.stats.id.strip_prefix(word) == Some(id);
                named.then_some(candidate.candidate_type)
            }
            _ => None,
        });
        found.map_or(Some(CandidateType::Prflx), candidate_type)
    };
    Some(CandidatePair {
        local: kind(&pair.local_candidate_id, "RTCLocalIceCandidate_")?,
        remote: kind(&pair.remote_candidate_id, "RTCRemoteIceCandidate_")?,
    })
}

fn candidate_type(kind: RTCIceCandidateType) -> Option<CandidateType> {
    Some(match kind {
        RTCIceCandidateType::Host => CandidateType::Host,
        RTCIceCandidateType::Srflx => CandidateType::Srflx,
        RTCIceCandidateType::Prflx => CandidateType::Prflx,
        RTCIceCandidateType::Relay => CandidateType::Relay,
        _ => return None,
    })
}

fn outbound(source: TrackSource, sent: &Outbound) -> OutboundStats {
    OutboundStats {
        source,
        bytes_sent: sent.bytes,
        packets_sent: sent.packets,
        retransmitted_packets_sent: sent.retransmitted_packets,
        nack_count: sent.nacks,
        pli_count: sent.plis,
        fir_count: sent.firs,
        fraction_lost: sent.remote.map(|report| report.fraction_lost),
        remote_packets_lost: sent.remote.map(|report| report.packets_lost),
        remote_jitter: sent.remote.map(|report| report.jitter),
    }
}

fn inbound(source: TrackSource, received: &Inbound) -> InboundStats {
    InboundStats {
        source,
        bytes_received: received.bytes,
        packets_received: received.packets,
        packets_lost: received.packets_lost(),
        jitter: received.jitter(),
        nack_count: received.nacks,
        pli_count: received.plis,
    }
}
