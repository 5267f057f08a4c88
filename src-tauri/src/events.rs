//! What the app tells the page unasked. The page replaces its mirror by the payload.

use std::time::Duration;

use fika_call::view::{CallView, Levels, Notification};
use fika_engine::EngineHandle;
use fika_media::device::DeviceInfo;
use fika_surface::TileId;
use serde::{Deserialize, Serialize};
use tauri::AppHandle;
use tauri_specta::Event;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::video::VideoTransport;

/// The screen shows no more than this: views that come faster are passed over.
const FRAME: Duration = Duration::from_millis(16);

/// `call-changed`: the whole view, at most one per frame of the screen.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct CallChanged(pub(crate) CallView);

/// `levels-changed`: sound levels, ten times a second.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct LevelsChanged(pub(crate) Levels);

/// `devices-changed`: the complete new list.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct DevicesChanged(pub(crate) Vec<DeviceInfo>);

/// `notified`: something that happened, told once.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct Notified(pub(crate) Notification);

/// `pictures-changed`: all tiles of the window that show a picture now, where the app draws them itself.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct PicturesChanged(pub(crate) Vec<TileId>);

/// `video-changed`: pictures take another way from now on.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct VideoChanged(pub(crate) VideoTransport);

/// Passes on what the engine shows, until it ends. Each kind has a task of its own, so none waits for another.
pub(crate) fn forward(app: &AppHandle, engine: &EngineHandle) {
    tauri::async_runtime::spawn(mirror(app.clone(), engine.view(), CallChanged));
    tauri::async_runtime::spawn(mirror(app.clone(), engine.levels(), LevelsChanged));
    tauri::async_runtime::spawn(mirror(app.clone(), engine.devices(), DevicesChanged));
    tauri::async_runtime::spawn(tell(app.clone(), engine.notifications()));
}

async fn mirror<T: Clone, E: Event + Serialize + Clone>(
    app: AppHandle,
    mut state: watch::Receiver<T>,
    event: impl Fn(T) -> E,
) {
    while state.changed().await.is_ok() {
        let value = state.borrow_and_update().clone();
        emit(&app, &event(value));
        tokio::time::sleep(FRAME).await;
    }
}

async fn tell(app: AppHandle, mut notifications: broadcast::Receiver<Notification>) {
    loop {
        match notifications.recv().await {
            Ok(notification) => emit(&app, &Notified(notification)),
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "the page was told too late"),
            Err(RecvError::Closed) => return,
        }
    }
}

pub(crate) fn emit<E: Event + Serialize + Clone>(app: &AppHandle, event: &E) {
    if let Err(error) = event.emit(app) {
        tracing::debug!(%error, event = E::NAME, "the page is gone");
    }
}
