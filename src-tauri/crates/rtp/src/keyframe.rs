//! Limits how often a keyframe is asked for, or made. One per direction of a video stream. A request that comes too
//! early is not lost: it falls due when the interval is over.

use std::time::Duration;

use fika_media::Timestamp;

#[derive(Clone, Copy, Debug)]
pub struct Limiter {
    interval: Duration,
    last: Option<Timestamp>,
    waiting: bool,
}

impl Limiter {
    pub const fn new(interval: Duration) -> Self {
        Self { interval, last: None, waiting: false }
    }

    /// Whether to act on this request now.
    pub fn request(&mut self, now: Timestamp) -> bool {
        self.waiting = true;
        self.handle_timeout(now)
    }

    /// Whether to act on an earlier request now.
    pub fn handle_timeout(&mut self, now: Timestamp) -> bool {
        let due = self.poll_timeout().is_some_and(|due| due <= now);
        if due {
            self.last = Some(now);
            self.waiting = false;
        }
        due
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.waiting.then(|| self.last.map_or(Timestamp(i64::MIN), |last| last + self.interval))
    }

    /// What was asked for has come.
    pub const fn satisfied(&mut self) {
        self.waiting = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn the_first_at_once_the_next_after_the_interval() {
        let mut limiter = Limiter::new(Duration::from_millis(300));
        assert!(limiter.request(ms(1000)));
        assert_eq!(limiter.poll_timeout(), None);
        assert!(!limiter.request(ms(1100)));
        assert!(!limiter.request(ms(1200)));
        assert_eq!(limiter.poll_timeout(), Some(ms(1300)));
        assert!(!limiter.handle_timeout(ms(1299)));
        assert!(limiter.handle_timeout(ms(1300)));
        assert!(!limiter.handle_timeout(ms(2000)), "one request, one action");
    }

    #[test]
    fn a_keyframe_that_came_cancels_the_request() {
        let mut limiter = Limiter::new(Duration::from_millis(300));
        assert!(limiter.request(ms(0)));
        assert!(!limiter.request(ms(10)));
        limiter.satisfied();
        assert_eq!(limiter.poll_timeout(), None);
    }
}
