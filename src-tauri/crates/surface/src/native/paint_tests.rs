//! Tests of the painting: what is seen of whom, painted into an image instead of a window.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::layout::{Layout, TileId, TileRect};

const SIDE: i32 = 120;
const LENGTH: Duration = Duration::from_millis(200);
const PAGE: [u8; 3] = [255, 255, 255];
const STAGE: Rgb = Rgb { r: 1, g: 2, b: 3 };

/// Nobody's but this one's, as blue, green, red.
fn colour(who: u8) -> [u8; 3] {
    [40 * who + 20, 200 - 30 * who, 90]
}

/// A picture of one colour.
fn front(who: u8, size: Resolution) -> Front {
    let (width, height) = (size.width as i32, size.height as i32);
    let pixel = [&colour(who)[..], &[255]].concat();
    let pixels = pixel.repeat(size.pixels() as usize);
    let surface = ImageSurface::create_for_data(pixels, Format::Rgb24, width, height, width * 4).unwrap();
    Front { surface, width, height }
}

/// The window after painting all of it; rows of blue, green, red, 255.
fn painted(scene: &Scene, fronts: &[Option<Front>], mode: Mode) -> Vec<u8> {
    let mut image = ImageSurface::create(Format::Rgb24, SIDE, SIDE).unwrap();
    let page = |cr: &Context| {
        if mode == Mode::Cut {
            cr.set_source_rgb(1.0, 1.0, 1.0);
            cr.paint().unwrap();
        }
    };
    let painting = Painting { scene, fronts, stage: STAGE, mode, scale: 1.0, height: f64::from(SIDE), page: &page };
    painting.paint(&Context::new(&image).unwrap()).unwrap();
    image.data().unwrap().to_vec()
}

fn pixel(image: &[u8], x: i32, y: i32) -> [u8; 3] {
    let at = ((y * SIDE + x) * 4) as usize;
    image[at..at + 3].try_into().unwrap()
}

/// Who stands where, how high, and with bars at the sides or not.
type Place = (u8, i32, i32, i32, i32, u8, bool);

fn place() -> impl Strategy<Value = Place> {
    (0u8..5, 0i32..90, 0i32..90, 2i32..90, 2i32..90, 0u8..3, any::<bool>())
}

fn scene(places: &[Place]) -> Scene {
    let tile = |&(who, x, y, width, height, z, bars): &Place| TileRect {
        id: TileId(who.to_string()),
        x: f64::from(x),
        y: f64::from(y),
        width: f64::from(width),
        height: f64::from(height),
        radius: 0.0,
        fit: if bars { Fit::Contain } else { Fit::Cover },
        mirror: false,
        z,
        dim: false,
        zoom: None,
    };
    Scene::of(&Layout { tiles: places.iter().map(tile).collect(), ..Layout::default() }, 1.0)
}

fn who(tile: &Placed) -> u8 {
    tile.id.0.parse().unwrap()
}

#[test]
fn a_picture_of_another_shape_is_cut_and_not_squeezed() {
    let wide = Front { width: 40, height: 10, ..front(0, Resolution::new(40, 10)) };
    let part = part_of(&wide, &Rect::new(5, 5, 20, 20), Fit::Cover);
    assert_eq!((part.across, part.down, part.x, part.y), (0.5, 0.5, 15.0, 0.0));
    let part = part_of(&wide, &Rect::new(0, 0, 40, 10), Fit::Cover);
    assert_eq!((part.across, part.down, part.x, part.y), (1.0, 1.0, 0.0, 0.0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// However tiles move from one layout to the next, and again before they are there: each pixel is the page, or shows
    /// the one whose tile is the uppermost there at that moment.
    #[test]
    fn nobody_is_seen_in_the_place_of_another_while_tiles_move(
        layouts in prop::collection::vec((prop::collection::vec(place(), 0..5), 0u64..250), 1..4),
        missing in prop::collection::vec(any::<bool>(), 5), blend: bool,
    ) {
        let mode = if blend { Mode::Blend } else { Mode::Cut };
        let mut now = Instant::now();
        let mut wanted = Scene::default();
        for (places, wait) in &layouts {
            let mut next = scene(places);
            next.follow(&wanted, LENGTH, now);
            wanted = next;
            now += Duration::from_millis(*wait);
            let seen = wanted.at(now);
            // Pictures are converted for where their tiles come to.
            let picture = |tile: &Placed| (!missing[usize::from(who(tile))]).then(|| front(who(tile), tile.rect.size()));
            let fronts: Vec<Option<Front>> = wanted.tiles.iter().map(picture).collect();
            let image = painted(&seen, &fronts, mode);
            let nothing = if blend { [STAGE.b, STAGE.g, STAGE.r] } else { PAGE };
            for (x, y) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y))) {
                let uppermost = seen.tiles.iter().zip(&fronts).rev().find(|(tile, front)| {
                    let Some(front) = front else { return false };
                    let shape = Resolution::new(front.width as u32, front.height as u32);
                    !picture_rect(&tile.rect, tile.fit, shape).intersect(&Rect::new(x, y, 1, 1)).is_empty()
                });
                let expected = uppermost.map_or(nothing, |(tile, _)| colour(who(tile)));
                prop_assert_eq!(pixel(&image, x, y), expected, "at {}, {}", x, y);
            }
        }
        // Still again, and where the layout says.
        let end = now + LENGTH;
        prop_assert!(!wanted.is_moving(end));
        let places = |scene: &Scene| scene.tiles.iter().map(|tile| (tile.rect, tile.radius)).collect::<Vec<_>>();
        prop_assert_eq!(places(&wanted.at(end)), places(&wanted));
    }
}
