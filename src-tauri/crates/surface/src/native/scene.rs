//! Where everything lies in a window and in which order it is painted. Pure arithmetic in device pixels from the
//! window's top left corner; told the time, because tiles may be on their way.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use fika_media::Resolution;

use super::glide::Glide;
use crate::layout::{Fit, Layout, Overlay, TileId, TileRect, Zoom};

/// Tiles and overlays of one window; what goes beyond is not painted.
pub(crate) const MAX_TILES: usize = 64;
const MAX_OVERLAYS: usize = 256;
/// Boxes that the page is painted in at once.
const MAX_BOXES: usize = 96;
/// Farthest edge from the corner of the window.
const FAR: f64 = 16384.0;

/// A box of whole pixels; empty when a side is not positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Rect {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

impl Rect {
    pub(crate) const fn new(x: i32, y: i32, width: i32, height: i32) -> Self {
        Self { x, y, width, height }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.width <= 0 || self.height <= 0
    }

    pub(crate) fn intersect(&self, other: &Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let right = (self.x + self.width).min(other.x + other.width);
        let bottom = (self.y + self.height).min(other.y + other.height);
        Self { x, y, width: (right - x).max(0), height: (bottom - y).max(0) }
    }

    pub(crate) fn size(&self) -> Resolution {
        Resolution::new(self.width.max(0) as u32, self.height.max(0) as u32)
    }

    /// Edges are rounded, not sizes, so that neighbours stay neighbours.
    fn of(x: f64, y: f64, width: f64, height: f64, scale: f64) -> Option<Self> {
        let edge = |css: f64| (css * scale).round();
        let (left, top, right, bottom) = (edge(x), edge(y), edge(x + width), edge(y + height));
        let sane = [left, top, right, bottom].iter().all(|edge| edge.abs() <= FAR);
        (sane && right > left && bottom > top)
            .then(|| Self::new(left as i32, top as i32, (right - left) as i32, (bottom - top) as i32))
    }
}

/// A tile of the layout in the window's pixels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    pub id: TileId,
    pub rect: Rect,
    pub radius: i32,
    /// It comes there from elsewhere.
    pub glide: Option<Glide>,
    pub fit: Fit,
    pub mirror: bool,
    pub z: u8,
    pub dim: bool,
    pub zoom: Option<Zoom>,
}

/// An overlay of the layout in the window's pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Over {
    pub rect: Rect,
    pub radius: i32,
    pub z: u8,
    pub opacity: f64,
}

/// One thing to paint over what is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// The picture of this tile of [`Scene::tiles`].
    Tile(usize),
    /// What the page shows within this overlay of [`Scene::overlays`].
    Overlay(usize),
}

/// One window's layout, tiles and overlays in the order in which they are painted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scene {
    pub tiles: Vec<Placed>,
    pub overlays: Vec<Over>,
}

impl Scene {
    /// `scale`: device pixels per CSS pixel. What has no area, lies nowhere or has a name twice is left out.
    pub(crate) fn of(layout: &Layout, scale: f64) -> Self {
        let mut tiles: Vec<Placed> = Vec::new();
        for tile in &layout.tiles {
            if tiles.len() < MAX_TILES && tiles.iter().all(|known| known.id != tile.id) {
                tiles.extend(placed(tile, scale));
            }
        }
        let mut overlays: Vec<Over> =
            layout.overlays.iter().take(MAX_OVERLAYS).filter_map(|o| over(o, scale)).collect();
        tiles.sort_by_key(|tile| tile.z);
        overlays.sort_by_key(|overlay| overlay.z);
        Self { tiles, overlays }
    }

    /// Tiles that were in `before` come from where they are seen at `now` and take `length` for it. Who is on the way to the
    /// same place already goes on.
    pub(crate) fn follow(&mut self, before: &Self, length: Duration, now: Instant) {
        for tile in &mut self.tiles {
            let Some(known) = before.tiles.iter().find(|known| known.id == tile.id) else { continue };
            tile.glide = if known.rect == tile.rect {
                known.glide
            } else {
                let (from, radius) = known.at(now);
                Glide::new(from, radius, now, length)
            };
            tile.glide = tile.glide.filter(|glide| !glide.is_over(now));
        }
    }

    pub(crate) fn is_moving(&self, now: Instant) -> bool {
        self.tiles.iter().any(|tile| tile.glide.is_some_and(|glide| !glide.is_over(now)))
    }

    /// The same with every tile where it is seen at `now`.
    pub(crate) fn at(&self, now: Instant) -> Cow<'_, Self> {
        if self.tiles.iter().all(|tile| tile.glide.is_none()) {
            return Cow::Borrowed(self);
        }
        let mut scene = self.clone();
        for tile in &mut scene.tiles {
            (tile.rect, tile.radius) = tile.at(now);
            tile.glide = None;
        }
        Cow::Owned(scene)
    }

    /// What is painted above the page within `clip`: each tile of `shown`, and each overlay above one of them.
    pub(crate) fn steps(&self, clip: &Rect, shown: impl Fn(usize) -> bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut lowest = None;
        let mut overlays = self.overlays.iter().enumerate().peekable();
        let mut above = |steps: &mut Vec<Step>, lowest: Option<u8>, below: Option<u8>| {
            while let Some((index, overlay)) = overlays.next_if(|(_, o)| below.is_none_or(|z| o.z < z)) {
                let covers = lowest.is_some_and(|z| overlay.z >= z) && !overlay.rect.intersect(clip).is_empty();
                if covers {
                    steps.push(Step::Overlay(index));
                }
            }
        };
        for (index, tile) in self.tiles.iter().enumerate() {
            above(&mut steps, lowest, Some(tile.z));
            if shown(index) && !tile.rect.intersect(clip).is_empty() {
                lowest.get_or_insert(tile.z);
                steps.push(Step::Tile(index));
            }
        }
        above(&mut steps, lowest, None);
        steps
    }
}

impl Placed {
    fn at(&self, now: Instant) -> (Rect, i32) {
        self.glide.map_or((self.rect, self.radius), |glide| glide.at(&self.rect, self.radius, now))
    }
}

/// What is left of disjoint boxes without what `hole` covers, again as disjoint boxes. With too many of them the hole is
/// left out: then the rest is painted twice, which is only slower.
pub(crate) fn without(boxes: Vec<Rect>, hole: &Rect) -> Vec<Rect> {
    if boxes.len() > MAX_BOXES {
        return boxes;
    }
    let mut left = Vec::with_capacity(boxes.len() + 3);
    for part in boxes {
        let cut = part.intersect(hole);
        if cut.is_empty() {
            left.push(part);
            continue;
        }
        let (right, bottom) = (part.x + part.width, part.y + part.height);
        let (cut_right, cut_bottom) = (cut.x + cut.width, cut.y + cut.height);
        left.extend(
            [
                Rect::new(part.x, part.y, part.width, cut.y - part.y),
                Rect::new(part.x, cut_bottom, part.width, bottom - cut_bottom),
                Rect::new(part.x, cut.y, cut.x - part.x, cut.height),
                Rect::new(cut_right, cut.y, right - cut_right, cut.height),
            ]
            .into_iter()
            .filter(|rect| !rect.is_empty()),
        );
    }
    left
}

/// Where a picture of this shape lies in its tile.
pub(crate) fn picture_rect(tile: &Rect, fit: Fit, picture: Resolution) -> Rect {
    if fit == Fit::Cover || picture.pixels() == 0 || tile.is_empty() {
        return *tile;
    }
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let scale = (f64::from(tile.width) / width).min(f64::from(tile.height) / height);
    let inside = |side: f64, limit: i32| ((side * scale).round() as i32).clamp(1, limit);
    let (width, height) = (inside(width, tile.width), inside(height, tile.height));
    Rect::new(tile.x + (tile.width - width) / 2, tile.y + (tile.height - height) / 2, width, height)
}

fn placed(tile: &TileRect, scale: f64) -> Option<Placed> {
    let rect = Rect::of(tile.x, tile.y, tile.width, tile.height, scale)?;
    Some(Placed {
        id: tile.id.clone(),
        rect,
        radius: radius(tile.radius, scale, &rect),
        glide: None,
        fit: tile.fit,
        mirror: tile.mirror,
        z: tile.z,
        dim: tile.dim,
        zoom: tile.zoom,
    })
}

fn over(overlay: &Overlay, scale: f64) -> Option<Over> {
    let rect = Rect::of(overlay.x, overlay.y, overlay.width, overlay.height, scale)?;
    let opacity = if overlay.opacity.is_finite() { overlay.opacity.clamp(0.0, 1.0) } else { 1.0 };
    Some(Over { rect, radius: radius(overlay.radius, scale, &rect), z: overlay.z, opacity })
}

fn radius(css: f64, scale: f64, rect: &Rect) -> i32 {
    let most = rect.width.min(rect.height) / 2;
    ((css * scale).round() as i32).clamp(0, most)
}

#[cfg(test)]
#[path = "scene_tests.rs"]
mod tests;
