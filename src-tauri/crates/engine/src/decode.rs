//! The video-decode threads, one for each remote video track: access units from the session wait in the jitter buffer
//! until it is their time, are decoded and handed to the surface.
//!
//! The queue from the session holds [`crate::ports::INCOMING_QUEUE`] units; this thread empties it at once, and the jitter
//! buffer has its own limits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fika_call::session::RemoteTrack;
use fika_call::view::TileKey;
use fika_media::h264::Decoder;
use fika_media::jitter::VideoUnit;
use fika_media::{Clock, CodecError, Timestamp, VideoDecoder, VideoFrame};
use tokio::sync::{mpsc, watch};

use crate::event::Event;
use crate::park::{Parker, Polled};
use crate::ports::FrameSink;
use crate::rate::{Freezes, Meter};
use crate::stats::VideoIn;
use crate::thread::{self, SpawnError, Stop, Thread};

/// Time between two requests for the same keyframe.
pub(crate) const KEYFRAME_PATIENCE: Duration = Duration::from_millis(500);
/// Time between two reports that media arrives.
pub(crate) const RECEIVED_INTERVAL: Duration = Duration::from_millis(250);

/// What the thread works with.
pub(crate) struct Parts {
    pub(crate) track: RemoteTrack,
    pub(crate) units: mpsc::Receiver<VideoUnit>,
    pub(crate) frames: Arc<dyn FrameSink>,
    pub(crate) clock: Clock,
    pub(crate) events: mpsc::Sender<Event>,
}

pub(crate) struct Decode {
    pub(crate) track: RemoteTrack,
    stats: watch::Receiver<VideoIn>,
    _thread: Thread,
}

impl Decode {
    /// `number` tells the threads apart.
    pub(crate) fn start(number: u32, parts: Parts) -> Result<Self, SpawnError<std::io::Error>> {
        let (counted, stats) = watch::channel(VideoIn { decoder_implementation: "openh264", ..VideoIn::default() });
        let (track, events) = (parts.track.clone(), parts.events.clone());
        let name = format!("video-decode-{number}");
        let build = move || Ok(Worker::new(parts, counted));
        let _thread = thread::spawn(&name, events, build, |mut worker, stop| worker.run(stop))?;
        Ok(Self { track, stats, _thread })
    }

    pub(crate) fn stats(&self) -> VideoIn {
        self.stats.borrow().clone()
    }
}

struct Worker {
    parts: Parts,
    stats: watch::Sender<VideoIn>,
    decoder: Decoder,
    waiting: VecDeque<VideoUnit>,
    /// Nothing can be shown until a keyframe comes.
    broken: bool,
    asked_at: Option<Timestamp>,
    received_at: Option<Timestamp>,
    shown: bool,
    meter: Meter,
    freezes: Freezes,
}

impl Worker {
    fn new(parts: Parts, stats: watch::Sender<VideoIn>) -> Self {
        Self {
            parts,
            stats,
            decoder: Decoder::default(),
            waiting: VecDeque::new(),
            broken: true,
            asked_at: None,
            received_at: None,
            shown: false,
            meter: Meter::default(),
            freezes: Freezes::default(),
        }
    }

    fn run(&mut self, stop: &Stop) {
        let parker = Parker::new();
        while !stop.is_set() {
            let ended = self.receive(&parker);
            let now = (self.parts.clock)();
            while let Some(unit) = self.waiting.pop_front() {
                self.show(&unit, now);
            }
            self.ask(now);
            if ended {
                break;
            }
            parker.park(self.wait(now));
        }
        if self.shown {
            self.parts.frames.clear(&self.tile());
            self.say(Event::Video { participant: self.parts.track.participant.clone(), shown: false });
        }
    }

    /// Empties the queue from the session. True: the track has ended.
    fn receive(&mut self, parker: &Parker) -> bool {
        loop {
            match parker.poll(&mut self.parts.units) {
                Polled::Value(unit) => {
                    if self.received_at.is_none_or(|at| unit.arrived.since(at) >= RECEIVED_INTERVAL) {
                        self.received_at = Some(unit.arrived);
                        self.say(Event::Received { participant: self.parts.track.participant.clone() });
                    }
                    self.stats.send_modify(|stats| stats.frames_received += 1);
                    self.waiting.push_back(unit);
                }
                Polled::Empty => return false,
                Polled::Closed => return true,
            }
        }
    }

    fn show(&mut self, unit: &VideoUnit, now: Timestamp) {
        self.broken |= unit.after_gap;
        if self.broken && !unit.frame.keyframe {
            return self.stats.send_modify(|stats| stats.frames_dropped += 1);
        }
        let begin = Instant::now();
        match self.decoder.decode(&unit.frame) {
            Ok(Some(picture)) => {
                self.broken = false;
                self.asked_at = None;
                self.present(&picture, unit, begin.elapsed(), now);
            }
            Ok(None) => {}
            Err(error) => {
                if !matches!(error, CodecError::Damaged(_)) {
                    self.decoder = Decoder::default();
                }
                tracing::debug!(%error, "a picture could not be decoded");
                self.broken = true;
                self.stats.send_modify(|stats| stats.frames_dropped += 1);
            }
        }
    }

    fn present(&mut self, picture: &VideoFrame, unit: &VideoUnit, took: Duration, now: Timestamp) {
        let at = (self.parts.clock)();
        self.parts.frames.present(&self.tile(), picture, unit.captured, at);
        if !self.shown {
            self.shown = true;
            self.say(Event::Video { participant: self.parts.track.participant.clone(), shown: true });
        }
        let frames_per_second = self.meter.count(at);
        self.freezes.presented(at);
        let size = picture.size();
        self.stats.send_modify(|stats| {
            stats.frames_decoded += 1;
            stats.key_frames_decoded += u64::from(unit.frame.keyframe);
            (stats.frame_width, stats.frame_height) = (size.width, size.height);
            stats.frames_per_second = frames_per_second;
            stats.total_decode_time += took.as_secs_f64();
            stats.freeze_count = self.freezes.count;
            stats.total_freezes_duration = self.freezes.total.as_secs_f64();
            stats.jitter_buffer_delay += now.since(unit.arrived).as_secs_f64();
            stats.jitter_buffer_emitted_count += 1;
        });
    }

    /// Asks for a keyframe when one is needed, again and again until it comes.
    fn ask(&mut self, now: Timestamp) {
        // Before the first packet the sender may have its camera off.
        let needed = self.broken && self.received_at.is_some();
        if needed && self.asked_at.is_none_or(|at| now.since(at) >= KEYFRAME_PATIENCE) {
            self.asked_at = Some(now);
            let RemoteTrack { participant, source, .. } = self.parts.track.clone();
            self.say(Event::KeyframeNeeded { participant, source });
        }
    }

    /// Until something is to be done without anything new.
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        let ask = self.asked_at.filter(|_| self.broken).map(|at| (at + KEYFRAME_PATIENCE).since(now));
        ask
    }

    fn tile(&self) -> TileKey {
        TileKey { participant: self.parts.track.participant.clone(), source: self.parts.track.source }
    }

    /// Never waits: what is dropped here is said again or does not matter any more.
    fn say(&self, event: Event) {
        let _ = self.parts.events.try_send(event);
    }
}
