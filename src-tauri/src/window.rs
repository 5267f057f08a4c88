//! The main window: the page and nothing else. Built on the main thread at the start.

use std::path::PathBuf;

use tauri::webview::{Color, NewWindowResponse};
use tauri::{App, Manager as _, Url, WebviewWindow, WebviewWindowBuilder, WindowEvent};

use crate::settings::{AppSettings, Theme};
use crate::state::AppState;

pub(crate) const LABEL: &str = "main";
/// Colour of the canvas role, so that the window does not flash before the page is drawn.
const CANVAS_LIGHT: Color = Color(0xf2, 0xf0, 0xec, 0xff);
const CANVAS_DARK: Color = Color(0x13, 0x11, 0x10, 0xff);

/// `data`: where the webview keeps what the page stores; `None`: the system's place for it.
pub(crate) fn open(app: &App, settings: &AppSettings, data: Option<PathBuf>) -> anyhow::Result<WebviewWindow> {
    let config = app
        .config()
        .app
        .windows
        .iter()
        .find(|window| window.label == LABEL)
        .ok_or_else(|| anyhow::anyhow!("tauri.conf.json describes no window {LABEL}"))?;
    let theme = settings.appearance.theme;
    let mut builder = WebviewWindowBuilder::from_config(app.handle(), config)?
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny);
    if let Some(data) = data {
        builder = builder.data_directory(data);
    }
    builder = builder.theme(native(theme));
    let window = builder.build()?;
    follow(&window, theme)?;
    let handle = window.clone();
    window.on_window_event(move |event| {
        let small = &handle.state::<AppState>().small;
        let done = match event {
            // Closing the small window brings the big one back; leaving the call is a button of its own.
            WindowEvent::CloseRequested { api, .. } if small.is_small() => {
                api.prevent_close();
                small.set(&handle, false)
            }
            WindowEvent::Resized(size) => small.resized(&handle, *size),
            // Without this window nobody sees what is captured: one that rings does not keep the app.
            WindowEvent::Destroyed => {
                handle.app_handle().exit(0);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the window does not take its size");
        }
    });
    Ok(window)
}

/// The frame and what shows through before the page is drawn follow the theme.
pub(crate) fn follow(window: &WebviewWindow, theme: Theme) -> tauri::Result<()> {
    window.set_theme(native(theme))?;
    let dark = match theme {
        Theme::System => window.theme()? == tauri::Theme::Dark,
        Theme::Light => false,
        Theme::Dark => true,
    };
    window.set_background_color(Some(if dark { CANVAS_DARK } else { CANVAS_LIGHT }))
}

pub(crate) fn native(theme: Theme) -> Option<tauri::Theme> {
    match theme {
        Theme::System => None,
        Theme::Light => Some(tauri::Theme::Light),
        Theme::Dark => Some(tauri::Theme::Dark),
    }
}

/// The window shows the page that came with the app, and follows no link out of it.
pub(crate) fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => url.host_str() == Some("tauri.localhost") && url.port().is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_apps_own_page_is_shown() {
        let ours = |url: &str| is_ours(&Url::parse(url).unwrap());
        assert!(ours("tauri://localhost/index.html"));
        assert!(ours("http://tauri.localhost/"));
        for foreign in [
            "https://example.org/",
            "http://tauri.localhost.example.org/",
            "http://tauri.localhost:8080/",
            "tauri://example.org/",
            "file:///etc/passwd",
            "data:text/html,hi",
            "about:blank",
        ] {
            assert!(!ours(foreign), "{foreign}");
        }
    }
}
