//! Retransmission: takes what the peer asks for, asks for what we miss. What is worth it is decided in `fika_rtp`.

use std::collections::HashMap;
use std::time::Instant;

use fika_rtp::nack::Generator;
use fika_rtp::rtx;
use rtc::interceptor::{Packet, StreamInfo};
use rtc::rtcp;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use tokio::sync::mpsc;

use super::stage::{Outgoing, Stage};
use super::{Hint, SharedLink, Ssrcs};
use crate::clock::SessionClock;

/// Numbers of one request that are looked at.
const MAX_REQUESTED: usize = 256;

/// Hands on what the peer has lost, and gives the copies that come back their own stream.
pub(super) struct Responder {
    link: SharedLink,
    clock: SessionClock,
    ssrcs: Ssrcs,
    hints: mpsc::Sender<Hint>,
}

impl Responder {
    pub(super) fn new(link: SharedLink, clock: SessionClock, ssrcs: Ssrcs, hints: mpsc::Sender<Hint>) -> Self {
        Self { link, clock, ssrcs, hints }
    }

    fn on_nack(&self, nack: &TransportLayerNack, now: Instant) {
        let requested = nack.nacks.iter().flat_map(|pair| (*pair).into_iter());
        let requested: Vec<u16> = requested.take(MAX_REQUESTED).collect();
        let mut link = self.link.lock();
        let rtt = link.round_trip.get();
        if link.outlet.on_nack(&requested, rtt, self.clock.at(now)) {
            let _ = self.hints.try_send(Hint::KeyframeRequested);
        }
    }
}

impl Stage for Responder {
    fn read(&mut self, packet: &mut Packet, now: Instant, _out: &mut Outgoing) -> bool {
        if let Packet::Rtcp(packets) = packet {
            for packet in packets.iter() {
                if let Some(nack) = packet.as_any().downcast_ref::<TransportLayerNack>()
                    && nack.media_ssrc == self.ssrcs.video
                {
                    self.on_nack(nack, now);
                }
            }
        }
        true
    }

    fn write(&mut self, packet: &mut Packet, _now: Instant) -> bool {
        if let Packet::Rtp(packet) = packet
            && packet.header.ssrc == self.ssrcs.video
        {
            let rtx = self.link.lock().video_payload.and_then(|payload| payload.rtx);
            if rtx == Some(packet.header.payload_type) {
                packet.header.ssrc = self.ssrcs.video_rtx;
            }
        }
        true
    }
}

/// Asks for video that we miss. Looks into RTX packets, so that what they bring is not asked for again.
pub(super) struct Requester {
    link: SharedLink,
    clock: SessionClock,
    hints: mpsc::Sender<Hint>,
    sender_ssrc: u32,
    streams: HashMap<u32, Generator>,
    /// RTX stream to the stream that it repairs.
    repairs: HashMap<u32, u32>,
    sequences: Vec<u16>,
}

impl Requester {
    pub(super) fn new(link: SharedLink, clock: SessionClock, hints: mpsc::Sender<Hint>) -> Self {
        let (streams, repairs) = (HashMap::new(), HashMap::new());
        Self { link, clock, hints, sender_ssrc: crate::random::u32(), streams, repairs, sequences: Vec::new() }
    }
}

impl Stage for Requester {
    fn read(&mut self, packet: &mut Packet, now: Instant, _out: &mut Outgoing) -> bool {
        let Packet::Rtp(packet) = packet else { return true };
        let ssrc = packet.header.ssrc;
        let at = self.clock.at(now);
        let (ssrc, copy) = match self.repairs.get(&ssrc) {
            Some(primary) => match rtx::unwrap(&packet.payload) {
                Some((sequence, _)) => (*primary, Some(sequence)),
                None => return true,
            },
            None => (ssrc, None),
        };
        if let Some(generator) = self.streams.get_mut(&ssrc) {
            match copy {
                Some(sequence) => generator.on_copy(sequence, at),
                None => generator.on_packet(packet.header.sequence_number, at),
            }
            if let Some(time) = generator.take_answered() {
                self.link.lock().round_trip.on_answered(time);
            }
            if generator.take_hopeless() {
                let _ = self.hints.try_send(Hint::KeyframeNeeded);
            }
        }
        true
    }

    fn timeout(&mut self, now: Instant, out: &mut Outgoing) {
        let at = self.clock.at(now);
        let rtt = self.link.lock().round_trip.get();
        for (ssrc, generator) in &mut self.streams {
            if let Some(rtt) = rtt {
                generator.set_rtt(rtt);
            }
            self.sequences.clear();
            generator.handle_timeout(at, &mut self.sequences);
            if self.sequences.is_empty() {
                continue;
            }
            self.link.lock().video_received.nacks += 1;
            let nack: Box<dyn rtcp::Packet> = Box::new(TransportLayerNack {
                sender_ssrc: self.sender_ssrc,
                media_ssrc: *ssrc,
                nacks: nack_pairs_from_sequence_numbers(&self.sequences),
            });
            out.push(Packet::Rtcp(vec![nack]));
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        let due = self.streams.values().filter_map(Generator::poll_timeout).min();
        due.map(|at| self.clock.instant(at))
    }

    fn bind_remote(&mut self, info: &StreamInfo) {
        let nack = info.rtcp_feedback.iter().any(|feedback| feedback.typ == "nack" && feedback.parameter.is_empty());
        // An RTX stream is bound by itself too, with the codec of the stream it repairs.
        if nack && !self.repairs.contains_key(&info.ssrc) {
            self.streams.insert(info.ssrc, Generator::default());
            if let Some(rtx) = info.ssrc_rtx {
                self.repairs.insert(rtx, info.ssrc);
            }
        }
    }

    fn unbind_remote(&mut self, info: &StreamInfo) {
        self.streams.remove(&info.ssrc);
        self.repairs.retain(|rtx, primary| *rtx != info.ssrc && *primary != info.ssrc);
    }
}
