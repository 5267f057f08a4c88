//! The clock that every frame is stamped with: monotonic, in microseconds, the same in every process of this machine.
//! Runs on whichever thread asks; nothing queues here.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::sync::Arc;

use fika_media::{Clock, Timestamp};
#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;

/// While one lives, waits of this process end within a millisecond of their time, also where the system's own grain is
/// coarser than a packet of sound.
pub(crate) use platform::Precise;

/// Now, in microseconds since an origin that all processes of this machine share until it restarts.
pub fn monotonic() -> Timestamp {
    platform::monotonic()
}

/// [`monotonic`] as a value to hand to code that is told the time.
pub fn clock() -> Clock {
    Arc::new(monotonic)
}

/// A clock of its own that goes on while the machine sleeps, as far as the system has one.
pub fn sleepless() -> Clock {
    Arc::new(platform::sleepless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sleepless_clock_is_never_behind() {
        // As far as one clock can be read before the other.
        let early = monotonic();
        assert!(sleepless()() >= early);
    }

    #[test]
    fn time_never_runs_backwards() {
        let mut last = monotonic();
        for _ in 0..10_000 {
            let now = clock()();
            assert!(now >= last);
            last = now;
        }
        assert!(last > Timestamp::ZERO);
    }
}
