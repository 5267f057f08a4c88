//! What the page may ask. Each command hands its argument to its owner and answers; none waits for the network.

use std::time::Duration;

use fika_call::chat::ChatView;
use fika_call::files::FilesView;
use fika_call::text::TextView;
use fika_call::view::CallView;
use fika_engine::Command;
use fika_engine::ring::RingCommand;
use fika_media::device::{DeviceId, DeviceInfo, DeviceKind};
use fika_surface::{Layout, TileStats, VideoSurface as _};
use serde::{Deserialize, Serialize};
use tauri::{Manager as _, State, WebviewWindow};

use crate::error::{UiError, UiErrorCode};
use crate::identity::KeyPlace;
use crate::settings::AppSettings;
use crate::state::AppState;
use crate::video::VideoTransport;
use crate::{adapters, platform, window, words};

/// How long the engine may take to take a command in.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the page needs to begin, also after a reload.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppInfo {
    pub(crate) version: String,
    /// `linux`, `macos` or `windows`.
    pub(crate) platform: String,
    /// The system's language as a BCP 47 tag.
    pub(crate) locale: String,
    pub(crate) video: VideoTransport,
    pub(crate) settings: AppSettings,
    /// The window is small and above all others.
    pub(crate) small_window: bool,
    pub(crate) view: CallView,
    pub(crate) chat: ChatView,
    pub(crate) files: FilesView,
    pub(crate) text: TextView,
    pub(crate) devices: Vec<DeviceInfo>,
    /// Why the link that the app was started with leads nowhere.
    pub(crate) link_error: Option<UiErrorCode>,
}

pub(crate) type Reply<T = ()> = Result<T, UiError>;

#[tauri::command]
#[specta::specta]
pub(crate) async fn start(state: State<'_, AppState>) -> Reply<AppInfo> {
    Ok(AppInfo {
        version: env!("CARGO_PKG_VERSION").into(),
        platform: platform::NAME.into(),
        locale: words::system_language(),
        video: state.video.transport().ok_or_else(|| UiError::internal(&"pictures have no way to the window"))?,
        settings: state.settings.get(),
        small_window: state.small.is_small(),
        view: state.engine.view().borrow().clone(),
        chat: state.engine.chat().borrow().clone(),
        files: state.engine.files().borrow().clone(),
        text: state.engine.text().borrow().clone(),
        devices: state.engine.devices().borrow().clone(),
        link_error: state.link_error,
    })
}

/// Where our key is: known when its keychain has answered.
#[tauri::command]
#[specta::specta]
pub(crate) async fn key_place(state: State<'_, AppState>) -> Reply<KeyPlace> {
    Ok(KeyPlace::of(&state.key.get().await))
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn new_call(state: State<'_, AppState>) -> Reply {
    send(&state, Command::NewCall).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn open_invite(state: State<'_, AppState>, link: String) -> Reply {
    send(&state, Command::OpenInvite { link }).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn join(state: State<'_, AppState>) -> Reply {
    send(&state, Command::Join).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn leave(state: State<'_, AppState>) -> Reply {
    send(&state, Command::Leave).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn home(state: State<'_, AppState>) -> Reply {
    send(&state, Command::Home).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn rejoin(state: State<'_, AppState>) -> Reply {
    send(&state, Command::Rejoin).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn set_microphone(state: State<'_, AppState>, on: bool) -> Reply {
    send(&state, Command::SetMicrophone { on }).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn set_camera(state: State<'_, AppState>, on: bool) -> Reply {
    send(&state, Command::SetCamera { on }).await
}

/// `None`: the system's default. Remembered.
#[tauri::command]
#[specta::specta]
pub(crate) async fn select_device(
    state: State<'_, AppState>,
    kind: DeviceKind,
    id: Option<DeviceId>,
) -> Reply<AppSettings> {
    send(&state, Command::SelectDevice { kind, id: id.clone() }).await?;
    Ok(remember(&state, |settings| {
        let call = &mut settings.call;
        let choice = match kind {
            DeviceKind::Camera => &mut call.camera,
            DeviceKind::Microphone => &mut call.microphone,
            DeviceKind::Speaker => &mut call.speaker,
        };
        *choice = id.map(|id| id.0);
    }))
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn retry_device(state: State<'_, AppState>, kind: DeviceKind) -> Reply {
    send(&state, Command::RetryDevice { kind }).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn play_test_sound(state: State<'_, AppState>) -> Reply {
    send(&state, Command::PlayTestSound).await
}

/// Remembered.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_name(state: State<'_, AppState>, name: String) -> Reply<AppSettings> {
    send(&state, Command::SetName { name: name.clone() }).await?;
    let settings = remember(&state, |settings| settings.call.name = name);
    state.ring.send(RingCommand::Settings(settings.call.clone())).await;
    Ok(settings)
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn save_settings(
    state: State<'_, AppState>,
    window: WebviewWindow,
    settings: AppSettings,
) -> Reply<AppSettings> {
    let settings = remember(&state, |current| *current = settings);
    window::follow(&window, settings.appearance.theme).map_err(|e| UiError::internal(&e))?;
    state.video.follow(settings.appearance.draw_in_page, window.app_handle()).map_err(|e| UiError::internal(&e))?;
    send(&state, Command::Settings(settings.call.clone())).await?;
    state.ring.send(RingCommand::Settings(settings.call.clone())).await;
    Ok(settings)
}

#[tauri::command]
#[specta::specta]
pub(crate) fn set_layout(state: State<'_, AppState>, layout: Layout) -> Reply {
    state.engine.set_visible(adapters::visible(&layout));
    state.video.set_layout(layout);
    Ok(())
}

#[tauri::command]
#[specta::specta]
pub(crate) fn surface_stats(state: State<'_, AppState>) -> Reply<Vec<TileStats>> {
    Ok(state.video.stats())
}

#[tauri::command]
#[specta::specta]
pub(crate) fn set_fullscreen(window: WebviewWindow, on: bool) -> Reply {
    window.set_fullscreen(on).map_err(|e| UiError::internal(&e))
}

/// Small and above all other windows, or as it was before.
#[tauri::command]
#[specta::specta]
pub(crate) fn set_small_window(state: State<'_, AppState>, window: WebviewWindow, on: bool) -> Reply {
    state.small.set(&window, on).map_err(|e| UiError::internal(&e))
}

pub(crate) async fn send(state: &AppState, command: Command) -> Reply {
    let busy = |_| UiError::new(UiErrorCode::Busy, &"the engine is busy");
    Ok(tokio::time::timeout(PATIENCE, state.engine.send(command)).await.map_err(busy)??)
}

/// What cannot be written holds until the app ends; the user goes on.
fn remember(state: &AppState, change: impl FnOnce(&mut AppSettings)) -> AppSettings {
    state.settings.update(change).unwrap_or_else(|error| {
        tracing::warn!(%error, "the settings cannot be written");
        state.settings.get()
    })
}
