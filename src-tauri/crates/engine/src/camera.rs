//! The camera thread: opens the camera that is wanted and reads it. Each picture goes to the self-view and into the slot
//! of the encode thread, where a newer one replaces it.
//!
//! Requests come through a slot too: of several that wait only the last counts. Results wait for room in the actor's
//! queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fika_call::machine::Attempt;
use fika_call::view::TileKey;
use fika_media::device::{CameraRequest, DeviceError, DeviceId, DeviceKind, Devices};
use fika_media::{Clock, VideoFrame, VideoSource};
use tokio::sync::mpsc;

use crate::event::Event;
use crate::ports::FrameSink;
use crate::slot::Slot;
use crate::thread::{self, SpawnError, Stop, Thread};

/// How long a request may wait for a camera that gives no picture.
const READ_TIMEOUT: Duration = Duration::from_millis(100);

pub(crate) enum Request {
    Open { attempt: Attempt, id: Option<DeviceId> },
    Close,
}

/// What the thread works with.
pub(crate) struct Parts {
    pub(crate) devices: Arc<dyn Devices>,
    pub(crate) frames: Arc<dyn FrameSink>,
    pub(crate) pictures: Arc<Slot<VideoFrame>>,
    pub(crate) clock: Clock,
    pub(crate) wanted: CameraRequest,
    pub(crate) events: mpsc::Sender<Event>,
}

pub(crate) struct Camera {
    requests: Arc<Slot<Request>>,
    shown: Arc<AtomicBool>,
    _thread: Thread,
}

impl Camera {
    pub(crate) fn start(parts: Parts) -> Result<Self, SpawnError<std::io::Error>> {
        let requests = Arc::new(Slot::new());
        let (inbox, wake) = (Arc::clone(&requests), Arc::clone(&requests));
        let shown = Arc::new(AtomicBool::new(true));
        let showing = Arc::clone(&shown);
        let thread = thread::spawn(
            "camera",
            parts.events.clone(),
            || Ok(parts),
            move |parts, stop| {
                run(&parts, &inbox, &showing, stop);
            },
        )?;
        Ok(Self { requests, shown, _thread: thread.waking(move || wake.wake()) })
    }

    /// Whether the self-view can be seen.
    pub(crate) fn show(&self, shown: bool) {
        self.shown.store(shown, Ordering::Relaxed);
    }

    /// Answered by `DeviceOpened` or `DeviceFailed`, unless another request follows at once.
    pub(crate) fn request(&self, request: Request) {
        self.requests.put(request);
    }
}

fn run(parts: &Parts, requests: &Slot<Request>, shown: &AtomicBool, stop: &Stop) {
    while let Some(request) = requests.take(stop) {
        let Request::Open { attempt, id } = request else { continue };
        let kind = DeviceKind::Camera;
        match parts.devices.open_camera(id.as_ref(), parts.wanted) {
            Ok(mut source) => {
                // Sending fails only when the engine is gone.
                let _ = parts.events.blocking_send(Event::DeviceOpened { kind, attempt, id });
                let ended = read(source.as_mut(), parts, requests, shown, stop);
                drop(source);
                parts.frames.clear(&TileKey::me());
                if let Err(error) = ended {
                    let _ = parts.events.blocking_send(Event::DeviceLost { kind, attempt, error });
                }
            }
            Err(error) => {
                let _ = parts.events.blocking_send(Event::DeviceFailed { kind, attempt, error });
            }
        }
    }
}

/// Until another request comes or the camera fails.
fn read(
    source: &mut dyn VideoSource,
    parts: &Parts,
    requests: &Slot<Request>,
    shown: &AtomicBool,
    stop: &Stop,
) -> Result<(), DeviceError> {
    while !requests.is_pending() && !stop.is_set() {
        if let Some(picture) = source.read(READ_TIMEOUT)? {
            if shown.load(Ordering::Relaxed) {
                parts.frames.present(&TileKey::me(), &picture, Some(picture.pts), (parts.clock)());
            }
            parts.pictures.put(picture);
        }
    }
    Ok(())
}
