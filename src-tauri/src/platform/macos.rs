//! macOS: nothing to prepare; permissions are declared in Info.plist and entitlements.plist.

use std::sync::Arc;

use crate::video::Video;
use crate::words::Words;

/// What the page is told.
pub(crate) const NAME: &str = "macos";

/// Called first, while the process has one thread.
pub(crate) fn prepare() {}

/// Whether pictures are drawn natively in `window`: not yet here.
pub(crate) fn attach(_window: &tauri::WebviewWindow, _video: &Arc<Video>) -> bool {
    false
}

/// WebKit is a part of the system.
pub(crate) fn require_webview() -> anyhow::Result<()> {
    Ok(())
}

/// Says why the app does not start, where the system's log keeps it.
pub(crate) fn tell(error: &anyhow::Error, words: &Words) {
    eprintln!("{}", words.get("native_start_failed", &format!("{error:#}")));
}
