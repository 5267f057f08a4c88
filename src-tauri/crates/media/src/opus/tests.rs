//! Round trip, FEC, concealment and hostile packets.

use proptest::prelude::*;

use super::*;
use crate::tone::{Sine, amplitude};
use crate::{AudioDecoder, AudioEncoder, AudioFrame, EncodedFrame, Timestamp};

/// Like a vowel: a tone of 200 Hz with overtones, swelling four times a second.
fn voice(frames: usize) -> Vec<AudioFrame> {
    let mut tones: Vec<_> = (1..12).map(|n| Sine::new(200.0 * f64::from(n), 0.25 / n as f32)).collect();
    (0..frames)
        .map(|number| {
            let mut frame = AudioFrame::silence(Timestamp::from_millis(number as i64 * 10));
            let mut part = frame.clone();
            for tone in &mut tones {
                tone.fill(&mut part);
                frame.samples.iter_mut().zip(&part.samples).for_each(|(sum, sample)| *sum += sample);
            }
            let swell = 0.55 - 0.45 * (number as f32 * 0.157).cos();
            frame.samples.iter_mut().for_each(|sample| *sample *= swell);
            frame
        })
        .collect()
}

fn packets(frames: &[AudioFrame], config: Config) -> Vec<EncodedFrame> {
    let mut encoder = Encoder::new(config).unwrap();
    frames.iter().filter_map(|frame| encoder.encode(frame).unwrap()).collect()
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32
}

#[test]
fn two_frames_make_a_packet_and_the_tone_comes_back() {
    let mut sine = Sine::new(997.0, 0.4);
    let frames: Vec<_> = (0..100)
        .map(|n| {
            let mut frame = AudioFrame::silence(Timestamp::from_millis(n * 10));
            sine.fill(&mut frame);
            frame
        })
        .collect();
    let packets = packets(&frames, Config::default());
    assert_eq!(packets.len(), 50);
    assert!(packets.iter().enumerate().all(|(n, p)| p.keyframe && p.pts == Timestamp::from_millis(n as i64 * 20)));
    let mut decoder = Decoder::new().unwrap();
    let mut samples = Vec::new();
    for packet in &packets {
        let mut out = [0.0; MAX_PACKET_SAMPLES];
        assert_eq!(decoder.decode(&packet.payload, &mut out).unwrap(), PACKET_SAMPLES);
        samples.extend_from_slice(&out[..PACKET_SAMPLES]);
    }
    let found = amplitude(&samples[24_000..], 997.0);
    assert!((found - 0.4).abs() < 0.06, "{found}");
}

#[test]
fn the_bitrate_follows() {
    let frames = voice(400);
    for target in [16_000, 32_000, 64_000] {
        let packets = packets(&frames, Config { bitrate: target, ..Config::default() });
        let bits = packets.iter().map(|p| p.payload.len()).sum::<usize>() as f32 * 8.0 / 4.0;
        let ratio = bits / target as f32;
        assert!((0.6..1.25).contains(&ratio), "{bits} for {target}");
    }
}

#[test]
fn packets_of_one_size_say_nothing_of_the_voice() {
    let sizes = |constant| {
        let packets = packets(&voice(400), Config { constant, ..Config::default() });
        packets.iter().map(|packet| packet.payload.len()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(sizes(true).len(), 1);
    assert!(sizes(false).len() > 5, "{:?}", sizes(false));
}

/// Difference to what a decoder without loss gives, over the lost packets, relative to their energy.
fn damage(heal: impl Fn(&mut Decoder, &EncodedFrame, &mut [f32])) -> f32 {
    let packets = packets(&voice(600), Config { packet_loss: 20, ..Config::default() });
    let (mut perfect, mut lossy) = (Decoder::new().unwrap(), Decoder::new().unwrap());
    let (mut error, mut whole) = (0.0, 0.0);
    for number in 0..packets.len() - 1 {
        let (mut expected, mut found) = ([0.0; PACKET_SAMPLES], [0.0; PACKET_SAMPLES]);
        perfect.decode(&packets[number].payload, &mut expected).unwrap();
        if number % 8 == 7 {
            heal(&mut lossy, &packets[number + 1], &mut found);
            let difference: Vec<_> = expected.iter().zip(&found).map(|(a, b)| a - b).collect();
            error += energy(&difference);
            whole += energy(&expected);
        } else {
            lossy.decode(&packets[number].payload, &mut found).unwrap();
        }
    }
    error / whole
}

#[test]
fn fec_is_better_than_concealment_and_that_better_than_silence() {
    let fec = damage(|decoder, next, out| assert_eq!(decoder.recover(&next.payload, out).unwrap(), PACKET_SAMPLES));
    let plc = damage(|decoder, _, out| assert_eq!(decoder.conceal(out).unwrap(), PACKET_SAMPLES));
    assert!(fec < plc * 0.7, "FEC {fec} PLC {plc}");
    assert!(plc < 0.9, "silence would be 1, PLC {plc}");
}

#[test]
fn concealment_fades() {
    let packets = packets(&voice(100), Config::default());
    let mut decoder = Decoder::new().unwrap();
    let mut out = [0.0; PACKET_SAMPLES];
    for packet in &packets[..49] {
        decoder.decode(&packet.payload, &mut out).unwrap();
    }
    decoder.conceal(&mut out).unwrap();
    let first = energy(&out);
    for _ in 0..40 {
        decoder.conceal(&mut out).unwrap();
    }
    assert!(first > 1e-4 && energy(&out) < first / 100.0, "{first} {}", energy(&out));
}

#[test]
fn empty_and_overlong_packets_are_errors() {
    let mut decoder = Decoder::new().unwrap();
    let mut out = [0.0; PACKET_SAMPLES];
    assert!(decoder.decode(&[], &mut out).is_err());
    assert!(decoder.recover(&[], &mut out).is_err());
    // Code 3 with six frames of 20 ms: 120 ms.
    assert!(decoder.decode(&[0x4b, 6], &mut out).is_err());
}

proptest! {
    #[test]
    fn hostile_packets_never_panic(packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..6)) {
        let mut decoder = Decoder::new().unwrap();
        let mut out = [0.0; MAX_PACKET_SAMPLES];
        for packet in packets {
            let _ = decoder.decode(&packet, &mut out);
            let _ = decoder.recover(&packet, &mut out[..PACKET_SAMPLES]);
            prop_assert!(decoder.conceal(&mut out[..PACKET_SAMPLES]).is_ok());
        }
    }
}
