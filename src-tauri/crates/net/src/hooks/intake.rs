//! The stage next to the application: takes media out of the chain into the channel of the task that reads it.

use std::collections::HashMap;
use std::time::Instant;

use fika_call::TrackKind;
use fika_rtp::clock::SenderClock;
use fika_rtp::{capture_time, fec, rtx};
use rtc::interceptor::{Packet, StreamInfo};
use rtc::rtcp::sender_report::SenderReport;
use rtc::shared::marshal::MarshalSize;
use tokio::sync::mpsc;

use super::stage::{Outgoing, Stage};
use super::{SharedLink, extension_id, kind};
use crate::clock::SessionClock;

/// Packets between the driver and the task that reads them: a second of video. Full: they are lost like on the path.
pub(crate) const INTAKE_QUEUE: usize = 512;

#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) kind: TrackKind,
    pub(crate) packet: fika_rtp::Packet,
}

#[derive(Clone, Copy, Debug)]
struct Stream {
    kind: TrackKind,
    capture_time_id: Option<u8>,
    clock_rate: u32,
    /// As of the peer's last report.
    clock: Option<SenderClock>,
    /// Carries retransmissions of that stream.
    repairs: Option<u32>,
}

pub(super) struct Intake {
    link: SharedLink,
    clock: SessionClock,
    arrivals: mpsc::Sender<Arrival>,
    streams: HashMap<u32, Stream>,
}

impl Intake {
    pub(super) fn new(link: SharedLink, clock: SessionClock, arrivals: mpsc::Sender<Arrival>) -> Self {
        Self { link, clock, arrivals, streams: HashMap::new() }
    }

    fn on_report(&mut self, report: &SenderReport) {
        if let Some(stream) = self.streams.get_mut(&report.ssrc) {
            stream.clock = Some(SenderClock::new(report.ntp_time, report.rtp_time, stream.clock_rate));
        }
    }
}

impl Stage for Intake {
    /// RTP ends here: nothing reads the crate's tracks, and its depacketisers must not see it.
    fn read(&mut self, packet: &mut Packet, now: Instant, _out: &mut Outgoing) -> bool {
        let packet = match packet {
            Packet::Rtp(packet) => packet,
            Packet::Rtcp(packets) => {
                let reports = packets.iter().filter_map(|packet| packet.as_any().downcast_ref());
                reports.for_each(|report| self.on_report(report));
                return true;
            }
            _ => return true,
        };
        let Some(stream) = self.streams.get(&packet.header.ssrc).copied() else { return false };
        let size = packet.header.marshal_size() + packet.payload.len();
        let (sequence, payload) = if stream.repairs.is_some() {
            let Some(original) = rtx::unwrap(&packet.payload) else { return false };
            // Its stage has seen it.
            if fec::Decoder::is_repair(&original.1) {
                return false;
            }
            original
        } else {
            (packet.header.sequence_number, packet.payload.clone())
        };
        let arrived = self.clock.at(now);
        let captured = stream
            .capture_time_id
            .and_then(|id| packet.header.get_extension(id))
            .and_then(|data| self.clock.wall().from_extension(&data, arrived));
        {
            let mut link = self.link.lock();
            let received = match stream.kind {
                TrackKind::Audio => &mut link.audio_received,
                TrackKind::Video => &mut link.video_received,
            };
            received.on_packet(sequence, packet.header.timestamp, size, stream.repairs.is_some(), arrived);
        }
        let (timestamp, marker) = (packet.header.timestamp, packet.header.marker);
        let original = stream.repairs.map_or(Some(&stream), |original| self.streams.get(&original));
        let sender_time = original.and_then(|stream| stream.clock).map(|clock| clock.at(timestamp));
        let packet = fika_rtp::Packet { sequence, timestamp, marker, payload, arrived, captured, sender_time };
        let _ = self.arrivals.try_send(Arrival { kind: stream.kind, packet });
        false
    }

    fn bind_remote(&mut self, info: &StreamInfo) {
        let Some(kind) = kind(info) else { return };
        let (capture_time_id, clock_rate) = (extension_id(info, capture_time::URI), info.clock_rate);
        let stream = Stream { kind, capture_time_id, clock_rate, clock: None, repairs: None };
        if let Some(rtx) = info.ssrc_rtx {
            self.streams.insert(rtx, Stream { repairs: Some(info.ssrc), ..stream });
        }
        // Bound after its primary stream, with the same codec: it stays what it is.
        self.streams.entry(info.ssrc).or_insert(stream);
        if kind == TrackKind::Video && self.streams[&info.ssrc].repairs.is_none() {
            self.link.lock().remote_video = Some(info.ssrc);
        }
    }

    fn unbind_remote(&mut self, info: &StreamInfo) {
        self.streams.remove(&info.ssrc);
    }
}
