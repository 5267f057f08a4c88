//! The made-up devices of one person: they give and take 10 ms with each tick, and fail when a test says so.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fika_media::device::{CameraRequest, DeviceError, DeviceEvent, DeviceId, DeviceInfo, DeviceKind, Devices, Wake};
use fika_media::test::Pattern;
use fika_media::tone::Sine;
use fika_media::{AudioFrame, AudioRead, AudioSink, AudioSource, Resolution, Timestamp, VideoFrame, VideoSource};

use crate::bed::PICTURE;

type OnEvent = Box<dyn Fn(DeviceEvent) + Send>;

/// The devices of one person, and what a test does to them.
pub(crate) struct Studio {
    frequency: f64,
    pub(crate) list: Mutex<Vec<DeviceInfo>>,
    on_event: Mutex<Option<OnEvent>>,
    /// Opening a camera ends so, as long as it is set.
    pub(crate) camera_fault: Mutex<Option<DeviceError>>,
    pub(crate) microphone_fault: Mutex<Option<DeviceError>>,
    camera: Mutex<Option<SyncSender<Result<VideoFrame, DeviceError>>>>,
    pattern: Mutex<Pattern>,
    microphone: Mutex<Option<Arc<Microphone>>>,
    speaker: Mutex<Option<Arc<Speaker>>>,
    /// Devices that are open.
    pub(crate) open: Arc<AtomicUsize>,
}

impl Studio {
    pub(crate) fn new(frequency: f64) -> Self {
        let device = |kind, id: &str, is_default| DeviceInfo {
            kind,
            id: DeviceId(id.into()),
            name: id.to_uppercase(),
            is_default,
        };
        let kinds = [(DeviceKind::Camera, "camera"), (DeviceKind::Microphone, "mic"), (DeviceKind::Speaker, "speaker")];
        let pairs =
            kinds.map(|(kind, id)| [device(kind, &format!("{id}-1"), true), device(kind, &format!("{id}-2"), false)]);
        Self {
            frequency,
            list: Mutex::new(pairs.into_iter().flatten().collect()),
            on_event: Mutex::default(),
            camera_fault: Mutex::default(),
            microphone_fault: Mutex::default(),
            camera: Mutex::default(),
            pattern: Mutex::new(Pattern::new(PICTURE, 30)),
            microphone: Mutex::default(),
            speaker: Mutex::default(),
            open: Arc::default(),
        }
    }

    /// The microphone in use fails.
    pub(crate) fn break_microphone(&self, error: DeviceError) {
        let microphone = self.microphone.lock().unwrap().take().unwrap();
        *microphone.fault.lock().unwrap() = Some(error);
        (microphone.wake)();
    }

    /// The camera in use fails.
    pub(crate) fn break_camera(&self, error: DeviceError) {
        self.camera.lock().unwrap().take().unwrap().send(Err(error)).unwrap();
    }

    /// The device goes away, and everybody is told.
    pub(crate) fn remove(&self, id: &str) {
        let mut list = self.list.lock().unwrap();
        list.retain(|device| device.id.0 != id);
        // As devices do, from a thread that may wait.
        std::thread::scope(|scope| {
            scope.spawn(|| self.on_event.lock().unwrap().as_ref().unwrap()(DeviceEvent::Changed(list.clone())));
        });
    }

    pub(crate) fn tick(&self, now: Timestamp, picture: bool) {
        if let Some(speaker) = &*self.speaker.lock().unwrap() {
            speaker.wanted.fetch_add(1, Ordering::SeqCst);
            (speaker.wake)();
        }
        if let Some(microphone) = &*self.microphone.lock().unwrap() {
            let mut frame = AudioFrame::silence(now);
            microphone.sine.lock().unwrap().fill(&mut frame);
            microphone.frames.lock().unwrap().push_back(frame);
            (microphone.wake)();
        }
        if let Some(camera) = &*self.camera.lock().unwrap()
            && picture
        {
            // A camera that is not read loses pictures.
            let _ = camera.try_send(Ok(self.pattern.lock().unwrap().frame(now)));
        }
    }

    /// An open device has given or asked for something that nobody has taken or given yet.
    pub(crate) fn is_behind(&self) -> bool {
        let (microphone, speaker) = (self.microphone.lock().unwrap(), self.speaker.lock().unwrap());
        microphone.as_ref().is_some_and(|m| Arc::strong_count(m) > 1 && !m.frames.lock().unwrap().is_empty())
            || speaker.as_ref().is_some_and(|s| Arc::strong_count(s) > 1 && s.wanted.load(Ordering::SeqCst) > 0)
    }

    fn count(&self) -> Open {
        self.open.fetch_add(1, Ordering::SeqCst);
        Open(Arc::clone(&self.open))
    }

    fn knows(&self, kind: DeviceKind, id: Option<&DeviceId>) -> Result<(), DeviceError> {
        let list = self.list.lock().unwrap();
        let known = list.iter().any(|device| device.kind == kind && id.is_none_or(|id| *id == device.id));
        if known { Ok(()) } else { Err(DeviceError::NotFound) }
    }
}

/// Counts as open until it is dropped.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The same as the engine sees them.
pub(crate) struct Shelf(pub(crate) Arc<Studio>);

impl Devices for Shelf {
    fn list(&self) -> Vec<DeviceInfo> {
        self.0.list.lock().unwrap().clone()
    }

    fn open_camera(&self, id: Option<&DeviceId>, _request: CameraRequest) -> Result<Box<dyn VideoSource>, DeviceError> {
        self.0.knows(DeviceKind::Camera, id)?;
        if let Some(error) = self.0.camera_fault.lock().unwrap().clone() {
            return Err(error);
        }
        let (pictures, feed) = sync_channel(2);
        *self.0.camera.lock().unwrap() = Some(pictures);
        Ok(Box::new(Camera { feed, _open: self.0.count() }))
    }

    fn open_microphone(&self, id: Option<&DeviceId>, wake: Wake) -> Result<Box<dyn AudioSource>, DeviceError> {
        self.0.knows(DeviceKind::Microphone, id)?;
        if let Some(error) = self.0.microphone_fault.lock().unwrap().clone() {
            return Err(error);
        }
        let sine = Mutex::new(Sine::new(self.0.frequency, 0.25));
        let microphone = Arc::new(Microphone { sine, frames: Mutex::default(), fault: Mutex::default(), wake });
        *self.0.microphone.lock().unwrap() = Some(Arc::clone(&microphone));
        Ok(Box::new(OpenMicrophone { microphone, _open: self.0.count() }))
    }

    fn open_speaker(&self, id: Option<&DeviceId>, wake: Wake) -> Result<Box<dyn AudioSink>, DeviceError> {
        self.0.knows(DeviceKind::Speaker, id)?;
        let speaker = Arc::new(Speaker { wanted: AtomicUsize::new(0), wake });
        *self.0.speaker.lock().unwrap() = Some(Arc::clone(&speaker));
        Ok(Box::new(OpenSpeaker { speaker, _open: self.0.count() }))
    }

    fn watch(&self, on_event: Box<dyn Fn(DeviceEvent) + Send>) -> Box<dyn Send> {
        *self.0.on_event.lock().unwrap() = Some(on_event);
        Box::new(())
    }
}

struct Camera {
    feed: Receiver<Result<VideoFrame, DeviceError>>,
    _open: Open,
}

impl VideoSource for Camera {
    fn read(&mut self, timeout: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        match self.feed.recv_timeout(timeout) {
            Ok(picture) => picture.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(DeviceError::Disconnected),
        }
    }

    fn resolution(&self) -> Resolution {
        PICTURE
    }

    fn frame_rate(&self) -> u32 {
        30
    }
}

struct Microphone {
    sine: Mutex<Sine>,
    frames: Mutex<VecDeque<AudioFrame>>,
    fault: Mutex<Option<DeviceError>>,
    wake: Wake,
}

struct OpenMicrophone {
    microphone: Arc<Microphone>,
    _open: Open,
}

impl AudioSource for OpenMicrophone {
    fn read(&mut self, out: &mut AudioFrame) -> Result<AudioRead, DeviceError> {
        if let Some(error) = self.microphone.fault.lock().unwrap().take() {
            return Err(error);
        }
        Ok(match self.microphone.frames.lock().unwrap().pop_front() {
            Some(frame) => {
                *out = frame;
                AudioRead::Frame { gap: false }
            }
            None => AudioRead::Empty,
        })
    }
}

struct Speaker {
    wanted: AtomicUsize,
    wake: Wake,
}

struct OpenSpeaker {
    speaker: Arc<Speaker>,
    _open: Open,
}

impl AudioSink for OpenSpeaker {
    fn wanted(&self) -> usize {
        self.speaker.wanted.load(Ordering::SeqCst)
    }

    fn write(&mut self, _frame: &AudioFrame) -> Result<(), DeviceError> {
        self.speaker.wanted.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    fn latency(&self) -> Duration {
        Duration::ZERO
    }
}
