//! The rules alone, then both jitter buffers over generated lines in virtual time.

use std::collections::VecDeque;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::jitter::video::Next;
use crate::jitter::{AudioPacket, VideoUnit, audio, video};
use crate::opus::{CODEC_DELAY, PACKET_SAMPLES};
use crate::{AudioDecoder, AudioFrame, CodecError, EncodedFrame};

const NOW: Timestamp = Timestamp::from_millis(9_000);
const LONG: Duration = Duration::from_secs(2);

fn lag(ms: i64) -> Lag {
    Lag::between(Timestamp::from_millis(77_000_000), Timestamp::from_millis(77_000_000 + ms))
}

#[test]
fn pictures_are_ahead_of_the_sound_by_what_goes_unnoticed() {
    let mut sync = Sync::default();
    assert_eq!((sync.video_lag(NOW), sync.audio_delay(NOW)), (None, Duration::ZERO));
    sync.heard(lag(90), lag(70), NOW);
    sync.seen(lag(20), NOW);
    assert_eq!(sync.video_lag(NOW), Some(lag(45)));
    assert_eq!(sync.audio_delay(NOW), Duration::ZERO);
    assert_eq!(sync.video_lag(NOW + LONG), None, "the microphone is off");
}

#[test]
fn sound_waits_for_what_goes_beyond_the_unnoticed() {
    for (video, waits) in [(60, 0), (110, 0), (111, 1), (200, 90), (310, 200), (5_000, 200)] {
        let mut sync = Sync::default();
        sync.heard(lag(70), lag(70), NOW);
        sync.seen(lag(video), NOW);
        assert_eq!(sync.audio_delay(NOW).as_millis(), waits, "{video}");
    }
    let mut sync = Sync::default();
    sync.heard(lag(70), lag(70), NOW + LONG);
    sync.seen(lag(200), NOW);
    assert_eq!(sync.audio_delay(NOW + LONG), Duration::ZERO, "the camera is off");
}

#[test]
fn noise_is_smoothed_and_a_new_clock_is_believed() {
    let mut sync = Sync::default();
    for number in 0..200 {
        sync.heard(lag(90 + number % 2 * 10), lag(70), NOW);
    }
    let smooth = sync.audio_lag(NOW).unwrap().over(lag(95));
    assert!(smooth.abs() < 1_500, "{smooth}");
    sync.heard(lag(-3_600_000), lag(-3_600_000), NOW);
    assert_eq!(sync.audio_lag(NOW), Some(lag(-3_600_000)));
}

/// Milliseconds.
#[derive(Clone, Debug)]
struct Line {
    audio: i64,
    audio_jitter: i64,
    video: i64,
    video_jitter: i64,
    speaker: i64,
    /// What the sender's clock is ahead.
    clock: i64,
}

/// Each sample says which one it is.
struct Counting;

impl AudioDecoder for Counting {
    fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        let number = u32::from_be_bytes(packet.try_into().map_err(|_| CodecError::Damaged("length"))?);
        let first = number as usize * PACKET_SAMPLES;
        out.iter_mut().take(PACKET_SAMPLES).enumerate().for_each(|(at, sample)| *sample = (first + at) as f32);
        Ok(PACKET_SAMPLES)
    }

    fn recover(&mut self, _: &[u8], _: &mut [f32]) -> Result<usize, CodecError> {
        Err(CodecError::Damaged("no FEC"))
    }

    fn conceal(&mut self, out: &mut [f32]) -> Result<usize, CodecError> {
        out.fill(0.0);
        Ok(out.len())
    }
}

struct Chance(u32);

impl Chance {
    fn up_to(&mut self, most: i64) -> i64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(self.0 >> 8) * most / (1 << 24)
    }
}

/// Plays `seconds` over the line. For each picture of the last third, how much later than its sound it was shown, in ms.
fn play(line: &Line, seconds: i64, chance: &mut Chance) -> Vec<i64> {
    let (mut sync, mut sound, mut pictures) = (Sync::default(), audio::Buffer::default(), video::Buffer::default());
    let (start, end) = (1_000, 1_000 + seconds * 1000);
    let sender_time = |captured: i64| Timestamp::from_micros((captured + line.clock) * 1000);
    let (mut packets, mut units) = (VecDeque::new(), VecDeque::new());
    let (mut audio_at, mut video_at) = (0, 0);
    for number in 0..seconds * 50 {
        let captured = start + number * 20;
        audio_at = audio_at.max(captured + 20 + line.audio + chance.up_to(line.audio_jitter));
        packets.push_back((audio_at, number, captured));
    }
    for number in 0..seconds * 30 {
        let captured = start + number * 1000 / 30;
        video_at = video_at.max(captured + 5 + line.video + chance.up_to(line.video_jitter));
        units.push_back((video_at, number, captured));
    }
    // When what sounds now was captured, less now.
    let mut sounding = None;
    let mut apart = Vec::new();
    for ms in start..end {
        let now = Timestamp::from_millis(ms);
        while let Some((_, number, captured)) = packets.pop_front_if(|packet| packet.0 <= ms) {
            sound.insert(AudioPacket {
                sequence: number as u64,
                timestamp: 1_000_000 + number as u64 * PACKET_SAMPLES as u64,
                arrived: now,
                sender_time: Some(sender_time(captured)),
                payload: Bytes::copy_from_slice(&(number as u32).to_be_bytes()),
            });
        }
        while let Some((_, number, captured)) = units.pop_front_if(|unit| unit.0 <= ms) {
            let payload = Bytes::from_static(&[1]);
            let frame =
                EncodedFrame { pts: Timestamp::from_millis(captured + 500_000), keyframe: number == 0, payload };
            let sender_time = Some(sender_time(captured));
            pictures.insert(VideoUnit { frame, arrived: now, after_gap: false, captured: None, sender_time }, now);
            sync.seen(pictures.least_lag().unwrap(), now);
        }
        if ms % 10 == 0 {
            let latency = Duration::from_millis(line.speaker as u64);
            if let Some((lag, least)) = sound.lags(now, latency) {
                sync.heard(lag, least, now);
            }
            sound.wait_for_pictures(sync.audio_delay(now));
            let mut out = AudioFrame::silence(now);
            sound.pull(now, &mut Counting, &mut out);
            if out.samples[0] > 0.0 {
                let captured = start + out.samples[0] as i64 / 48 - CODEC_DELAY.as_millis() as i64;
                sounding = Some(captured - ms - line.speaker);
            }
        }
        pictures.wait_for_sound(sync.video_lag(now));
        while let Next::Decode(unit) = pictures.next(now) {
            let captured = unit.frame.pts.as_micros() / 1000 - 500_000;
            if let Some(sounding) = sounding.filter(|_| ms > start + (end - start) * 2 / 3) {
                apart.push(ms - captured + sounding);
            }
        }
    }
    apart
}

/// Share of `apart` outside of what people notice, in per cent.
fn noticed(apart: &[i64]) -> usize {
    apart.iter().filter(|apart| !(-51..=80).contains(*apart)).count() * 100 / apart.len()
}

#[test]
fn a_good_line_needs_a_short_wait_of_the_pictures_only() {
    let line = Line { audio: 5, audio_jitter: 2, video: 8, video_jitter: 5, speaker: 30, clock: -7_000_000 };
    let apart = play(&line, 12, &mut Chance(1));
    assert!(apart.len() > 110 && apart.iter().all(|apart| (-51..=-30).contains(apart)), "{apart:?}");
}

#[test]
fn what_cannot_be_brought_together_is_left_apart() {
    let late = Line { audio: 5, audio_jitter: 0, video: 700, video_jitter: 0, speaker: 0, clock: 0 };
    let apart = play(&late, 12, &mut Chance(1));
    // 645 ms apart, 200 of which sound waits.
    assert!(apart.iter().all(|apart| (410..=470).contains(apart)), "{apart:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the line and the clocks, in the end sound and picture are together.
    #[test]
    fn lips_move_with_the_words(
        audio in 0i64..120, audio_jitter in 0i64..40, video in 0i64..200, video_jitter in 0i64..60,
        speaker in 0i64..150, clock in -4_000_000_000_000i64..4_000_000_000_000, seed in any::<u32>()
    ) {
        let line = Line { audio, audio_jitter, video, video_jitter, speaker, clock };
        let apart = play(&line, 15, &mut Chance(seed));
        prop_assert!(apart.len() > 100, "{} pictures", apart.len());
        prop_assert!(noticed(&apart) <= 2, "{line:?}: {apart:?}");
    }

    /// Any times a stranger may claim: no panic, and no wait beyond the limits.
    #[test]
    fn nothing_upsets_it(steps in proptest::collection::vec((any::<i64>(), any::<i64>(), any::<i64>(), 0u8..4), 1..60)) {
        let mut sync = Sync::default();
        for (sender, plays, now, kind) in steps {
            let (lag, now) = (Lag::between(Timestamp(sender), Timestamp(plays)), Timestamp(now));
            match kind {
                0 => sync.heard(lag, lag, now),
                1 => sync.heard(lag, Lag::between(Timestamp(plays), Timestamp(sender)), now),
                _ => sync.seen(lag, now),
            }
            prop_assert!(sync.audio_delay(now) <= MAX_AUDIO_DELAY);
            let _ = sync.video_lag(now).map(|lag| (lag.plays(Timestamp(sender)), lag.playing(now)));
        }
    }
}
