//! Media time. Owned by nobody: a plain value that travels with each frame.

use std::sync::Arc;
use std::time::Duration;

/// Media time in whole microseconds since an origin that the capturing process chooses (CLOCK_MONOTONIC on Linux).
/// Never an `Instant`: it crosses processes and files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const ZERO: Self = Self(0);

    pub const fn from_micros(us: i64) -> Self {
        Self(us)
    }

    pub const fn from_millis(ms: i64) -> Self {
        Self(ms * 1000)
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs.as_micros() as i64))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(rhs.as_micros() as i64))
    }
}

/// How the shells ask for the time: CLOCK_MONOTONIC in microseconds, the same clock in every process of this machine.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
