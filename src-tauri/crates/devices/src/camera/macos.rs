//! Cameras on macOS: AVFoundation through the capture library. The system asks the user before the first picture; what is
//! opened before the answer gives none.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use fika_media::device::DeviceError;
use nokhwa::utils::FrameFormat;

use super::mode::{Mode, PixelFormat};
pub(super) use super::portable::{Known, cameras, fault, is_present, prepare};
use crate::thread::Worker;

/// How long the answer to the system's question is waited for; shorter than opening may take. Who answers later presses
/// "try again".
const ANSWER: Duration = Duration::from_secs(2);

/// A thread on which the capture library may be called.
pub(super) struct CameraThread;

pub(super) fn enter_camera_thread() -> CameraThread {
    CameraThread
}

/// Whether the user lets us have the camera. Asks where that was never answered; answers at once where it was.
pub(super) fn permitted() -> Result<(), DeviceError> {
    let (answer, answered) = sync_channel(1);
    // Called on a thread of the system's. A second answer is not waited for.
    nokhwa::nokhwa_initialize(move |granted| {
        let _ = answer.try_send(granted);
    });
    match answered.recv_timeout(ANSWER) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(DeviceError::PermissionDenied),
    }
}

pub(super) fn modes(index: u32) -> Result<Vec<Mode>, DeviceError> {
    super::portable::modes(index, |format| match format {
        FrameFormat::YUYV => Some(PixelFormat::Yuyv),
        FrameFormat::MJPEG => Some(PixelFormat::Mjpeg),
        // AVFoundation answers a request for NV12 with ten-bit planes.
        _ => None,
    })
}

/// There is no way to end the wait; the thread is abandoned.
pub(super) fn interrupt(_worker: &Worker) {}
