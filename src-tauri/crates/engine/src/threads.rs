//! The threads that live as long as the engine, and how the actor starts them, at first and again after a panic.

use std::sync::Arc;

use fika_media::VideoFrame;
use fika_media::device::{CameraRequest, DeviceKind};
use tokio::sync::mpsc;

use crate::audio::{self, Audio, DeviceThread};
use crate::camera::{self, Camera};
use crate::encode::{Encode, Wanted};
use crate::event::Event;
use crate::slot::Slot;
use crate::{Config, StartError};

/// Threads that live as long as the engine. In the order in which they end: the device threads take their devices back
/// from the audio thread first.
pub(crate) struct Threads {
    pub(crate) camera: Camera,
    pub(crate) microphone: DeviceThread,
    pub(crate) speaker: DeviceThread,
    pub(crate) audio: Audio,
    pub(crate) encode: Encode,
    pub(crate) pictures: Arc<Slot<VideoFrame>>,
}

impl Threads {
    pub(crate) fn start(config: &Config, events: &mpsc::Sender<Event>) -> Result<Self, StartError> {
        let failed = |error: &dyn std::fmt::Display| StartError::Threads(error.to_string());
        let pictures = Arc::new(Slot::new());
        let open = |kind| DeviceThread::start(kind, Arc::clone(&config.devices), events.clone());
        let microphone = open(DeviceKind::Microphone).map_err(|error| failed(&error))?;
        let speaker = open(DeviceKind::Speaker).map_err(|error| failed(&error))?;
        let audio = start_audio(config, &microphone, &speaker, events).map_err(|error| failed(&error))?;
        let wanted = Wanted {
            out: None,
            bitrate: config.video.max_bitrate,
            main_profile: false,
            keyframe: false,
            want: fika_call::VideoWant::FULL,
            resolution: config.video.resolution,
            frame_rate: config.video.frame_rate,
        };
        let encode = Encode::start(wanted, Arc::clone(&pictures), events.clone()).map_err(|error| failed(&error))?;
        let camera = start_camera(config, &pictures, events).map_err(|error| failed(&error))?;
        Ok(Self { camera, microphone, speaker, audio, encode, pictures })
    }
}

pub(crate) fn start_audio(
    config: &Config,
    microphone: &DeviceThread,
    speaker: &DeviceThread,
    events: &mpsc::Sender<Event>,
) -> Result<Audio, impl std::fmt::Display + use<>> {
    Audio::start(audio::Parts {
        clock: Arc::clone(&config.clock),
        frames: Arc::clone(&config.frames),
        events: events.clone(),
        microphones: Arc::clone(microphone.jobs()),
        speakers: Arc::clone(speaker.jobs()),
        voice: config.voice_processing,
    })
}

pub(crate) fn start_camera(
    config: &Config,
    pictures: &Arc<Slot<VideoFrame>>,
    events: &mpsc::Sender<Event>,
) -> Result<Camera, impl std::fmt::Display + use<>> {
    Camera::start(camera::Parts {
        devices: Arc::clone(&config.devices),
        frames: Arc::clone(&config.frames),
        pictures: Arc::clone(pictures),
        clock: Arc::clone(&config.clock),
        wanted: CameraRequest { resolution: config.video.resolution, frame_rate: config.video.frame_rate },
        events: events.clone(),
    })
}
