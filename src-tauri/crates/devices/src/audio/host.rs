//! The sound system in use: which one, and its devices. Runs on the thread `audio-device`.

use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{Host, HostId};
use fika_media::device::{DeviceError, DeviceId, DeviceInfo, DeviceKind};

use super::filter::{self, Described};
#[cfg(target_os = "linux")]
use super::linux as platform;
#[cfg(not(target_os = "linux"))]
use super::portable as platform;
use crate::names::Numbering;

/// A connection to a sound system.
pub(super) struct Sound {
    host: Host,
    /// Sound systems that were there when this one was chosen.
    available: Vec<HostId>,
}

/// The devices at one moment.
#[derive(Default)]
pub(super) struct Listed {
    devices: Vec<(Described, cpal::Device)>,
    default_input: Option<(String, cpal::Device)>,
    default_output: Option<(String, cpal::Device)>,
}

impl Sound {
    /// Connects to the best sound system that answers. Those that are not there are not even asked, which keeps them
    /// from waiting and from printing.
    pub(super) fn connect() -> Option<Self> {
        let available = cpal::available_hosts();
        platform::hosts().filter(|id| available.contains(id)).find_map(|id| match cpal::host_from_id(id) {
            Ok(host) => Some(Self { host, available: available.clone() }),
            Err(error) => {
                tracing::debug!(%id, %error, "a sound system does not answer");
                None
            }
        })
    }

    /// Whether asking again needs a new connection: the system lists its devices once, another one came or went, or
    /// this one is used only because no better one has answered.
    pub(super) fn is_outdated(&self) -> bool {
        let id = self.host.id();
        let available = cpal::available_hosts();
        platform::lists_once(id)
            || available != self.available
            || (platform::is_last_resort(id) && available.iter().any(|other| *other != id))
    }

    /// `None`: the sound system is gone.
    pub(super) fn list(&self) -> Option<Listed> {
        let found = self
            .host
            .devices()
            .inspect_err(|error| tracing::debug!(%error, "the sound system does not list its devices"))
            .ok()?;
        let devices = found.filter_map(|device| Some((describe(&device)?, device))).collect();
        let named = |device: Option<cpal::Device>| device.and_then(|device| Some((id_of(&device)?, device)));
        Some(Listed {
            devices,
            default_input: named(self.host.default_input_device()),
            default_output: named(self.host.default_output_device()),
        })
    }
}

impl Listed {
    /// What people see: microphones, then speakers.
    pub(super) fn infos(&self) -> Vec<DeviceInfo> {
        let mut infos = Vec::new();
        for (kind, default, wanted) in [
            (DeviceKind::Microphone, &self.default_input, filter::is_microphone as fn(&Described) -> bool),
            (DeviceKind::Speaker, &self.default_output, filter::is_speaker),
        ] {
            let mut names = Numbering::default();
            let shown = self.devices.iter().filter(|(device, _)| wanted(device));
            infos.extend(shown.map(|(device, _)| DeviceInfo {
                kind,
                id: DeviceId(device.id.clone()),
                name: names.next(filter::readable(&device.name), " (", ")"),
                is_default: default.as_ref().is_some_and(|(id, _)| *id == device.id),
            }));
        }
        infos
    }

    /// The device to open. Without an id: the system's default, unless that is none that people would call so (the
    /// recording of a speaker, on a machine without a microphone); then the first.
    pub(super) fn find(&self, kind: DeviceKind, id: Option<&DeviceId>) -> Result<(String, &cpal::Device), DeviceError> {
        let (default, wanted): (_, fn(&Described) -> bool) = match kind {
            DeviceKind::Microphone => (&self.default_input, filter::is_microphone),
            DeviceKind::Speaker => (&self.default_output, filter::is_speaker),
            DeviceKind::Camera => return Err(DeviceError::NotFound),
        };
        let mut shown = self.devices.iter().filter(|(device, _)| wanted(device));
        if let Some(id) = id {
            let found = shown.find(|(device, _)| device.id == id.0).ok_or(DeviceError::NotFound)?;
            return Ok((found.0.id.clone(), &found.1));
        }
        let first = shown.clone().next();
        match default {
            Some((id, device)) if shown.any(|(shown, _)| shown.id == *id) || platform::is_place_holder(id) => {
                first.ok_or(DeviceError::NotFound)?;
                Ok((id.clone(), device))
            }
            _ => first.map(|(found, device)| (found.id.clone(), device)).ok_or(DeviceError::NotFound),
        }
    }

    /// Whether the device with this id is still there.
    pub(super) fn has(&self, id: &str) -> bool {
        let defaults = [&self.default_input, &self.default_output];
        self.devices.iter().any(|(device, _)| device.id == id)
            || defaults.iter().any(|default| default.as_ref().is_some_and(|(default, _)| default == id))
    }
}

fn describe(device: &cpal::Device) -> Option<Described> {
    let description = device.description().ok()?;
    Some(Described {
        id: id_of(device)?,
        name: description.name().to_owned(),
        input: description.supports_input(),
        output: description.supports_output(),
    })
}

fn id_of(device: &cpal::Device) -> Option<String> {
    device.id().ok().map(|id: cpal::DeviceId| id.to_string())
}
