//! Where pictures and sound come from and go: the devices of this machine, files, test signals, or nothing, behind the
//! engine's port. Clips are opened and checked before the engine starts; opening again begins anew.

mod clip;
mod ffmpeg;
mod pace;
mod sound;
mod test;
mod y4m;

use std::sync::{Mutex, PoisonError};

use fika_devices::System;
use fika_media::device::{CameraRequest, DeviceError, DeviceEvent, DeviceId, DeviceInfo, DeviceKind, Devices, Wake};
use fika_media::{AudioSink, AudioSource, Clock, VideoSource};

use crate::args::{Sink, Source};
use crate::fail::{Failure, Kind};

pub(crate) struct Sources {
    system: System,
    /// Something is to be had from the system.
    uses_system: bool,
    camera: Source,
    microphone: Source,
    speaker: Sink,
    clock: Clock,
    /// What was opened to check it, until it is asked for.
    clip: Mutex<Option<Box<dyn VideoSource>>>,
    sound: Option<sound::Samples>,
}

impl Sources {
    /// Fails with a sentence when a file is no clip. Blocks until its beginning is decoded.
    pub(crate) fn open(
        camera: Source,
        microphone: Source,
        speaker: Sink,
        request: CameraRequest,
        clock: Clock,
    ) -> Result<Self, Failure> {
        let device = |sentence: String| Failure::new(Kind::Device, sentence);
        let clip = match &camera {
            Source::File(path) => Some(clip::open(path, request, clock.clone()).map_err(device)?),
            _ => None,
        };
        let sound = match &microphone {
            Source::File(path) => Some(sound::Samples::read(path).map_err(device)?),
            _ => None,
        };
        let real = |source: &Source| matches!(source, Source::Default | Source::Id(_));
        let uses_system = real(&camera) || real(&microphone) || speaker != Sink::None;
        let system = System::new();
        Ok(Self { system, uses_system, camera, microphone, speaker, clock, clip: Mutex::new(clip), sound })
    }

    /// Ids for `CallSettings`; `None`: the system's default.
    pub(crate) fn ids(&self) -> [Option<String>; 3] {
        let speaker = match &self.speaker {
            Sink::Default => None,
            Sink::Id(id) => Some(id.clone()),
            Sink::None => Some("none".to_owned()),
        };
        [id(&self.camera), id(&self.microphone), speaker]
    }
}

fn id(source: &Source) -> Option<String> {
    match source {
        Source::Default | Source::None => None,
        Source::Id(id) => Some(id.clone()),
        Source::File(path) => Some(format!("file:{}", path.display())),
        Source::Test => Some("test".to_owned()),
        Source::Beep => Some("beep".to_owned()),
    }
}

/// The entry of the list for what is not a device of the system.
fn made_up(kind: DeviceKind, source: &Source) -> Option<DeviceInfo> {
    let name = match source {
        Source::File(path) => path.file_name()?.to_string_lossy().into_owned(),
        Source::Test | Source::Beep => "Test signal".to_owned(),
        Source::Default | Source::Id(_) | Source::None => return None,
    };
    Some(DeviceInfo { kind, id: DeviceId(id(source)?), name, is_default: false })
}

/// The part of the list that the system does not know.
fn add(list: &mut Vec<DeviceInfo>, camera: &Source, microphone: &Source, speaker: &Sink) {
    list.extend(made_up(DeviceKind::Camera, camera));
    list.extend(made_up(DeviceKind::Microphone, microphone));
    if *speaker == Sink::None {
        let (kind, id) = (DeviceKind::Speaker, DeviceId("none".to_owned()));
        list.push(DeviceInfo { kind, id, name: "No speaker".to_owned(), is_default: false });
    }
}

impl Devices for Sources {
    fn list(&self) -> Vec<DeviceInfo> {
        let mut list = if self.uses_system { self.system.list() } else { Vec::new() };
        add(&mut list, &self.camera, &self.microphone, &self.speaker);
        list
    }

    fn open_camera(&self, id: Option<&DeviceId>, request: CameraRequest) -> Result<Box<dyn VideoSource>, DeviceError> {
        let made_up = match &self.camera {
            Source::Test => Some(test::Picture::start(request, self.clock.clone())),
            Source::File(path) => {
                let checked = self.clip.lock().unwrap_or_else(PoisonError::into_inner).take();
                Some(match checked {
                    Some(clip) => clip,
                    None => clip::open(path, request, self.clock.clone()).map_err(DeviceError::Failed)?,
                })
            }
            Source::None | Source::Beep => return Err(DeviceError::NotFound),
            Source::Default | Source::Id(_) => None,
        };
        made_up.map_or_else(|| self.system.open_camera(id, request), Ok)
    }

    fn open_microphone(&self, id: Option<&DeviceId>, wake: Wake) -> Result<Box<dyn AudioSource>, DeviceError> {
        match (&self.microphone, &self.sound) {
            (Source::Test, _) => test::Tone::start(self.clock.clone(), wake, test::STEADY),
            (Source::Beep, _) => test::Tone::start(self.clock.clone(), wake, test::BEEP),
            (Source::File(_), Some(samples)) => samples.start(self.clock.clone(), wake),
            (Source::Default | Source::Id(_), _) => self.system.open_microphone(id, wake),
            (Source::None | Source::File(_), _) => Err(DeviceError::NotFound),
        }
    }

    fn open_speaker(&self, id: Option<&DeviceId>, wake: Wake) -> Result<Box<dyn AudioSink>, DeviceError> {
        match self.speaker {
            Sink::None => sound::Nowhere::start(self.clock.clone(), wake),
            Sink::Default | Sink::Id(_) => self.system.open_speaker(id, wake),
        }
    }

    fn watch(&self, on_event: Box<dyn Fn(DeviceEvent) + Send>) -> Box<dyn Send> {
        if !self.uses_system {
            return Box::new(());
        }
        let (camera, microphone, speaker) = (self.camera.clone(), self.microphone.clone(), self.speaker.clone());
        self.system.watch(Box::new(move |event| {
            let DeviceEvent::Changed(mut list) = event;
            add(&mut list, &camera, &microphone, &speaker);
            on_event(DeviceEvent::Changed(list));
        }))
    }
}
