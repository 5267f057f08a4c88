//! QueryPerformanceCounter, which all processes of a Windows machine share. Runs on whichever thread asks; nothing
//! queues here.

use fika_media::Timestamp;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn QueryPerformanceCounter(count: *mut i64) -> i32;
    fn QueryPerformanceFrequency(frequency: *mut i64) -> i32;
}

#[link(name = "winmm")]
unsafe extern "system" {
    fn timeBeginPeriod(milliseconds: u32) -> u32;
    fn timeEndPeriod(milliseconds: u32) -> u32;
}

/// Milliseconds; without it waits end on the next beat of 15.6 ms.
const GRAIN: u32 = 1;

/// Counted by the system; ends with the last one.
pub(crate) struct Precise;

impl Precise {
    pub(crate) fn begin() -> Self {
        // SAFETY: no pointers. What is refused leaves the grain as it was.
        unsafe { timeBeginPeriod(GRAIN) };
        Self
    }
}

impl Drop for Precise {
    fn drop(&mut self) {
        // SAFETY: no pointers; undoes the call of `begin`.
        unsafe { timeEndPeriod(GRAIN) };
    }
}

/// The counter does not stop.
pub(super) fn sleepless() -> Timestamp {
    monotonic()
}

pub(super) fn monotonic() -> Timestamp {
    let (mut count, mut frequency) = (0_i64, 1_i64);
    // SAFETY: both pointers are valid through the calls, which cannot fail since Windows XP.
    unsafe {
        QueryPerformanceFrequency(&mut frequency);
        QueryPerformanceCounter(&mut count);
    }
    // Split so that the product cannot overflow however long the machine has been running.
    let frequency = frequency.max(1);
    Timestamp::from_micros(count / frequency * 1_000_000 + count % frequency * 1_000_000 / frequency)
}
