//! What the camera files of Windows and macOS share: the capture library's own list, and its errors. Runs on the caller's
//! thread.

use fika_media::Resolution;
use fika_media::device::DeviceError;
use nokhwa::utils::{ApiBackend, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};
use nokhwa::{Camera as Device, NokhwaError};

use super::Camera;
use super::mode::{Mode, PixelFormat};

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

/// Every mode of the camera whose pixels `usable` knows.
pub(super) fn modes(index: u32, usable: fn(FrameFormat) -> Option<PixelFormat>) -> Result<Vec<Mode>, DeviceError> {
    let request = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let mut device = Device::new(CameraIndex::Index(index), request).map_err(|error| fault(&error))?;
    let formats = device.compatible_camera_formats().map_err(|error| fault(&error))?;
    Ok(formats
        .into_iter()
        .filter_map(|mode| {
            let size = Resolution::new(mode.width(), mode.height());
            Some(Mode { size, frame_rate: mode.frame_rate(), format: usable(mode.format())? })
        })
        .collect())
}

/// The wanted mode is set when the library opens.
pub(super) fn prepare(_index: u32, _mode: Mode) -> Result<(), DeviceError> {
    Ok(())
}

pub(super) fn is_present(index: u32) -> bool {
    cameras(&mut Known).iter().any(|camera| camera.index == index)
}

/// The library passes the system's error on as text.
pub(super) fn fault(error: &NokhwaError) -> DeviceError {
    fault_of(error.to_string())
}

fn fault_of(text: String) -> DeviceError {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_are_found_in_the_text() {
        let fault = |text: &str| fault_of(text.to_owned());
        assert_eq!(fault("Access is denied. (0x80070005)"), DeviceError::PermissionDenied);
        assert_eq!(fault("The device is in use. (0xC00D3704)"), DeviceError::Busy);
        assert_eq!(fault("(0xC00D3EA2)"), DeviceError::NotFound);
        assert!(matches!(fault("(0xC00D36B4)"), DeviceError::Failed(_)));
    }
}
