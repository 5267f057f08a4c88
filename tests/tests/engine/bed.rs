//! Engines in one process, on made-up devices and a clock that only the test moves: each [`Bed::step`] is 10 ms, and
//! waits until the microphones of that step have been read.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fika_call::view::{CallSettings, CallView, TileKey};
use fika_engine::memory::Network;
use fika_engine::{Command, Config, EngineHandle, FrameSink, VideoConfig};
use fika_media::device::{CameraRequest, DeviceError, DeviceEvent, DeviceId, DeviceInfo, DeviceKind, Devices, Wake};
use fika_media::frame::SAMPLE_RATE;
use fika_media::marker::{self, Marker};
use fika_media::test::Pattern;
use fika_media::tone::{self, Sine};
use fika_media::{
    AudioFrame, AudioRead, AudioSink, AudioSource, Clock, Resolution, Timestamp, VideoFrame, VideoSource,
};

pub const PICTURE: Resolution = Resolution::new(320, 180);
/// Steps between two pictures.
const PICTURE_STEPS: u64 = 3;
/// Steps after which something that should happen will not: ten minutes of the test's clock.
const MOST_STEPS: u64 = 60_000;
/// 100 ms: what [`Seen::tone`] listens to.
const HEARD: usize = SAMPLE_RATE as usize / 10;

pub struct Bed {
    time: Arc<AtomicI64>,
    steps: u64,
    pub network: Network,
    people: Vec<Arc<Studio>>,
}

/// One engine and what surrounds it.
pub struct Person {
    pub engine: EngineHandle,
    pub studio: Arc<Studio>,
    pub seen: Arc<Seen>,
}

impl Bed {
    pub fn new() -> Self {
        let time = Arc::new(AtomicI64::new(1_000_000_000));
        let network = Network::new(clock(&time), Duration::ZERO);
        Self { time, steps: 0, network, people: Vec::new() }
    }

    /// `frequency` in Hz: what its microphones hear.
    pub fn person(&mut self, name: &str, frequency: f64) -> Person {
        let studio = Arc::new(Studio::new(frequency));
        self.people.push(Arc::clone(&studio));
        let seen = Arc::new(Seen::default());
        let engine = fika_engine::start(Config {
            devices: Arc::new(Shelf(Arc::clone(&studio))),
            connector: Arc::new(self.network.clone()),
            rooms: Arc::new(self.network.clone()),
            frames: Arc::clone(&seen) as Arc<dyn FrameSink>,
            clock: clock(&self.time),
            settings: CallSettings { name: name.into(), ..CallSettings::default() },
            video: VideoConfig { resolution: PICTURE, frame_rate: 30, max_bitrate: 500_000 },
            ice_servers: Vec::new(),
            voice_processing: false,
        })
        .unwrap();
        Person { engine, studio, seen }
    }

    /// 10 ms.
    pub async fn step(&mut self) {
        let now = Timestamp(self.time.fetch_add(10_000, Ordering::SeqCst) + 10_000);
        self.steps += 1;
        for studio in &self.people {
            studio.tick(now, self.steps.is_multiple_of(PICTURE_STEPS));
        }
        while self.people.iter().any(|studio| studio.is_unheard()) {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
    }

    /// Lets time go on until it is so.
    pub async fn until(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        for _ in 0..MOST_STEPS {
            if is_so() {
                return;
            }
            self.step().await;
        }
        panic!("never: {what}");
    }

    /// A call that Alice has opened and Bob has joined.
    pub async fn call(&mut self) -> (Person, Person) {
        let (alice, bob) = (self.person("Alice", 997.0), self.person("Bob", 1250.0));
        self.join(&alice, None).await;
        let link = alice.view().invite.unwrap().link;
        self.join(&bob, Some(link)).await;
        (alice, bob)
    }

    /// Through the lobby into the call; `None`: opens a room.
    pub async fn join(&mut self, person: &Person, link: Option<String>) {
        let lobby = link.map_or(Command::NewCall, |link| Command::OpenInvite { link });
        person.engine.send(lobby).await.unwrap();
        self.until("the devices have answered", || {
            let me = person.view().me;
            person.view().invite.is_some()
                && [me.camera, me.microphone, me.speaker]
                    .iter()
                    .all(|device| device.problem.is_some() || device.device_id.is_some() || !device.wanted)
        })
        .await;
        person.engine.send(Command::Join).await.unwrap();
        self.until("in the call", || person.view().phase == fika_call::view::Phase::InCall).await;
    }
}

impl Person {
    pub fn view(&self) -> CallView {
        self.engine.view().borrow().clone()
    }

    /// The picture and the sound of the only other participant arrive, the latter of this frequency.
    pub fn meets(&self, frequency: f64) -> bool {
        self.sees() && self.seen.tone(frequency)
    }

    pub fn sees(&self) -> bool {
        self.view().participants.first().is_some_and(|other| {
            other.has_video
                && self
                    .seen
                    .picture(&TileKey { participant: other.id.clone(), source: fika_call::TrackSource::Camera })
                    .is_some()
        })
    }
}

fn clock(time: &Arc<AtomicI64>) -> Clock {
    let time = Arc::clone(time);
    Arc::new(move || Timestamp(time.load(Ordering::SeqCst)))
}

/// What one engine shows and plays.
#[derive(Default)]
pub struct Seen {
    pictures: Mutex<BTreeMap<String, Marker>>,
    heard: Mutex<VecDeque<f32>>,
    /// The next picture of somebody else brings its thread down.
    pub panic: AtomicBool,
}

impl Seen {
    pub fn picture(&self, tile: &TileKey) -> Option<Marker> {
        self.pictures.lock().unwrap().get(&tile.participant.0).copied()
    }

    /// Number of the picture that the tile shows.
    pub fn counter(&self, tile: &TileKey) -> Option<u32> {
        self.picture(tile).map(|marker| marker.counter)
    }

    /// The last 100 ms hold this frequency.
    pub fn tone(&self, frequency: f64) -> bool {
        self.amplitude(frequency) > 0.1
    }

    /// The last 100 ms hold nothing of it.
    pub fn no_tone(&self, frequency: f64) -> bool {
        self.heard.lock().unwrap().len() == HEARD && self.amplitude(frequency) < 0.001
    }

    pub fn amplitude(&self, frequency: f64) -> f32 {
        tone::amplitude(self.heard.lock().unwrap().make_contiguous(), frequency)
    }
}

impl FrameSink for Seen {
    fn present(&self, tile: &TileKey, frame: &VideoFrame, _captured: Option<Timestamp>, _now: Timestamp) {
        if *tile != TileKey::me() && self.panic.swap(false, Ordering::SeqCst) {
            panic!("as the test wants");
        }
        if let Some(marker) = marker::read(&frame.image) {
            self.pictures.lock().unwrap().insert(tile.participant.0.clone(), marker);
        }
    }

    fn clear(&self, tile: &TileKey) {
        self.pictures.lock().unwrap().remove(&tile.participant.0);
    }

    fn played(&self, frame: &AudioFrame) {
        let mut heard = self.heard.lock().unwrap();
        heard.extend(frame.samples);
        let old = heard.len().saturating_sub(HEARD);
        heard.drain(..old);
    }
}

/// The devices of one person, and what a test does to them.
pub struct Studio {
    frequency: f64,
    pub list: Mutex<Vec<DeviceInfo>>,
    on_event: Mutex<Option<Box<dyn Fn(DeviceEvent) + Send>>>,
    /// Opening a camera ends so, as long as it is set.
    pub camera_fault: Mutex<Option<DeviceError>>,
    pub microphone_fault: Mutex<Option<DeviceError>>,
    camera: Mutex<Option<SyncSender<Result<VideoFrame, DeviceError>>>>,
    pattern: Mutex<Pattern>,
    microphone: Mutex<Option<Arc<Microphone>>>,
    speaker: Mutex<Option<Arc<Speaker>>>,
    /// Devices that are open.
    pub open: Arc<AtomicUsize>,
}

impl Studio {
    fn new(frequency: f64) -> Self {
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
    pub fn break_microphone(&self, error: DeviceError) {
        let microphone = self.microphone.lock().unwrap().take().unwrap();
        *microphone.fault.lock().unwrap() = Some(error);
        (microphone.wake)();
    }

    /// The camera in use fails.
    pub fn break_camera(&self, error: DeviceError) {
        self.camera.lock().unwrap().take().unwrap().send(Err(error)).unwrap();
    }

    /// The device goes away, and everybody is told.
    pub fn remove(&self, id: &str) {
        let mut list = self.list.lock().unwrap();
        list.retain(|device| device.id.0 != id);
        // As devices do, from a thread that may wait.
        std::thread::scope(|scope| {
            scope.spawn(|| self.on_event.lock().unwrap().as_ref().unwrap()(DeviceEvent::Changed(list.clone())));
        });
    }

    fn tick(&self, now: Timestamp, picture: bool) {
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

    fn is_unheard(&self) -> bool {
        let microphone = self.microphone.lock().unwrap();
        microphone.as_ref().is_some_and(|m| Arc::strong_count(m) > 1 && !m.frames.lock().unwrap().is_empty())
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

struct Shelf(Arc<Studio>);

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
