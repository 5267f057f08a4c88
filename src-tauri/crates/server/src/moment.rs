//! Points in time that can be written down and mean the same on every instance, which [`std::time::Instant`] do not.

use std::ops::{Add, AddAssign};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970 by a clock that never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// Zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    pub fn unix(self) -> u32 {
        u32::try_from(self.0 / 1000).unwrap_or(u32::MAX)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Moment {
    fn add_assign(&mut self, time: Duration) {
        *self = *self + time;
    }
}

/// Tells moments by what some moment was at some instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    moment: Moment,
}

impl Clock {
    /// From now on, as the wall clock says.
    pub(crate) fn new() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::at(Moment(u64::try_from(unix.as_millis()).unwrap_or(u64::MAX)))
    }

    /// It is this moment now.
    pub(crate) fn at(moment: Moment) -> Self {
        Self { instant: Instant::now(), moment }
    }

    pub(crate) fn now(&self) -> Moment {
        self.moment + self.instant.elapsed()
    }

    pub(crate) fn instant(&self, at: Moment) -> Instant {
        self.instant + at.since(self.moment)
    }
}
