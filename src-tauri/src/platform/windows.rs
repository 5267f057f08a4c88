//! Windows: nothing to prepare; what WebView2 needs stands in tauri.conf.json.

/// What the page is told.
pub(crate) const NAME: &str = "windows";

/// Called first, while the process has one thread.
pub(crate) fn prepare() {}
