//! Which way pictures take to the window: drawn by the app itself, or to the page's canvases. The engine's threads hand
//! pictures over; the main thread attaches and switches. A picture without a way is dropped.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use fika_media::I420;
use fika_surface::native::{Events, Unsupported};
use fika_surface::websocket::{APP_ORIGINS, StartError, WebSocketSurface};
use fika_surface::{Layout, TileId, TileStats, VideoSurface};
use serde::{Deserialize, Serialize};
use tauri::AppHandle;

use crate::events::{self, PicturesChanged, VideoChanged};
use crate::platform;

/// How pictures reach the tiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum VideoTransport {
    /// The app draws into the boxes that the page declares. `blend`: the page is transparent there.
    Native { blend: bool },
    /// The page connects here and draws on canvases.
    Websocket { url: String },
}

/// What the user asked for, with [`VIDEO_VARIABLE`](crate::args::VIDEO_VARIABLE) or in the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Natively where that works.
    #[default]
    Best,
    /// In the page.
    Page,
    /// Natively until the window's test, which fails.
    Fail,
}

/// The way pictures take now.
pub(crate) struct Video {
    wish: Wish,
    way: RwLock<Option<Way>>,
    /// Kept for the next way.
    layout: Mutex<Layout>,
    page: OnceLock<Arc<WebSocketSurface>>,
}

struct Way {
    surface: Arc<dyn VideoSurface>,
    transport: VideoTransport,
}

impl Video {
    pub(crate) fn new(wish: Wish) -> Self {
        Self { wish, way: RwLock::default(), layout: Mutex::default(), page: OnceLock::new() }
    }

    /// Once, on the main thread, when the window exists. Falls back to the page by itself, now or later.
    pub(crate) fn attach(self: &Arc<Self>, window: &tauri::WebviewWindow) -> anyhow::Result<()> {
        if self.wish != Wish::Page && platform::attach(window, self) {
            return Ok(());
        }
        self.use_page(None)?;
        Ok(())
    }

    /// Pictures are drawn by `surface` from now on.
    pub(crate) fn use_native(&self, surface: Arc<dyn VideoSurface>, blend: bool) {
        self.switch(Way { surface, transport: VideoTransport::Native { blend } });
    }

    /// Pictures go to the page from now on. `told`: the page has begun already and must be told.
    pub(crate) fn use_page(&self, told: Option<&AppHandle>) -> Result<(), StartError> {
        let surface = match self.page.get() {
            Some(known) => known.clone(),
            None => {
                let runtime = tauri::async_runtime::handle().inner().clone();
                let new = Arc::new(WebSocketSurface::start(&runtime, &APP_ORIGINS)?);
                self.page.get_or_init(|| new).clone()
            }
        };
        let transport = VideoTransport::Websocket { url: surface.url().into() };
        self.switch(Way { surface, transport: transport.clone() });
        if let Some(app) = told {
            events::emit(app, &VideoChanged(transport));
        }
        Ok(())
    }

    /// The setting has changed. To the page at once; back to the own drawing with the next start, which tests it anew.
    pub(crate) fn follow(&self, in_page: bool, app: &AppHandle) -> Result<(), StartError> {
        match self.transport() {
            Some(VideoTransport::Native { .. }) if in_page => self.use_page(Some(app)),
            _ => Ok(()),
        }
    }

    /// `None`: there is no window yet.
    pub(crate) fn transport(&self) -> Option<VideoTransport> {
        self.read(|way| way.transport.clone())
    }

    fn switch(&self, way: Way) {
        way.surface.set_layout(self.layout().clone());
        let old = self.way.write().unwrap_or_else(PoisonError::into_inner).replace(way);
        if let Some(old) = old {
            old.surface.set_layout(Layout::default());
        }
    }

    fn read<T>(&self, act: impl FnOnce(&Way) -> T) -> Option<T> {
        self.way.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(act)
    }

    fn layout(&self) -> MutexGuard<'_, Layout> {
        self.layout.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VideoSurface for Video {
    fn set_layout(&self, layout: Layout) {
        *self.layout() = layout.clone();
        self.read(|way| way.surface.set_layout(layout));
    }

    fn present(&self, tile: &TileId, image: Arc<I420>) {
        self.read(|way| way.surface.present(tile, image));
    }

    fn clear(&self, tile: &TileId) {
        self.read(|way| way.surface.clear(tile));
    }

    fn stats(&self) -> Vec<TileStats> {
        self.read(|way| way.surface.stats()).unwrap_or_default()
    }
}

/// What a window that draws natively tells: the page learns which tiles show a picture, and draws when the window cannot.
pub(crate) fn native_events(app: &AppHandle, video: &Arc<Video>) -> Events {
    let (page, app, video) = (app.clone(), app.clone(), video.clone());
    Events {
        pictures: Box::new(move |tiles| events::emit(&page, &PicturesChanged(tiles))),
        tested: Box::new(move |verdict| {
            let verdict = if video.wish == Wish::Fail { verdict.and(Err(Unsupported::NeverDrawn)) } else { verdict };
            let Err(error) = verdict else { return };
            tracing::warn!(%error, "the page draws the pictures");
            if let Err(error) = video.use_page(Some(&app)) {
                tracing::error!(%error, "pictures cannot be shown");
            }
        }),
    }
}
