//! Counts freezes as W3C webrtc-stats does: freezeCount and totalFreezesDuration. Pure; told when pictures are shown.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Timestamp;

/// Intervals that make the mean.
const INTERVALS: usize = 30;
const EXTRA: Duration = Duration::from_millis(150);

/// A gap between two pictures is a freeze when it exceeds three times the mean of the last 30, and the mean and 150 ms.
#[derive(Clone, Debug, Default)]
pub struct Freezes {
    intervals: VecDeque<Duration>,
    last: Option<Timestamp>,
    count: u64,
    total: Duration,
}

impl Freezes {
    /// A picture is shown.
    pub fn shown(&mut self, at: Timestamp) {
        let Some(last) = self.last.replace(at) else { return };
        let interval = at.since(last);
        if let Some(mean) = self.mean()
            && interval > (mean * 3).max(mean + EXTRA)
        {
            self.count += 1;
            self.total += interval;
        }
        if self.intervals.len() == INTERVALS {
            self.intervals.pop_front();
        }
        self.intervals.push_back(interval);
    }

    /// The sender stopped on purpose: the time until the next picture is no freeze.
    pub fn pause(&mut self) {
        self.last = None;
    }

    /// freezeCount.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// totalFreezesDuration.
    pub fn total(&self) -> Duration {
        self.total
    }

    fn mean(&self) -> Option<Duration> {
        let count = u32::try_from(self.intervals.len()).ok().filter(|count| *count > 0)?;
        Some(self.intervals.iter().sum::<Duration>() / count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_gaps_by_the_rule() {
        let mut freezes = Freezes::default();
        let mut now = Timestamp::ZERO;
        let mut show = |freezes: &mut Freezes, ms: u64| {
            now = now + Duration::from_millis(ms);
            freezes.shown(now);
        };
        (0..60).for_each(|_| show(&mut freezes, 33));
        show(&mut freezes, 183);
        assert_eq!((freezes.count(), freezes.total()), (0, Duration::ZERO), "33 + 150 is not more than that");
        (0..60).for_each(|_| show(&mut freezes, 33));
        show(&mut freezes, 184);
        assert_eq!((freezes.count(), freezes.total()), (1, Duration::from_millis(184)));
        (0..60).for_each(|_| show(&mut freezes, 33));
        freezes.pause();
        show(&mut freezes, 5_000);
        assert_eq!(freezes.count(), 1);
        // At 5 pictures a second three intervals are the longer limit.
        let mut slow = Freezes::default();
        (0..60).for_each(|_| show(&mut slow, 200));
        show(&mut slow, 600);
        assert_eq!(slow.count(), 0);
        (0..60).for_each(|_| show(&mut slow, 200));
        show(&mut slow, 601);
        assert_eq!(slow.count(), 1);
    }
}
