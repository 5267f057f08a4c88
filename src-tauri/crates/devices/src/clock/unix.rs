//! CLOCK_MONOTONIC of Linux and macOS. Runs on whichever thread asks; nothing queues here.

use fika_media::Timestamp;

/// Waits are precise anyway.
pub(crate) struct Precise;

impl Precise {
    pub(crate) fn begin() -> Self {
        Self
    }
}

pub(super) fn monotonic() -> Timestamp {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec that lives through the call.
    // The call cannot fail: the clock exists on every Unix and the pointer is good.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    // The casts only widen; on 32-bit systems the fields are smaller.
    #[allow(clippy::unnecessary_cast)]
    Timestamp::from_micros(now.tv_sec as i64 * 1_000_000 + now.tv_nsec as i64 / 1_000)
}
