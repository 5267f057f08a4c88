//! Calls that ring, for the page: what it may ask, and who has called in vain, in one JSON file beside the settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fika_call::ParticipantId;
use fika_call::identity::IdentityKey;
use fika_call::ring::{CallId, RingView, Wish};
use fika_call::view::CallSettings;
use fika_engine::ring::{Line, MissedCall, RingCommand, RingHandle};
use fika_engine::{Command, EngineHandle};
use fika_net::Trust;
use fika_server::local::Local;
use tauri::State;
use tokio::sync::watch;

use crate::adapters::here;
use crate::commands::{Reply, send};
use crate::error::UiError;
use crate::identity::Key;
use crate::settings::{read_json, write};
use crate::state::AppState;

const MISSED: &str = "missed.json";

/// Calls that ring over meeting servers, and on the local network over our own.
pub(crate) fn line(key: Key, trust: Trust, local: Arc<Local>) -> Line {
    let identity = async move { Some(key.get().await) };
    let fika_net::ring::Line { commands, events } = fika_net::ring::connect(identity, trust, here(local));
    Line { commands, events }
}

/// Starts what rings. A file that cannot be read remembers no call.
pub(crate) fn start(engine: EngineHandle, line: Line, settings: CallSettings, folder: &Path) -> RingHandle {
    let missed = read_json(&folder.join(MISSED)).unwrap_or_else(|cause| {
        tracing::warn!(%cause, "missed calls cannot be read");
        None
    });
    let ring = fika_engine::ring::start(engine, line, settings, missed.unwrap_or_default());
    tokio::spawn(remember(ring.missed(), folder.to_owned()));
    ring
}

/// Writes who has called in vain, whenever that changes.
async fn remember(mut missed: watch::Receiver<Vec<MissedCall>>, folder: PathBuf) {
    while missed.changed().await.is_ok() {
        let (now, folder) = (missed.borrow_and_update().clone(), folder.clone());
        let written = tokio::task::spawn_blocking(move || write(&folder, MISSED, &now)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "missed calls cannot be written");
        }
    }
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn ring_view(state: State<'_, AppState>) -> Reply<RingView> {
    Ok(state.ring.view().borrow().clone())
}

/// Opens a room, joins it and calls from there. `key`: of a contact.
#[tauri::command]
#[specta::specta]
pub(crate) async fn call_contact(state: State<'_, AppState>, key: String, video: bool) -> Reply {
    let (call, to) = (fika_net::ring::call_id(), parse(&key)?);
    ask(&state, RingCommand::Wish(Wish::Call { call, to, video })).await
}

/// Takes the outgoing call back, or has seen what came of it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel_ring(state: State<'_, AppState>) -> Reply {
    ask(&state, RingCommand::Wish(Wish::Cancel)).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn answer_ring(state: State<'_, AppState>, call: CallId) -> Reply {
    ask(&state, RingCommand::Wish(Wish::Answer { call })).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn decline_ring(state: State<'_, AppState>, call: CallId, message: Option<String>) -> Reply {
    ask(&state, RingCommand::Wish(Wish::Decline { call, message })).await
}

/// Somebody in the call becomes a contact under this name.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_contact(state: State<'_, AppState>, participant: ParticipantId, name: String) -> Reply {
    send(&state, Command::SaveContact { participant, name }).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn rename_contact(state: State<'_, AppState>, key: String, name: String) -> Reply {
    send(&state, Command::RenameContact { key: parse(&key)?, name }).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn forget_contact(state: State<'_, AppState>, key: String) -> Reply {
    send(&state, Command::ForgetContact { key: parse(&key)? }).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn clear_missed(state: State<'_, AppState>) -> Reply {
    ask(&state, RingCommand::ClearMissed).await
}

async fn ask(state: &AppState, command: RingCommand) -> Reply {
    state.ring.send(command).await;
    Ok(())
}

fn parse(key: &str) -> Result<IdentityKey, UiError> {
    IdentityKey::parse(key).ok_or_else(|| UiError::internal(&"the page names a key that is none"))
}
