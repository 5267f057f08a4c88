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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tile(id: &str, x: f64, z: u8) -> TileRect {
        TileRect {
            id: TileId(id.into()),
            x,
            y: 0.0,
            width: 100.0,
            height: 100.0,
            radius: 20.0,
            fit: Fit::Cover,
            mirror: false,
            z,
            dim: false,
            zoom: None,
        }
    }

    fn overlay(x: f64, z: u8) -> Overlay {
        Overlay { x, y: 0.0, width: 50.0, height: 50.0, radius: 8.0, z, opacity: 1.0 }
    }

    fn scene(tiles: Vec<TileRect>, overlays: Vec<Overlay>) -> Scene {
        Scene::of(&Layout { device_pixel_ratio: 1.0, tiles, overlays, ..Layout::default() }, 1.0)
    }

    const WINDOW: Rect = Rect::new(0, 0, 1000, 1000);

    #[test]
    fn a_self_view_covers_the_name_of_the_tile_beneath_and_not_the_menu() {
        let scene = scene(
            vec![tile("me/camera", 0.0, 1), tile("p1/camera", 0.0, 0)],
            vec![overlay(0.0, 255), overlay(0.0, 0), overlay(0.0, 1)],
        );
        let steps = scene.steps(&WINDOW, |_| true);
        assert_eq!(steps, [Step::Tile(0), Step::Overlay(0), Step::Tile(1), Step::Overlay(1), Step::Overlay(2)]);
        assert_eq!(scene.tiles[1].id.0, "me/camera");
        assert_eq!(scene.overlays.iter().map(|o| o.z).collect::<Vec<_>>(), [0, 1, 255]);
    }

    #[test]
    fn nothing_is_repeated_that_no_picture_covers() {
        let scene =
            scene(vec![tile("a/camera", 0.0, 0), tile("b/camera", 200.0, 0)], vec![overlay(0.0, 0), overlay(200.0, 0)]);
        assert_eq!(scene.steps(&WINDOW, |_| false), []);
        assert_eq!(scene.steps(&Rect::new(210, 10, 5, 5), |_| true), [Step::Tile(1), Step::Overlay(1)]);
        assert_eq!(scene.steps(&Rect::new(500, 10, 5, 5), |_| true), []);
    }

    #[test]
    fn edges_are_rounded_so_that_neighbours_touch() {
        let scene = Scene::of(
            &Layout {
                tiles: vec![
                    TileRect { width: 33.4, ..tile("a", 0.0, 0) },
                    TileRect { width: 33.4, ..tile("b", 33.4, 0) },
                ],
                ..Layout::default()
            },
            1.5,
        );
        let (a, b) = (scene.tiles[0].rect, scene.tiles[1].rect);
        assert_eq!(a.x + a.width, b.x);
    }

    #[test]
    fn a_contained_picture_lies_in_the_middle_of_its_tile() {
        let tile = Rect::new(10, 20, 400, 400);
        assert_eq!(picture_rect(&tile, Fit::Contain, Resolution::new(1280, 720)), Rect::new(10, 107, 400, 225));
        assert_eq!(picture_rect(&tile, Fit::Cover, Resolution::new(1280, 720)), tile);
        assert_eq!(picture_rect(&tile, Fit::Contain, Resolution::new(1, 9000)), Rect::new(209, 20, 1, 400));
    }

    #[test]
    fn a_tile_that_moves_comes_from_where_it_is_seen() {
        const LENGTH: Duration = Duration::from_millis(200);
        let begins = Instant::now();
        let at = |x: f64| scene(vec![tile("a", x, 0), tile("b", 500.0, 0)], vec![]);
        let mut second = at(400.0);
        second.follow(&at(0.0), LENGTH, begins);
        assert!(second.is_moving(begins) && matches!(second.at(begins), Cow::Owned(_)));
        assert_eq!(second.at(begins).tiles[0].rect.x, 0);
        assert_eq!(second.tiles[1].glide, None, "it stands where it stood");

        // Told again, for the sake of what lies over it: it goes on.
        let mut again = at(400.0);
        again.follow(&second, Duration::ZERO, begins + LENGTH / 2);
        assert_eq!(again.tiles[0].glide, second.tiles[0].glide);
        // Sent elsewhere on its way, and then there at once.
        let mut third = at(0.0);
        third.follow(&again, LENGTH, begins + LENGTH / 2);
        assert_eq!(third.at(begins + LENGTH / 2).tiles[0].rect.x, 350);
        assert!(third.is_moving(begins + LENGTH) && !third.is_moving(begins + 2 * LENGTH));
        let mut last = at(200.0);
        last.follow(&third, Duration::ZERO, begins + LENGTH);
        assert!(!last.is_moving(begins + LENGTH) && matches!(last.at(begins + LENGTH), Cow::Borrowed(_)));
        // Who was away comes from nowhere.
        let mut back = at(0.0);
        back.follow(&scene(vec![], vec![]), LENGTH, begins);
        assert!(!back.is_moving(begins));
    }

    #[test]
    fn nonsense_from_the_page_is_left_out() {
        let bad = |change: fn(&mut TileRect)| {
            let mut tile = tile("a", 0.0, 0);
            change(&mut tile);
            tile
        };
        let tiles = vec![
            bad(|t| t.width = f64::NAN),
            bad(|t| t.height = -1.0),
            bad(|t| t.x = 1e12),
            bad(|t| t.y = f64::INFINITY),
            tile("b", 0.0, 0),
            tile("b", 100.0, 0),
        ];
        let scene = scene(tiles, vec![Overlay { opacity: f64::NAN, radius: 1e9, ..overlay(0.0, 0) }]);
        assert_eq!(scene.tiles.iter().map(|t| t.id.0.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!((scene.overlays[0].opacity, scene.overlays[0].radius), (1.0, 25));
    }

    proptest! {
        #[test]
        fn every_pixel_is_in_a_hole_or_in_exactly_one_box(
            holes in prop::collection::vec((-5i32..40, -5i32..40, 0i32..30, 0i32..30), 0..6),
        ) {
            let whole = Rect::new(0, 0, 32, 32);
            let holes: Vec<Rect> = holes.into_iter().map(|(x, y, width, height)| Rect::new(x, y, width, height)).collect();
            let boxes = holes.iter().fold(vec![whole], without);
            for (x, y) in (0..32).flat_map(|y| (0..32).map(move |x| (x, y))) {
                let pixel = Rect::new(x, y, 1, 1);
                let inside = |rect: &&Rect| !rect.intersect(&pixel).is_empty();
                let covered = holes.iter().any(|hole| inside(&hole));
                prop_assert_eq!(boxes.iter().filter(inside).count(), usize::from(!covered));
            }
        }

        #[test]
        fn every_shown_tile_is_painted_once_and_below_what_lies_over_it(
            tiles in prop::collection::vec((0f64..900.0, 0u8..4, any::<bool>()), 0..20),
            overlays in prop::collection::vec((0f64..900.0, 0u8..5), 0..20),
        ) {
            let rects = tiles.iter().enumerate().map(|(i, &(x, z, _))| tile(&format!("{i}"), x, z)).collect();
            let scene = scene(rects, overlays.iter().map(|&(x, z)| overlay(x, z)).collect());
            let shown = |index: usize| tiles[scene.tiles[index].id.0.parse::<usize>().unwrap()].2;
            let steps = scene.steps(&WINDOW, shown);
            let at = |wanted: Step| steps.iter().position(|step| *step == wanted);
            for index in 0..scene.tiles.len() {
                let times = steps.iter().filter(|s| **s == Step::Tile(index)).count();
                prop_assert_eq!(times, usize::from(shown(index)));
                for (over, overlay) in scene.overlays.iter().enumerate() {
                    if shown(index) && overlay.z >= scene.tiles[index].z {
                        prop_assert!(at(Step::Overlay(over)) > at(Step::Tile(index)));
                    }
                    if shown(index) && overlay.z < scene.tiles[index].z {
                        prop_assert!(at(Step::Overlay(over)) < at(Step::Tile(index)));
                    }
                }
            }
        }
    }
}
