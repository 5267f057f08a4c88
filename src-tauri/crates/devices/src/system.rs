//! The devices of this machine behind the engine's port. Calls run on the caller's thread and may take a second.

use std::sync::Arc;

use fika_media::device::{CameraRequest, DeviceError, DeviceEvent, DeviceId, DeviceInfo, Devices, Wake};
use fika_media::{AudioSink, AudioSource, VideoSource};

use crate::audio::Sounds;
use crate::camera::Cameras;
use crate::watch;

/// Cameras through nokhwa, microphones and speakers through cpal. Nothing is opened or started before it is asked for.
#[derive(Clone, Default)]
pub struct System {
    cameras: Arc<Cameras>,
    sounds: Arc<Sounds>,
}

impl System {
    pub fn new() -> Self {
        Self::default()
    }
}

/// Opening without an id takes the system's default at that moment. Where the system moves a stream along when its
/// default changes, that is not reported; where it does not, [`Devices::watch`] reports the new default and the stream
/// stays until it is opened again.
impl Devices for System {
    fn list(&self) -> Vec<DeviceInfo> {
        let mut devices = self.cameras.list();
        devices.extend(self.sounds.list());
        devices
    }

    fn open_camera(&self, id: Option<&DeviceId>, request: CameraRequest) -> Result<Box<dyn VideoSource>, DeviceError> {
        self.cameras.open(id, request)
    }

    fn open_microphone(&self, id: Option<&DeviceId>, wake: Wake) -> Result<Box<dyn AudioSource>, DeviceError> {
        self.sounds.open_microphone(id, wake)
    }

    fn open_speaker(&self, id: Option<&DeviceId>, wake: Wake) -> Result<Box<dyn AudioSink>, DeviceError> {
        self.sounds.open_speaker(id, wake)
    }

    fn watch(&self, on_event: Box<dyn Fn(DeviceEvent) + Send>) -> Box<dyn Send> {
        let system = self.clone();
        Box::new(watch::start(Arc::new(move || system.list()), on_event))
    }
}
