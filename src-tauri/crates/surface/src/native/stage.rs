//! A window whose system keeps a layer for each tile and blends them with the page itself: macOS and Windows. What the
//! layers do is theirs ([`Layers`]); which there are, where they lie and what they show is decided here, on the main
//! thread. Wake-ups from other threads wait in the main loop's own queue, one at a time.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::ThreadId;
use std::time::Instant;

use fika_media::I420;

use super::mailbox::{Picture, Serial, WindowId};
use super::renderer::{Renderer, Shared};
use super::scene::Placed;
use super::{Events, MainLoop};
use crate::layout::{Layout, Rgb, TileId};
use crate::{TileStats, VideoSurface};

/// What a system does for one window. Only called on the thread that made it.
pub(crate) trait Layers {
    type Layer;
    /// What follows is seen with the next `commit`.
    fn begin(&mut self);
    /// A layer that shows nothing yet. `None`: the system refuses; it is asked again at the next change.
    fn make(&mut self) -> Option<Self::Layer>;
    fn place(&mut self, layer: &mut Self::Layer, tile: &Placed);
    fn show(&mut self, layer: &mut Self::Layer, picture: Picture, shared: &Arc<Shared>);
    /// Shows nothing any more.
    fn clear(&mut self, layer: &mut Self::Layer);
    fn remove(&mut self, layer: Self::Layer);
    /// What lies beneath all layers.
    fn paint(&mut self, stage: Rgb);
    /// `layers`: all there are, from the lowest to the highest.
    fn commit(&mut self, layers: &[&Self::Layer]);
}

/// Pictures in one window. Dropped: its layers are gone, the page is alone.
#[allow(private_bounds, reason = "made by `attach` of a platform alone")]
pub struct LayerSurface<L: Layers + 'static> {
    renderer: Arc<Renderer>,
    window: WindowId,
    stage: Arc<Stage<L>>,
    main: MainLoop,
}

#[allow(private_bounds, reason = "as above")]
impl<L: Layers> LayerSurface<L> {
    /// To be called on the main thread, to which `main` leads.
    pub(super) fn new(layers: L, renderer: Arc<Renderer>, main: MainLoop, events: Events) -> Self {
        let shared = renderer.shared.clone();
        let stage = Arc::new_cyclic(|stage: &Weak<Stage<L>>| {
            let wake = waker(stage.clone(), main.clone());
            let window = shared.windows(|windows| windows.add(Arc::new(wake)));
            let inside = Inside { layers, tiles: Vec::new(), shown: Vec::new(), events };
            Stage { shared, window, inside: HomeBound::new(RefCell::new(inside)) }
        });
        if let Some(inside) = stage.inside.get() {
            (inside.borrow().events.tested)(Ok(()));
        }
        Self { renderer, window: stage.window, stage, main }
    }

    /// Nothing is converted for a window that is not seen.
    pub fn set_visible(&self, visible: bool) {
        self.renderer.shared.windows(|windows| windows.set_visible(self.window, visible));
        self.renderer.shared.wake.notify_one();
    }

    fn on_main(&self, act: impl FnOnce(&Stage<L>) + Send + 'static) {
        let stage = self.stage.clone();
        (self.main)(Box::new(move || act(&stage)));
    }
}

/// Many calls before the main thread comes to it are one.
fn waker<L: Layers + 'static>(stage: Weak<Stage<L>>, main: MainLoop) -> impl Fn() + Send + Sync {
    let woken = Arc::new(AtomicBool::new(false));
    move || {
        if woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let (stage, woken) = (stage.clone(), woken.clone());
        main(Box::new(move || {
            // Reset before the state is read: what comes later wakes again.
            woken.store(false, Ordering::Release);
            if let Some(stage) = stage.upgrade() {
                stage.update();
            }
        }));
    }
}

impl<L: Layers> VideoSurface for LayerSurface<L> {
    fn set_layout(&self, layout: Layout) {
        let colour = layout.stage;
        self.on_main(move |stage| {
            if let Some(inside) = stage.inside.get() {
                inside.borrow_mut().layers.paint(colour);
            }
        });
        self.renderer.shared.windows(|windows| {
            windows.set_scale(self.window, layout.device_pixel_ratio);
            windows.set_layout(self.window, layout, Instant::now());
        });
        self.renderer.shared.wake.notify_one();
    }

    fn present(&self, tile: &TileId, image: Arc<I420>) {
        if self.renderer.shared.windows(|windows| windows.present(self.window, tile, image, Instant::now())) {
            self.renderer.shared.wake.notify_one();
        }
    }

    fn clear(&self, tile: &TileId) {
        self.renderer.shared.windows(|windows| windows.clear(self.window, tile));
    }

    fn stats(&self) -> Vec<TileStats> {
        self.renderer.shared.windows(|windows| windows.stats(self.window, Instant::now()))
    }
}

impl<L: Layers> Drop for LayerSurface<L> {
    fn drop(&mut self) {
        self.renderer.shared.windows(|windows| windows.remove(self.window));
        self.on_main(Stage::end);
    }
}

struct Stage<L: Layers> {
    shared: Arc<Shared>,
    window: WindowId,
    inside: HomeBound<RefCell<Inside<L>>>,
}

/// The main thread's side.
struct Inside<L: Layers> {
    layers: L,
    /// In the order of the scene's tiles, which is that in which they lie over each other.
    tiles: Vec<Tile<L::Layer>>,
    /// The last list that was told.
    shown: Vec<TileId>,
    events: Events,
}

struct Tile<Layer> {
    serial: Serial,
    layer: Option<Layer>,
    shows: bool,
}

impl<L: Layers> Stage<L> {
    /// Takes over what is new. Without a window any more there is nothing.
    fn update(&self) {
        let Some(inside) = self.inside.get() else { return };
        let Some(update) = self.shared.windows(|windows| windows.update(self.window)) else { return };
        // What waits behind the pictures that were taken now can be converted.
        self.shared.wake.notify_one();
        let mut inside = inside.borrow_mut();
        let inside = &mut *inside;
        let mut known = std::mem::take(&mut inside.tiles);
        let (mut drawn, mut shown) = (Vec::new(), Vec::new());
        inside.layers.begin();
        for ((serial, has_picture, picture), placed) in update.tiles.into_iter().zip(&update.scene.tiles) {
            let at = known.iter().position(|tile| tile.serial == serial);
            let mut tile = at.map_or_else(|| Tile { serial, layer: None, shows: false }, |at| known.swap_remove(at));
            if tile.layer.is_none() {
                tile.layer = inside.layers.make();
            }
            if let Some(layer) = &mut tile.layer {
                inside.layers.place(layer, placed);
                if let Some(picture) = picture.filter(|_| has_picture) {
                    drawn.extend(picture.presented.map(|presented| (serial, presented)));
                    inside.layers.show(layer, picture, &self.shared);
                    tile.shows = true;
                } else if !has_picture && tile.shows {
                    inside.layers.clear(layer);
                    tile.shows = false;
                }
            }
            if tile.shows {
                shown.push(placed.id.clone());
            }
            inside.tiles.push(tile);
        }
        known.into_iter().filter_map(|tile| tile.layer).for_each(|layer| inside.layers.remove(layer));
        inside.layers.commit(&inside.tiles.iter().filter_map(|tile| tile.layer.as_ref()).collect::<Vec<_>>());
        let now = Instant::now();
        self.shared.windows(|windows| {
            drawn.into_iter().for_each(|(serial, presented)| windows.drawn(self.window, serial, presented, now));
        });
        if inside.shown != shown {
            (inside.events.pictures)(shown.clone());
            inside.shown = shown;
        }
    }

    fn end(&self) {
        let Some(inside) = self.inside.get() else { return };
        let mut inside = inside.borrow_mut();
        let inside = &mut *inside;
        let tiles = std::mem::take(&mut inside.tiles);
        inside.layers.begin();
        tiles.into_iter().filter_map(|tile| tile.layer).for_each(|layer| inside.layers.remove(layer));
        inside.layers.commit(&[]);
    }
}

/// A value that is only ever touched on the thread that made it; dropped elsewhere it is leaked.
struct HomeBound<T> {
    home: ThreadId,
    value: std::mem::ManuallyDrop<T>,
}

// SAFETY: other threads reach neither the value nor its drop.
unsafe impl<T> Send for HomeBound<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for HomeBound<T> {}

impl<T> HomeBound<T> {
    fn new(value: T) -> Self {
        Self { home: std::thread::current().id(), value: std::mem::ManuallyDrop::new(value) }
    }

    fn get(&self) -> Option<&T> {
        (self.home == std::thread::current().id()).then_some(&self.value)
    }
}

impl<T> Drop for HomeBound<T> {
    fn drop(&mut self) {
        if self.home == std::thread::current().id() {
            // SAFETY: dropped once, here, and not used afterwards.
            unsafe { std::mem::ManuallyDrop::drop(&mut self.value) };
        }
    }
}

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;
