//! macOS: nothing to prepare; permissions are declared in Info.plist and entitlements.plist.

use std::ptr::NonNull;
use std::sync::Arc;

use crate::video::Video;
use crate::words::Words;

/// What the page is told.
pub(crate) const NAME: &str = "macos";

/// Links that the system hands to the running app.
pub(crate) fn opened(event: &tauri::RunEvent) -> Vec<String> {
    match event {
        tauri::RunEvent::Opened { urls } => urls.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// Called first, while the process has one thread.
pub(crate) fn prepare() {}

/// The user's keychain.
pub(crate) fn keychain() -> keyring_core::Result<Arc<keyring_core::CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

/// An experiment: below the web view. Else the page draws.
pub(crate) fn attach(window: &tauri::WebviewWindow, video: &Arc<Video>) -> bool {
    super::layers::attach(window, video, |_, view| NonNull::new(view.inner()))
}

/// WebKit is a part of the system.
pub(crate) fn require_webview() -> anyhow::Result<()> {
    Ok(())
}

/// Says why the app does not start, where the system's log keeps it.
pub(crate) fn tell(error: &anyhow::Error, words: &Words) {
    eprintln!("{}", words.get("native_start_failed", &format!("{error:#}")));
}
