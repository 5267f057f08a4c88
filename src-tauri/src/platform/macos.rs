//! macOS: nothing to prepare; permissions are declared in Info.plist and entitlements.plist.

use std::sync::Arc;

use crate::video::Video;

/// What the page is told.
pub(crate) const NAME: &str = "macos";

/// Called first, while the process has one thread.
pub(crate) fn prepare() {}

/// Whether pictures are drawn natively in `window`: not yet here.
pub(crate) fn attach(_window: &tauri::WebviewWindow, _video: &Arc<Video>) -> bool {
    false
}
