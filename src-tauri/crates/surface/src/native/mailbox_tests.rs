//! Tests of the mailbox: who is converted when, and that no picture reaches a tile that it is not for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::layout::{Fit, TileRect};

fn rect(id: &str, width: f64) -> TileRect {
    TileRect {
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
    }
}

fn layout(tiles: &[(&str, f64)]) -> Layout {
    let tiles = tiles.iter().map(|&(id, width)| rect(id, width)).collect();
    Layout { device_pixel_ratio: 1.0, tiles, ..Layout::default() }
}

fn picture() -> Arc<I420> {
    Arc::new(I420::black(Resolution::new(160, 90)))
}

fn id(text: &str) -> TileId {
    TileId(text.into())
}

fn window(windows: &mut Windows) -> (WindowId, Arc<AtomicU32>) {
    let woken = Arc::new(AtomicU32::new(0));
    let count = woken.clone();
    (
        windows.add(Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        })),
        woken,
    )
}

fn finish(windows: &mut Windows, work: &Work) -> Option<Vec<u8>> {
    windows.done(work, vec![0; 4], Some(work.target.tile))
}

/// Serials of what is taken now, all of it finished and shown at once.
fn taken(windows: &mut Windows, of: WindowId) -> usize {
    let mut count = 0;
    while let Some(work) = windows.take() {
        finish(windows, &work);
        count += 1;
    }
    windows.update(of);
    count
}

#[test]
fn a_small_picture_comes_with_the_next_large_one() {
    let (mut windows, now) = (Windows::default(), Instant::now());
    let (main, _) = window(&mut windows);
    windows.set_layout(main, layout(&[("p1/camera", 1600.0), ("me/camera", 200.0)]), now);
    let present = |windows: &mut Windows, tile: &str| {
        windows.present(main, &id(tile), picture(), now);
        taken(windows, main)
    };
    assert_eq!(present(&mut windows, "me/camera"), 1, "the first is shown at once");
    assert_eq!(present(&mut windows, "p1/camera"), 1);
    for _ in 0..3 {
        assert_eq!(present(&mut windows, "me/camera"), 0);
        assert_eq!(present(&mut windows, "p1/camera"), 2);
    }
    // The large one stands still: from the second on, each is shown.
    assert_eq!([0; 4].map(|_| present(&mut windows, "me/camera")), [0, 1, 1, 1]);
    windows.set_layout(main, layout(&[("p1/camera", 1500.0), ("me/camera", 300.0)]), now);
    assert_eq!(taken(&mut windows, main), 2, "both in their new sizes");
    assert_eq!(present(&mut windows, "me/camera"), 1, "it is not small any more");
}

#[test]
fn the_newest_picture_wins_and_only_declared_tiles_count() {
    let (mut windows, now) = (Windows::default(), Instant::now());
    let (main, woken) = window(&mut windows);
    windows.set_layout(main, layout(&[("me/camera", 160.0)]), now);
    let newest = picture();
    assert!(windows.present(main, &id("me/camera"), picture(), now));
    assert!(windows.present(main, &id("me/camera"), newest.clone(), now));
    assert!(!windows.present(main, &id("p1/camera"), picture(), now));
    let work = windows.take().unwrap();
    assert!(Arc::ptr_eq(&work.image, &newest));
    assert!(windows.take().is_none());
    let before = woken.load(Ordering::Relaxed);
    assert!(finish(&mut windows, &work).is_none());
    assert_eq!(woken.load(Ordering::Relaxed), before + 1);
    assert_eq!(windows.stats(main, now)[0].presented, 2);
}

#[test]
fn pictures_that_come_together_are_painted_together() {
    let (mut windows, now) = (Windows::default(), Instant::now());
    let (main, woken) = window(&mut windows);
    windows.set_layout(main, layout(&[("p1/camera", 160.0), ("p2/camera", 160.0), ("p3/camera", 160.0)]), now);
    for tile in ["p1/camera", "p2/camera"] {
        windows.present(main, &id(tile), picture(), now);
    }
    let before = woken.load(Ordering::Relaxed);
    let wakes = || woken.load(Ordering::Relaxed) - before;
    let first = windows.take().unwrap();
    finish(&mut windows, &first);
    assert_eq!(wakes(), 0, "the second comes with it");
    let second = windows.take().unwrap();
    // Its tile's next has to wait for the window, and keeps nobody from being seen.
    windows.present(main, &id("p1/camera"), picture(), now);
    assert!(windows.done(&second, Vec::new(), None).is_some(), "there was nothing to show in it");
    assert_eq!(wakes(), 1);
    assert_eq!(windows.update(main).unwrap().tiles.iter().filter(|tile| tile.2.is_some()).count(), 1);
}

#[test]
fn a_window_that_does_not_paint_holds_the_next_picture_back() {
    let (mut windows, now) = (Windows::default(), Instant::now());
    let (main, _) = window(&mut windows);
    windows.set_layout(main, layout(&[("me/camera", 160.0)]), now);
    windows.present(main, &id("me/camera"), picture(), now);
    let first = windows.take().unwrap();
    windows.present(main, &id("me/camera"), picture(), now);
    assert!(windows.take().is_none(), "one at a time");
    finish(&mut windows, &first);
    assert!(windows.take().is_none(), "the window has not taken the first");
    let update = windows.update(main).unwrap();
    let (serial, has, ready) = &update.tiles[0];
    assert!(*has && ready.as_ref().unwrap().presented == Some(now));
    windows.drawn(main, *serial, now, now + Duration::from_millis(3));
    assert_eq!((windows.stats(main, now)[0].drawn, windows.stats(main, now)[0].latency_ms), (1, 3.0));
    assert!(windows.take().is_some());
}

#[test]
fn a_new_size_and_a_window_seen_again_convert_the_last_picture() {
    let (mut windows, now) = (Windows::default(), Instant::now());
    let (main, _) = window(&mut windows);
    windows.set_layout(main, layout(&[("me/camera", 160.0)]), now);
    windows.present(main, &id("me/camera"), picture(), now);
    let first = windows.take().unwrap();
    finish(&mut windows, &first);
    windows.update(main);
    windows.set_layout(main, layout(&[("me/camera", 80.0)]), now);
    let again = windows.take().unwrap();
    assert_eq!(again.target.tile, Resolution::new(80, 90));
    finish(&mut windows, &again);
    assert_eq!(windows.update(main).unwrap().tiles[0].2.as_ref().unwrap().presented, None);

    windows.set_visible(main, false);
    windows.present(main, &id("me/camera"), picture(), now);
    assert!(windows.take().is_none(), "nobody sees it");
    windows.set_visible(main, true);
    assert!(windows.take().is_some());
    windows.set_scale(main, 2.0);
    assert_eq!(windows.update(main).unwrap().scene.tiles[0].rect.width, 160);
}

#[test]
fn what_is_cleared_or_gone_is_not_shown_any_more() {
    let (mut windows, now) = (Windows::default(), Instant::now());
    let (main, _) = window(&mut windows);
    let (second, _) = window(&mut windows);
    windows.set_layout(main, layout(&[("me/camera", 160.0)]), now);
    windows.set_layout(second, layout(&[("me/camera", 160.0)]), now);
    for window in [main, second] {
        windows.present(window, &id("me/camera"), picture(), now);
    }
    let (one, two) = (windows.take().unwrap(), windows.take().unwrap());
    assert_ne!(one.window, two.window);
    windows.clear(main, &id("me/camera"));
    windows.remove(second);
    assert!(finish(&mut windows, &one).is_some() && finish(&mut windows, &two).is_some(), "the buffers come back");
    let update = windows.update(main).unwrap();
    assert!(!update.tiles[0].1 && update.tiles[0].2.is_none());
    assert!(windows.update(second).is_none());
}

/// What happens to a window, in any order.
#[derive(Clone, Debug)]
enum Event {
    /// Who is where, and how long they take to come there.
    Layout(Vec<(u8, u8)>, u32),
    Present(u8),
    Clear(u8),
    Take,
    Done,
    Update,
    /// Milliseconds.
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (prop::collection::vec((0u8..5, 0u8..5), 0..5), 0u32..300).prop_map(|(who, glide)| Event::Layout(who, glide)),
        (0u8..5).prop_map(Event::Present),
        (0u8..5).prop_map(Event::Clear),
        Just(Event::Take),
        Just(Event::Done),
        Just(Event::Update),
        (0u64..150).prop_map(Event::Wait),
    ]
}

proptest! {
    /// Each picture carries its owner's number in its first pixel; whatever the order of layouts and pictures, a tile only
    /// ever gets its owner's, and never one from before it was cleared or away.
    #[test]
    fn no_tile_ever_shows_somebody_else(events in prop::collection::vec(event(), 1..80)) {
        let (mut windows, mut now) = (Windows::default(), Instant::now());
        let (main, _) = window(&mut windows);
        let name = |who: u8| format!("p{who}/camera");
        let mut working: Vec<Work> = Vec::new();
        // Pictures that may still be shown: who and from which epoch (layout stay or clear).
        let mut epochs: HashMap<String, u8> = HashMap::new();
        let mut present: Vec<u8> = Vec::new();
        for event in events {
            match event {
                Event::Layout(places, glide) => {
                    let who: Vec<u8> = places.iter().map(|place| place.0).collect();
                    for gone in present.iter().filter(|p| !who.contains(p)) {
                        *epochs.entry(name(*gone)).or_default() += 1;
                    }
                    let place = |&(who, at): &(u8, u8)| TileRect { x: f64::from(at) * 60.0, ..rect(&name(who), 50.0) };
                    let tiles = places.iter().map(place).collect();
                    windows.set_layout(main, Layout { glide, tiles, ..layout(&[]) }, now);
                    present = who;
                }
                Event::Wait(milliseconds) => now += Duration::from_millis(milliseconds),
                Event::Present(who) => {
                    let mut image = I420::black(Resolution::new(16, 16));
                    image.planes_mut().0[0] = who;
                    image.planes_mut().0[1] = *epochs.entry(name(who)).or_default();
                    windows.present(main, &id(&name(who)), Arc::new(image), now);
                }
                Event::Clear(who) => {
                    windows.clear(main, &id(&name(who)));
                    if present.contains(&who) {
                        *epochs.entry(name(who)).or_default() += 1;
                    }
                }
                Event::Take => working.extend(windows.take()),
                Event::Done => {
                    if let Some(work) = working.pop() {
                        let pixels = work.image.planes().0[..2].to_vec();
                        windows.done(&work, pixels, Some(work.target.tile));
                    }
                }
                Event::Update => {
                    let update = windows.update(main).unwrap();
                    // On their way or not, they keep their order, by which pictures come to them.
                    let scene = update.scene.at(now);
                    let ids = |scene: &Scene| scene.tiles.iter().map(|tile| tile.id.clone()).collect::<Vec<_>>();
                    prop_assert_eq!(ids(&scene), ids(&update.scene));
                    prop_assert_eq!(scene.tiles.len(), update.tiles.len());
                    for (placed, (_, has, picture)) in scene.tiles.iter().zip(&update.tiles) {
                        if let Some(picture) = picture {
                            prop_assert!(*has);
                            prop_assert_eq!(&name(picture.pixels[0]), &placed.id.0);
                            prop_assert_eq!(picture.pixels[1], epochs[&placed.id.0]);
                        }
                    }
                }
            }
        }
    }
}
