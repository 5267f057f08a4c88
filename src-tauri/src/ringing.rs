//! The window that rings: small, above all others, there as long as somebody calls. It takes no focus, so that nobody answers
//! by what they are typing. Opened and closed on the main thread; the page in it is the same as the main window's.

use std::path::PathBuf;

use fika_call::ring::{CallId, RingView, Wish};
use fika_engine::ring::RingCommand;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, LogicalPosition, Manager as _, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tokio::sync::watch;

use crate::state::AppState;
use crate::window;

const LABEL: &str = "ringing";
const PAGE: &str = "index.html?ringing";
/// Width and height in CSS pixels (design.md, section 4).
const SIZE: (f64, f64) = (360.0, 200.0);
/// From the top right corner of the screen.
const MARGIN: f64 = 24.0;

/// Until the app ends. `data`: where webviews keep what the page stores.
pub(crate) async fn follow(app: AppHandle, mut view: watch::Receiver<RingView>, data: Option<PathBuf>) {
    let mut shown: Option<CallId> = None;
    loop {
        let rings = view.borrow_and_update().incoming.as_ref().map(|incoming| incoming.call.clone());
        if rings.is_some() != shown.is_some() {
            let (handle, data, open) = (app.clone(), data.clone(), rings.is_some());
            let done = app.run_on_main_thread(move || {
                let done = if open { show(&handle, data) } else { hide(&handle) };
                if let Err(error) = done {
                    tracing::warn!(%error, "the window that rings does not follow");
                }
            });
            if done.is_err() {
                return;
            }
        }
        shown = rings;
        if view.changed().await.is_err() {
            return;
        }
    }
}

fn show(app: &AppHandle, data: Option<PathBuf>) -> tauri::Result<()> {
    if app.get_webview_window(LABEL).is_some() {
        return Ok(());
    }
    let theme = app.state::<AppState>().settings.get().appearance.theme;
    let mut builder = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App(PAGE.into()))
        .title("Fika")
        .inner_size(SIZE.0, SIZE.1)
        .resizable(false)
        .maximizable(false)
        .minimizable(false)
        .decorations(false)
        .always_on_top(true)
        .visible_on_all_workspaces(true)
        .focused(false)
        .theme(window::native(theme))
        .on_navigation(window::is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny);
    if let Some(data) = data {
        builder = builder.data_directory(data);
    }
    let ringing = builder.build()?;
    window::follow(&ringing, theme)?;
    if let Some(screen) = ringing.primary_monitor()? {
        let area = screen.work_area();
        let (corner, size) = (
            area.position.to_logical::<f64>(screen.scale_factor()),
            area.size.to_logical::<f64>(screen.scale_factor()),
        );
        ringing.set_position(LogicalPosition::new(corner.x + size.width - SIZE.0 - MARGIN, corner.y + MARGIN))?;
    }
    let handle = app.clone();
    ringing.on_window_event(move |event| {
        // Whoever closes it does not want to talk now.
        if let WindowEvent::CloseRequested { .. } = event {
            let ring = handle.state::<AppState>().ring.clone();
            let call = ring.view().borrow().incoming.as_ref().map(|incoming| incoming.call.clone());
            if let Some(call) = call {
                tauri::async_runtime::spawn(async move {
                    ring.send(RingCommand::Wish(Wish::Decline { call, message: None })).await
                });
            }
        }
    });
    Ok(())
}

/// Without asking anybody: it is over.
fn hide(app: &AppHandle) -> tauri::Result<()> {
    app.get_webview_window(LABEL).map_or(Ok(()), |window| window.destroy())
}
