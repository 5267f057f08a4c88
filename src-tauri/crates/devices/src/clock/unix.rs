//! Clocks of Linux and macOS. Runs on whichever thread asks; nothing queues here.

use fika_media::Timestamp;

/// Waits are precise anyway.
pub(crate) struct Precise;

impl Precise {
    pub(crate) fn begin() -> Self {
        Self
    }
}

/// CLOCK_MONOTONIC of macOS does not stop.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn sleepless() -> Timestamp {
    monotonic()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn sleepless() -> Timestamp {
    read(libc::CLOCK_BOOTTIME)
}

pub(super) fn monotonic() -> Timestamp {
    read(libc::CLOCK_MONOTONIC)
}

fn read(clock: libc::clockid_t) -> Timestamp {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec that lives through the call.
    // The call cannot fail: the clock exists on such a system and the pointer is good.
    unsafe { libc::clock_gettime(clock, &mut now) };
    // The casts only widen; on 32-bit systems the fields are smaller.
    #[allow(clippy::unnecessary_cast)]
    Timestamp::from_micros(now.tv_sec as i64 * 1_000_000 + now.tv_nsec as i64 / 1_000)
}
