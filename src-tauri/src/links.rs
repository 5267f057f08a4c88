//! Links that reach the app from outside: from its command line, or from the system, which knows that `fika://` is ours. They come
//! from anybody, a web page too, so they lead to a lobby with the devices off, and during a call to a sentence.
//!
//! Runs on tokio's threads; nothing is queued but what the engine takes in.

use fika_engine::{Command, EngineHandle};
use tauri::{AppHandle, Manager as _};
use tauri_specta::Event as _;

use crate::error::{UiError, UiErrorCode};
use crate::events::LinkRefused;
use crate::state::AppState;
use crate::window;

/// What the system hands over begins so.
const SCHEME: &str = "fika:";

/// With this link the app was started. A link of the web was typed by somebody at this computer.
pub(crate) async fn open(engine: &EngineHandle, link: String) -> Option<UiErrorCode> {
    let handed_over = link.trim_start().get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
    let command = if handed_over { Command::OpenLink { link } } else { Command::OpenInvite { link } };
    engine.send(command).await.err().map(|error| UiError::from(error).code)
}

/// The app was started again while it runs.
pub(crate) fn started_again(app: &AppHandle, link: Option<String>) {
    let window = app.get_webview_window(window::LABEL);
    let shown = window.map_or(Ok(()), |window| {
        window.unminimize()?;
        window.show()?;
        window.set_focus()
    });
    if let Err(error) = shown {
        tracing::warn!(%error, "the window does not come to the front");
    }
    if let Some(link) = link {
        arrived(app, link);
    }
}

/// With this link the app was started again, or the system handed it over, while it runs.
pub(crate) fn arrived(app: &AppHandle, link: String) {
    // Before the window is there, nobody can look at a lobby.
    let Some(state) = app.try_state::<AppState>() else { return };
    let (app, engine) = (app.clone(), state.engine.clone());
    tauri::async_runtime::spawn(async move {
        if let Err(error) = engine.send(Command::OpenLink { link }).await {
            // The page may be gone with the app.
            let _ = LinkRefused(UiError::from(error).code).emit(&app);
        }
    });
}
