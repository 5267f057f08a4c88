//! The video-decode threads, one for each remote video track: access units from the session wait in the jitter buffer
//! until it is their time, are decoded and handed to the surface.
//!
//! The queue from the session holds [`crate::ports::INCOMING_QUEUE`] units; this thread empties it at once, and the jitter
//! buffer has its own limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fika_call::session::RemoteTrack;
use fika_call::view::TileKey;
use fika_media::h264::Decoder;
use fika_media::jitter::VideoUnit;
use fika_media::jitter::video::{Buffer, Freezes, Next};
use fika_media::playout::Lag;
use fika_media::{Clock, CodecError, Resolution, Timestamp, VideoDecoder, VideoFrame};
use tokio::sync::{mpsc, watch};

use crate::event::Event;
use crate::park::{Parker, Polled};
use crate::ports::FrameSink;
use crate::rate::Meter;
use crate::stats::VideoIn;
use crate::sync::SharedSync;
use crate::thread::{self, SpawnError, Stop, Thread};

const DECODER: &str = "openh264";
/// Silence after which the next picture is no end of a freeze: the camera was off.
const PAUSE: Duration = Duration::from_secs(5);
/// Longest wait while pictures are shown.
const LOOK: Duration = Duration::from_secs(1);
/// Time between two reports that media arrives.
pub(crate) const RECEIVED_INTERVAL: Duration = Duration::from_millis(250);

/// What the thread works with.
pub(crate) struct Parts {
    pub(crate) track: RemoteTrack,
    pub(crate) units: mpsc::Receiver<VideoUnit>,
    pub(crate) sync: SharedSync,
    pub(crate) frames: Arc<dyn FrameSink>,
    pub(crate) clock: Clock,
    pub(crate) events: mpsc::Sender<Event>,
}

pub(crate) struct Decode {
    pub(crate) name: String,
    pub(crate) track: RemoteTrack,
    stats: watch::Receiver<VideoIn>,
    expected: bool,
    resumed: Arc<AtomicBool>,
    _thread: Thread,
}

impl Decode {
    /// `number` tells the threads apart.
    pub(crate) fn start(number: u32, parts: Parts) -> Result<Self, SpawnError<std::io::Error>> {
        let (counted, stats) = watch::channel(VideoIn { decoder_implementation: DECODER, ..VideoIn::default() });
        let (track, events) = (parts.track.clone(), parts.events.clone());
        let name = format!("video-decode-{number}");
        let resumed = Arc::new(AtomicBool::new(false));
        let resuming = Arc::clone(&resumed);
        let build = move || Ok(Worker::new(parts, counted, resuming));
        let _thread = thread::spawn(&name, events, build, |mut worker, stop| worker.run(stop))?;
        Ok(Self { name, track, stats, expected: true, resumed, _thread })
    }

    /// Whether the sender has been asked for pictures at all: the time until they come again is no freeze.
    pub(crate) fn expect(&mut self, expected: bool) {
        if std::mem::replace(&mut self.expected, expected) != expected && expected {
            self.resumed.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn stats(&self) -> VideoIn {
        self.stats.borrow().clone()
    }
}

struct Worker {
    parts: Parts,
    stats: watch::Sender<VideoIn>,
    buffer: Buffer,
    decoder: Decoder,
    received_at: Option<Timestamp>,
    shown: bool,
    total_decode_time: Duration,
    size: Resolution,
    /// Of the picture that is shown.
    lag: Option<Lag>,
    meter: Meter,
    freezes: Freezes,
    /// The next picture is the first after a pause that we asked for.
    resumed: Arc<AtomicBool>,
}

impl Worker {
    fn new(parts: Parts, stats: watch::Sender<VideoIn>, resumed: Arc<AtomicBool>) -> Self {
        Self {
            parts,
            stats,
            buffer: Buffer::default(),
            decoder: Decoder::default(),
            received_at: None,
            shown: false,
            total_decode_time: Duration::ZERO,
            size: Resolution::default(),
            lag: None,
            meter: Meter::default(),
            freezes: Freezes::default(),
            resumed,
        }
    }

    fn run(&mut self, stop: &Stop) {
        // However the thread ends, the tile is dark afterwards.
        let _dark = Dark { frames: Arc::clone(&self.parts.frames), tile: self.tile() };
        let parker = Parker::new();
        while !stop.is_set() {
            let ended = self.receive(&parker);
            let now = (self.parts.clock)();
            self.buffer.wait_for_sound(self.parts.sync.lock().video_lag(now));
            let wait = self.release(now, stop);
            self.publish();
            if ended {
                break;
            }
            // While pictures are shown, the rate is looked at even if none come.
            let look = self.shown.then_some(LOOK);
            parker.park(wait.into_iter().chain(look).min());
        }
        if self.shown {
            self.say(Event::Video { participant: self.parts.track.participant.clone(), shown: false });
        }
    }

    /// Empties the queue from the session. True: the track has ended.
    fn receive(&mut self, parker: &Parker) -> bool {
        loop {
            match parker.poll(&mut self.parts.units) {
                Polled::Value(unit) => {
                    if self.received_at.is_none_or(|at| unit.arrived.since(at) >= RECEIVED_INTERVAL) {
                        if self.received_at.is_some_and(|at| unit.arrived.since(at) >= PAUSE) {
                            self.freezes.pause();
                        }
                        self.received_at = Some(unit.arrived);
                        self.say(Event::Received { participant: self.parts.track.participant.clone() });
                    }
                    let now = (self.parts.clock)();
                    self.buffer.insert(unit, now);
                    if let Some(least) = self.buffer.least_lag() {
                        self.parts.sync.lock().seen(least, now);
                    }
                }
                Polled::Empty => return false,
                Polled::Closed => return true,
            }
        }
    }

    /// Shows what is due, and says how long nothing else is.
    fn release(&mut self, mut now: Timestamp, stop: &Stop) -> Option<Duration> {
        while !stop.is_set() {
            match self.buffer.next(now) {
                Next::Decode(unit) => self.decode(&unit),
                Next::NeedKeyframe => {
                    let RemoteTrack { participant, source, .. } = self.parts.track.clone();
                    self.say(Event::KeyframeNeeded { participant, source });
                }
                Next::Wait(until) => return Some(until.since(now)),
                Next::Empty => return None,
            }
            now = (self.parts.clock)();
        }
        None
    }

    fn decode(&mut self, unit: &VideoUnit) {
        let begin = Instant::now();
        let decoded = self.decoder.decode(&unit.frame);
        self.total_decode_time += begin.elapsed();
        match decoded {
            Ok(Some(picture)) => self.present(&picture, unit),
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "a picture could not be decoded");
                if matches!(error, CodecError::Failed(_)) {
                    self.decoder = Decoder::default();
                }
                self.buffer.failed();
            }
        }
    }

    fn present(&mut self, picture: &VideoFrame, unit: &VideoUnit) {
        let at = (self.parts.clock)();
        self.parts.frames.present(&self.tile(), picture, unit.captured, at);
        if !self.shown {
            self.shown = true;
            self.say(Event::Video { participant: self.parts.track.participant.clone(), shown: true });
        }
        self.lag = unit.sender_time.map(|sender_time| Lag::between(sender_time, at));
        self.size = picture.size();
        if self.resumed.swap(false, Ordering::Relaxed) {
            self.freezes.pause();
        }
        self.freezes.shown(at);
        self.meter.count(at);
    }

    fn publish(&mut self) {
        let frames_per_second = self.meter.rate((self.parts.clock)());
        self.stats.send_replace(VideoIn {
            buffer: self.buffer.stats(),
            frame_width: self.size.width,
            frame_height: self.size.height,
            frames_per_second,
            total_decode_time: self.total_decode_time.as_secs_f64(),
            freeze_count: self.freezes.count(),
            total_freezes_duration: self.freezes.total().as_secs_f64(),
            decoder_implementation: DECODER,
            lag: self.lag,
        });
    }

    fn tile(&self) -> TileKey {
        TileKey { participant: self.parts.track.participant.clone(), source: self.parts.track.source }
    }

    /// Never waits: what is dropped here is said again or does not matter any more.
    fn say(&self, event: Event) {
        let _ = self.parts.events.try_send(event);
    }
}

struct Dark {
    frames: Arc<dyn FrameSink>,
    tile: TileKey,
}

impl Drop for Dark {
    fn drop(&mut self) {
        self.frames.clear(&self.tile);
    }
}
