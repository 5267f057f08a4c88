//! What the encoder may make of the target, so that its frames leave as they come. A plain value, told of each frame.

use std::time::Duration;

/// A quarter of what was too much is taken back with each frame, and a third of what still waits.
const TAKE_BACK: f64 = 0.25;
const BACKLOG: f64 = 0.3;
/// The next frame gets no less than this of its share: smaller ones are not worth their headers.
const LEAST: f64 = 0.3;
/// What was too little may be spent later, up to one frame; what was too much is remembered up to eight.
const CREDIT: f64 = 1.0;
const DEBT: f64 = 8.0;

#[derive(Debug, Default)]
pub struct Budget {
    /// Bytes beyond what the frames so far should have been.
    excess: f64,
}

impl Budget {
    /// Bytes of the next frame. `rate` is what the encoder may make, bits a second, `interval` its frames' distance,
    /// `backlog` the bytes that wait to be sent.
    pub fn bytes(&self, rate: f64, interval: Duration, backlog: usize) -> f64 {
        let share = share(rate, interval);
        (share - TAKE_BACK * self.excess - BACKLOG * backlog as f64).clamp(LEAST * share, 2.0 * share)
    }

    /// A frame of `size` bytes was made for this rate.
    pub fn on_frame(&mut self, size: usize, rate: f64, interval: Duration) {
        let share = share(rate, interval);
        self.excess = (self.excess + size as f64 - share).clamp(-CREDIT * share, DEBT * share);
    }
}

fn share(rate: f64, interval: Duration) -> f64 {
    rate / 8.0 * interval.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(40);

    #[test]
    fn a_large_frame_is_paid_back_and_the_mean_is_the_rate() {
        let mut budget = Budget::default();
        let even = budget.bytes(1_000_000.0, FRAME, 0);
        assert_eq!(even, 5000.0);
        budget.on_frame(20_000, 1_000_000.0, FRAME);
        let mut sum = 20_000.0;
        for _ in 0..24 {
            let size = budget.bytes(1_000_000.0, FRAME, 0);
            assert!((LEAST * even..=even).contains(&size), "{size}");
            budget.on_frame(size as usize, 1_000_000.0, FRAME);
            sum += size;
        }
        assert!((120_000.0..130_000.0).contains(&sum), "a second at 1 Mbit/s: {sum}");
    }

    #[test]
    fn what_waits_makes_frames_smaller() {
        let budget = Budget::default();
        assert_eq!(budget.bytes(1_000_000.0, FRAME, 5000), 3500.0);
        assert_eq!(budget.bytes(1_000_000.0, FRAME, 1_000_000), 1500.0);
        let mut quiet = Budget::default();
        (0..100).for_each(|_| quiet.on_frame(100, 1_000_000.0, FRAME));
        assert_eq!(quiet.bytes(1_000_000.0, FRAME, 0), 6250.0, "an hour of stillness is no credit for a burst");
    }
}
