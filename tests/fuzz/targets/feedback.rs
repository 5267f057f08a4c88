//! Transport-wide feedback of a hostile peer against its reader and the congestion control behind it.
//!
//! Input: records of packets that leave (1 byte), time that passes in ms (1 byte), length (1 byte) and a report.
#![no_main]

use fika_media::Timestamp;
use fika_rtp::congestion::{Config, Control, Feedback, MIN_RATE};

const MAX: u32 = 2_500_000;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut control = Control::new(Config::with_max(MAX));
    let mut feedback = Feedback::default();
    let (mut next, mut now, mut rest) = (1u64 << 16, Timestamp::ZERO, data);
    while let [count, passed, length, tail @ ..] = rest {
        let (report, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        now = Timestamp(now.0 + i64::from(*passed) * 1000);
        for _ in 0..*count {
            control.on_sent(next, 1000, (next % 5 == 0).then_some(next as u32 % 3), now);
            next += 1;
        }
        let reported = feedback.read(report, next);
        assert!(reported.iter().all(|reported| reported.number < next));
        control.handle_feedback(&reported, now);
        control.handle_timeout(now);
        while control.poll_output().is_some() {}
        // A test in competition yields two fifths of the least.
        assert!((MIN_RATE * 3 / 5..=MAX).contains(&control.target()), "{}", control.target());
        assert!(control.poll_timeout(now) >= now && control.pacing_rate().is_finite());
        let _ = control.holds(now);
    }
});
