//! Tests of the stage: made-up layers, the real converter, and a main loop that the test turns itself.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use fika_media::Resolution;

use super::*;
use crate::layout::{Fit, TileRect};

/// A converter that takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);
/// Work that waits for the main thread. Full: who wakes it waits.
const QUEUE: usize = 64;

/// What each layer was told, by its number.
#[derive(Default)]
struct Log(Vec<String>);

struct Fake {
    made: u32,
    log: std::rc::Rc<RefCell<Log>>,
}

impl Fake {
    fn note(&self, text: String) {
        self.log.borrow_mut().0.push(text);
    }
}

impl Layers for Fake {
    type Layer = u32;

    fn begin(&mut self) {}

    fn make(&mut self) -> Option<u32> {
        self.made += 1;
        Some(self.made)
    }

    fn place(&mut self, layer: &mut u32, tile: &Placed) {
        self.note(format!("{layer} at {},{} is {}", tile.rect.x, tile.rect.y, tile.id.0));
    }

    fn show(&mut self, layer: &mut u32, picture: Picture, shared: &Arc<Shared>) {
        self.note(format!("{layer} shows {}x{}", picture.size.width, picture.size.height));
        shared.buffers.put(picture.pixels);
    }

    fn clear(&mut self, layer: &mut u32) {
        self.note(format!("{layer} is clear"));
    }

    fn remove(&mut self, layer: u32) {
        self.note(format!("{layer} is gone"));
    }

    fn paint(&mut self, stage: Rgb) {
        self.note(format!("stage {},{},{}", stage.r, stage.g, stage.b));
    }

    fn commit(&mut self, layers: &[&u32]) {
        self.note(format!("order {layers:?}"));
    }
}

type Job = Box<dyn FnOnce() + Send>;

struct Bed {
    surface: LayerSurface<Fake>,
    jobs: Receiver<Job>,
    log: std::rc::Rc<RefCell<Log>>,
    told: Receiver<Vec<TileId>>,
}

impl Bed {
    fn new() -> Self {
        let (queue, jobs): (SyncSender<Job>, _) = sync_channel(QUEUE);
        let (tell, told) = sync_channel(QUEUE);
        let log = std::rc::Rc::<RefCell<Log>>::default();
        let layers = Fake { made: 0, log: log.clone() };
        let events = Events {
            pictures: Box::new(move |tiles| tell.send(tiles).unwrap()),
            tested: Box::new(|verdict| verdict.unwrap()),
        };
        // After the test has ended nobody takes the jobs any more.
        let main: MainLoop = Arc::new(move |job| drop(queue.send(job)));
        let renderer = Arc::new(Renderer::start().unwrap());
        Self { surface: LayerSurface::new(layers, renderer, main, events), jobs, log, told }
    }

    /// Turns the main loop until a layer was told `wanted`; all that was told since the last time.
    fn until(&self, wanted: &str) -> Vec<String> {
        loop {
            let mut log = self.log.borrow_mut();
            if log.0.iter().any(|line| line == wanted) && log.0.last().is_some_and(|line| line.starts_with("order")) {
                return std::mem::take(&mut log.0);
            }
            drop(log);
            self.jobs.recv_timeout(HANGS).unwrap_or_else(|_| panic!("never: {wanted}"))();
        }
    }
}

fn layout(tiles: &[(&str, f64, u8)]) -> Layout {
    let rect = |&(id, x, z): &(&str, f64, u8)| TileRect {
        id: TileId(id.into()),
        x,
        y: 0.0,
        width: 16.0,
        height: 9.0,
        radius: 2.0,
        fit: Fit::Cover,
        mirror: false,
        z,
        dim: false,
        zoom: None,
    };
    let stage = Rgb { r: 1, g: 2, b: 3 };
    Layout { device_pixel_ratio: 2.0, stage, tiles: tiles.iter().map(rect).collect(), ..Layout::default() }
}

fn picture() -> Arc<I420> {
    Arc::new(I420::black(Resolution::new(32, 18)))
}

#[test]
fn a_picture_comes_to_the_layer_of_its_tile_in_device_pixels() {
    let bed = Bed::new();
    bed.surface.set_layout(layout(&[("a/camera", 0.0, 0), ("b/camera", 20.0, 0)]));
    let told = bed.until("2 at 40,0 is b/camera");
    assert!(told.contains(&"stage 1,2,3".to_owned()) && told.contains(&"1 at 0,0 is a/camera".to_owned()), "{told:?}");
    bed.surface.present(&TileId("b/camera".into()), picture());
    let told = bed.until("2 shows 32x18");
    assert!(!told.iter().any(|line| line.starts_with("1 shows")), "{told:?}");
    assert_eq!(bed.told.recv_timeout(HANGS).unwrap(), [TileId("b/camera".into())]);
    let stats = bed.surface.stats();
    let counts: Vec<_> = stats.iter().map(|tile| (tile.tile.0.as_str(), tile.presented, tile.drawn)).collect();
    assert_eq!(counts, [("a/camera", 0, 0), ("b/camera", 1, 1)]);
}

#[test]
fn layers_lie_over_each_other_as_their_tiles_and_go_with_them() {
    let bed = Bed::new();
    bed.surface.set_layout(layout(&[("a/camera", 0.0, 5), ("b/camera", 20.0, 0)]));
    let told = bed.until("order [1, 2]");
    assert!(told.contains(&"1 at 40,0 is b/camera".to_owned()), "the lowest is first: {told:?}");
    bed.surface.set_layout(layout(&[("a/camera", 0.0, 0)]));
    let told = bed.until("order [2]");
    assert!(told.contains(&"1 is gone".to_owned()) && !told.contains(&"2 is gone".to_owned()), "{told:?}");
}

#[test]
fn a_cleared_tile_shows_nothing_and_the_page_is_told() {
    let bed = Bed::new();
    bed.surface.set_layout(layout(&[("a/camera", 0.0, 0)]));
    bed.surface.present(&TileId("a/camera".into()), picture());
    bed.until("1 shows 32x18");
    assert_eq!(bed.told.recv_timeout(HANGS).unwrap().len(), 1);
    bed.surface.clear(&TileId("a/camera".into()));
    bed.until("1 is clear");
    assert!(bed.told.recv_timeout(HANGS).unwrap().is_empty());
}

#[test]
fn a_window_that_is_not_seen_gets_its_picture_when_it_is_seen_again() {
    let bed = Bed::new();
    bed.surface.set_layout(layout(&[("a/camera", 0.0, 0)]));
    bed.until("order [1]");
    bed.surface.set_visible(false);
    bed.surface.present(&TileId("a/camera".into()), picture());
    // The converter has had its turn when another window's picture is there.
    let other = LayerSurface::new(
        Fake { made: 10, log: bed.log.clone() },
        bed.surface.renderer.clone(),
        bed.surface.main.clone(),
        Events { pictures: Box::new(drop), tested: Box::new(drop) },
    );
    other.set_layout(layout(&[("b/camera", 0.0, 0)]));
    other.present(&TileId("b/camera".into()), picture());
    let told = bed.until("11 shows 32x18");
    assert!(!told.contains(&"1 shows 32x18".to_owned()), "{told:?}");
    bed.surface.set_visible(true);
    bed.until("1 shows 32x18");
}

#[test]
fn nothing_is_left_behind_by_a_surface_that_is_dropped() {
    let bed = Bed::new();
    bed.surface.set_layout(layout(&[("a/camera", 0.0, 0)]));
    bed.until("order [1]");
    let Bed { surface, jobs, log, .. } = bed;
    drop(surface);
    while let Ok(job) = jobs.try_recv() {
        job();
    }
    assert!(log.borrow().0.contains(&"1 is gone".to_owned()), "{:?}", log.borrow().0);
}

#[test]
fn what_belongs_to_a_thread_is_not_reached_from_another() {
    let home = Arc::new(HomeBound::new(std::cell::Cell::new(7)));
    assert_eq!(home.get().map(std::cell::Cell::get), Some(7));
    let elsewhere = home.clone();
    std::thread::spawn(move || assert!(elsewhere.get().is_none())).join().unwrap();
}
