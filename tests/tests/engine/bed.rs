//! Engines in one process, on made-up devices and a clock that only the test moves: each [`Bed::step`] is 10 ms, and
//! waits until microphones have been read and speakers filled.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fika_call::TrackSource;
use fika_call::view::{CallSettings, CallView, Phase, TileKey};
use fika_engine::memory::Network;
use fika_engine::{Command, Config, EngineHandle, FrameSink, VideoConfig};
use fika_media::frame::SAMPLE_RATE;
use fika_media::marker::{self, Marker};
use fika_media::tone;
use fika_media::{AudioFrame, Clock, Resolution, Timestamp, VideoFrame};

use crate::studio::{Shelf, Studio};

pub(crate) const PICTURE: Resolution = Resolution::new(320, 180);
/// Steps between two pictures.
const PICTURE_STEPS: u64 = 3;
/// A test that waits longer than this for something hangs; no test takes a hundredth of it.
const HANGS: Duration = Duration::from_secs(120);
/// 100 ms: what [`Seen::tone`] listens to.
const HEARD: usize = SAMPLE_RATE as usize / 10;

pub(crate) struct Bed {
    time: Arc<AtomicI64>,
    steps: u64,
    pub(crate) network: Network,
    people: Vec<Arc<Studio>>,
}

/// One engine and what surrounds it.
pub(crate) struct Person {
    pub(crate) engine: EngineHandle,
    pub(crate) studio: Arc<Studio>,
    pub(crate) seen: Arc<Seen>,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let time = Arc::new(AtomicI64::new(1_000_000_000));
        let network = Network::new(clock(&time), Duration::ZERO);
        Self { time, steps: 0, network, people: Vec::new() }
    }

    /// `frequency` in Hz: what its microphones hear.
    pub(crate) fn person(&mut self, name: &str, frequency: f64) -> Person {
        let studio = Arc::new(Studio::new(frequency));
        self.people.push(Arc::clone(&studio));
        let seen = Arc::new(Seen::default());
        let engine = fika_engine::start(Config {
            devices: Arc::new(Shelf(Arc::clone(&studio))),
            connector: Arc::new(self.network.clone()),
            rooms: Arc::new(self.network.clone()),
            frames: Arc::clone(&seen) as Arc<dyn FrameSink>,
            clock: clock(&self.time),
            sleepless: Arc::new(|| Timestamp::ZERO),
            settings: CallSettings { name: name.into(), ..CallSettings::default() },
            contacts: Vec::new(),
            video: VideoConfig { resolution: PICTURE, frame_rate: 30, max_bitrate: 500_000 },
            ice_servers: Vec::new(),
            voice_processing: false,
            files: fika_engine::FilesConfig::default(),
        })
        .unwrap();
        Person { engine, studio, seen }
    }

    /// 10 ms.
    pub(crate) async fn step(&mut self) {
        let now = Timestamp(self.time.fetch_add(10_000, Ordering::SeqCst) + 10_000);
        self.steps += 1;
        for studio in &self.people {
            studio.tick(now, self.steps.is_multiple_of(PICTURE_STEPS));
        }
        while self.people.iter().any(|studio| studio.is_behind()) {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
    }

    /// Lets time go on until it is so.
    pub(crate) async fn until(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !is_so() {
            assert!(begin.elapsed() < HANGS, "never: {what}");
            self.step().await;
        }
    }

    /// A call that Alice has opened and Bob has joined.
    pub(crate) async fn call(&mut self) -> (Person, Person) {
        let (alice, bob) = (self.person("Alice", 997.0), self.person("Bob", 1250.0));
        self.join(&alice, None).await;
        let link = alice.view().invite.unwrap().link;
        self.join(&bob, Some(link)).await;
        (alice, bob)
    }

    /// Through the lobby into the call; `None`: opens a room.
    pub(crate) async fn join(&mut self, person: &Person, link: Option<String>) {
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
        self.until("in the call", || person.view().phase == Phase::InCall).await;
    }
}

impl Person {
    pub(crate) fn view(&self) -> CallView {
        self.engine.view().borrow().clone()
    }

    /// The picture and the sound of the only other participant arrive, the latter of this frequency.
    pub(crate) fn meets(&self, frequency: f64) -> bool {
        self.sees() && self.seen.tone(frequency)
    }

    pub(crate) fn sees(&self) -> bool {
        self.view().participants.first().is_some_and(|other| {
            other.has_video
                && self.seen.picture(&TileKey { participant: other.id.clone(), source: TrackSource::Camera }).is_some()
        })
    }
}

fn clock(time: &Arc<AtomicI64>) -> Clock {
    let time = Arc::clone(time);
    Arc::new(move || Timestamp(time.load(Ordering::SeqCst)))
}

/// What one engine shows and plays.
#[derive(Default)]
pub(crate) struct Seen {
    pictures: Mutex<BTreeMap<String, Marker>>,
    heard: Mutex<VecDeque<f32>>,
    /// Frames of 10 ms so far.
    pub(crate) played: AtomicUsize,
    /// The next picture of somebody else brings its thread down.
    pub(crate) panic: AtomicBool,
    /// So does the next sound.
    pub(crate) panic_when_heard: AtomicBool,
}

impl Seen {
    pub(crate) fn picture(&self, tile: &TileKey) -> Option<Marker> {
        self.pictures.lock().unwrap().get(&tile.participant.0).copied()
    }

    /// Number of the picture that the tile shows.
    pub(crate) fn counter(&self, tile: &TileKey) -> Option<u32> {
        self.picture(tile).map(|marker| marker.counter)
    }

    /// The last 100 ms hold this frequency.
    pub(crate) fn tone(&self, frequency: f64) -> bool {
        self.amplitude(frequency) > 0.1
    }

    /// The last 100 ms hold nothing of it.
    pub(crate) fn no_tone(&self, frequency: f64) -> bool {
        self.heard.lock().unwrap().len() == HEARD && self.amplitude(frequency) < 0.001
    }

    pub(crate) fn amplitude(&self, frequency: f64) -> f32 {
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
        assert!(!self.panic_when_heard.swap(false, Ordering::SeqCst), "as the test wants");
        self.played.fetch_add(1, Ordering::SeqCst);
        let mut heard = self.heard.lock().unwrap();
        heard.extend(frame.samples);
        let old = heard.len().saturating_sub(HEARD);
        heard.drain(..old);
    }
}
