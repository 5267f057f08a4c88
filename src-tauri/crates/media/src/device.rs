//! What the engine needs from devices: names, errors, events and one port. Real devices live in `fika-devices`.

use std::sync::Arc;

use crate::{AudioSink, AudioSource, Resolution, VideoSource};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum DeviceKind {
    Camera,
    Microphone,
    Speaker,
}

/// Stable across restarts and reordering: what settings remember.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, specta::Type)]
pub struct DeviceId(pub String);

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceInfo {
    pub kind: DeviceKind,
    pub id: DeviceId,
    /// A name people recognise.
    pub name: String,
    /// The system's own choice for this kind.
    pub is_default: bool,
}

/// What the caller can do about it is the variant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// Close the other app, then try again.
    #[error("another app is using the device")]
    Busy,
    /// Change the permission in the system settings.
    #[error("the system does not allow the use of the device")]
    PermissionDenied,
    /// Pick another device or plug one in.
    #[error("the device is not there")]
    NotFound,
    /// It was there and went away: fall back to another one.
    #[error("the device was unplugged")]
    Disconnected,
    /// No data for two seconds: open it again.
    #[error("the device has stopped sending")]
    Stalled,
    /// Pick other settings or another device.
    #[error("the device offers nothing usable: {0}")]
    Unsupported(String),
    /// The system's words; trying again may help.
    #[error("the device failed: {0}")]
    Failed(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// The list or the system's default choice changed; the new list is complete.
    Changed(Vec<DeviceInfo>),
}

/// What to ask a camera for; the device picks its nearest mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CameraRequest {
    pub resolution: Resolution,
    pub frame_rate: u32,
}

impl Default for CameraRequest {
    fn default() -> Self {
        Self { resolution: Resolution::new(1280, 720), frame_rate: 30 }
    }
}

/// Called from a device callback: must neither block, lock, log nor allocate.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The engine's port to devices. `None` as id means the system's default. Calls may block for a second;
/// the engine makes them on threads that may.
pub trait Devices: Send + Sync {
    fn list(&self) -> Vec<DeviceInfo>;
    fn open_camera(&self, id: Option<&DeviceId>, request: CameraRequest) -> Result<Box<dyn VideoSource>, DeviceError>;
    fn open_microphone(&self, id: Option<&DeviceId>, wake: Wake) -> Result<Box<dyn AudioSource>, DeviceError>;
    fn open_speaker(&self, id: Option<&DeviceId>, wake: Wake) -> Result<Box<dyn AudioSink>, DeviceError>;
    /// Calls `on_event` from a thread of its own until the returned guard is dropped.
    fn watch(&self, on_event: Box<dyn Fn(DeviceEvent) + Send>) -> Box<dyn Send>;
}
