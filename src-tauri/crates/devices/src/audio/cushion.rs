//! How much sound to keep ready for the speaker. Pure; runs on the thread that writes.
//!
//! Two periods to begin with; one more after each underrun, one less after a calm while, so that a busy machine gets a
//! steadier sound for a little more delay.

use fika_media::frame::FRAME_SAMPLES;

/// Periods kept on a machine that keeps up.
const BASE: usize = 2;
/// Periods added at most.
const MAX_EXTRA: usize = 4;
/// Writes (of 10 ms) without an underrun until a period is given back: half a minute.
const CALM: u32 = 3_000;

#[derive(Debug)]
pub(super) struct Cushion {
    extra: usize,
    underruns: u64,
    calm: u32,
}

impl Cushion {
    pub(super) fn new() -> Self {
        Self { extra: 0, underruns: 0, calm: 0 }
    }

    /// 10 ms were written; the speaker has run dry `underruns` times so far.
    pub(super) fn written(&mut self, underruns: u64) {
        if underruns > self.underruns {
            self.underruns = underruns;
            self.calm = 0;
            self.extra = (self.extra + 1).min(MAX_EXTRA);
        } else {
            self.calm += 1;
            if self.calm >= CALM {
                self.calm = 0;
                self.extra = self.extra.saturating_sub(1);
            }
        }
    }

    /// Frames of 10 ms that are missing: `queued` device samples wait, `frame` of them are 10 ms, the device takes up
    /// to `period` at once, and `room` more fit.
    pub(super) fn missing(&self, queued: usize, frame: usize, period: usize, room: usize) -> usize {
        let frame = frame.max(1);
        let period = period.max(frame);
        // A device that takes more at once than two frames needs its whole period and a frame.
        let target = (frame * (BASE + self.extra)).max(period + frame * (1 + self.extra));
        let missing = target.saturating_sub(queued).div_ceil(frame);
        missing.min(room / frame)
    }
}

/// Silence queued before the first callback, which some sound servers make twice as long as the others.
pub(super) fn prefill(frame: usize) -> usize {
    frame * BASE
}

/// Samples of 10 ms at `rate`.
pub(super) fn frame_of(rate: u32) -> usize {
    (rate as usize * FRAME_SAMPLES).div_ceil(fika_media::frame::SAMPLE_RATE as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 100_000;

    #[test]
    fn two_periods_are_kept() {
        let cushion = Cushion::new();
        assert_eq!(cushion.missing(0, 480, 480, ROOM), 2);
        assert_eq!(cushion.missing(480, 480, 480, ROOM), 1);
        assert_eq!(cushion.missing(500, 480, 480, ROOM), 1);
        assert_eq!(cushion.missing(960, 480, 480, ROOM), 0);
        assert_eq!(cushion.missing(0, 480, 256, ROOM), 2);
        assert_eq!(cushion.missing(0, 480, 2_048, ROOM), 6, "a large period and a frame");
    }

    #[test]
    fn never_more_than_fits() {
        assert_eq!(Cushion::new().missing(0, 480, 480, 500), 1);
        assert_eq!(Cushion::new().missing(0, 480, 480, 100), 0);
    }

    #[test]
    fn underruns_grow_it_and_calm_shrinks_it() {
        let mut cushion = Cushion::new();
        for underruns in 1..=10 {
            cushion.written(underruns);
        }
        assert_eq!(cushion.missing(0, 480, 480, ROOM), BASE + MAX_EXTRA);
        for _ in 0..CALM {
            cushion.written(10);
        }
        assert_eq!(cushion.missing(0, 480, 480, ROOM), BASE + MAX_EXTRA - 1);
        for _ in 0..CALM * 10 {
            cushion.written(10);
        }
        assert_eq!(cushion.missing(0, 480, 480, ROOM), BASE);
    }

    #[test]
    fn ten_milliseconds_at_any_rate() {
        assert_eq!((frame_of(48_000), frame_of(44_100), frame_of(8_000), frame_of(11_025)), (480, 441, 80, 111));
    }
}
