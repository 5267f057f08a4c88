//! The windows, their tiles and the pictures on their way. Owned by the renderer behind its lock; told the time.
//!
//! Each tile has a mailbox of one picture: a newer one replaces one that was not converted. A tile whose window did not
//! take the last one yet waits, so that a slow screen sees fewer pictures, never old ones, and no more than three
//! buffers of a tile are in use: being converted, ready, shown. A picture that is small beside another one of its window
//! waits for that one's next, as each time that a window paints has a price of its own. For the same reason a window is woken
//! when none of its tiles has anything left to convert: each waits for one picture of each other tile at most.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fika_media::I420;

use super::convert::Target;
use super::scene::Scene;
use crate::counters::Counters;
use crate::layout::{Layout, TileId};
use crate::{Resolution, TileStats};

/// A tile is small when the largest of its window is so many times as large.
const SMALL: u64 = 8;
/// Pictures of a small tile after which it waits no longer: the large one stands still.
const PATIENCE: u8 = 2;

/// Wakes the thread that paints a window; many calls before it runs are one.
pub(crate) type Waker = Arc<dyn Fn() + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowId(u32);

/// A tile for as long as it stays in a layout; another one after it was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Serial(u32);

#[derive(Default)]
pub(crate) struct Windows {
    windows: Vec<Window>,
    last_window: u32,
    last_serial: u32,
    /// Where the search for the next picture begins, so that each tile has its turn.
    turn: usize,
}

struct Window {
    id: WindowId,
    wake: Waker,
    layout: Layout,
    /// Device pixels per CSS pixel.
    scale: f64,
    visible: bool,
    scene: Arc<Scene>,
    /// In the order of the scene.
    tiles: Vec<Tile>,
}

struct Tile {
    id: TileId,
    serial: Serial,
    target: Target,
    /// Beside the largest tile of the window.
    small: bool,
    /// Pictures that came since a larger one was taken.
    alone: u8,
    /// A larger one was taken while a picture waited here.
    due: bool,
    waiting: Option<Waiting>,
    /// The last one converted: converted again when the tile's size changes or the window is shown again.
    last: Option<Arc<I420>>,
    converting: bool,
    ready: Option<Picture>,
    counters: Counters,
}

struct Waiting {
    image: Arc<I420>,
    /// `None`: converted again; not counted.
    presented: Option<Instant>,
}

/// A picture to convert now.
pub(crate) struct Work {
    pub window: WindowId,
    pub serial: Serial,
    pub target: Target,
    pub image: Arc<I420>,
    presented: Option<Instant>,
}

/// A converted picture: rows of B, G, R, 255 without gaps.
pub(crate) struct Picture {
    pub pixels: Vec<u8>,
    pub size: Resolution,
    pub presented: Option<Instant>,
}

/// What a window paints from now on.
pub(crate) struct Update {
    pub scene: Arc<Scene>,
    /// In the order of the scene's tiles: who it is, whether it has a picture at all, and a new one.
    pub tiles: Vec<(Serial, bool, Option<Picture>)>,
}

impl Windows {
    pub(crate) fn add(&mut self, wake: Waker) -> WindowId {
        self.last_window = self.last_window.wrapping_add(1);
        let id = WindowId(self.last_window);
        self.windows.push(Window {
            id,
            wake,
            layout: Layout::default(),
            scale: 1.0,
            visible: true,
            scene: Arc::default(),
            tiles: Vec::new(),
        });
        id
    }

    pub(crate) fn remove(&mut self, id: WindowId) {
        self.windows.retain(|window| window.id != id);
    }

    pub(crate) fn set_layout(&mut self, id: WindowId, layout: Layout, now: Instant) {
        let serial = &mut self.last_serial;
        if let Some(window) = self.windows.iter_mut().find(|window| window.id == id) {
            let before = window.scene.clone();
            let length = Duration::from_millis(u64::from(layout.glide));
            window.layout = layout;
            window.arrange(serial, |scene| scene.follow(&before, length, now));
        }
    }

    /// `scale`: device pixels per CSS pixel, zoom included.
    pub(crate) fn set_scale(&mut self, id: WindowId, scale: f64) {
        let serial = &mut self.last_serial;
        if let Some(window) = self.windows.iter_mut().find(|window| window.id == id)
            && window.scale != scale
        {
            window.scale = scale;
            window.arrange(serial, |_| {});
        }
    }

    /// Nothing is converted for a window that is not seen; when it is seen again it shows the last pictures.
    pub(crate) fn set_visible(&mut self, id: WindowId, visible: bool) {
        if let Some(window) = self.window(id)
            && window.visible != visible
        {
            window.visible = visible;
            window.tiles.iter_mut().for_each(Tile::repeat);
        }
    }

    /// False when the window has no such tile.
    pub(crate) fn present(&mut self, id: WindowId, tile: &TileId, image: Arc<I420>, now: Instant) -> bool {
        let Some(tile) = self.tile(id, |t| t.id == *tile) else { return false };
        tile.counters.presented();
        tile.alone = tile.alone.saturating_add(1);
        tile.waiting = Some(Waiting { image, presented: Some(now) });
        true
    }

    pub(crate) fn clear(&mut self, id: WindowId, tile: &TileId) {
        let Some(window) = self.window(id) else { return };
        if let Some(tile) = window.tiles.iter_mut().find(|t| t.id == *tile) {
            (tile.waiting, tile.last, tile.ready) = (None, None, None);
            (window.wake)();
        }
    }

    /// Takes the next picture that a window waits for.
    pub(crate) fn take(&mut self) -> Option<Work> {
        let turn = self.turn;
        let mut tiles: Vec<(WindowId, &mut Tile)> = self
            .windows
            .iter_mut()
            .filter(|window| window.visible)
            .flat_map(|window| window.tiles.iter_mut().map(|tile| (window.id, tile)))
            .collect();
        let count = tiles.len();
        let next = (0..count).map(|step| (turn + step) % count).find(|&at| tiles[at].1.can_convert())?;
        self.turn = next + 1;
        let (window, tile) = &mut tiles[next];
        let Waiting { image, presented } = tile.waiting.take()?;
        (tile.converting, tile.due) = (true, false);
        tile.last = Some(image.clone());
        let work = Work { window: *window, serial: tile.serial, target: tile.target, image, presented };
        if !tile.small {
            self.window(work.window)?.tiles.iter_mut().for_each(Tile::after_larger);
        }
        Some(work)
    }

    /// `pixels` are what became of `work`; given back when nobody wants them any more.
    pub(crate) fn done(&mut self, work: &Work, pixels: Vec<u8>, size: Option<Resolution>) -> Option<Vec<u8>> {
        let Some(window) = self.window(work.window) else { return Some(pixels) };
        let unwanted = window.finish(work, pixels, size);
        // What is converted next comes into the same painting.
        if !window.tiles.iter().any(Tile::can_convert) {
            (window.wake)();
        }
        unwanted
    }

    /// `None`: the window is gone.
    pub(crate) fn update(&mut self, id: WindowId) -> Option<Update> {
        let window = self.window(id)?;
        let take = |tile: &mut Tile| (tile.serial, tile.last.is_some(), tile.ready.take());
        Some(Update { scene: window.scene.clone(), tiles: window.tiles.iter_mut().map(take).collect() })
    }

    pub(crate) fn drawn(&mut self, id: WindowId, serial: Serial, presented: Instant, now: Instant) {
        if let Some(tile) = self.tile(id, |t| t.serial == serial) {
            tile.counters.drawn(presented, now);
        }
    }

    pub(crate) fn stats(&self, id: WindowId, now: Instant) -> Vec<TileStats> {
        let window = self.windows.iter().find(|window| window.id == id);
        window.map_or_else(Vec::new, |w| w.tiles.iter().map(|tile| tile.counters.stats(&tile.id, now)).collect())
    }

    fn window(&mut self, id: WindowId) -> Option<&mut Window> {
        self.windows.iter_mut().find(|window| window.id == id)
    }

    fn tile(&mut self, id: WindowId, wanted: impl Fn(&Tile) -> bool) -> Option<&mut Tile> {
        self.window(id)?.tiles.iter_mut().find(|tile| wanted(tile))
    }
}

impl Window {
    /// Puts what became of `work` into its tile, or gives it back.
    fn finish(&mut self, work: &Work, pixels: Vec<u8>, size: Option<Resolution>) -> Option<Vec<u8>> {
        let Some(tile) = self.tiles.iter_mut().find(|tile| tile.serial == work.serial) else { return Some(pixels) };
        tile.converting = false;
        // Cleared meanwhile, or nothing to show in it.
        let (Some(size), Some(_)) = (size, &tile.last) else { return Some(pixels) };
        tile.ready = Some(Picture { pixels, size, presented: work.presented });
        None
    }

    /// Keeps the tiles that stay, with their pictures, which are converted for where they come to in the end.
    fn arrange(&mut self, last_serial: &mut u32, change: impl FnOnce(&mut Scene)) {
        let mut scene = Scene::of(&self.layout, self.scale);
        change(&mut scene);
        let mut known = std::mem::take(&mut self.tiles);
        for placed in &scene.tiles {
            let target = Target { tile: placed.rect.size(), fit: placed.fit, mirror: placed.mirror, zoom: placed.zoom };
            let tile = match known.iter().position(|tile| tile.id == placed.id) {
                Some(at) => {
                    let mut tile = known.swap_remove(at);
                    if tile.target != target {
                        tile.target = target;
                        tile.repeat();
                    }
                    tile
                }
                None => {
                    *last_serial = last_serial.wrapping_add(1);
                    Tile::new(placed.id.clone(), Serial(*last_serial), target)
                }
            };
            self.tiles.push(tile);
        }
        let area = |tile: &Tile| u64::from(tile.target.tile.width) * u64::from(tile.target.tile.height);
        let largest = self.tiles.iter().map(area).max().unwrap_or_default();
        for tile in &mut self.tiles {
            tile.small = area(tile) * SMALL <= largest;
        }
        self.scene = Arc::new(scene);
        (self.wake)();
    }
}

impl Tile {
    fn new(id: TileId, serial: Serial, target: Target) -> Self {
        let counters = Counters::default();
        Self {
            id,
            serial,
            target,
            small: false,
            alone: 0,
            due: false,
            waiting: None,
            last: None,
            converting: false,
            ready: None,
            counters,
        }
    }

    fn can_convert(&self) -> bool {
        let waits = self.waiting.as_ref().is_some_and(|waiting| waiting.presented.is_some() && self.last.is_some());
        let now = !self.small || !waits || self.due || self.alone >= PATIENCE;
        self.waiting.is_some() && !self.converting && self.ready.is_none() && now
    }

    fn after_larger(&mut self) {
        (self.alone, self.due) = (0, self.waiting.is_some());
    }

    fn repeat(&mut self) {
        if self.waiting.is_none() {
            self.waiting = self.last.clone().map(|image| Waiting { image, presented: None });
        }
    }
}

#[cfg(test)]
#[path = "mailbox_tests.rs"]
mod tests;
