//! The few things that differ between systems: one file each behind the same functions.

#[cfg(not(target_os = "linux"))]
mod layers;

#[cfg(target_os = "linux")]
mod blocks;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{NAME, attach, keychain, opened, prepare, require_webview, tell};

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub(crate) use macos::{NAME, attach, keychain, opened, prepare, require_webview, tell};

#[cfg(target_os = "windows")]
mod windows;
#[cfg(target_os = "windows")]
pub(crate) use windows::{NAME, attach, keychain, opened, prepare, require_webview, tell};
