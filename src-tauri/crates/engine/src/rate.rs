//! Pictures a second, from the times at which pictures come. A plain value, told the time; any thread.

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

    pub(crate) fn count(&mut self, at: Timestamp) {
        if self.times.len() == Self::MOST {
            self.times.pop_front();
        }
        self.times.push_back(at);
    }

    /// How many there were in the second up to `now`.
    pub(crate) fn rate(&mut self, now: Timestamp) -> u32 {
        while self.times.front().is_some_and(|first| now.since(*first) >= Duration::from_secs(1)) {
            self.times.pop_front();
        }
        self.times.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_a_second() {
        let mut meter = Meter::default();
        let mut rate = |at| {
            meter.count(at);
            meter.rate(at)
        };
        let rates: Vec<u32> = (0..90).map(|i| rate(Timestamp(i * 1_000_000 / 30))).collect();
        assert_eq!((rates[0], rates[89]), (1, 30));
        assert_eq!(rate(Timestamp::from_millis(9000)), 1);
        assert_eq!(meter.rate(Timestamp::from_millis(11_000)), 0);
    }
}
