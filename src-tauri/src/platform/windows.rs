//! Windows: WebView2 may be missing, and a program without a console has nobody who reads its stderr, so what keeps the
//! app from starting is said in a box of the system's. Runs on the main thread.

use std::ptr::NonNull;
use std::sync::Arc;

use crate::video::Video;
use crate::words::Words;

/// What the page is told.
pub(crate) const NAME: &str = "windows";

/// Where Microsoft offers the runtime.
const WEBVIEW_PAGE: &str = "https://developer.microsoft.com/microsoft-edge/webview2/";
const TITLE: &str = "Fika";

const YES_NO: u32 = 0x4;
const ICON_ERROR: u32 = 0x10;
const TO_FRONT: u32 = 0x1_0000;
const YES: i32 = 6;
const SHOW_NORMAL: i32 = 1;

#[link(name = "user32")]
unsafe extern "system" {
    fn MessageBoxW(owner: *mut std::ffi::c_void, text: *const u16, title: *const u16, kind: u32) -> i32;
}

#[link(name = "shell32")]
unsafe extern "system" {
    fn ShellExecuteW(
        owner: *mut std::ffi::c_void,
        verb: *const u16,
        file: *const u16,
        arguments: *const u16,
        folder: *const u16,
        show: i32,
    ) -> *mut std::ffi::c_void;
}

#[derive(Debug)]
struct WebviewMissing;

impl std::fmt::Display for WebviewMissing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the WebView2 Runtime is not installed: {WEBVIEW_PAGE}")
    }
}

impl std::error::Error for WebviewMissing {}

/// Links that the system hands to the running app: here it starts the app once more instead.
pub(crate) fn opened(_event: &tauri::RunEvent) -> Vec<String> {
    Vec::new()
}

/// Called first, while the process has one thread. What WebView2 needs stands in tauri.conf.json.
pub(crate) fn prepare() {}

/// The Credential Manager.
pub(crate) fn keychain() -> keyring_core::Result<Arc<keyring_core::CredentialStore>> {
    Ok(windows_native_keyring_store::Store::new()?)
}

/// An experiment: in the window that the web view is a child of. Else the page draws.
pub(crate) fn attach(window: &tauri::WebviewWindow, video: &Arc<Video>) -> bool {
    super::layers::attach(window, video, |window, _| NonNull::new(window.hwnd().ok()?.0))
}

/// Whether there is something to show the page in.
pub(crate) fn require_webview() -> anyhow::Result<()> {
    match tauri::webview_version() {
        Ok(version) => {
            tracing::info!(version, "WebView2");
            Ok(())
        }
        Err(error) => {
            tracing::debug!(%error, "WebView2 does not say its version");
            Err(WebviewMissing.into())
        }
    }
}

/// Says why the app does not start, and waits until that was read.
pub(crate) fn tell(error: &anyhow::Error, words: &Words) {
    if !error.is::<WebviewMissing>() {
        message_box(&words.get("native_start_failed", &format!("{error:#}")), ICON_ERROR);
    } else if message_box(&words.get("native_webview_missing", WEBVIEW_PAGE), ICON_ERROR | YES_NO) == YES {
        open(WEBVIEW_PAGE);
    }
}

/// Number of the button that was pressed.
fn message_box(text: &str, kind: u32) -> i32 {
    let (text, title) = (wide(text), wide(TITLE));
    // SAFETY: both texts end with a zero and live through the call; there is no owner.
    unsafe { MessageBoxW(std::ptr::null_mut(), text.as_ptr(), title.as_ptr(), kind | TO_FRONT) }
}

/// In the user's browser.
fn open(page: &str) {
    let (verb, page) = (wide("open"), wide(page));
    // SAFETY: both texts end with a zero and live through the call; the other pointers may be null.
    unsafe {
        let none = std::ptr::null();
        ShellExecuteW(std::ptr::null_mut(), verb.as_ptr(), page.as_ptr(), none, none, SHOW_NORMAL);
    }
}

/// UTF-16 with a zero at its end.
fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
