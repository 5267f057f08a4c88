//! When to try again. A plain value; told the time.

use std::time::{Duration, Instant};

const DELAYS: [u64; 3] = [0, 300, 1200];
/// After those, for a minute.
const DELAY: u64 = 2500;
const SOON: Duration = Duration::from_secs(60);
/// After that minute.
const LAST_DELAY: u64 = 7000;
/// Where sound and picture do not come through either, it is not the server that is away, and nobody crowds at it.
const OURS: u64 = 1000;
/// Attempts go on for this long after a place before the door was held. In a call they go on as long as it does: sound and
/// picture need no server, and whoever hears nobody any more ends the call.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Attempts before a seat was ever held: somebody waits for an answer.
const FIRST_ATTEMPTS: usize = 3;

#[derive(Debug)]
pub(super) struct Backoff {
    attempt: usize,
    /// Since when there is no connection.
    lost: Option<Instant>,
    held: bool,
    /// In the room, not before its door.
    seated: bool,
    /// It is the network that is away.
    ours: bool,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { attempt: 0, lost: None, held: false, seated: false, ours: false }
    }

    /// A seat is held, or a place before the door: the next loss begins from the start.
    pub(super) const fn succeeded(&mut self, seated: bool) {
        *self = Self { attempt: 0, lost: None, held: true, seated, ours: false };
    }

    /// The user is impatient.
    pub(super) const fn hurry(&mut self) {
        self.attempt = 0;
    }

    /// Until the next success it is the network that is away.
    pub(super) const fn is_ours(&mut self) {
        self.ours = true;
        self.hurry();
    }

    pub(super) const fn ours(&self) -> bool {
        self.ours
    }

    pub(super) const fn held(&self) -> bool {
        self.held
    }

    pub(super) const fn seated(&self) -> bool {
        self.seated
    }

    /// How long to wait before the next attempt. `None`: give up.
    pub(super) fn next(&mut self, now: Instant) -> Option<Duration> {
        let lost = *self.lost.get_or_insert(now);
        let later = if now.duration_since(lost) < SOON { DELAY } else { LAST_DELAY };
        let delay = DELAYS.get(self.attempt).copied().unwrap_or(later);
        let delay = Duration::from_millis(if self.ours { delay.min(OURS) } else { delay });
        let left = match (self.seated, self.held) {
            (true, _) => delay,
            (false, true) => GIVE_UP.checked_sub(now.duration_since(lost)).filter(|left| !left.is_zero())?,
            (false, false) => (self.attempt < FIRST_ATTEMPTS).then_some(delay)?,
        };
        self.attempt += 1;
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
    fn a_lost_place_before_the_door_is_given_a_minute() {
        let mut backoff = Backoff::new();
        backoff.succeeded(false);
        let mut now = Instant::now();
        let mut delays = Vec::new();
        while let Some(delay) = backoff.next(now) {
            now += delay;
            delays.push(delay.as_millis() as u64);
        }
        assert_eq!(delays[..5], [0, 300, 1200, 2500, 2500]);
        assert_eq!(delays.iter().sum::<u64>(), 60_000);
        backoff.succeeded(false);
        assert_eq!(backoff.next(now), Some(Duration::ZERO));
    }

    #[test]
    fn a_call_is_never_given_up_here() {
        let mut backoff = Backoff::new();
        backoff.succeeded(true);
        let mut now = Instant::now();
        for _ in 0..1000 {
            let delay = backoff.next(now).unwrap();
            assert!(delay <= Duration::from_millis(LAST_DELAY));
            now += delay;
        }
        assert_eq!(backoff.next(now), Some(Duration::from_millis(LAST_DELAY)));
        backoff.hurry();
        assert_eq!(backoff.next(now), Some(Duration::ZERO));
    }

    #[test]
    fn a_network_that_is_away_is_tried_every_second() {
        let mut backoff = Backoff::new();
        backoff.succeeded(true);
        backoff.is_ours();
        let mut now = Instant::now();
        for delay in [0, 300, 1000, 1000, 1000] {
            assert_eq!(backoff.next(now), Some(Duration::from_millis(delay)));
            now += Duration::from_millis(delay);
        }
        assert_eq!(backoff.next(now + SOON), Some(Duration::from_millis(OURS)), "as long as it lasts");
        backoff.succeeded(true);
        assert!(!backoff.ours());
    }
}
