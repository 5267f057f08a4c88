//! Brings back video packets of the peer from its repairs (`fika_rtp::fec`), before anybody asks for them again.

use std::collections::HashMap;
use std::time::Instant;

use fika_call::TrackKind;
use fika_rtp::fec::{Decoder, Protected};
use fika_rtp::rtx;
use rtc::interceptor::{Packet, StreamInfo};
use rtc::rtp;

use super::kind;
use super::stage::{Outgoing, Stage};

#[derive(Debug, Default)]
struct Stream {
    decoder: Decoder,
    payload_type: u8,
}

/// Repairs themselves go on inward, as retransmissions of packets that are known: their numbers are reported.
#[derive(Debug, Default)]
pub(super) struct Corrector {
    streams: HashMap<u32, Stream>,
    /// Retransmissions to the stream that they repair.
    repairs: HashMap<u32, u32>,
    found: Vec<Packet>,
}

impl Stage for Corrector {
    fn read(&mut self, packet: &mut Packet, _now: Instant, _out: &mut Outgoing) -> bool {
        let Packet::Rtp(packet) = packet else { return true };
        let header = &packet.header;
        let protected =
            |sequence, payload| Protected { sequence, marker: header.marker, timestamp: header.timestamp, payload };
        let primary = self.repairs.get(&header.ssrc).copied();
        let ssrc = primary.unwrap_or(header.ssrc);
        let Some(stream) = self.streams.get_mut(&ssrc) else { return true };
        let back = if primary.is_some() {
            let Some((sequence, payload)) = rtx::unwrap(&packet.payload) else { return true };
            if Decoder::is_repair(&payload) {
                stream.decoder.on_repair(&payload)
            } else {
                stream.decoder.on_packet(protected(sequence, payload))
            }
        } else {
            stream.payload_type = header.payload_type;
            stream.decoder.on_packet(protected(header.sequence_number, packet.payload.clone()))
        };
        let payload_type = stream.payload_type;
        self.found.extend(back.into_iter().map(|Protected { sequence, marker, timestamp, payload }| {
            let header = rtp::Header {
                version: 2,
                marker,
                payload_type,
                sequence_number: sequence,
                timestamp,
                ssrc,
                ..Default::default()
            };
            Packet::Rtp(rtp::Packet { header, payload })
        }));
        true
    }

    fn found(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.found)
    }

    fn bind_remote(&mut self, info: &StreamInfo) {
        if kind(info) == Some(TrackKind::Video) && !self.repairs.contains_key(&info.ssrc) {
            self.streams.insert(info.ssrc, Stream::default());
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
