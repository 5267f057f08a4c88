//! The list of devices, as the actor keeps it, and the words of `media` and `call` for the same things.

use std::sync::Arc;

use fika_call::machine;
use fika_call::view::DeviceProblem;
use fika_media::device::{DeviceError, DeviceEvent, DeviceId, DeviceInfo, DeviceKind, Devices};
use tokio::sync::mpsc;

use crate::event::Event;

/// Lists the devices and watches them from then on; blocks for as long as the system needs. Both lists go to the actor.
pub(crate) fn watch(devices: &Arc<dyn Devices>, events: &mpsc::Sender<Event>) -> Box<dyn Send> {
    let changed = events.clone();
    let guard = devices.watch(Box::new(move |event| {
        let DeviceEvent::Changed(list) = event;
        // Waits for room; fails only when the engine is gone.
        let _ = changed.blocking_send(Event::Devices(list));
    }));
    let _ = events.blocking_send(Event::Devices(devices.list()));
    guard
}

/// Id and name of what was opened when `asked` was asked for.
pub(crate) fn opened(list: &[DeviceInfo], kind: DeviceKind, asked: Option<&DeviceId>) -> (String, String) {
    let mut ours = list.iter().filter(|device| device.kind == kind);
    let found = match asked {
        Some(id) => ours.find(|device| device.id == *id),
        None => ours.clone().find(|device| device.is_default).or_else(|| ours.next()),
    };
    match (found, asked) {
        (Some(device), _) => (device.id.0.clone(), device.name.clone()),
        (None, Some(id)) => (id.0.clone(), id.0.clone()),
        (None, None) => Default::default(),
    }
}

pub(crate) fn to_call(list: &[DeviceInfo]) -> Vec<machine::Device> {
    let device = |device: &DeviceInfo| machine::Device {
        kind: kind_to_call(device.kind),
        id: device.id.0.clone(),
        name: device.name.clone(),
        is_default: device.is_default,
    };
    list.iter().map(device).collect()
}

pub(crate) const fn kind_to_call(kind: DeviceKind) -> machine::DeviceKind {
    match kind {
        DeviceKind::Camera => machine::DeviceKind::Camera,
        DeviceKind::Microphone => machine::DeviceKind::Microphone,
        DeviceKind::Speaker => machine::DeviceKind::Speaker,
    }
}

pub(crate) const fn kind_from_call(kind: machine::DeviceKind) -> DeviceKind {
    match kind {
        machine::DeviceKind::Camera => DeviceKind::Camera,
        machine::DeviceKind::Microphone => DeviceKind::Microphone,
        machine::DeviceKind::Speaker => DeviceKind::Speaker,
    }
}

pub(crate) fn problem(error: &DeviceError) -> DeviceProblem {
    match error {
        DeviceError::Busy => DeviceProblem::Busy,
        DeviceError::PermissionDenied => DeviceProblem::PermissionDenied,
        DeviceError::NotFound => DeviceProblem::NotFound,
        DeviceError::Disconnected => DeviceProblem::Disconnected,
        DeviceError::Stalled => DeviceProblem::Stalled,
        DeviceError::Unsupported(_) => DeviceProblem::Unsupported,
        _ => DeviceProblem::Failed,
    }
}
