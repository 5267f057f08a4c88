//! RTP payloads of a hostile peer, in any order, against the H.264 and Opus depacketisers.
//!
//! Input: records of flags (1 byte: bits 0-3 sequence step less 4, bit 4 marker, bit 5 new timestamp, bit 6 time passes),
//! length (1 byte) and payload.
#![no_main]

use bytes::Bytes;
use fika_media::Timestamp;
use fika_media::h264::gate::MAX_ACCESS_UNIT;
use fika_rtp::{Packet, h264, opus};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut video = h264::Depacketizer::new(h264::Config::default());
    let mut audio = opus::Depacketizer::default();
    let (mut sequence, mut timestamp, mut now) = (65_500_u16, u32::MAX - 9_000, Timestamp::ZERO);
    let mut rest = data;
    while let [flags, length, tail @ ..] = rest {
        let (payload, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        sequence = sequence.wrapping_add(u16::from(flags & 15)).wrapping_sub(4);
        timestamp = timestamp.wrapping_add(u32::from(flags >> 5 & 1) * 3_000);
        now = Timestamp(now.0 + i64::from(flags >> 6 & 1) * 20_000);
        let packet = Packet {
            sequence,
            timestamp,
            marker: flags & 16 != 0,
            payload: Bytes::copy_from_slice(payload),
            arrived: now,
            captured: None,
            sender_time: Some(now),
        };
        audio.handle_packet(packet.clone());
        video.handle_packet(packet, now);
        while let Some(unit) = video.poll_unit() {
            assert!(unit.frame.payload.len() <= MAX_ACCESS_UNIT);
        }
    }
    let end = Timestamp(now.0 + 10_000_000);
    video.handle_timeout(end);
    while video.poll_unit().is_some() {}
    assert_eq!(video.poll_timeout(), None, "nothing waits for ever");
});
