//! The picture that was encoded last, for whoever wants a keyframe before the next one comes. Holds one; the next takes its place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fika_media::{Timestamp, VideoFrame};

use super::{KEYFRAME_INTERVAL, Wanted};

/// From a picture to its repetition: no two are of the same time, and no camera is so fast.
const REPEATED: Duration = Duration::from_millis(2);

#[derive(Default)]
pub(super) struct Last(Mutex<Option<VideoFrame>>);

impl Last {
    pub(super) fn keep(&self, picture: &VideoFrame) {
        *self.lock() = Some(VideoFrame { pts: picture.pts, image: Arc::clone(&picture.image) });
    }

    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    /// Is there to be repeated now. `keyframe_at`: that of the last keyframe.
    pub(super) fn is_wanted(&self, wanted: &Wanted, keyframe_at: Option<Timestamp>) -> bool {
        let sends = wanted.keyframe && wanted.out.is_some() && !wanted.want.is_none();
        let recently = |last: &VideoFrame| keyframe_at.is_some_and(|at| last.pts.since(at) < KEYFRAME_INTERVAL);
        sends && self.lock().as_ref().is_some_and(|last| !recently(last))
    }

    /// Once.
    pub(super) fn repeat(&self) -> Option<VideoFrame> {
        self.lock().take().map(|last| VideoFrame { pts: last.pts + REPEATED, image: last.image })
    }

    fn lock(&self) -> MutexGuard<'_, Option<VideoFrame>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
