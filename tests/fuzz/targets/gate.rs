//! Access units of a hostile peer against the gate, and what the gate lets pass against the decoder.
//!
//! Input: access units, each behind its length (2 bytes, big-endian).
#![no_main]

use bytes::Bytes;
use fika_media::h264::{Decoder, Gate};
use fika_media::{EncodedFrame, Resolution, Timestamp, VideoDecoder};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Small pictures keep it fast; the limit itself is one of the rules under test.
    let limit = Resolution::new(320, 192);
    let mut gate = Gate::new(limit);
    let mut decoder = Decoder::new(Gate::new(limit));
    let mut passed = Vec::new();
    let mut rest = data;
    while let [high, low, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (unit, tail) = tail.split_at(length);
        rest = tail;
        let _ = gate.pass(unit, &mut passed);
        let frame = EncodedFrame { payload: Bytes::copy_from_slice(unit), ..frame() };
        if let Ok(Some(picture)) = decoder.decode(&frame) {
            let size = picture.size();
            assert!(size.width.max(size.height) <= 320 && size.width.min(size.height) <= 192, "{size:?}");
        }
    }
});

fn frame() -> EncodedFrame {
    EncodedFrame { pts: Timestamp::ZERO, keyframe: false, payload: Bytes::new() }
}
