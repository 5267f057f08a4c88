//! Pictures drawn by the app itself into the window of the page, where the page has only empty boxes.
//!
//! A thread of its own converts pictures to the screen's format and size (`renderer`); the main thread paints them
//! (`linux`). Latest wins, for each tile.

mod convert;
mod mailbox;
mod renderer;
mod scene;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod paint;

#[cfg(target_os = "linux")]
pub use linux::{Events, NativeSurface, attach};
pub use renderer::Renderer;

/// How the page and the pictures come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The page is opaque; pictures are painted over it, and what the page shows in its overlays over them.
    Cut,
    /// The page is transparent over pictures and blends itself.
    Blend,
}

/// Why pictures cannot be drawn natively: they go to the page's canvases then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    #[error("the window gives no way to wake it: {0}")]
    Wake(String),
    #[error("the webview does not draw itself when asked")]
    PageNotDrawn,
    #[error("the page was not drawn in time")]
    NeverDrawn,
}
