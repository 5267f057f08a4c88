//! Generated traces in virtual time.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::EncodedFrame;

const START: i64 = 50_000;
const FRAME_US: i64 = 33_333;

fn unit(number: i64, keyframe: bool, after_gap: bool, arrived: Timestamp) -> VideoUnit {
    let pts = Timestamp(9_000_000_000 + number * FRAME_US);
    let frame = EncodedFrame { pts, keyframe, payload: Bytes::from_static(&[0; 1000]) };
    VideoUnit { frame, arrived, after_gap, captured: None, sender_time: None }
}

/// When the picture is complete, `late` ms after the first possible moment.
fn at(number: i64, late: i64) -> Timestamp {
    Timestamp(START * 1000 + number * FRAME_US + late * 1000)
}

/// Feeds units of (number, late ms) in order; what is decoded and when.
fn play(buffer: &mut Buffer, trace: &[(i64, i64)]) -> Vec<(i64, Timestamp)> {
    let mut shown = Vec::new();
    let mut arrivals = trace.iter().copied().peekable();
    let end = trace.last().map_or(0, |(number, late)| at(*number, *late).as_micros() + 500_000);
    let mut now = Timestamp(START * 1000);
    while now.as_micros() < end {
        while let Some((number, late)) = arrivals.next_if(|(number, late)| at(*number, *late) <= now) {
            buffer.insert(unit(number, number == 0, false, at(number, late)), now);
        }
        while let Next::Decode(unit) = buffer.next(now) {
            shown.push(((unit.frame.pts.as_micros() - 9_000_000_000) / FRAME_US, now));
        }
        now = now + Duration::from_millis(1);
    }
    shown
}

fn delays(shown: &[(i64, Timestamp)]) -> Vec<i64> {
    shown.iter().map(|(number, when)| when.as_micros() / 1000 - at(*number, 0).as_micros() / 1000).collect()
}

#[test]
fn a_clean_line_adds_a_few_ms_at_most() {
    let trace: Vec<_> = (0..300).map(|n| (n, n % 3)).collect();
    let shown = play(&mut Buffer::default(), &trace);
    assert_eq!(shown.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (0..300).collect::<Vec<_>>());
    assert!(delays(&shown).iter().all(|delay| *delay <= 4), "{:?}", delays(&shown));
}

#[test]
fn jitter_is_smoothed_up_to_the_cap() {
    // In order, every seventh picture 60 ms late and those behind it with it.
    let mut last = 0;
    let trace: Vec<_> = (0..400)
        .map(|n| {
            let late = if n % 7 == 0 { 60 } else { 0 };
            last = (n * 33 + late).max(last);
            (n, last - n * 33)
        })
        .collect();
    let mut buffer = Buffer::default();
    let shown = play(&mut buffer, &trace);
    assert_eq!(shown.len(), 400);
    let target = buffer.target_delay().as_millis();
    assert!((40..=65).contains(&target), "{target}");
    let gaps: Vec<_> = shown[100..].windows(2).map(|w| w[1].1.since(w[0].1).as_millis()).collect();
    assert!(gaps.iter().all(|gap| *gap <= 60), "smooth: {gaps:?}");

    let wild: Vec<_> = (0..300).map(|n| (n, if n % 20 < 10 { 300 } else { 300 - (n % 20 - 9) * 30 })).collect();
    let mut buffer = Buffer::default();
    play(&mut buffer, &wild);
    assert_eq!(buffer.target_delay().as_millis(), 100);
}

#[test]
fn after_a_gap_it_asks_for_a_keyframe_twice_a_second() {
    let mut buffer = Buffer::default();
    assert_eq!(buffer.next(at(0, 0)), Next::Empty, "nothing has come yet");
    buffer.insert(unit(0, true, false, at(0, 0)), at(0, 0));
    assert!(matches!(buffer.next(at(0, 0)), Next::Decode(_)));
    assert_eq!(buffer.next(at(0, 0)), Next::Empty);
    let mut requests = Vec::new();
    for number in 2..62 {
        let now = at(number, 0);
        buffer.insert(unit(number, false, number == 2, now), now);
        loop {
            match buffer.next(now) {
                Next::NeedKeyframe => requests.push(now),
                Next::Decode(unit) => panic!("decoded {unit:?}"),
                Next::Wait(until) => {
                    assert!(until > now);
                    break;
                }
                Next::Empty => panic!("forgot that it needs a keyframe"),
            }
        }
    }
    assert_eq!(requests.len(), 4, "2 s");
    assert_eq!(buffer.stats().frames_dropped, 60);
    let now = at(62, 0);
    buffer.insert(unit(62, true, true, now), now);
    assert!(matches!(buffer.next(now), Next::Decode(unit) if unit.frame.keyframe));
    buffer.insert(unit(63, false, false, at(63, 0)), at(63, 0));
    assert!(matches!(buffer.next(at(63, 0)), Next::Decode(_)));
    assert_eq!((buffer.stats().frames_decoded, buffer.stats().key_frames_decoded), (3, 2));
}

#[test]
fn a_decoder_that_fails_needs_a_keyframe() {
    let mut buffer = Buffer::default();
    buffer.insert(unit(0, true, false, at(0, 0)), at(0, 0));
    assert!(matches!(buffer.next(at(0, 0)), Next::Decode(_)));
    buffer.failed();
    assert_eq!(buffer.next(at(0, 1)), Next::NeedKeyframe);
    let stats = buffer.stats();
    assert_eq!((stats.frames_decoded, stats.key_frames_decoded, stats.frames_dropped), (0, 0, 1));
}

#[test]
fn two_seconds_and_ten_mebibytes_are_the_most() {
    let mut buffer = Buffer::default();
    for number in 0..59 {
        buffer.insert(unit(number, number == 0, false, at(0, 0)), at(0, 0));
    }
    assert_eq!(buffer.units.len(), 59);
    for number in 59..62 {
        buffer.insert(unit(number, false, false, at(0, 0)), at(0, 0));
    }
    assert!(buffer.units.len() <= 2);
    assert_eq!(buffer.next(at(0, 0)), Next::NeedKeyframe);

    let mut buffer = Buffer::default();
    let large: Bytes = vec![0; 1 << 20].into();
    for number in 0..11 {
        let mut unit = unit(number, true, false, at(number, 0));
        unit.frame.payload = large.clone();
        buffer.insert(unit, at(number, 0));
        assert!(buffer.bytes <= MAX_BYTES);
    }
    assert_eq!(buffer.bytes, 0);
}

#[test]
fn a_sender_whose_clock_jumps_goes_on() {
    for jump in [-3_600_000_000, 3_600_000_000, 5_000_000] {
        let mut buffer = Buffer::default();
        let mut shown = 0;
        for number in 0..100 {
            let now = at(number, 0);
            let mut unit = unit(number, number == 0, false, now);
            if number >= 50 {
                unit.frame.pts = Timestamp(unit.frame.pts.as_micros() + jump);
            }
            buffer.insert(unit, now);
            while let Next::Decode(_) = buffer.next(now) {
                shown += 1;
            }
        }
        assert!(shown >= 99, "{jump}: {shown}");
    }
}

proptest! {
    #[test]
    fn nothing_upsets_it(
        steps in proptest::collection::vec((any::<i64>(), 0i64..200, 0i64..300, 0usize..3_000_000, 0u8..16), 1..150), near in any::<bool>()
    ) {
        let mut buffer = Buffer::default();
        let mut now = Timestamp::from_millis(1);
        for (pts, number, wait, len, flags) in steps {
            now = now + Duration::from_millis(wait as u64);
            let pts = Timestamp(if near { number * FRAME_US } else { pts });
            let frame = EncodedFrame { pts, keyframe: flags & 1 != 0, payload: vec![0; len / 100].into() };
            let after_gap = flags & 2 != 0;
            buffer.insert(VideoUnit { frame, arrived: now, after_gap, captured: None, sender_time: None }, now);
            let mut decoded = 0;
            loop {
                match buffer.next(now) {
                    Next::Decode(_) => decoded += 1,
                    Next::NeedKeyframe => {}
                    Next::Wait(until) => {
                        prop_assert!(until > now);
                        break;
                    }
                    Next::Empty => break,
                }
            }
            prop_assert!(decoded <= MAX_UNITS);
            if flags & 4 != 0 {
                buffer.failed();
            }
            prop_assert_eq!(buffer.bytes, buffer.units.iter().map(|unit| unit.frame.payload.len()).sum::<usize>());
            prop_assert!(buffer.units.len() <= MAX_UNITS);
        }
    }
}
