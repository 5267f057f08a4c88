//! Video on the screen: the page declares empty boxes, this crate puts pictures into them.
//!
//! One trait, [`VideoSurface`]: pictures drawn into the page's window ([`native`]), and over a loopback WebSocket to the
//! page's canvases ([`websocket`]) where that is not possible. Both take the same layout.

mod convert;
mod counters;
mod fit;
pub mod layout;
pub mod native;
mod protocol;
mod tiles;
pub mod websocket;

use std::sync::Arc;

use fika_media::{I420, Resolution};

pub use layout::{Fit, Layout, Overlay, Rgb, TileId, TileRect, Zoom};

/// Where pictures of tiles go. All calls return at once, from any thread.
pub trait VideoSurface: Send + Sync {
    /// Replaces the whole layout of one window. Tiles not named are not converted and not sent.
    fn set_layout(&self, layout: Layout);
    /// Latest wins: a picture that was not drawn yet is replaced.
    fn present(&self, tile: &TileId, image: Arc<I420>);
    /// Shows the placeholder again.
    fn clear(&self, tile: &TileId);
    fn stats(&self) -> Vec<TileStats>;
}

/// Counters of one tile since it first appeared.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct TileStats {
    pub tile: TileId,
    /// Pictures handed over.
    pub presented: u32,
    /// Pictures that were drawn.
    pub drawn: u32,
    /// From `present` to drawn, milliseconds, mean of the last second.
    pub latency_ms: f64,
}
