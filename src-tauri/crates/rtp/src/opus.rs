//! Opus in RTP (RFC 7587): one packet, one payload; the clock is 48 kHz whatever the sample rate.

use fika_media::jitter::AudioPacket;

use crate::Packet;
use crate::unwrap::{RtpTime, Sequence};

pub const CLOCK_RATE: u32 = 48_000;
/// Largest packet that is taken, in bytes: 120 ms at 510 kbit/s are less than eight times this, and ours are 20 ms.
pub const MAX_PACKET: usize = 1500;

/// Runs in the task that receives a peer's media. Reordering and playout are the jitter buffer's.
#[derive(Debug, Default)]
pub struct Depacketizer {
    sequence: Sequence,
    time: RtpTime,
}

impl Depacketizer {
    /// `None`: empty (padding), too long, or of another stream.
    pub fn handle_packet(&mut self, packet: Packet) -> Option<AudioPacket> {
        if packet.payload.is_empty() || packet.payload.len() > MAX_PACKET {
            return None;
        }
        Some(AudioPacket {
            sequence: self.sequence.unwrap(packet.sequence)?,
            timestamp: self.time.unwrap(packet.timestamp),
            arrived: packet.arrived,
            sender_time: packet.sender_time,
            payload: packet.payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fika_media::Timestamp;

    use super::*;

    fn packet(sequence: u16, timestamp: u32, size: usize) -> Packet {
        let payload = Bytes::from(vec![0x78; size]);
        let arrived = Timestamp::from_millis(5);
        Packet { sequence, timestamp, marker: false, payload, arrived, captured: None, sender_time: None }
    }

    #[test]
    fn numbers_are_unwrapped_and_odd_payloads_refused() {
        let mut opus = Depacketizer::default();
        let first = opus.handle_packet(packet(65535, u32::MAX - 959, 40)).unwrap();
        let second = opus.handle_packet(packet(0, 0, 40)).unwrap();
        assert_eq!(second.sequence - first.sequence, 1);
        assert_eq!(second.timestamp - first.timestamp, 960);
        assert_eq!(second.arrived, Timestamp::from_millis(5));
        assert!(opus.handle_packet(packet(1, 960, 0)).is_none());
        assert!(opus.handle_packet(packet(1, 960, MAX_PACKET + 1)).is_none());
    }
}
