//! Of layouts: what is placed where, in which order it is painted, and that nothing of one lies in another.

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
            tiles: vec![TileRect { width: 33.4, ..tile("a", 0.0, 0) }, TileRect { width: 33.4, ..tile("b", 33.4, 0) }],
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
