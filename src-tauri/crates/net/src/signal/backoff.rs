//! When to try again (the delays of LiveKit's clients). A plain value; told the time.

use std::time::{Duration, Instant};

const DELAYS: [u64; 5] = [0, 300, 1200, 2700, 4800];
const LAST_DELAY: u64 = 7000;
/// Attempts go on for this long after a seat was held.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Attempts before a seat was ever held: somebody waits for an answer.
const FIRST_ATTEMPTS: usize = 3;

#[derive(Debug)]
pub(super) struct Backoff {
    attempt: usize,
    /// Since when there is no connection.
    lost: Option<Instant>,
    held: bool,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { attempt: 0, lost: None, held: false }
    }

    /// A seat is held: the next loss begins from the start.
    pub(super) const fn succeeded(&mut self) {
        *self = Self { attempt: 0, lost: None, held: true };
    }

    /// The user is impatient.
    pub(super) const fn hurry(&mut self) {
        self.attempt = 0;
    }

    pub(super) const fn held(&self) -> bool {
        self.held
    }

    /// How long to wait before the next attempt. `None`: give up.
    pub(super) fn next(&mut self, now: Instant) -> Option<Duration> {
        let lost = *self.lost.get_or_insert(now);
        let over = if self.held { now.duration_since(lost) >= GIVE_UP } else { self.attempt >= FIRST_ATTEMPTS };
        if over {
            return None;
        }
        let delay = Duration::from_millis(DELAYS.get(self.attempt).copied().unwrap_or(LAST_DELAY));
        self.attempt += 1;
        let left = if self.held { GIVE_UP.saturating_sub(now.duration_since(lost)) } else { delay };
        Some(delay.min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_connection_fails_soon() {
        let mut backoff = Backoff::new();
        let now = Instant::now();
        let delays: Vec<u64> = std::iter::from_fn(|| backoff.next(now)).map(|d| d.as_millis() as u64).collect();
        assert_eq!(delays, [0, 300, 1200]);
    }

    #[test]
    fn a_lost_connection_is_given_a_minute() {
        let mut backoff = Backoff::new();
        backoff.succeeded();
        let mut now = Instant::now();
        let mut delays = Vec::new();
        while let Some(delay) = backoff.next(now) {
            now += delay;
            delays.push(delay.as_millis() as u64);
        }
        assert_eq!(delays[..6], [0, 300, 1200, 2700, 4800, 7000]);
        assert_eq!(delays.iter().sum::<u64>(), 60_000);
        backoff.succeeded();
        assert_eq!(backoff.next(now), Some(Duration::ZERO));
    }
}
