//! Pictures drawn by the app itself into the window of the page, where the page has only empty boxes.
//!
//! A thread of its own converts pictures to the screen's format and size (`renderer`); the main thread paints them
//! (`linux`) or gives them to layers of the system's, which blends them with the page (`stage`, with `macos` and
//! `windows`). Latest wins, for each tile.
//!
//! Only Linux was ever seen. Elsewhere `attach` refuses, unless [`VARIABLE`] asks for the experiment.

mod convert;
// Elsewhere the system's layers jump.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
mod glide;
mod mailbox;
mod renderer;
// What lies over pictures is only needed where the system does not blend.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
mod scene;
// On Linux for its tests alone.
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(unreachable_pub))]
mod stage;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "linux")]
mod paint;
#[cfg(target_os = "windows")]
mod windows;

use std::sync::Arc;

use crate::layout::TileId;

#[cfg(target_os = "linux")]
pub use linux::{NativeSurface, attach};
#[cfg(target_os = "macos")]
pub use macos::{NativeSurface, attach};
pub use renderer::Renderer;
#[cfg(target_os = "windows")]
pub use windows::{NativeSurface, attach};

/// Environment variable; `native` allows what was never seen on a real machine.
pub const VARIABLE: &str = "FIKA_VIDEO";

/// What a window tells, on the main thread.
pub struct Events {
    /// All tiles that show a picture now.
    pub pictures: Box<dyn Fn(Vec<TileId>)>,
    /// Once, after the page was drawn for the first time: whether pictures can be drawn with it.
    pub tested: Box<dyn Fn(Result<(), Unsupported>)>,
}

/// Runs something on the main thread, soon.
pub type MainLoop = Arc<dyn Fn(Box<dyn FnOnce() + Send>) + Send + Sync>;

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
    #[error("never seen on a real machine of this system: {VARIABLE}=native allows it")]
    Experiment,
    #[error("the system has no layers for pictures: {0}")]
    Layers(String),
}

#[cfg(any(test, not(target_os = "linux")))]
fn experiment(allowed: Option<std::ffi::OsString>) -> Result<(), Unsupported> {
    if allowed.is_some_and(|value| value == "native") { Ok(()) } else { Err(Unsupported::Experiment) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_seen_is_switched_off() {
        assert_eq!(experiment(None), Err(Unsupported::Experiment));
        assert_eq!(experiment(Some("page".into())), Err(Unsupported::Experiment));
        assert_eq!(experiment(Some("native".into())), Ok(()));
    }
}
