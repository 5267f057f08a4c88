//! The audio thread: every 10 ms microphone to network and network to speaker. The devices' wake-ups drive it; without a
//! speaker the microphone does, and without either a timer.
//!
//! It never waits for anybody: Opus packets that find the queue to the session full are dropped and counted, and a device
//! that fails goes to its device thread to be closed.

mod capture;
pub(crate) mod device;
mod playout;
mod tones;

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use fika_call::session::RemoteTrack;
use fika_call::view::Levels;
use fika_media::device::DeviceKind;
use fika_media::jitter::AudioPacket;
use fika_media::{AudioSink, AudioSource, Clock, CodecError, EncodedFrame, Timestamp};
use tokio::sync::{mpsc, watch};

use self::capture::Capture;
use self::device::{Device, Jobs};
pub(crate) use self::device::{DeviceThread, Port};
use self::playout::Playout;
use crate::event::Event;
use crate::park::{Parker, Polled};
use crate::ports::FrameSink;
use crate::stats::{AudioIn, AudioOut};
use crate::sync::SharedSync;
use crate::thread::{self, SpawnError, Stop, Thread};

/// Between the actor or a device thread and the audio thread, which empties it every 10 ms. Full: they wait.
pub(crate) const COMMAND_QUEUE: usize = 32;
/// The tick.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Ticks between two reports of levels.
const LEVEL_TICKS: u32 = 10;
/// Longest wait: failures of devices that have fallen silent are found by asking.
const PATIENCE: Duration = Duration::from_millis(100);
/// After a longer pause of the timer (the machine slept), time goes on from now.
const MAX_LAG: Duration = Duration::from_millis(200);

pub(crate) enum Command {
    Give(Device),
    /// Hands the device of this kind back, if there is one.
    Take {
        kind: DeviceKind,
        reply: SyncSender<Device>,
    },
    /// Where Opus packets go; `None`: the microphone is muted or there is no session.
    Send(Option<mpsc::Sender<EncodedFrame>>),
    /// Per cent that the far side loses.
    Loss(u8),
    /// Packets all of one size, or as large as the sound needs.
    Constant(bool),
    Track {
        track: RemoteTrack,
        packets: mpsc::Receiver<AudioPacket>,
        sync: SharedSync,
    },
    /// The session is over: its tracks with it.
    DropTracks,
    TestSound,
}

/// What the audio thread counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) microphone: AudioOut,
    pub(crate) tracks: Vec<(RemoteTrack, AudioIn)>,
}

/// What the thread works with.
pub(crate) struct Parts {
    pub(crate) clock: Clock,
    pub(crate) frames: Arc<dyn FrameSink>,
    pub(crate) events: mpsc::Sender<Event>,
    /// Where failed devices go.
    pub(crate) microphones: Jobs,
    pub(crate) speakers: Jobs,
    /// Echo, noise and gain are processed.
    pub(crate) voice: bool,
}

pub(crate) struct Audio {
    commands: mpsc::Sender<Command>,
    counted: watch::Receiver<Counted>,
    thread: Thread,
}

impl Audio {
    pub(crate) fn start(parts: Parts) -> Result<Self, SpawnError<CodecError>> {
        let (commands, inbox) = mpsc::channel(COMMAND_QUEUE);
        let (counting, counted) = watch::channel(Counted::default());
        let events = parts.events.clone();
        let build = move || Worker::new(parts, inbox, counting);
        let thread = thread::spawn("audio", events, build, |mut worker, stop| worker.run(stop))?;
        Ok(Self { commands, counted, thread })
    }

    pub(crate) fn port(&self) -> Port {
        Port { commands: self.commands.clone(), wake: self.thread.wake() }
    }

    /// Waits while the queue is full. Lost when the thread has panicked, which the actor hears of.
    pub(crate) async fn send(&self, command: Command) {
        let _ = self.commands.send(command).await;
    }

    pub(crate) fn counted(&self) -> Counted {
        self.counted.borrow().clone()
    }
}

struct Worker {
    parts: Parts,
    commands: mpsc::Receiver<Command>,
    counting: watch::Sender<Counted>,
    microphone: Option<Box<dyn AudioSource>>,
    speaker: Option<Box<dyn AudioSink>>,
    capture: Capture,
    playout: Playout,
    /// Of the timer that stands in for devices.
    next_tick: Option<Timestamp>,
    ticks: u32,
    /// The last report said that nothing is to be heard.
    silent: bool,
}

impl Worker {
    fn new(
        parts: Parts,
        commands: mpsc::Receiver<Command>,
        counting: watch::Sender<Counted>,
    ) -> Result<Self, CodecError> {
        let capture = Capture::new(parts.voice)?;
        let playout = Playout::new(Arc::clone(&parts.frames), parts.events.clone());
        Ok(Self {
            parts,
            commands,
            counting,
            microphone: None,
            speaker: None,
            capture,
            playout,
            next_tick: None,
            ticks: 0,
            silent: true,
        })
    }

    fn run(&mut self, stop: &Stop) {
        let parker = Parker::new();
        while !stop.is_set() {
            if !self.obey(&parker) {
                break;
            }
            let now = (self.parts.clock)();
            self.playout.receive(&parker);
            let heard = self.listen(now);
            let played = match self.speaker {
                Some(_) => self.play(now),
                None if self.microphone.is_some() => self.pretend(heard, now),
                None => self.keep_time(now),
            };
            self.report(heard.max(played));
            parker.park(self.wait(now));
        }
    }

    /// False: nobody can command any more.
    fn obey(&mut self, parker: &Parker) -> bool {
        loop {
            match parker.poll(&mut self.commands) {
                Polled::Value(command) => self.perform(command),
                Polled::Empty => return true,
                Polled::Closed => return false,
            }
        }
    }

    fn perform(&mut self, command: Command) {
        match command {
            Command::Give(Device::Microphone(source)) => {
                self.microphone = Some(source);
                self.capture.reset();
            }
            Command::Give(Device::Speaker(sink)) => {
                self.speaker = Some(sink);
                self.capture.reset();
            }
            Command::Take { kind: DeviceKind::Speaker, reply } => {
                if let Some(sink) = self.speaker.take() {
                    let _ = reply.try_send(Device::Speaker(sink));
                }
            }
            Command::Take { reply, .. } => {
                if let Some(source) = self.microphone.take() {
                    let _ = reply.try_send(Device::Microphone(source));
                }
            }
            Command::Send(out) => self.capture.send_to(out),
            Command::Loss(percent) => self.capture.set_packet_loss(percent),
            Command::Constant(on) => self.capture.set_constant(on),
            Command::Track { track, packets, sync } => self.playout.add(track, packets, sync),
            Command::DropTracks => self.playout.drop_tracks(),
            Command::TestSound => self.playout.test_sound(),
        }
    }

    /// Frames that the microphone had.
    fn listen(&mut self, now: Timestamp) -> usize {
        let Some(source) = &mut self.microphone else { return 0 };
        match self.capture.read(source.as_mut(), now) {
            Ok(frames) => frames,
            Err(error) => {
                if let Some(source) = self.microphone.take() {
                    device::fail(&self.parts.microphones, Device::Microphone(source), error);
                }
                0
            }
        }
    }

    /// Frames that the speaker took.
    fn play(&mut self, now: Timestamp) -> usize {
        let Some(sink) = &mut self.speaker else { return 0 };
        let frames = sink.wanted();
        for _ in 0..frames {
            let latency = sink.latency();
            let frame = self.playout.mix(now, latency);
            self.capture.played(&frame, latency);
            if let Err(error) = sink.write(&frame) {
                if let Some(sink) = self.speaker.take() {
                    device::fail(&self.parts.speakers, Device::Speaker(sink), error);
                }
                break;
            }
        }
        frames
    }

    /// Without a speaker, remote tracks still go on, and into recordings.
    fn pretend(&mut self, frames: usize, now: Timestamp) -> usize {
        for _ in 0..frames {
            self.playout.mix(now, Duration::ZERO);
        }
        self.next_tick = None;
        frames
    }

    fn keep_time(&mut self, now: Timestamp) -> usize {
        if !self.playout.is_active() {
            self.next_tick = None;
            return 0;
        }
        let mut next = self.next_tick.unwrap_or(now);
        if now.since(next) > MAX_LAG {
            next = now;
        }
        let mut frames = 0;
        while next <= now {
            self.playout.mix(now, Duration::ZERO);
            next = next + TICK;
            frames += 1;
        }
        self.next_tick = Some(next);
        frames
    }

    /// Every [`LEVEL_TICKS`], and once more when everything has fallen silent.
    fn report(&mut self, ticks: usize) {
        self.ticks += ticks as u32;
        let idle = self.microphone.is_none() && self.speaker.is_none() && !self.playout.is_active();
        if self.ticks < LEVEL_TICKS && (self.silent || !idle) {
            return;
        }
        self.ticks = 0;
        let levels = Levels { microphone: self.capture.level(), participants: self.playout.levels() };
        self.silent = idle;
        self.counting.send_modify(|counted| {
            counted.microphone = self.capture.counted(levels.microphone);
            counted.tracks = self.playout.counted();
        });
        // Full: the next one is as good.
        let _ = self.parts.events.try_send(Event::Levels(levels));
    }

    /// `None`: until something is asked of us.
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        match self.next_tick {
            Some(next) if self.speaker.is_none() => Some(next.since(now).min(TICK)),
            _ if self.silent && self.microphone.is_none() && self.speaker.is_none() => None,
            _ => Some(PATIENCE),
        }
    }
}
