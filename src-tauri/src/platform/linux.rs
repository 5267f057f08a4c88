//! Linux: WebKitGTK composes the page with OpenGL, which without a graphics card costs a core for a blinking cursor.

use std::ffi::{c_char, c_void};
use std::path::Path;
use std::sync::Arc;

use fika_surface::native::{self, Mode, Renderer};
use tauri::Manager as _;
use webkit2gtk::{WebView, WebViewExt as _};

use crate::video::{self, Video};
use crate::words::Words;

/// What the page is told.
pub(crate) const NAME: &str = "linux";

/// A user who sets one of these decides how WebKit draws.
const RENDERER_CHOICES: [&str; 2] = ["WEBKIT_DISABLE_DMABUF_RENDERER", "WEBKIT_DISABLE_COMPOSITING_MODE"];

const GTK_OPENGL: &str = "GDK_GL";

/// Where libEGL looks for drivers (libglvnd).
const EGL_DRIVERS: [&str; 2] = ["__EGL_VENDOR_LIBRARY_DIRS", "__EGL_VENDOR_LIBRARY_FILENAMES"];

/// `EGL_EXTENSIONS`.
const EGL_EXTENSIONS: i32 = 0x3055;

/// The page's process makes no machine code at run time: it shows what strangers write, and its few scripts are not worth
/// the 16 MiB. A user who sets it decides.
const JIT: &str = "JSC_useJIT";

/// What glibc keeps of memory that was freed, in this process and those of the page: two heaps instead of one for each
/// thread, and large blocks go back at once. Left alone, it learns from pictures of 1.4 MB to keep 25 MiB for later.
const MEMORY: [(&str, i32, i32); 3] = [
    ("MALLOC_ARENA_MAX", libc::M_ARENA_MAX, 2),
    ("MALLOC_MMAP_THRESHOLD_", libc::M_MMAP_THRESHOLD, 128 << 10),
    ("MALLOC_TRIM_THRESHOLD_", libc::M_TRIM_THRESHOLD, 128 << 10),
];

/// Links that the system hands to the running app: here it starts the app once more instead.
pub(crate) fn opened(_event: &tauri::RunEvent) -> Vec<String> {
    Vec::new()
}

/// Called first, while the process has one thread.
pub(crate) fn prepare() {
    if !RENDERER_CHOICES.iter().any(|name| is_set(name)) && !has_render_node(Path::new("/dev/dri")) {
        set(RENDERER_CHOICES[0], "1");
        leave_out_opengl();
    }
    if !is_set(JIT) {
        set(JIT, "0");
    }
    for (name, option, value) in MEMORY {
        if !is_set(name) {
            set(name, &value.to_string());
            // SAFETY: sets a number of the allocator; no other thread exists yet.
            unsafe { libc::mallopt(option, value) };
        }
    }
}

/// Without a graphics card this process draws nothing with OpenGL, but GTK and WebKit would load it to ask: Mesa and its compiler,
/// 25 MiB. GTK is told by its variable. For EGL, the library between programs and drivers looks for drivers once in each process:
/// it does so here, where there are none. The page's process, which ends without EGL, starts later and finds them.
fn leave_out_opengl() {
    if !is_set(GTK_OPENGL) {
        set(GTK_OPENGL, "disable");
    }
    if EGL_DRIVERS.iter().any(|name| is_set(name)) {
        return;
    }
    set(EGL_DRIVERS[0], "/nonexistent");
    // SAFETY: the names end with a zero; the library stays loaded, WebKit needs it too; the function is of this type
    // (EGL 1.5, section 3.3), and both arguments are constants of EGL: no display, and what can be done without one.
    unsafe {
        let library = libc::dlopen(c"libEGL.so.1".as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL);
        let symbol = if library.is_null() { library } else { libc::dlsym(library, c"eglQueryString".as_ptr()) };
        if !symbol.is_null() {
            let query: extern "C" fn(*mut c_void, i32) -> *const c_char = std::mem::transmute(symbol);
            query(std::ptr::null_mut(), EGL_EXTENSIONS);
        }
    }
    unset(EGL_DRIVERS[0]);
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// Only from [`prepare`].
fn set(name: &str, value: &str) {
    // SAFETY: no other thread exists yet that could read the environment.
    unsafe { std::env::set_var(name, value) };
}

/// Only from [`prepare`].
fn unset(name: &str) {
    // SAFETY: no other thread exists yet that could read the environment.
    unsafe { std::env::remove_var(name) };
}

/// The Secret Service of the desktop, where there is one.
pub(crate) fn keychain() -> keyring_core::Result<Arc<keyring_core::CredentialStore>> {
    Ok(dbus_secret_service_keyring_store::Store::new()?)
}

/// Whether pictures are drawn natively in `window`. It may turn out later that they cannot: the page draws them then.
pub(crate) fn attach(window: &tauri::WebviewWindow, video: &Arc<Video>) -> bool {
    let (app, kept) = (window.app_handle().clone(), video.clone());
    let video = video.clone();
    let soft = RENDERER_CHOICES.iter().any(|name| is_set(name));
    let mode = if soft { Mode::Cut } else { Mode::Blend };
    let attached = window.with_webview(move |view| {
        let view = view.inner();
        bring_back(&view);
        let events = video::native_events(&app, &video);
        let started = Renderer::start().map_err(|error| error.to_string());
        match started
            .and_then(|renderer| native::attach(&view, Arc::new(renderer), mode, events).map_err(|e| e.to_string()))
        {
            Ok(surface) => video.use_native(Arc::new(surface), mode == Mode::Blend),
            Err(error) => tracing::warn!(error, "the page draws the pictures"),
        }
    });
    attached.is_ok() && kept.transport().is_some()
}

/// A page whose process has died is loaded again; the call goes on meanwhile.
fn bring_back(view: &WebView) {
    view.connect_web_process_terminated(|view, reason| {
        tracing::error!(?reason, "the page has ended and is loaded again");
        view.reload();
    });
}

/// WebKitGTK is linked: without it the program is not even loaded.
pub(crate) fn require_webview() -> anyhow::Result<()> {
    Ok(())
}

/// Says why the app does not start, where people look.
pub(crate) fn tell(error: &anyhow::Error, words: &Words) {
    eprintln!("{}", words.get("native_start_failed", &format!("{error:#}")));
}

/// A graphics card that can draw without a screen.
fn has_render_node(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_without_render_node_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_render_node(&folder.path().join("dri")));
        std::fs::write(folder.path().join("card0"), "").unwrap();
        assert!(!has_render_node(folder.path()));
        std::fs::write(folder.path().join("renderD128"), "").unwrap();
        assert!(has_render_node(folder.path()));
    }
}
