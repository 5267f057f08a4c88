//! Pictures a second and freezes, from the times at which pictures come. Plain values, told the time; any thread.

use std::collections::VecDeque;
use std::time::Duration;

use fika_media::Timestamp;

/// Counts what happened during the last second.
#[derive(Default)]
pub(crate) struct Meter {
    times: VecDeque<Timestamp>,
}

impl Meter {
    /// More a second are not counted.
    const MOST: usize = 240;

    /// Counts one at `at`, and says how many there were in the second up to it.
    pub(crate) fn count(&mut self, at: Timestamp) -> u32 {
        if self.times.len() == Self::MOST {
            self.times.pop_front();
        }
        self.times.push_back(at);
        while self.times.front().is_some_and(|first| at.since(*first) >= Duration::from_secs(1)) {
            self.times.pop_front();
        }
        self.times.len() as u32
    }
}

/// Freezes as W3C webrtc-stats defines them for `freezeCount`: the time between two pictures is longer than three times
/// the average, and than the average and 150 ms, over the last 30.
#[derive(Default)]
pub(crate) struct Freezes {
    last: Option<Timestamp>,
    intervals: VecDeque<Duration>,
    pub(crate) count: u64,
    pub(crate) total: Duration,
}

impl Freezes {
    const WINDOW: usize = 30;

    pub(crate) fn presented(&mut self, at: Timestamp) {
        let Some(last) = self.last.replace(at) else { return };
        let interval = at.since(last);
        if !self.intervals.is_empty() {
            let average = self.intervals.iter().sum::<Duration>() / self.intervals.len() as u32;
            if interval > (average * 3).max(average + Duration::from_millis(150)) {
                self.count += 1;
                self.total += interval;
            }
        }
        if self.intervals.len() == Self::WINDOW {
            self.intervals.pop_front();
        }
        self.intervals.push_back(interval);
    }

    /// The pictures have stopped on purpose: the camera is off.
    pub(crate) fn pause(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_a_second() {
        let mut meter = Meter::default();
        let counts: Vec<u32> = (0..90).map(|i| meter.count(Timestamp(i * 1_000_000 / 30))).collect();
        assert_eq!(counts[0], 1);
        assert_eq!(counts[89], 30);
        assert_eq!(meter.count(Timestamp::from_millis(9000)), 1);
    }

    #[test]
    fn a_pause_of_200_ms_is_a_freeze_and_one_of_100_is_none() {
        let mut freezes = Freezes::default();
        let mut at = 0;
        for step in [33, 33, 33, 33, 100, 33, 33] {
            at += step;
            freezes.presented(Timestamp::from_millis(at));
        }
        assert_eq!(freezes.count, 0);
        freezes.presented(Timestamp::from_millis(at + 250));
        assert_eq!((freezes.count, freezes.total), (1, Duration::from_millis(250)));
        freezes.pause();
        freezes.presented(Timestamp::from_millis(at + 9000));
        assert_eq!(freezes.count, 1);
    }
}
