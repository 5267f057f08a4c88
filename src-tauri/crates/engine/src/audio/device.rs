//! The two audio-device threads, one for the microphone and one for the speaker: they open what is wanted, hand it to the
//! audio thread, and take it back to close it, because opening and closing may block and the audio thread must not.
//!
//! Requests come through a slot: of several that wait only the last counts.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use fika_call::machine::Attempt;
use fika_media::device::{DeviceError, DeviceId, DeviceKind, Devices, Wake};
use fika_media::{AudioSink, AudioSource};
use tokio::sync::mpsc;

use super::Command;
use crate::event::Event;
use crate::slot::Slot;
use crate::thread::{self, SpawnError, Stop, Thread};

/// An open device on its way to the audio thread or back.
pub(crate) enum Device {
    Microphone(Box<dyn AudioSource>),
    Speaker(Box<dyn AudioSink>),
}

/// The audio thread as the device threads see it.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) wake: Wake,
}

/// What waits for a device thread.
#[derive(Default)]
pub(crate) struct Job {
    request: Option<Request>,
    /// A device that has failed, to be closed.
    failed: Option<(Device, DeviceError)>,
}

enum Request {
    Open { attempt: Attempt, id: Option<DeviceId>, port: Port },
    Close,
}

/// Where the audio thread leaves a device that has failed.
pub(crate) type Jobs = Arc<Slot<Job>>;

pub(crate) fn fail(jobs: &Jobs, device: Device, error: DeviceError) {
    jobs.merge(|job| job.failed = Some((device, error)));
}

pub(crate) struct DeviceThread {
    jobs: Jobs,
    _thread: Thread,
}

impl DeviceThread {
    pub(crate) fn start(
        kind: DeviceKind,
        devices: Arc<dyn Devices>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, SpawnError<std::io::Error>> {
        let jobs = Jobs::new(Slot::new());
        let (inbox, wake) = (Arc::clone(&jobs), Arc::clone(&jobs));
        let name = if kind == DeviceKind::Speaker { "audio-device-out" } else { "audio-device-in" };
        let worker = Worker { kind, devices, events: events.clone(), open: None };
        let thread = thread::spawn(name, events, || Ok(worker), move |worker, stop| worker.run(&inbox, stop))?;
        Ok(Self { jobs, _thread: thread.waking(move || wake.wake()) })
    }

    pub(crate) fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Answered by `DeviceOpened` or `DeviceFailed`, unless another request follows at once.
    pub(crate) fn open(&self, attempt: Attempt, id: Option<DeviceId>, port: Port) {
        self.jobs.merge(|job| job.request = Some(Request::Open { attempt, id, port }));
    }

    pub(crate) fn close(&self) {
        self.jobs.merge(|job| job.request = Some(Request::Close));
    }
}

struct Worker {
    kind: DeviceKind,
    devices: Arc<dyn Devices>,
    events: mpsc::Sender<Event>,
    /// What the audio thread has of ours.
    open: Option<(Attempt, Port)>,
}

impl Worker {
    fn run(mut self, jobs: &Slot<Job>, stop: &Stop) {
        while let Some(job) = jobs.take(stop) {
            if let Some((device, error)) = job.failed {
                drop(device);
                if let Some((attempt, _)) = self.open.take() {
                    self.say(Event::DeviceLost { kind: self.kind, attempt, error });
                }
            }
            match job.request {
                Some(Request::Open { attempt, id, port }) => {
                    self.close();
                    self.open(attempt, id, port);
                }
                Some(Request::Close) => self.close(),
                None => {}
            }
        }
        self.close();
    }

    fn open(&mut self, attempt: Attempt, id: Option<DeviceId>, port: Port) {
        let kind = self.kind;
        let wake = Arc::clone(&port.wake);
        let opened = match kind {
            DeviceKind::Speaker => self.devices.open_speaker(id.as_ref(), wake).map(Device::Speaker),
            _ => self.devices.open_microphone(id.as_ref(), wake).map(Device::Microphone),
        };
        match opened {
            Ok(device) => {
                // Fails only when the audio thread is gone, which the actor hears of.
                let _ = port.commands.blocking_send(Command::Give(device));
                (port.wake)();
                self.open = Some((attempt, port));
                self.say(Event::DeviceOpened { kind, attempt, id });
            }
            Err(error) => self.say(Event::DeviceFailed { kind, attempt, error }),
        }
    }

    /// Waits for the audio thread, which answers within its tick, then for the device.
    fn close(&mut self) {
        let Some((_, port)) = self.open.take() else { return };
        let (reply, device) = sync_channel(1);
        if port.commands.blocking_send(Command::Take { kind: self.kind, reply }).is_ok() {
            (port.wake)();
            drop(device.recv());
        }
    }

    fn say(&self, event: Event) {
        // Fails only when the engine is gone.
        let _ = self.events.blocking_send(event);
    }
}
