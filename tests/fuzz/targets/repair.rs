//! Packets and repairs of a hostile peer against the decoder of forward error correction.
//!
//! Input: records of flags (1 byte: bit 7 a repair, bits 0-6 sequence number), length (1 byte) and payload.
#![no_main]

use bytes::Bytes;
use fika_rtp::fec::{Decoder, MARK, Protected};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::default();
    let mut rest = data;
    while let [flags, length, tail @ ..] = rest {
        let (payload, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        let back = if flags & 0x80 != 0 {
            let mut repair = payload.to_vec();
            repair.insert(0, MARK);
            decoder.on_repair(&repair)
        } else {
            let sequence = u16::from(flags & 0x7f).wrapping_sub(64);
            let payload = Bytes::copy_from_slice(payload);
            decoder.on_packet(Protected { sequence, marker: false, timestamp: 0, payload })
        };
        assert!(back.len() <= 32 && back.iter().all(|packet| !packet.payload.is_empty()));
    }
});
