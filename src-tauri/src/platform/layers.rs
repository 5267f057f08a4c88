//! What Windows and macOS share: pictures in layers of the system's beneath a page that the system blends with them. An
//! experiment that [`VARIABLE`](native::VARIABLE) must allow. Runs on the main thread.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use fika_surface::native::{self, MainLoop, NativeSurface, Renderer};
use tauri::webview::{Color, PlatformWebview};
use tauri::{Manager as _, Webview, WebviewWindow, WindowEvent};

use crate::video::{self, Video};

/// `handle`: what the system's layers belong to.
pub(super) fn attach(
    window: &WebviewWindow,
    video: &Arc<Video>,
    handle: fn(&WebviewWindow, PlatformWebview) -> Option<NonNull<c_void>>,
) -> bool {
    let (here, kept, video) = (window.clone(), video.clone(), video.clone());
    let attached = window.with_webview(move |view| match start(&here, handle(&here, view), &video) {
        Ok(surface) => {
            let surface = Arc::new(surface);
            follow(&here, surface.clone());
            video.use_native(surface, true);
        }
        Err(error) => tracing::info!(error, "the page draws the pictures"),
    });
    attached.is_ok() && kept.transport().is_some()
}

fn start(window: &WebviewWindow, handle: Option<NonNull<c_void>>, video: &Arc<Video>) -> Result<NativeSurface, String> {
    let handle = handle.ok_or("the window has no handle")?;
    let renderer = Renderer::start().map_err(|error| error.to_string())?;
    let app = window.app_handle().clone();
    // Nothing runs any more when the app ends.
    let main: MainLoop = Arc::new(move |job| drop(app.run_on_main_thread(job)));
    let events = video::native_events(window.app_handle(), video);
    // SAFETY: the handle is that of this window, which lives, and `with_webview` runs on its thread.
    let surface = unsafe { native::attach(handle, Arc::new(renderer), main, events) };
    let surface = surface.map_err(|error| error.to_string())?;
    let page: &Webview = window.as_ref();
    page.set_background_color(Some(Color(0, 0, 0, 0))).map_err(|error| error.to_string())?;
    Ok(surface)
}

/// A window that is not seen needs no pictures.
fn follow(window: &WebviewWindow, surface: Arc<NativeSurface>) {
    let here = window.clone();
    window.on_window_event(move |event| {
        if matches!(event, WindowEvent::Resized(_) | WindowEvent::Focused(_)) {
            surface.set_visible(!here.is_minimized().unwrap_or_default());
        }
    });
}
