//! What the page may ask about files and real-time text. The page never names a file on this computer: the user picks it in a
//! dialog of the system, so that nothing the page shows can take one.

use fika_call::ParticipantId;
use fika_engine::{Command, FileInput, TextInput};
use tauri::{State, WebviewWindow};
use tokio::sync::oneshot;

use crate::commands::{Reply, send};
use crate::error::UiError;
use crate::state::AppState;

/// Asks for files and offers them. `to`: `None` is everybody. Answered when the dialog is closed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn send_file(state: State<'_, AppState>, window: WebviewWindow, to: Option<ParticipantId>) -> Reply {
    for path in pick(&window).await? {
        let path = path.to_string_lossy().into_owned();
        send(&state, Command::File(FileInput::Offer { path, to: to.clone() })).await?;
    }
    Ok(())
}

/// Empty: none was picked.
async fn pick(window: &WebviewWindow) -> Reply<Vec<std::path::PathBuf>> {
    let (answer, picked) = oneshot::channel();
    let parent = window.clone();
    // Dialogs belong to the main thread; their answer is waited for elsewhere.
    let asked = window.run_on_main_thread(move || {
        let dialog = rfd::AsyncFileDialog::new().set_parent(&parent).pick_files();
        tauri::async_runtime::spawn(async move {
            let files = dialog.await.unwrap_or_default();
            let _ = answer.send(files.iter().map(|file| file.path().to_owned()).collect());
        });
    });
    asked.map_err(|error| UiError::internal(&error))?;
    picked.await.map_err(|error| UiError::internal(&error))
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn accept_file(state: State<'_, AppState>, key: u32) -> Reply {
    send(&state, Command::File(FileInput::Accept { key })).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn decline_file(state: State<'_, AppState>, key: u32) -> Reply {
    send(&state, Command::File(FileInput::Decline { key })).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel_file(state: State<'_, AppState>, key: u32) -> Reply {
    send(&state, Command::File(FileInput::Cancel { key })).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn set_text_on(state: State<'_, AppState>, on: bool) -> Reply {
    send(&state, Command::Text(TextInput::SetOn { on })).await
}

/// The whole of the line that is being written.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_text_line(state: State<'_, AppState>, text: String) -> Reply {
    send(&state, Command::Text(TextInput::SetLine(text))).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn end_text_line(state: State<'_, AppState>) -> Reply {
    send(&state, Command::Text(TextInput::EndLine)).await
}
