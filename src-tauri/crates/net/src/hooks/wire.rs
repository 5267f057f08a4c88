//! The stage next to the wire: numbers and records what leaves, reads what the peer reports.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fika_rtp::capture_time;
use fika_rtp::keyframe::Limiter;
use fika_rtp::stats::Report;
use rtc::interceptor::{Packet, StreamInfo};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::shared::marshal::MarshalSize;
use tokio::sync::mpsc;

use super::stage::{Outgoing, Stage};
use super::{Hint, Link, SharedLink, Ssrcs, TRANSPORT_CC_URI, extension_id};
use crate::clock::SessionClock;

/// Keyframes that a peer may ask for: at most one in this time.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);

pub(super) struct Wire {
    link: SharedLink,
    clock: SessionClock,
    ssrcs: Ssrcs,
    hints: mpsc::Sender<Hint>,
    /// Id of the transport-wide number on each stream that carries it.
    numbered: HashMap<u32, u8>,
    next_number: u64,
    keyframes: Limiter,
}

impl Wire {
    pub(super) fn new(link: SharedLink, clock: SessionClock, ssrcs: Ssrcs, hints: mpsc::Sender<Hint>) -> Self {
        Self {
            link,
            clock,
            ssrcs,
            hints,
            numbered: HashMap::new(),
            // Room below, so that a report about packets before the first is no special case.
            next_number: 1 << 16,
            keyframes: Limiter::new(KEYFRAME_INTERVAL),
        }
    }

    fn on_rtcp(&mut self, packet: &dyn rtcp::Packet, now: Instant) {
        let at = self.clock.at(now);
        let any = packet.as_any();
        let mut link = self.link.lock();
        if let Some(report) = any.downcast_ref::<ReceiverReport>() {
            self.on_reports(&mut link, &report.reports, at);
        } else if let Some(report) = any.downcast_ref::<SenderReport>() {
            self.on_reports(&mut link, &report.reports, at);
        } else if let Some(feedback) = any.downcast_ref::<TransportLayerCc>() {
            let rtt = link.round_trip.get();
            link.outlet.on_feedback(feedback, self.next_number, rtt, at);
        } else if let Some(nack) = any.downcast_ref::<TransportLayerNack>() {
            if nack.media_ssrc == self.ssrcs.video {
                link.video_sent.nacks += 1;
            } else if nack.media_ssrc == self.ssrcs.audio {
                link.audio_sent.nacks += 1;
            }
        } else if let Some(pli) = any.downcast_ref::<PictureLossIndication>() {
            if pli.media_ssrc == self.ssrcs.video {
                link.video_sent.plis += 1;
                drop(link);
                let due = self.keyframes.request(at);
                self.tell_keyframe(due);
            }
        } else if let Some(fir) = any.downcast_ref::<FullIntraRequest>()
            && fir.fir.iter().any(|entry| entry.ssrc == self.ssrcs.video)
        {
            link.video_sent.firs += 1;
            drop(link);
            let due = self.keyframes.request(at);
            self.tell_keyframe(due);
        }
    }

    fn on_reports(&self, link: &mut Link, reports: &[ReceptionReport], at: fika_media::Timestamp) {
        for report in reports {
            let read =
                |clock_rate| Report::from_wire(report.fraction_lost, report.total_lost, report.jitter, clock_rate);
            if report.ssrc == self.ssrcs.video {
                let read = read(90_000);
                link.outlet.control.handle_report(read.fraction_lost, at);
                link.video_sent.remote = Some(read);
            } else if report.ssrc == self.ssrcs.audio {
                link.audio_sent.remote = Some(read(48_000));
            } else {
                continue;
            }
            link.round_trip.on_report(report.last_sender_report, report.delay, at);
        }
    }

    /// The crate's reports say when packets leave; ours say when their media was captured, for which sound and picture
    /// take different times to get here.
    fn true_to_time(&self, report: &SenderReport, at: fika_media::Timestamp) -> SenderReport {
        let mut report = report.clone();
        let clock = if report.ssrc == self.ssrcs.audio { self.ssrcs.audio_clock } else { self.ssrcs.video_clock };
        report.ntp_time = self.clock.wall().ntp(at);
        report.rtp_time = clock.timestamp(at);
        report
    }

    fn tell_keyframe(&self, due: bool) {
        if due {
            let _ = self.hints.try_send(Hint::KeyframeRequested);
        }
    }
}

impl Stage for Wire {
    fn read(&mut self, packet: &mut Packet, now: Instant, _out: &mut Outgoing) -> bool {
        if let Packet::Rtcp(packets) = packet {
            for packet in packets.iter() {
                self.on_rtcp(packet.as_ref(), now);
            }
        }
        true
    }

    fn write(&mut self, packet: &mut Packet, now: Instant) -> bool {
        let at = self.clock.at(now);
        match packet {
            Packet::Rtp(packet) => {
                let ssrc = packet.header.ssrc;
                let number = self.numbered.get(&ssrc).is_some_and(|id| {
                    let number = Bytes::copy_from_slice(&(self.next_number as u16).to_be_bytes());
                    packet.header.set_extension(*id, number).is_ok()
                });
                let size = packet.header.marshal_size() + packet.payload.len();
                let mut link = self.link.lock();
                if number {
                    link.outlet.on_sent(packet, self.next_number, at);
                    self.next_number += 1;
                }
                if ssrc == self.ssrcs.video_rtx {
                    link.video_sent.retransmitted_packets += 1;
                    return true;
                }
                let sent = if ssrc == self.ssrcs.audio { &mut link.audio_sent } else { &mut link.video_sent };
                sent.packets += 1;
                sent.bytes += size as u64;
            }
            Packet::Rtcp(packets) => {
                for packet in packets.iter_mut() {
                    if let Some(report) = packet.as_any().downcast_ref::<SenderReport>() {
                        let report = self.true_to_time(report, at);
                        self.link.lock().round_trip.on_sender_report(report.ntp_time, at);
                        *packet = Box::new(report);
                    }
                }
            }
            _ => {}
        }
        true
    }

    fn timeout(&mut self, now: Instant, _out: &mut Outgoing) {
        let due = self.keyframes.handle_timeout(self.clock.at(now));
        self.tell_keyframe(due);
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.keyframes.poll_timeout().map(|at| self.clock.instant(at))
    }

    fn bind_local(&mut self, info: &StreamInfo) {
        if let Some(id) = extension_id(info, TRANSPORT_CC_URI) {
            self.numbered.insert(info.ssrc, id);
            // The crate binds the primary stream only; a retransmission is as many bytes on the path.
            if info.ssrc == self.ssrcs.video {
                self.numbered.insert(self.ssrcs.video_rtx, id);
            }
        }
        if info.ssrc == self.ssrcs.video {
            self.link.lock().capture_time_id = extension_id(info, capture_time::URI);
        }
    }
}
