//! The tiles of a page and who may be sent next. Owned by the surface behind its lock; told the time.
//!
//! Each tile has a mailbox of one picture: a newer one replaces one that was not sent. A tile whose page has
//! [`CREDIT`] pictures that it did not draw yet waits, so that a slow page sees fewer pictures, never old ones.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use fika_media::I420;

use crate::TileStats;
use crate::counters::Counters;
use crate::fit::Target;
use crate::layout::{Layout, TileId};

/// Pictures of one tile on their way to the page. One more than one, so that the next is ready when one is drawn.
pub(crate) const CREDIT: usize = 2;
/// Tiles of one page; more are not shown.
pub(crate) const MAX_TILES: usize = 64;

#[derive(Default)]
pub(crate) struct Tiles {
    tiles: Vec<Tile>,
    /// Where the search for the next tile begins, so that each has its turn.
    turn: usize,
    last_seq: u32,
    last_serial: u32,
}

struct Tile {
    id: TileId,
    serial: u32,
    target: Target,
    waiting: Option<Picture>,
    /// The last one sent: sent again when the tile's size changes or a new page connects.
    shown: Option<Arc<I420>>,
    in_flight: VecDeque<InFlight>,
    counters: Counters,
}

struct Picture {
    image: Arc<I420>,
    /// `None`: sent again; not counted.
    presented: Option<Instant>,
}

struct InFlight {
    seq: u32,
    presented: Option<Instant>,
}

/// A picture to convert and send now.
pub(crate) struct Work {
    pub serial: u32,
    pub seq: u32,
    pub target: Target,
    pub image: Arc<I420>,
}

impl Tiles {
    /// True when the list of tiles, and so their indices, changed.
    pub(crate) fn set_layout(&mut self, layout: &Layout) -> bool {
        let mut next: Vec<Tile> = Vec::with_capacity(layout.tiles.len().min(MAX_TILES));
        let before: Vec<u32> = self.tiles.iter().map(|t| t.serial).collect();
        for rect in &layout.tiles {
            let Some(target) = Target::of(rect, layout.device_pixel_ratio) else { continue };
            if next.len() == MAX_TILES || next.iter().any(|t| t.id == rect.id) {
                continue;
            }
            match self.tiles.iter().position(|t| t.id == rect.id) {
                Some(known) => {
                    let mut tile = self.tiles.swap_remove(known);
                    if tile.target != target {
                        tile.target = target;
                        tile.repeat();
                    }
                    next.push(tile);
                }
                None => {
                    self.last_serial = self.last_serial.wrapping_add(1);
                    next.push(Tile::new(rect.id.clone(), self.last_serial, target));
                }
            }
        }
        self.tiles = next;
        before != self.tiles.iter().map(|t| t.serial).collect::<Vec<_>>()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &TileId> {
        self.tiles.iter().map(|t| &t.id)
    }

    /// False when the layout has no such tile.
    pub(crate) fn present(&mut self, id: &TileId, image: Arc<I420>, now: Instant) -> bool {
        let Some(tile) = self.tiles.iter_mut().find(|t| t.id == *id) else { return false };
        tile.counters.presented();
        tile.waiting = Some(Picture { image, presented: Some(now) });
        true
    }

    /// False when the layout has no such tile.
    pub(crate) fn clear(&mut self, id: &TileId) -> bool {
        let Some(tile) = self.tiles.iter_mut().find(|t| t.id == *id) else { return false };
        tile.waiting = None;
        tile.shown = None;
        true
    }

    /// Takes the next picture that may be sent.
    pub(crate) fn take(&mut self) -> Option<Work> {
        let count = self.tiles.len();
        let index = (0..count).map(|i| (self.turn + i) % count).find(|&i| self.tiles[i].ready())?;
        self.turn = index + 1;
        let tile = &mut self.tiles[index];
        let picture = tile.waiting.take()?;
        self.last_seq = self.last_seq.wrapping_add(1);
        tile.in_flight.push_back(InFlight { seq: self.last_seq, presented: picture.presented });
        tile.shown = Some(picture.image.clone());
        Some(Work { serial: tile.serial, seq: self.last_seq, target: tile.target, image: picture.image })
    }

    /// Index of the tile that `work` was taken for, if it is still there and not cleared.
    pub(crate) fn index_of(&self, work: &Work) -> Option<u16> {
        let index = self.tiles.iter().position(|t| t.serial == work.serial)?;
        self.tiles[index].shown.is_some().then_some(index as u16)
    }

    /// `work` was taken and cannot be sent: gives its credit back.
    pub(crate) fn give_back(&mut self, work: &Work) {
        if let Some(tile) = self.tiles.iter_mut().find(|t| t.serial == work.serial) {
            tile.in_flight.retain(|f| f.seq != work.seq);
        }
    }

    /// The page drew this picture, so it is done with all earlier ones of the tile too.
    pub(crate) fn drawn(&mut self, seq: u32, now: Instant) {
        for tile in &mut self.tiles {
            let Some(position) = tile.in_flight.iter().position(|f| f.seq == seq) else { continue };
            let presented = tile.in_flight.drain(..=position).next_back().and_then(|f| f.presented);
            if let Some(presented) = presented {
                tile.counters.drawn(presented, now);
            }
        }
    }

    /// A new page connects, or the old one is gone: nothing is on its way, and each tile's picture is needed again.
    pub(crate) fn restart(&mut self) {
        for tile in &mut self.tiles {
            tile.in_flight.clear();
            tile.repeat();
        }
    }

    pub(crate) fn stats(&self, now: Instant) -> Vec<TileStats> {
        self.tiles.iter().map(|tile| tile.counters.stats(&tile.id, now)).collect()
    }
}

impl Tile {
    fn new(id: TileId, serial: u32, target: Target) -> Self {
        Self {
            id,
            serial,
            target,
            waiting: None,
            shown: None,
            in_flight: VecDeque::with_capacity(CREDIT),
            counters: Counters::default(),
        }
    }

    fn ready(&self) -> bool {
        self.waiting.is_some() && self.in_flight.len() < CREDIT
    }

    fn repeat(&mut self) {
        if self.waiting.is_none() {
            self.waiting = self.shown.clone().map(|image| Picture { image, presented: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fika_media::Resolution;

    use super::*;
    use crate::layout::{Fit, TileRect};

    fn layout(tiles: &[(&str, f64)]) -> Layout {
        let rect = |&(id, width): &(&str, f64)| TileRect {
            id: TileId(id.into()),
            x: 0.0,
            y: 0.0,
            width,
            height: 90.0,
            radius: 20.0,
            fit: Fit::Cover,
            mirror: false,
            z: 0,
            dim: false,
            zoom: None,
        };
        Layout { device_pixel_ratio: 1.0, tiles: tiles.iter().map(rect).collect(), ..Layout::default() }
    }

    fn picture() -> Arc<I420> {
        Arc::new(I420::black(Resolution::new(160, 90)))
    }

    fn id(text: &str) -> TileId {
        TileId(text.into())
    }

    #[test]
    fn the_newest_picture_wins_and_only_declared_tiles_count() {
        let (mut tiles, now) = (Tiles::default(), Instant::now());
        assert!(tiles.set_layout(&layout(&[("me/camera", 160.0)])));
        let newest = picture();
        assert!(tiles.present(&id("me/camera"), picture(), now));
        assert!(tiles.present(&id("me/camera"), newest.clone(), now));
        assert!(!tiles.present(&id("p1/camera"), picture(), now));
        assert!(Arc::ptr_eq(&tiles.take().unwrap().image, &newest));
        assert!(tiles.take().is_none());
        assert_eq!(tiles.stats(now)[0].presented, 2);
    }

    #[test]
    fn a_page_that_does_not_draw_gets_no_more_than_its_credit() {
        let (mut tiles, now) = (Tiles::default(), Instant::now());
        tiles.set_layout(&layout(&[("me/camera", 160.0)]));
        let mut sent = Vec::new();
        for _ in 0..10 {
            tiles.present(&id("me/camera"), picture(), now);
            sent.extend(tiles.take().map(|w| w.seq));
        }
        assert_eq!(sent.len(), CREDIT);

        tiles.drawn(sent[1], now + Duration::from_millis(20));
        assert_eq!(tiles.stats(now)[0].drawn, 1);
        assert_eq!(tiles.stats(now)[0].latency_ms, 20.0);
        assert!(tiles.take().is_some(), "the waiting picture follows");
        tiles.drawn(999, now);
        assert_eq!(tiles.stats(now + Duration::from_secs(3))[0].latency_ms, 0.0);
    }

    #[test]
    fn tiles_take_turns() {
        let (mut tiles, now) = (Tiles::default(), Instant::now());
        tiles.set_layout(&layout(&[("a/camera", 160.0), ("b/camera", 160.0)]));
        let mut serials = Vec::new();
        for _ in 0..2 {
            tiles.present(&id("a/camera"), picture(), now);
            tiles.present(&id("b/camera"), picture(), now);
            serials.push(tiles.take().unwrap().serial);
        }
        assert_ne!(serials[0], serials[1]);
    }

    #[test]
    fn a_new_size_sends_the_last_picture_again_without_counting_it() {
        let (mut tiles, now) = (Tiles::default(), Instant::now());
        tiles.set_layout(&layout(&[("me/camera", 160.0)]));
        tiles.present(&id("me/camera"), picture(), now);
        let first = tiles.take().unwrap();
        tiles.drawn(first.seq, now);
        assert!(!tiles.set_layout(&layout(&[("me/camera", 80.0)])), "the same tiles");
        let again = tiles.take().unwrap();
        assert_eq!(again.target.width, 80);
        tiles.drawn(again.seq, now);
        assert_eq!(tiles.stats(now)[0].drawn, 1);
    }

    #[test]
    fn a_tile_that_went_away_or_was_cleared_is_not_sent() {
        let (mut tiles, now) = (Tiles::default(), Instant::now());
        tiles.set_layout(&layout(&[("a/camera", 160.0), ("b/camera", 160.0)]));
        tiles.present(&id("a/camera"), picture(), now);
        let work = tiles.take().unwrap();
        assert_eq!(tiles.index_of(&work), Some(0));
        assert!(tiles.set_layout(&layout(&[("b/camera", 160.0), ("a/camera", 160.0)])));
        assert_eq!(tiles.index_of(&work), Some(1));
        assert!(tiles.clear(&id("a/camera")));
        assert_eq!(tiles.index_of(&work), None);
        tiles.set_layout(&layout(&[]));
        assert_eq!(tiles.index_of(&work), None);
    }

    #[test]
    fn a_new_page_sees_the_last_pictures_at_once() {
        let (mut tiles, now) = (Tiles::default(), Instant::now());
        tiles.set_layout(&layout(&[("me/camera", 160.0)]));
        for _ in 0..CREDIT {
            tiles.present(&id("me/camera"), picture(), now);
            tiles.take().unwrap();
        }
        assert!(tiles.take().is_none());
        tiles.restart();
        assert!(tiles.take().is_some());
    }

    #[test]
    fn a_flood_of_tiles_is_cut() {
        let mut tiles = Tiles::default();
        let names: Vec<String> = (0..1000).map(|i| format!("p{i}/camera")).collect();
        let rects: Vec<(&str, f64)> = names.iter().map(|n| (n.as_str(), 100.0)).collect();
        tiles.set_layout(&layout(&rects));
        assert_eq!(tiles.ids().count(), MAX_TILES);
    }
}
