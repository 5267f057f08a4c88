//! `fika-cli devices`.

use std::io::Write as _;

use fika_devices::System;
use fika_media::device::{DeviceInfo, DeviceKind, Devices as _};

pub(crate) fn run(json: bool) {
    let devices = System::new().list();
    let text = if json {
        serde_json::to_string_pretty(&devices).expect("device infos are JSON") + "\n"
    } else if devices.is_empty() {
        "There are no devices.\n".to_owned()
    } else {
        devices.iter().map(line).collect()
    };
    // A reader that has gone away wants no more.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn line(device: &DeviceInfo) -> String {
    let kind = match device.kind {
        DeviceKind::Camera => "camera",
        DeviceKind::Microphone => "microphone",
        DeviceKind::Speaker => "speaker",
    };
    let default = if device.is_default { "  (default)" } else { "" };
    format!("{kind:<11} {}  {}{default}\n", device.id.0, device.name)
}
