//! Real time for what is not made by a device: when the next piece is due, and a thread that says so every 10 ms.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use fika_media::device::{DeviceError, Wake};
use fika_media::{Clock, Timestamp};

/// Further behind than this (the machine slept), time goes on from now.
const MAX_LAG: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(10);

/// Evenly spaced moments since the first look.
pub(super) struct Schedule {
    /// Pieces in so many microseconds.
    pieces: i64,
    micros: i64,
    begin: Option<Timestamp>,
    number: i64,
}

impl Schedule {
    /// `pieces` in `duration`.
    pub(super) fn new(pieces: u32, duration: Duration) -> Self {
        Self { pieces: i64::from(pieces.max(1)), micros: duration.as_micros() as i64, begin: None, number: 0 }
    }

    /// When the next piece is due, and whether some were left out before it.
    pub(super) fn due(&mut self, now: Timestamp) -> (Timestamp, bool) {
        self.begin.get_or_insert(now);
        let due = self.next(now);
        if now.since(due) <= MAX_LAG {
            return (due, false);
        }
        self.begin = Some(now);
        self.number = 0;
        (now, true)
    }

    /// When the next piece is due, without a decision; `now` before the first look.
    pub(super) fn next(&self, now: Timestamp) -> Timestamp {
        let begin = self.begin.unwrap_or(now);
        Timestamp(begin.as_micros() + self.number * self.micros / self.pieces)
    }

    /// The piece was delivered.
    pub(super) fn step(&mut self) {
        self.number += 1;
    }
}

/// Waits until `due`, at most `timeout`. False: it is not due yet.
pub(super) fn wait(clock: &Clock, due: Timestamp, timeout: Duration) -> bool {
    let left = due.since(clock());
    std::thread::sleep(left.min(timeout));
    left <= timeout
}

/// The thread `pace`: calls the engine's wake-up every 10 ms until it is dropped. Nothing queues.
pub(super) struct Metronome {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Metronome {
    pub(super) fn start(clock: Clock, wake: Wake) -> Result<Self, DeviceError> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || {
            let mut schedule = Schedule::new(1, TICK);
            while !stopped.load(Ordering::Acquire) {
                let (due, _) = schedule.due(clock());
                if wait(&clock, due, TICK) {
                    schedule.step();
                    wake();
                }
            }
        };
        let thread = std::thread::Builder::new().name("pace".to_owned()).spawn(run);
        let thread = thread.map_err(|error| DeviceError::Failed(error.to_string()))?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It only calls the wake-up, which does not panic.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_evenly_and_a_sleep_is_not_made_up_for() {
        let mut schedule = Schedule::new(30, Duration::from_secs(1));
        let begin = Timestamp(1_000_000);
        for number in 0..60 {
            let (due, left_out) = schedule.due(begin);
            assert_eq!((due.as_micros(), left_out), (1_000_000 + number * 1_000_000 / 30, false));
            schedule.step();
        }
        let later = begin + Duration::from_secs(60);
        assert_eq!(schedule.due(later), (later, true));
        schedule.step();
        assert_eq!(schedule.due(later).0, later + Duration::from_micros(33_333));
    }
}
