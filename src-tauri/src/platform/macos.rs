//! macOS: nothing to prepare; permissions are declared in Info.plist and entitlements.plist.

/// What the page is told.
pub(crate) const NAME: &str = "macos";

/// Called first, while the process has one thread.
pub(crate) fn prepare() {}
