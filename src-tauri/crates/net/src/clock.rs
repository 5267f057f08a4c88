//! The clocks of a session side by side: the runtime's `Instant`, the media clock, the wall clock. A plain value, made once.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fika_media::{Clock, Timestamp};
use fika_rtp::capture_time::WallClock;

#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionClock {
    instant: Instant,
    at: Timestamp,
    wall: WallClock,
}

impl SessionClock {
    pub(crate) fn new(clock: &Clock) -> Self {
        let at = clock();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { instant: Instant::now(), at, wall: WallClock::new(unix.as_micros() as i64, at) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    pub(crate) fn at(&self, instant: Instant) -> Timestamp {
        match instant.checked_duration_since(self.instant) {
            Some(later) => self.at + later,
            None => self.at - self.instant.duration_since(instant),
        }
    }

    /// Times before the session began are the beginning.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        self.instant + at.since(self.at).min(Duration::from_secs(3600))
    }

    pub(crate) const fn wall(&self) -> WallClock {
        self.wall
    }
}

/// Of the system's own clock, which people and the network set: for what ends on a day.
pub(crate) fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
