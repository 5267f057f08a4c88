//! Between a camera's thread and its reader: a slot of one picture. A new picture replaces an unread one; the reader
//! finds out here when the camera has ended or sends nothing any more.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fika_media::VideoFrame;
use fika_media::device::DeviceError;

pub(super) struct Slot {
    state: Mutex<State>,
    changed: Condvar,
    /// Without a picture for this long the camera counts as stalled.
    patience: Duration,
}

struct State {
    frame: Option<VideoFrame>,
    end: Option<DeviceError>,
    last: Instant,
    /// Pictures seen since the start.
    count: u64,
}

impl Slot {
    pub(super) fn new(patience: Duration) -> Self {
        let state = State { frame: None, end: None, last: Instant::now(), count: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new(), patience }
    }

    /// The newest picture; replaces one that was not read.
    pub(super) fn put(&self, frame: VideoFrame) {
        let mut state = self.lock();
        state.frame = Some(frame);
        state.last = Instant::now();
        state.count += 1;
        self.changed.notify_all();
    }

    /// No more pictures. The first reason stands.
    pub(super) fn end(&self, reason: DeviceError) {
        self.lock().end.get_or_insert(reason);
        self.changed.notify_all();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().end.is_some()
    }

    /// The newest unread picture, waiting at most `timeout`; afterwards the reason of the end.
    pub(super) fn take(&self, timeout: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.lock();
        loop {
            if let Some(frame) = state.frame.take() {
                return Ok(Some(frame));
            }
            if let Some(end) = &state.end {
                return Err(end.clone());
            }
            let now = Instant::now();
            let patience = self.patience.saturating_sub(now.duration_since(state.last));
            if patience.is_zero() {
                state.end = Some(DeviceError::Stalled);
                return Err(DeviceError::Stalled);
            }
            let rest = deadline.map_or(patience, |deadline| deadline.saturating_duration_since(now));
            if rest.is_zero() {
                return Ok(None);
            }
            (state, _) = self.changed.wait_timeout(state, rest.min(patience)).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits, at most `timeout`, until a first picture has arrived or the camera has ended.
    pub(super) fn started(&self, timeout: Duration) -> Result<(), DeviceError> {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| state.count == 0 && state.end.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        match &state.end {
            Some(end) if state.count == 0 => Err(end.clone()),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use fika_media::{I420, Resolution, Timestamp};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn frame(pts: i64) -> VideoFrame {
        VideoFrame::new(Timestamp::from_micros(pts), I420::black(Resolution::new(2, 2)))
    }

    #[test]
    fn the_newest_picture_wins() {
        let slot = Slot::new(LONG);
        slot.put(frame(1));
        slot.put(frame(2));
        assert_eq!(slot.take(Duration::ZERO).unwrap().unwrap().pts, Timestamp::from_micros(2));
        assert!(slot.take(Duration::ZERO).unwrap().is_none());
    }

    #[test]
    fn a_last_picture_is_read_before_the_end() {
        let slot = Slot::new(LONG);
        slot.put(frame(1));
        slot.end(DeviceError::Disconnected);
        slot.end(DeviceError::Busy);
        assert!(slot.take(Duration::ZERO).unwrap().is_some());
        assert_eq!(slot.take(Duration::ZERO).unwrap_err(), DeviceError::Disconnected);
        assert_eq!(slot.take(LONG).unwrap_err(), DeviceError::Disconnected);
    }

    #[test]
    fn silence_beyond_patience_is_a_stall() {
        let slot = Slot::new(Duration::ZERO);
        assert_eq!(slot.take(LONG).unwrap_err(), DeviceError::Stalled);
        assert!(slot.has_ended());
    }

    #[test]
    fn a_reader_is_woken_by_the_end() {
        let slot = std::sync::Arc::new(Slot::new(LONG));
        let reader = std::thread::spawn({
            let slot = slot.clone();
            move || slot.take(LONG)
        });
        slot.end(DeviceError::Disconnected);
        assert_eq!(reader.join().unwrap().unwrap_err(), DeviceError::Disconnected);
    }

    #[test]
    fn start_reports_an_end_that_came_first() {
        let slot = Slot::new(LONG);
        slot.end(DeviceError::Busy);
        assert_eq!(slot.started(LONG), Err(DeviceError::Busy));
        let slot = Slot::new(LONG);
        slot.put(frame(1));
        slot.end(DeviceError::Disconnected);
        assert_eq!(slot.started(LONG), Ok(()));
    }
}
