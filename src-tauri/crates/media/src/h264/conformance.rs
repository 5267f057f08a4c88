//! What every encoder and decoder of pictures must do, run over each pair.

use std::time::Duration;

use crate::h264::{self, encode};
use crate::marker;
use crate::test::{Pattern, psnr};
use crate::{EncodedFrame, I420, Resolution, Timestamp, VideoDecoder, VideoEncoder, VideoFrame};

const PROFILES: [encode::Profile; 2] = [encode::Profile::Baseline, encode::Profile::Main];
const FRAME: Duration = Duration::from_micros(33_333);

type MakeEncoder = fn(encode::Config) -> Box<dyn VideoEncoder>;
type MakeDecoder = fn() -> Box<dyn VideoDecoder>;

const ENCODERS: [(&str, MakeEncoder); 1] = [("openh264", |config| Box::new(h264::Encoder::new(config).unwrap()))];
const DECODERS: [(&str, MakeDecoder); 1] = [("openh264", || Box::<h264::Decoder>::default())];

fn config(width: u32, height: u32, bitrate: u32, profile: encode::Profile) -> encode::Config {
    encode::Config { resolution: Resolution::new(width, height), frame_rate: 30.0, bitrate, profile }
}

/// Runs `check` for every encoder, decoder and profile.
fn for_all(check: impl Fn(&str, MakeEncoder, MakeDecoder, encode::Profile)) {
    for (encoder_name, encoder) in ENCODERS {
        for (decoder_name, decoder) in DECODERS {
            for profile in PROFILES {
                check(&format!("{encoder_name} to {decoder_name}, {profile:?}"), encoder, decoder, profile);
            }
        }
    }
}

struct Source {
    pattern: Pattern,
    now: Timestamp,
}

impl Source {
    fn new(width: u32, height: u32) -> Self {
        Self { pattern: Pattern::new(Resolution::new(width, height), 30), now: Timestamp::from_millis(77_000) }
    }

    fn grained(width: u32, height: u32) -> Self {
        let plain = Self::new(width, height);
        Self { pattern: plain.pattern.with_grain(6), ..plain }
    }

    fn next(&mut self) -> VideoFrame {
        self.now = self.now + FRAME;
        self.pattern.frame(self.now)
    }
}

#[test]
fn pictures_come_back_at_once_and_look_alike() {
    for_all(|name, encoder, decoder, profile| {
        for (width, height) in [(640, 360), (320, 180), (180, 320), (176, 144), (66, 34), (16, 16)] {
            let (mut encoder, mut decoder) = (encoder(config(width, height, 1_500_000, profile)), decoder());
            let mut source = Source::new(width, height);
            let mut worst = f64::MAX;
            for number in 0..30 {
                let frame = source.next();
                let encoded = encoder.encode(&frame, false).unwrap().expect("no skip at this rate");
                assert_eq!(encoded.keyframe, number == 0, "{name} {width}x{height} {number}");
                assert_eq!(encoded.pts, frame.pts);
                let shown = decoder.decode(&encoded).unwrap().expect("no delay");
                assert_eq!(shown.pts, frame.pts);
                worst = worst.min(psnr(&frame.image, &shown.image).expect("same size"));
                if width >= 320 {
                    let (sent, received) = (marker::read(&frame.image), marker::read(&shown.image));
                    assert_eq!(sent, received, "{name} {width}x{height} {number}");
                }
            }
            assert!(worst > 33.0, "{name} {width}x{height}: {worst:.1} dB");
        }
    });
}

#[test]
fn odd_sizes_lose_one_row_or_column() {
    for_all(|name, encoder, decoder, profile| {
        let (mut encoder, mut decoder) = (encoder(config(321, 181, 1_000_000, profile)), decoder());
        let mut source = Source::new(321, 181);
        for _ in 0..3 {
            let frame = source.next();
            let shown = decoder.decode(&encoder.encode(&frame, false).unwrap().unwrap()).unwrap().unwrap();
            assert_eq!(shown.size(), Resolution::new(320, 180), "{name}");
            let mut cropped = I420::black(shown.size());
            let from = frame.image.planes().0;
            for (line, row) in cropped.planes_mut().0.chunks_exact_mut(320).enumerate() {
                row.copy_from_slice(&from[line * 321..line * 321 + 320]);
            }
            let quality = psnr(&cropped, &shown.image).unwrap();
            assert!(quality > 33.0, "{name}: {quality:.1} dB");
        }
    });
}

#[test]
fn too_small_and_too_large_sizes_are_refused() {
    for (width, height) in [(0, 0), (15, 16), (16, 15), (3841, 100), (2200, 2200)] {
        assert!(h264::Encoder::new(config(width, height, 1_000_000, encode::Profile::Main)).is_err());
    }
}

#[test]
fn a_keyframe_comes_when_it_is_asked_for_and_only_then() {
    for_all(|name, encoder, _, profile| {
        let mut encoder = encoder(config(320, 180, 500_000, profile));
        let mut source = Source::new(320, 180);
        let made: Vec<_> = (0..100)
            .filter(|n| encoder.encode(&source.next(), *n == 40).unwrap().is_some_and(|e| e.keyframe))
            .collect();
        assert_eq!(made.len(), 2, "{name}: {made:?}");
        assert_eq!(made[0], 0);
        assert!((40..45).contains(&made[1]), "{name}: {made:?}");
    });
}

#[test]
fn every_keyframe_of_a_long_call_is_decoded() {
    for_all(|name, encoder, decoder, profile| {
        let mut encoder = encoder(config(320, 180, 5_000_000, profile));
        let mut source = Source::new(320, 180);
        let mut decoder = decoder();
        for number in 0..40 {
            let frame = encoder.encode(&source.next(), true).unwrap().unwrap();
            assert!(frame.keyframe, "{name}: {number}");
            let shown = decoder.decode(&frame).unwrap_or_else(|error| panic!("{name}: {number}: {error}"));
            assert!(shown.is_some(), "{name}: {number}");
        }
    });
}

#[test]
fn a_decoder_can_start_at_any_keyframe() {
    for_all(|name, encoder, decoder, profile| {
        let mut encoder = encoder(config(320, 180, 500_000, profile));
        let mut source = Source::new(320, 180);
        let mut decoder = decoder();
        for number in 0..20 {
            let frame = source.next();
            let Some(encoded) = encoder.encode(&frame, number == 10).unwrap() else { continue };
            match decoder.decode(&encoded) {
                _ if number == 0 => decoder = DECODERS[0].1(),
                Ok(Some(shown)) => assert!(number >= 10 && psnr(&frame.image, &shown.image).unwrap() > 30.0, "{name}"),
                Ok(None) => panic!("{name}: {number}"),
                Err(_) => assert!(number < 10, "{name}: {number}"),
            }
        }
    });
}

#[test]
fn a_lost_picture_is_reported_until_the_next_keyframe() {
    for_all(|name, encoder, decoder, profile| {
        let (mut encoder, mut decoder) = (encoder(config(320, 180, 2_000_000, profile)), decoder());
        let mut source = Source::new(320, 180);
        for number in 0..20 {
            let frame = source.next();
            let encoded = encoder.encode(&frame, number == 12).unwrap().unwrap();
            if number == 6 {
                continue;
            }
            let decoded = decoder.decode(&encoded);
            match number {
                0..6 | 12.. => {
                    let quality = psnr(&decoded.unwrap().unwrap().image, &frame.image).unwrap();
                    assert!(quality > 33.0, "{name}: {quality} at {number}");
                }
                _ => assert!(decoded.is_err(), "{name}: {number}"),
            }
        }
    });
}

/// Bits a second over three seconds at 30 pictures a second, and the pictures skipped.
fn rate(encoder: &mut dyn VideoEncoder, source: &mut Source) -> (f64, usize) {
    // The rate control may take a second to settle.
    for _ in 0..30 {
        encoder.encode(&source.next(), false).unwrap();
    }
    let made: Vec<_> = (0..90).map(|_| encoder.encode(&source.next(), false).unwrap()).collect();
    let bytes: usize = made.iter().flatten().map(|e| e.payload.len()).sum();
    assert!(made.iter().flatten().all(|e| !e.keyframe), "a rate change makes no keyframe");
    (bytes as f64 * 8.0 / 3.0, made.iter().filter(|e| e.is_none()).count())
}

#[test]
fn the_bitrate_follows_up_and_down() {
    for_all(|name, encoder, _, profile| {
        let mut encoder = encoder(config(640, 360, 300_000, profile));
        let mut source = Source::grained(640, 360);
        for target in [300_000, 1_200_000, 200_000, 900_000] {
            encoder.set_bitrate(target).unwrap();
            let (measured, skipped) = rate(encoder.as_mut(), &mut source);
            let ratio = measured / f64::from(target);
            assert!((0.75..1.15).contains(&ratio), "{name}: {measured:.0} for {target}, {skipped} skipped");
            assert!(skipped <= 9, "{name}: {skipped} of 90 skipped at {target}");
        }
    });
}

#[test]
fn a_lower_frame_rate_leaves_more_bits_for_each_picture() {
    for_all(|name, encoder, _, profile| {
        let mut encoder = encoder(config(640, 360, 600_000, profile));
        let mut source = Source::grained(640, 360);
        let (full, _) = rate(encoder.as_mut(), &mut source);
        encoder.set_frame_rate(10.0).unwrap();
        let mut bytes = 0;
        for number in 0..120 {
            let frame = source.next();
            if number % 3 == 0 {
                bytes +=
                    encoder.encode(&frame, false).unwrap().map_or(0, |e| if number < 30 { 0 } else { e.payload.len() });
            }
        }
        let slow = bytes as f64 * 8.0 / 3.0;
        assert!((0.75..1.2).contains(&(slow / full)), "{name}: {slow:.0} against {full:.0}");
    });
}

#[test]
fn another_size_starts_with_a_keyframe() {
    for_all(|name, encoder, decoder, profile| {
        let (mut encoder, mut decoder) = (encoder(config(640, 360, 800_000, profile)), decoder());
        for (width, height) in [(640, 360), (320, 180), (640, 360)] {
            let mut source = Source::new(width, height);
            for number in 0..5 {
                let frame = source.next();
                let Some(encoded) = encoder.encode(&frame, false).unwrap() else { continue };
                assert_eq!(encoded.keyframe, number == 0, "{name}");
                let shown = decoder.decode(&encoded).unwrap().unwrap();
                let quality = psnr(&frame.image, &shown.image).expect("the new size");
                assert!(quality > 30.0, "{name}: {quality:.1}");
            }
        }
    });
}

/// NAL unit types with their second byte, each behind a 4-byte start code.
fn units(encoded: &EncodedFrame) -> Vec<(u8, u8)> {
    h264::annexb::units(&encoded.payload).map(|unit| (unit[0] & 0x1f, unit[1])).collect()
}

#[test]
fn the_stream_is_what_was_negotiated() {
    for_all(|name, encoder, _, profile| {
        let mut encoder = encoder(config(1280, 720, 1_500_000, profile));
        let mut source = Source::new(1280, 720);
        let first = encoder.encode(&source.next(), false).unwrap().unwrap();
        let second = encoder.encode(&source.next(), false).unwrap().unwrap();
        let profile_idc = if profile == encode::Profile::Main { 77 } else { 66 };
        let kinds: Vec<_> = units(&first).iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [7, 8, 5], "{name}");
        assert_eq!(units(&first)[0].1, profile_idc, "{name}");
        assert_eq!(units(&second).iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [1], "{name}");
        for encoded in [&first, &second] {
            let len: usize = h264::annexb::units(&encoded.payload).map(|unit| unit.len() + 4).sum();
            assert_eq!(len, encoded.payload.len(), "{name}: only 4-byte start codes, nothing between");
        }
        let (constraints, level) = (first.payload[6], first.payload[7]);
        assert!(level <= 31, "{name}: level {level}");
        if profile == encode::Profile::Baseline {
            assert_eq!(constraints & 0xc0, 0xc0, "{name}: constrained baseline");
        }
    });
}

/// Six pictures by another encoder: High profile, 8x8 transform, two slices, SEI, full VUI. Red, with a blue square of 16
/// pixels that moves to the right.
const HIGH: &[u8] = include_bytes!("high-64x48.h264");

#[test]
fn streams_of_other_encoders_come_without_delay() {
    let mut pictures: Vec<Vec<u8>> = Vec::new();
    for unit in h264::annexb::units(HIGH) {
        // `first_mb_in_slice` 0 is a single 1 bit: a new picture; what is no slice belongs to the next one.
        let starts = match h264::annexb::kind_of(unit) {
            1 | 5 => unit[1] & 0x80 != 0 && pictures.last().is_some_and(|p| h264::annexb::units(p).any(is_slice)),
            _ => pictures.last().is_none_or(|p| h264::annexb::units(p).any(is_slice)),
        };
        if starts {
            pictures.push(Vec::new());
        }
        h264::annexb::push(pictures.last_mut().expect("parameter sets come first"), unit);
    }
    assert_eq!(pictures.len(), 6);
    for (decoder_name, decoder) in DECODERS {
        let mut decoder = decoder();
        for (number, data) in pictures.iter().enumerate() {
            let pts = Timestamp::from_millis(number as i64 * 33);
            let shown = decoder
                .decode(&EncodedFrame { pts, keyframe: number == 0, payload: data.clone().into() })
                .unwrap_or_else(|error| panic!("{decoder_name} {number}: {error}"))
                .unwrap_or_else(|| panic!("{decoder_name}: {number} is late"));
            assert_eq!((shown.pts, shown.size()), (pts, Resolution::new(64, 48)));
            let (y, u, v) = shown.image.planes();
            let near = |found: u8, expected: u8| found.abs_diff(expected) <= 12;
            assert!(near(y[0], 81) && near(u[0], 90) && near(v[0], 240), "{} {} {}", y[0], u[0], v[0]);
            let middle = number * 4 + 12;
            assert!(near(u[12 * 32 + middle / 2], 240), "the square is at {middle} in picture {number}");
        }
    }
}

fn is_slice(unit: &[u8]) -> bool {
    matches!(h264::annexb::kind_of(unit), 1 | 5)
}
