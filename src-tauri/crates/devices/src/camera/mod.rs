//! Cameras: the list of them, and opening one.
//!
//! One OS thread per open camera (`camera`) owns the device, converts each picture to I420 and puts it into a slot of
//! one, where the newest picture replaces an unread one. A thread `camera-list` looks which cameras there are.

mod capture;
mod look;
mod mode;
mod pixels;
mod slot;

#[cfg(target_os = "linux")]
mod interrupt;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(target_os = "windows")]
mod windows;

use fika_media::VideoSource;
use fika_media::device::{CameraRequest, DeviceError, DeviceId, DeviceInfo, DeviceKind};
#[cfg(target_os = "linux")]
use linux as platform;
use look::Look;
#[cfg(target_os = "macos")]
use macos as platform;
#[cfg(target_os = "windows")]
use windows as platform;

use crate::names::Numbering;

/// A camera as the system shows it now. The index is only good until something is plugged in or out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Camera {
    index: u32,
    /// Where it is connected, empty when the system does not tell.
    bus: String,
    name: String,
}

/// The cameras of this machine.
#[derive(Default)]
pub(crate) struct Cameras {
    look: Look,
}

impl Cameras {
    /// The cameras in the system's order; the first is the default.
    pub(crate) fn list(&self) -> Vec<DeviceInfo> {
        let named = identified(&self.look.cameras());
        named
            .into_iter()
            .enumerate()
            .map(|(position, (id, name, _))| DeviceInfo {
                kind: DeviceKind::Camera,
                id,
                name,
                is_default: position == 0,
            })
            .collect()
    }

    /// Opens the camera and waits, for about a second at most, for its first picture.
    pub(crate) fn open(
        &self,
        id: Option<&DeviceId>,
        request: CameraRequest,
    ) -> Result<Box<dyn VideoSource>, DeviceError> {
        let named = identified(&self.look.cameras());
        let (_, _, index) =
            named.into_iter().find(|(known, _, _)| id.is_none_or(|id| id == known)).ok_or(DeviceError::NotFound)?;
        Ok(Box::new(capture::open(index, request)?))
    }
}

/// Ids from name and connection, which survive renumbering; twins on one connection are numbered. Names of twins are
/// numbered too, so that a picker can tell them apart.
fn identified(cameras: &[Camera]) -> Vec<(DeviceId, String, u32)> {
    let (mut ids, mut names) = (Numbering::default(), Numbering::default());
    cameras
        .iter()
        .map(|camera| {
            let id = ids.next(&format!("camera:{}:{}", camera.bus, camera.name), "#", "");
            let name = names.next(&readable(&camera.name), " (", ")");
            (DeviceId(id), name, camera.index)
        })
        .collect()
}

/// Drivers repeat the product's name and cut the repetition ("Integrated Camera: Integrated C"), and write
/// underscores for blanks.
fn readable(name: &str) -> String {
    let name = match name.split_once(": ") {
        Some((first, rest)) if !rest.is_empty() && first.starts_with(rest.trim_end()) => first,
        _ => name,
    };
    let name = name.replace('_', " ");
    let name = name.trim();
    if name.is_empty() { "Camera".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(index: u32, bus: &str, name: &str) -> Camera {
        Camera { index, bus: bus.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn an_id_survives_renumbering() {
        let before = identified(&[camera(0, "usb-1", "Desk"), camera(2, "usb-2", "Door")]);
        let after = identified(&[camera(1, "usb-2", "Door"), camera(5, "usb-1", "Desk")]);
        assert_eq!(before[0].0, after[1].0);
        assert_eq!(before[1].0, after[0].0);
        assert_eq!(after[1].2, 5);
    }

    #[test]
    fn twins_are_told_apart() {
        let twins = identified(&[camera(0, "usb-1", "Cam"), camera(2, "usb-1", "Cam"), camera(4, "usb-2", "Cam")]);
        assert_eq!(twins[0].0.0, "camera:usb-1:Cam");
        assert_eq!(twins[1].0.0, "camera:usb-1:Cam#2");
        assert_eq!(twins[2].0.0, "camera:usb-2:Cam");
        let names: Vec<&str> = twins.iter().map(|(_, name, _)| name.as_str()).collect();
        assert_eq!(names, ["Cam", "Cam (2)", "Cam (3)"]);
    }

    #[test]
    fn names_read_as_people_know_them() {
        assert_eq!(readable("Integrated Camera: Integrated C"), "Integrated Camera");
        assert_eq!(readable("Integrated_Webcam_HD: Integrate"), "Integrated Webcam HD");
        assert_eq!(readable("OBS: Virtual"), "OBS: Virtual");
        assert_eq!(readable("  "), "Camera");
    }
}
