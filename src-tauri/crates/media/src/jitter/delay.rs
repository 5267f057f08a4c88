//! How late media arrives, against the earliest of the last seconds, and how long playout should therefore wait.
//!
//! Sender and receiver clocks are unrelated and drift: only differences count, and the earliest is forgotten after the
//! window.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    /// Arrivals to remember: this long, and no more than [`MAX_ARRIVALS`].
    pub(super) window: Duration,
    /// Share of the arrivals that shall be in time, in per cent.
    pub(super) quantile: usize,
    /// Added to the quantile.
    pub(super) margin: Duration,
    pub(super) least: Duration,
    pub(super) most: Duration,
    /// How fast the target falls, per second of arrivals; `None` for at once. It always rises at once.
    pub(super) fall: Option<Duration>,
}

/// Arrivals remembered at most; the oldest is forgotten first.
const MAX_ARRIVALS: usize = 1024;
/// Arrivals after which the target is trusted.
const MIN_ARRIVALS: usize = 5;

/// All times in microseconds.
#[derive(Debug)]
pub(super) struct Delays {
    config: Config,
    /// When, and how far the arrival is ahead of the media time.
    arrivals: VecDeque<(Timestamp, i64)>,
    sorted: Vec<i64>,
    earliest: i64,
    target: i64,
}

impl Delays {
    pub(super) fn new(config: Config) -> Self {
        let target = config.least.as_micros() as i64;
        Self { config, arrivals: VecDeque::new(), sorted: Vec::new(), earliest: 0, target }
    }

    /// Media of time `media` arrived.
    pub(super) fn record(&mut self, media: i64, arrived: Timestamp) {
        let relative = arrived.as_micros().saturating_sub(media);
        let before = self.arrivals.back().map(|(at, _)| *at);
        if self.arrivals.len() == MAX_ARRIVALS {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back((arrived, relative));
        while self.arrivals.front().is_some_and(|(at, _)| arrived.since(*at) > self.config.window) {
            self.arrivals.pop_front();
        }
        self.earliest = self.arrivals.iter().map(|(_, relative)| *relative).min().unwrap_or(relative);
        let elapsed = before.map_or(Duration::ZERO, |before| arrived.since(before));
        self.aim(elapsed);
    }

    fn aim(&mut self, elapsed: Duration) {
        if self.arrivals.len() < MIN_ARRIVALS {
            return;
        }
        self.sorted.clear();
        self.sorted.extend(self.arrivals.iter().map(|(_, relative)| relative.saturating_sub(self.earliest)));
        let at = (self.sorted.len() - 1) * self.config.quantile / 100;
        let (_, late, _) = self.sorted.select_nth_unstable(at);
        let wanted = late.saturating_add(self.config.margin.as_micros() as i64);
        let wanted = wanted.clamp(self.config.least.as_micros() as i64, self.config.most.as_micros() as i64);
        let floor = match self.config.fall {
            Some(fall) => self.target - (fall.as_micros() as f64 * elapsed.as_secs_f64()) as i64,
            None => wanted,
        };
        self.target = wanted.max(floor);
    }

    /// How much later than the earliest possible moment media of time `media` is at `now`.
    pub(super) fn lateness(&self, media: i64, now: Timestamp) -> i64 {
        now.as_micros().saturating_sub(media).saturating_sub(self.earliest)
    }

    /// When media of time `media` should play.
    pub(super) fn due(&self, media: i64) -> Timestamp {
        Timestamp(media.saturating_add(self.earliest).saturating_add(self.target))
    }

    pub(super) fn target(&self) -> i64 {
        self.target
    }

    /// Whether media of time `media` arriving now belongs to the time line seen so far, give or take `tolerance`.
    pub(super) fn fits(&self, media: i64, arrived: Timestamp, tolerance: Duration) -> bool {
        let relative = arrived.as_micros().saturating_sub(media);
        self.arrivals.back().is_none_or(|(_, last)| relative.abs_diff(*last) <= tolerance.as_micros() as u64)
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(self.config);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: Config = Config {
        window: Duration::from_secs(10),
        quantile: 97,
        margin: Duration::from_millis(20),
        least: Duration::from_millis(30),
        most: Duration::from_millis(400),
        fall: None,
    };

    fn arrive(delays: &mut Delays, number: i64, late_ms: i64) {
        delays.record(number * 20_000, Timestamp::from_millis(5_000 + number * 20 + late_ms));
    }

    #[test]
    fn follows_the_quantile_up_and_forgets_it() {
        let mut delays = Delays::new(CONFIG);
        (0..500).for_each(|n| arrive(&mut delays, n, 0));
        assert_eq!(delays.target(), 30_000);
        (500..1000).for_each(|n| arrive(&mut delays, n, if n % 10 == 0 { 100 } else { 0 }));
        assert_eq!(delays.target(), 120_000);
        (1000..1600).for_each(|n| arrive(&mut delays, n, 0));
        assert_eq!(delays.target(), 30_000);
    }

    #[test]
    fn falls_slowly_when_told_to() {
        let mut delays = Delays::new(Config { fall: Some(Duration::from_millis(10)), ..CONFIG });
        (0..500).for_each(|n| arrive(&mut delays, n, if n % 10 == 0 { 100 } else { 0 }));
        (500..1050).for_each(|n| arrive(&mut delays, n, 0));
        let high = delays.target();
        (1050..1100).for_each(|n| arrive(&mut delays, n, 0));
        assert_eq!(high - delays.target(), 10_000, "a second later");
    }

    #[test]
    fn lateness_counts_from_the_earliest() {
        let mut delays = Delays::new(CONFIG);
        (0..10).for_each(|n| arrive(&mut delays, n, if n == 4 { 0 } else { 7 }));
        assert_eq!(delays.lateness(200_000, Timestamp::from_millis(5_200)), 0);
        assert_eq!(delays.lateness(200_000, Timestamp::from_millis(5_250)), 50_000);
        assert_eq!(delays.due(200_000), Timestamp::from_millis(5_230));
        assert!(delays.fits(200_000, Timestamp::from_millis(5_300), Duration::from_millis(100)));
        assert!(!delays.fits(900_000, Timestamp::from_millis(5_300), Duration::from_millis(100)));
    }
}
