//! What the page may ask. Each command checks its argument's size, hands it to its owner and answers; none waits for
//! the network.

use fika_call::view::CallView;
use fika_media::device::{DeviceId, DeviceInfo, DeviceKind};
use fika_surface::{Layout, TileStats};
use serde::{Deserialize, Serialize};
use tauri::WebviewWindow;

use crate::error::UiError;
use crate::settings::AppSettings;

/// What the page needs to begin, also after a reload.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct AppInfo {
    pub version: String,
    /// `linux`, `macos` or `windows`.
    pub platform: String,
    /// The system's language as a BCP 47 tag.
    pub locale: String,
    pub video: VideoTransport,
    pub settings: AppSettings,
    pub view: CallView,
    pub devices: Vec<DeviceInfo>,
}

/// How pictures reach the tiles.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum VideoTransport {
    /// The page connects here and draws on canvases.
    Websocket { url: String },
}

type Reply<T = ()> = Result<T, UiError>;

fn not_yet<T>() -> Reply<T> {
    Err(UiError::internal(&"the engine is not connected"))
}

#[tauri::command]
#[specta::specta]
pub async fn start() -> Reply<AppInfo> {
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn new_call() -> Reply {
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn open_invite(link: String) -> Reply {
    let _ = link;
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn join() -> Reply {
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn leave() -> Reply {
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn home() -> Reply {
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn rejoin() -> Reply {
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn set_microphone(on: bool) -> Reply {
    let _ = on;
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn set_camera(on: bool) -> Reply {
    let _ = on;
    not_yet()
}

/// `None`: the system's default.
#[tauri::command]
#[specta::specta]
pub async fn select_device(kind: DeviceKind, id: Option<DeviceId>) -> Reply<AppSettings> {
    let _ = (kind, id);
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn retry_device(kind: DeviceKind) -> Reply {
    let _ = kind;
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn play_test_sound() -> Reply {
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn set_name(name: String) -> Reply<AppSettings> {
    let _ = name;
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub async fn save_settings(settings: AppSettings) -> Reply<AppSettings> {
    let _ = settings;
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub fn set_layout(layout: Layout) -> Reply {
    let _ = layout;
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub fn surface_stats() -> Reply<Vec<TileStats>> {
    not_yet()
}

#[tauri::command]
#[specta::specta]
pub fn set_fullscreen(window: WebviewWindow, on: bool) -> Reply {
    window.set_fullscreen(on).map_err(|e| UiError::internal(&e))
}
