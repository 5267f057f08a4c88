//! Generated traces in virtual time, through the real Opus.

use proptest::prelude::*;

use super::*;
use crate::opus::{Config as OpusConfig, Decoder, Encoder};
use crate::tone::{Sine, amplitude};
use crate::{AudioEncoder, CodecError};

const TONE: f64 = 440.0;

/// Numbers from 0.0 to 1.0, the same each time.
struct Chance(u32);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0 >> 8) / f64::from(1 << 24)
    }
}

/// `count` packets of a tone.
fn tone(count: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(OpusConfig { packet_loss: 10, ..OpusConfig::default() }).unwrap();
    let mut sine = Sine::new(TONE, 0.3);
    let mut frame = AudioFrame::silence(Timestamp::ZERO);
    let mut packets = Vec::new();
    while packets.len() < count {
        sine.fill(&mut frame);
        packets.extend(encoder.encode(&frame).unwrap().map(|packet| packet.payload.to_vec()));
    }
    packets
}

/// A packet of the trace: number and arrival in ms after the first was sent.
type Arrival = (usize, f64);

struct Run {
    samples: Vec<f32>,
    buffer: Buffer,
    /// Mean delay from sending to playout in ms.
    delay: f64,
}

const START: i64 = 123_456;

fn packet(number: usize, at: f64, payload: &[u8]) -> AudioPacket {
    AudioPacket {
        sequence: 60_000 + number as u64,
        timestamp: 4_000_000_000 + number as u64 * 960,
        arrived: Timestamp(START * 1000 + (at * 1000.0) as i64),
        sender_time: None,
        payload: payload.to_vec().into(),
    }
}

/// Plays `trace` for `ms`.
fn play(packets: &[Vec<u8>], trace: &[Arrival], ms: usize) -> Run {
    let mut trace = trace.to_vec();
    trace.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (mut buffer, mut decoder) = (Buffer::default(), Decoder::new().unwrap());
    let mut arrivals = trace.into_iter().peekable();
    let (mut samples, mut delays) = (Vec::new(), Vec::new());
    for tick in 0..ms / 10 {
        let at = tick as f64 * 10.0;
        while let Some((number, at)) = arrivals.next_if(|(_, arrival)| *arrival <= at) {
            buffer.insert(packet(number, at, &packets[number]));
        }
        let mut out = AudioFrame::silence(Timestamp::ZERO);
        let now = Timestamp::from_millis(START + tick as i64 * 10);
        if let Some(position) = buffer.position() {
            delays.push(at - (position as f64 - 4_000_000_000.0) / 48.0);
        }
        buffer.pull(now, &mut decoder, &mut out);
        assert_eq!(out.pts, now);
        samples.extend_from_slice(&out.samples);
    }
    Run { samples, buffer, delay: delays.iter().sum::<f64>() / delays.len() as f64 }
}

fn steady(count: usize, late: impl FnMut(usize) -> f64) -> Vec<Arrival> {
    let mut late = late;
    (0..count).map(|number| (number, number as f64 * 20.0 + late(number))).collect()
}

#[test]
fn a_clean_line_plays_everything_after_40_ms() {
    let packets = tone(500);
    let run = play(&packets, &steady(500, |_| 3.0), 9_900);
    let stats = run.buffer.stats();
    assert_eq!((stats.concealed_samples, stats.packets_discarded, stats.fec_packets_received), (0, 0, 0));
    assert_eq!((stats.inserted_samples_for_deceleration, stats.removed_samples_for_acceleration), (0, 0));
    assert!((30.0..=60.0).contains(&run.delay), "{} ms", run.delay);
    let waited = stats.jitter_buffer_delay / stats.jitter_buffer_emitted_count as f64;
    assert!((0.02..0.06).contains(&waited), "{waited}");
    let level = amplitude(&run.samples[48_000..], TONE);
    assert!((level - 0.3).abs() < 0.03, "{level}");
}

#[test]
fn nothing_sounds_before_the_first_packet() {
    let mut buffer = Buffer::default();
    let mut out = AudioFrame::silence(Timestamp::ZERO);
    let mut decoder = Decoder::new().unwrap();
    for tick in 0..100 {
        buffer.pull(Timestamp::from_millis(tick * 10), &mut decoder, &mut out);
        assert!(out.samples.iter().all(|sample| *sample == 0.0));
    }
    assert_eq!(buffer.stats(), Stats::default());
}

#[test]
fn jitter_raises_the_delay_and_its_end_lowers_it() {
    let packets = tone(1500);
    let mut chance = Chance(7);
    let mut last = 0.0f64;
    let trace: Vec<_> = (0..1500)
        .map(|number| {
            let late = if (300..700).contains(&number) { chance.next() * 80.0 } else { 0.0 };
            last = last.max(number as f64 * 20.0 + late);
            (number, last)
        })
        .collect();
    let rough = play(&packets[..700], &trace[..700], 13_900);
    let share = rough.buffer.stats().concealed_samples as f64 / rough.buffer.stats().total_samples_received as f64;
    assert!(share < 0.03, "{share} concealed");
    let target = rough.buffer.target_delay().as_millis();
    assert!((80..=120).contains(&target), "{target} ms");
    assert!(rough.buffer.stats().inserted_samples_for_deceleration > 0);

    let calm = play(&packets, &trace, 29_900);
    let stats = calm.buffer.stats();
    assert_eq!(calm.buffer.target_delay().as_millis(), 30);
    assert!(stats.removed_samples_for_acceleration > 48 * 20, "{stats:?}");
    let position = (calm.buffer.position().unwrap() as f64 - 4_000_000_000.0) / 48.0;
    assert!((20.0..=65.0).contains(&(29_900.0 - position)), "{}", 29_900.0 - position);
}

#[test]
fn losses_are_recovered_or_concealed() {
    let packets = tone(1000);
    for (percent, fec_share) in [(5, 0.85), (10, 0.8)] {
        let mut chance = Chance(3);
        let trace: Vec<_> =
            steady(1000, |_| 2.0).into_iter().filter(|_| chance.next() * 100.0 > f64::from(percent)).collect();
        let run = play(&packets, &trace, 19_900);
        let stats = run.buffer.stats();
        let lost = 1000 - trace.len() as u64;
        assert!(stats.fec_packets_received as f64 > lost as f64 * fec_share, "{lost} lost, {stats:?}");
        let concealed = stats.concealed_samples / 960;
        assert!(stats.fec_packets_received + concealed <= lost + 2, "{lost} lost, {stats:?}");
        let level = amplitude(&run.samples[48_000..], TONE);
        assert!(level > 0.25, "{level}");
    }
}

#[test]
fn bursts_fade_to_silence_and_speech_comes_back() {
    let packets = tone(500);
    let trace: Vec<_> = steady(500, |_| 2.0).into_iter().filter(|(number, _)| !(200..250).contains(number)).collect();
    let run = play(&packets, &trace, 9_900);
    let stats = run.buffer.stats();
    assert!((46 * 960..=54 * 960).contains(&stats.concealed_samples), "{stats:?}");
    assert!(stats.silent_concealed_samples >= 38 * 960, "{stats:?}");
    assert_eq!(stats.concealment_events, 1);
    assert!(amplitude(&run.samples[48 * 4_400..48 * 4_900], TONE) < 0.01);
    assert!(amplitude(&run.samples[48 * 5_200..], TONE) > 0.25);
    assert!((25.0..=65.0).contains(&run.delay), "the delay stays: {}", run.delay);
}

#[test]
fn reordering_and_duplicates_cost_nothing() {
    let packets = tone(500);
    let mut trace = steady(500, |number| if number % 5 == 0 { 25.0 } else { 0.0 });
    trace.extend(steady(500, |_| 9.0).into_iter().step_by(3));
    let run = play(&packets, &trace, 9_900);
    let stats = run.buffer.stats();
    assert!(stats.concealed_samples <= 2 * 960, "{stats:?}");
    assert!(stats.packets_discarded >= 160, "{stats:?}");
    assert!(amplitude(&run.samples[48_000..], TONE) > 0.27);
}

#[test]
fn a_sender_that_starts_again_is_heard_again() {
    let packets = tone(200);
    let mut decoder = Decoder::new().unwrap();
    for (sequence_jump, time_jump) in [(40_000, 7_000_000_000), (1, 1 << 40), (0, 20 * 48_000), (900, 900 * 960)] {
        let mut buffer = Buffer::default();
        let mut samples = Vec::new();
        for tick in 0..400usize {
            if tick % 2 == 0 {
                let number = tick / 2;
                let mut packet = packet(number, number as f64 * 20.0, &packets[number]);
                if number >= 100 {
                    packet.sequence += sequence_jump;
                    packet.timestamp += time_jump;
                }
                buffer.insert(packet);
            }
            let mut out = AudioFrame::silence(Timestamp::ZERO);
            buffer.pull(Timestamp::from_millis(START + tick as i64 * 10), &mut decoder, &mut out);
            samples.extend_from_slice(&out.samples);
        }
        let level = amplitude(&samples[48 * 2_500..], TONE);
        assert!(level > 0.25, "{sequence_jump} {time_jump}: {level}");
    }
}

/// Plays 100 packets, is quiet for `pause` ms, plays 150 more; the RTP timestamps go on meanwhile or do not.
fn after_a_pause(pause: usize, time_goes_on: bool) -> (f32, Stats) {
    let packets = tone(250);
    let (mut buffer, mut decoder) = (Buffer::default(), Decoder::new().unwrap());
    let mut samples = Vec::new();
    for tick in 0..(5_000 + pause) / 10 {
        let at = tick * 10;
        let sent = if at < 2_000 { Some(at) } else { at.checked_sub(pause).filter(|sent| *sent >= 2_000) };
        if let Some(sent) = sent.filter(|sent| sent % 20 == 0) {
            let mut packet = packet(sent / 20, at as f64, &packets[sent / 20]);
            if time_goes_on {
                packet.timestamp += (at - sent) as u64 * 48;
            }
            buffer.insert(packet);
        }
        let mut out = AudioFrame::silence(Timestamp::ZERO);
        buffer.pull(Timestamp::from_millis(START + at as i64), &mut decoder, &mut out);
        samples.extend_from_slice(&out.samples);
    }
    (amplitude(&samples[samples.len() - 48_000..], TONE), buffer.stats())
}

#[test]
fn a_sender_that_pauses_is_heard_again_at_once() {
    for pause in [100, 400, 3_000, 30_000] {
        let (level, stats) = after_a_pause(pause, true);
        assert!(level > 0.25, "{pause}: {level}");
        assert_eq!(stats.packets_discarded, 0, "{pause}: {stats:?}");
        assert!(stats.concealed_samples <= pause as u64 * 48 + 960, "{pause}: {stats:?}");
    }
    for pause in [100, 400, 1_500, 3_000] {
        let (level, stats) = after_a_pause(pause, false);
        assert!(level > 0.25, "{pause}: {level} {stats:?}");
        assert!(stats.packets_discarded <= 40, "{pause}: {stats:?}");
    }
}

#[test]
fn a_flood_is_capped_at_two_seconds() {
    let packets = tone(1);
    let mut buffer = Buffer::default();
    for number in 0..5_000 {
        buffer.insert(packet(number, number as f64 * 20.0, &packets[0]));
        assert!(buffer.packets.len() <= 101);
    }
    let mut buffer = Buffer::default();
    for number in 0..5_000 {
        let same_time = AudioPacket { timestamp: 77, ..packet(number, 5.0, &packets[0]) };
        buffer.insert(same_time);
        assert!(buffer.packets.len() <= MAX_PACKETS);
    }
}

/// Says whatever it is told to.
struct Odd {
    len: usize,
    fails: bool,
}

impl AudioDecoder for Odd {
    fn decode(&mut self, _: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        if self.fails { Err(CodecError::Damaged("so")) } else { Ok(self.len.min(out.len())) }
    }

    fn recover(&mut self, _: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        if self.fails { Err(CodecError::Damaged("so")) } else { Ok(self.len.min(out.len())) }
    }

    fn conceal(&mut self, out: &mut [f32]) -> Result<usize, CodecError> {
        if self.fails { Err(CodecError::Damaged("so")) } else { Ok(out.len()) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any packets at any time: no panic, no endless work, never more than the caps.
    #[test]
    fn nothing_upsets_it(
        steps in proptest::collection::vec((any::<u64>(), any::<u64>(), 0u64..2_000, 0i64..200, any::<bool>()), 1..120),
        near in any::<bool>(), len in 0usize..6_000, fails in any::<bool>()
    ) {
        let (mut buffer, mut decoder) = (Buffer::default(), Odd { len, fails });
        let mut now = Timestamp::from_millis(1_000);
        let mut out = AudioFrame::silence(now);
        for (sequence, timestamp, spread, wait, pull) in steps {
            now = now + Duration::from_millis(wait as u64);
            let (sequence, timestamp) = if near { (70_000 + spread, 48_000 * 60 + spread * 960) } else { (sequence, timestamp) };
            buffer.insert(AudioPacket { sequence, timestamp, arrived: now, sender_time: None, payload: vec![1, 2, 3].into() });
            if pull {
                buffer.pull(now, &mut decoder, &mut out);
            }
            prop_assert!(buffer.packets.len() <= MAX_PACKETS && buffer.samples.len() <= 2 * MAX_PACKET_SAMPLES);
        }
    }
}
