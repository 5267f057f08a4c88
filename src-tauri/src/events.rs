//! What the app tells the page unasked. The page replaces its mirror by the payload.

use fika_call::view::{CallView, Levels, Notification};
use fika_media::device::DeviceInfo;
use serde::{Deserialize, Serialize};
use tauri_specta::Event;

/// `call-changed`: the whole view, at most one per frame of the screen.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub struct CallChanged(pub CallView);

/// `levels-changed`: sound levels, ten times a second.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub struct LevelsChanged(pub Levels);

/// `devices-changed`: the complete new list.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub struct DevicesChanged(pub Vec<DeviceInfo>);

/// `notified`: something that happened, told once.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub struct Notified(pub Notification);
