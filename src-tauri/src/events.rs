//! What the app tells the page unasked. The page replaces its mirror by the payload.

use std::time::Duration;

use fika_call::chat::ChatView;
use fika_call::files::FilesView;
use fika_call::ring::RingView;
use fika_call::text::TextView;
use fika_call::view::{CallView, Levels, Notification, ParticipantLevel};
use fika_engine::EngineHandle;
use fika_engine::ring::RingHandle;
use fika_media::device::DeviceInfo;
use fika_surface::TileId;
use serde::{Deserialize, Serialize};
use tauri::AppHandle;
use tauri_specta::Event;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::error::UiErrorCode;
use crate::video::VideoTransport;

/// The screen shows no more than this: views that come faster are passed over.
const FRAME: Duration = Duration::from_millis(16);

/// `call-changed`: the whole view, at most one per frame of the screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct CallChanged(pub(crate) CallView);

/// `chat-changed`: the whole chat; apart from the rest, because it is large and changes seldom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct ChatChanged(pub(crate) ChatView);

/// `files-changed`: all files of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct FilesChanged(pub(crate) FilesView);

/// `text-changed`: all lines of real-time text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct TextChanged(pub(crate) TextView);

/// `ring-changed`: who calls, who is called, and who can be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct RingChanged(pub(crate) RingView);

/// Steps of a sound level, in per cent: as fine as a meter on the screen is.
const LEVEL_STEP: u8 = 8;

/// `levels-changed`: sound levels in steps, at most ten times a second and only when one changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct LevelsChanged(pub(crate) Levels);

/// `devices-changed`: the complete new list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type, Event)]
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

/// `small-window-changed`: the window has become small or big, also by its own close button.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct SmallWindowChanged(pub(crate) bool);

/// `link-refused`: why a link that came from outside leads nowhere.
#[derive(Clone, Debug, Serialize, Deserialize, specta::Type, Event)]
pub(crate) struct LinkRefused(pub(crate) UiErrorCode);

/// Passes on what the engine shows, until it ends. Each kind has a task of its own, so none waits for another.
pub(crate) fn forward(app: &AppHandle, engine: &EngineHandle, ring: &RingHandle) {
    tauri::async_runtime::spawn(mirror(app.clone(), engine.view(), CallChanged));
    tauri::async_runtime::spawn(mirror(app.clone(), engine.chat(), ChatChanged));
    tauri::async_runtime::spawn(mirror(app.clone(), engine.files(), FilesChanged));
    tauri::async_runtime::spawn(mirror(app.clone(), engine.text(), TextChanged));
    tauri::async_runtime::spawn(mirror(app.clone(), ring.view(), RingChanged));
    tauri::async_runtime::spawn(mirror(app.clone(), engine.levels(), |levels| LevelsChanged(in_steps(levels))));
    tauri::async_runtime::spawn(mirror(app.clone(), engine.devices(), DevicesChanged));
    tauri::async_runtime::spawn(tell(app.clone(), engine.notifications()));
}

async fn mirror<T: Clone, E: Event + Serialize + Clone + PartialEq>(
    app: AppHandle,
    mut state: watch::Receiver<T>,
    event: impl Fn(T) -> E,
) {
    let mut told = None;
    while state.changed().await.is_ok() {
        let value = event(state.borrow_and_update().clone());
        // Each event is a script for the page to read and run, so those that change nothing are not worth one.
        if told.as_ref() != Some(&value) {
            emit(&app, &value);
            told = Some(value);
            tokio::time::sleep(FRAME).await;
        }
    }
}

fn in_steps(levels: Levels) -> Levels {
    let step = |level: u8| level.div_ceil(LEVEL_STEP) * LEVEL_STEP;
    let participants = levels.participants.into_iter();
    Levels {
        microphone: step(levels.microphone).min(100),
        participants: participants.map(|p| ParticipantLevel { level: step(p.level).min(100), ..p }).collect(),
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
    tracing::trace!(event = E::NAME);
    if let Err(error) = event.emit(app) {
        tracing::debug!(%error, event = E::NAME, "the page is gone");
    }
}

#[cfg(test)]
mod tests {
    use fika_call::ParticipantId;

    use super::*;

    #[test]
    fn levels_go_in_steps_that_keep_silence_and_full() {
        for (level, shown) in [(0, 0), (1, 8), (8, 8), (9, 16), (97, 100), (100, 100)] {
            let participants = vec![ParticipantLevel { id: ParticipantId("amir".into()), level }];
            let levels = in_steps(Levels { microphone: level, participants });
            assert_eq!((levels.microphone, levels.participants[0].level), (shown, shown), "{level}");
        }
    }
}
