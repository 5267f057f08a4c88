//! Cameras where the capture library's own list is used: Windows (Media Foundation) and macOS (AVFoundation). Runs on
//! the caller's thread.

use fika_media::Resolution;
use fika_media::device::DeviceError;
use nokhwa::utils::{ApiBackend, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};
use nokhwa::{Camera as Device, NokhwaError};

use super::Camera;
use super::mode::{Mode, PixelFormat};
use crate::thread::Worker;

/// Listing does not open a camera here, so nothing needs to be remembered.
#[derive(Default)]
pub(super) struct Known;

const FORMATS: [FrameFormat; 3] = [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::MJPEG];

pub(super) fn cameras(_known: &mut Known) -> Vec<Camera> {
    let found = nokhwa::query(ApiBackend::Auto).unwrap_or_else(|error| {
        tracing::debug!(%error, "no list of cameras");
        Vec::new()
    });
    found
        .into_iter()
        .filter_map(|info| {
            let CameraIndex::Index(index) = info.index() else { return None };
            // The link or unique id that the system gives the device.
            Some(Camera { index: *index, bus: info.misc(), name: info.human_name() })
        })
        .collect()
}

pub(super) fn modes(index: u32) -> Result<Vec<Mode>, DeviceError> {
    let request = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let mut device = Device::new(CameraIndex::Index(index), request).map_err(|error| fault(&error))?;
    let formats = device.compatible_camera_formats().map_err(|error| fault(&error))?;
    Ok(formats
        .into_iter()
        .filter_map(|format| {
            let size = Resolution::new(format.width(), format.height());
            let pixels = match format.format() {
                FrameFormat::YUYV => PixelFormat::Yuyv,
                // AVFoundation answers a request for NV12 with ten-bit planes.
                FrameFormat::NV12 if cfg!(not(target_os = "macos")) => PixelFormat::Nv12,
                FrameFormat::MJPEG => PixelFormat::Mjpeg,
                _ => return None,
            };
            Some(Mode { size, frame_rate: format.frame_rate(), format: pixels })
        })
        .collect())
}

pub(super) fn prepare(_index: u32, _mode: Mode) -> Result<(), DeviceError> {
    Ok(())
}

pub(super) fn is_present(index: u32) -> bool {
    cameras(&mut Known).iter().any(|camera| camera.index == index)
}

pub(super) fn fault(error: &NokhwaError) -> DeviceError {
    let text = error.to_string();
    let lower = text.to_lowercase();
    // Access denied; device in use by another app; device gone.
    if ["0x80070005", "denied", "not authorized"].iter().any(|sign| lower.contains(sign)) {
        DeviceError::PermissionDenied
    } else if ["0xc00d3704", "0xc00d3ea3", "in use", "busy"].iter().any(|sign| lower.contains(sign)) {
        DeviceError::Busy
    } else if ["0xc00d3ea2", "no such device", "not found"].iter().any(|sign| lower.contains(sign)) {
        DeviceError::NotFound
    } else {
        DeviceError::Failed(text)
    }
}

pub(super) fn enter_camera_thread() {}

/// There is no way to end the wait; the thread is abandoned.
pub(super) fn interrupt(_worker: &Worker) {}
