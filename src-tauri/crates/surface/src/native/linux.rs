//! A window of GTK: its WebKitGTK view draws itself through us, on the main thread. The converter's thread wakes it
//! through a socket pair that holds one byte: many pictures before it runs are one wake-up.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fika_media::I420;
use gtk::cairo::{Context, Format, ImageSurface};
use gtk::glib::translate::ToGlibPtr;
use gtk::glib::{ControlFlow, IOCondition, Propagation};
use gtk::prelude::*;
use webkit2gtk::{LoadEvent, WebView, WebViewExt};

use super::mailbox::{Picture, Serial, WindowId};
use super::paint::{Front, Painting};
use super::renderer::{Renderer, Shared};
use super::scene::Scene;
use super::{Events, Mode, Unsupported};
use crate::layout::{Layout, Rgb, TileId};
use crate::{TileStats, VideoSurface};

/// A page that is loaded and was not drawn for so long will not be.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pictures in one window. Dropped: nothing is drawn any more, the page is alone.
pub struct NativeSurface {
    renderer: Arc<Renderer>,
    window: WindowId,
    stage: Arc<std::sync::Mutex<Rgb>>,
}

/// Draws into `view` from now on. Only on the main thread.
pub fn attach(
    view: &WebView,
    renderer: Arc<Renderer>,
    mode: Mode,
    events: Events,
) -> Result<NativeSurface, Unsupported> {
    let failed = |error: std::io::Error| Unsupported::Wake(error.to_string());
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    for end in [&ours, &theirs] {
        end.set_nonblocking(true).map_err(failed)?;
    }
    let woken = Arc::new(AtomicBool::new(false));
    let shared = renderer.shared.clone();
    let wake = {
        let woken = woken.clone();
        move || {
            if !woken.swap(true, Ordering::AcqRel) {
                // The other end is read or gone: either way nothing is lost.
                let _ = (&theirs).write(&[1]);
            }
        }
    };
    let window = shared.windows(|windows| windows.add(Arc::new(wake)));
    let stage = Arc::new(std::sync::Mutex::new(Rgb::default()));
    let painter = Rc::new(Painter {
        shared: shared.clone(),
        window,
        mode,
        stage: stage.clone(),
        wanted: RefCell::default(),
        scene: RefCell::default(),
        moving: Cell::default(),
        tiles: RefCell::default(),
        pictures: RefCell::default(),
        verdict: Cell::new(None),
        events,
    });
    let source = Rc::new(Cell::new(None));
    source.set(Some(gtk::glib::unix_fd_add_local(ours.as_raw_fd(), IOCondition::IN, {
        let (painter, view, source) = (painter.clone(), view.downgrade(), source.clone());
        move |_, _| {
            // Reset before the state is read: what comes later wakes again.
            let _ = (&ours).read(&mut [0; 8]);
            woken.store(false, Ordering::Release);
            if view.upgrade().is_some_and(|view| painter.update(&view)) {
                return ControlFlow::Continue;
            }
            // It ends here and must not be removed once more.
            source.take();
            ControlFlow::Break
        }
    })));
    watch(view, &painter);
    view.connect_destroy(move |_| {
        if let Some(source) = source.take() {
            source.remove();
        }
    });
    if mode == Mode::Blend {
        view.set_background_color(&gtk::gdk::RGBA::new(0.0, 0.0, 0.0, 0.0));
    }
    view.queue_draw();
    Ok(NativeSurface { renderer, window, stage })
}

fn watch(view: &WebView, painter: &Rc<Painter>) {
    view.connect_draw({
        let painter = painter.clone();
        move |view, cr| painter.draw(view, cr)
    });
    let seen = |visible| {
        let painter = painter.clone();
        move |_: &WebView| painter.set_visible(visible)
    };
    view.connect_map(seen(true));
    view.connect_unmap(seen(false));
    if let Some(window) = view.toplevel().and_then(|top| top.downcast::<gtk::Window>().ok()) {
        let painter = painter.clone();
        window.connect_window_state_event(move |_, event| {
            painter.set_visible(!event.new_window_state().contains(gtk::gdk::WindowState::ICONIFIED));
            Propagation::Proceed
        });
    }
    let rescale = || {
        let painter = painter.clone();
        move |view: &WebView| painter.rescale(view)
    };
    view.connect_scale_factor_notify(rescale());
    view.connect_zoom_level_notify(rescale());
    painter.rescale(view);
    view.connect_load_changed({
        let painter = painter.clone();
        move |view, event| {
            if event == LoadEvent::Finished && painter.verdict.get().is_none() {
                let (painter, view) = (painter.clone(), view.clone());
                gtk::glib::timeout_add_local_once(PATIENCE, move || {
                    painter.judge(Err(Unsupported::NeverDrawn));
                    // Without what was painted meanwhile.
                    view.queue_draw();
                });
            }
        }
    });
}

impl VideoSurface for NativeSurface {
    fn set_layout(&self, layout: Layout) {
        *self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = layout.stage;
        self.renderer.shared.windows(|windows| windows.set_layout(self.window, layout, Instant::now()));
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

impl Drop for NativeSurface {
    fn drop(&mut self) {
        // Without tiles the painter paints the page and nothing else.
        self.set_layout(Layout::default());
        self.renderer.shared.windows(|windows| windows.remove(self.window));
    }
}

/// The main thread's side of a window.
struct Painter {
    shared: Arc<Shared>,
    window: WindowId,
    mode: Mode,
    stage: Arc<std::sync::Mutex<Rgb>>,
    /// Where everything comes to.
    wanted: RefCell<Arc<Scene>>,
    /// Where everything is painted now, also where only a part of the window is painted anew.
    scene: RefCell<Arc<Scene>>,
    /// The frame clock moves tiles.
    moving: Cell<bool>,
    tiles: RefCell<Tiles>,
    /// The last list that was told.
    pictures: RefCell<Vec<TileId>>,
    /// `None`: the page was not drawn yet.
    verdict: Cell<Option<bool>>,
    events: Events,
}

/// In the order of the scene's tiles.
#[derive(Default)]
struct Tiles {
    serials: Vec<Serial>,
    fronts: Vec<Option<Front>>,
    /// When the picture that is not drawn yet was handed over.
    fresh: Vec<Option<Instant>>,
}

impl Painter {
    /// Takes over what is new. False: the window has no surface any more.
    fn update(self: &Rc<Self>, view: &WebView) -> bool {
        let Some(update) = self.shared.windows(|windows| windows.update(self.window)) else {
            self.wanted.take();
            self.scene.take();
            self.tiles.take();
            view.queue_draw();
            return false;
        };
        // What waits behind the pictures that were taken now can be converted.
        self.shared.wake.notify_one();
        let moved = !Arc::ptr_eq(&self.wanted.borrow(), &update.scene);
        if moved {
            self.wanted.replace(update.scene.clone());
            self.scene.replace(seen_at(&update.scene, Instant::now()));
            view.queue_draw();
            self.follow(view);
        }
        let scene = self.scene.borrow().clone();
        let mut old = self.tiles.take();
        let mut tiles = Tiles::default();
        for ((serial, has_picture, picture), placed) in update.tiles.into_iter().zip(&scene.tiles) {
            let known = old.serials.iter().position(|known| *known == serial);
            let mut front = known.and_then(|at| old.fronts[at].take());
            let mut fresh = known.and_then(|at| old.fresh[at].take());
            if !has_picture {
                (front, fresh) = (None, None);
                self.redraw(view, placed.rect);
            } else if let Some(picture) = picture {
                fresh = picture.presented;
                front = front_of(picture, &self.shared);
                self.redraw(view, placed.rect);
            }
            tiles.serials.push(serial);
            tiles.fronts.push(front);
            tiles.fresh.push(fresh);
        }
        let shown: Vec<TileId> = scene
            .tiles
            .iter()
            .zip(&tiles.fronts)
            .filter(|(_, front)| front.is_some())
            .map(|(placed, _)| placed.id.clone())
            .collect();
        self.tiles.replace(tiles);
        // A page that was loaded anew reports its layout and knows of no picture.
        if moved || *self.pictures.borrow() != shown {
            (self.events.pictures)(shown.clone());
            self.pictures.replace(shown);
        }
        true
    }

    /// Lets the frame clock move what is on its way. Without that nothing runs.
    fn follow(self: &Rc<Self>, view: &WebView) {
        if self.moving.get() || !self.wanted.borrow().is_moving(Instant::now()) {
            return;
        }
        self.moving.set(true);
        let painter = self.clone();
        view.add_tick_callback(move |view, _| {
            let now = Instant::now();
            painter.step(view, now);
            let moving = painter.wanted.borrow().is_moving(now);
            painter.moving.set(moving);
            if moving { ControlFlow::Continue } else { ControlFlow::Break }
        });
    }

    /// Paints tiles anew that have moved: where they were and where they are.
    fn step(&self, view: &WebView, now: Instant) {
        let next = seen_at(&self.wanted.borrow(), now);
        let before = self.scene.replace(next.clone());
        for ((old, new), front) in before.tiles.iter().zip(&next.tiles).zip(&self.tiles.borrow().fronts) {
            if front.is_some() && (old.rect, old.radius) != (new.rect, new.radius) {
                self.redraw(view, old.rect);
                self.redraw(view, new.rect);
            }
        }
    }

    fn redraw(&self, view: &WebView, rect: super::scene::Rect) {
        let scale = view.scale_factor().max(1);
        let (left, top) = (rect.x.div_euclid(scale), rect.y.div_euclid(scale));
        let end = |at: i32| (at + scale - 1).div_euclid(scale);
        view.queue_draw_area(left, top, end(rect.x + rect.width) - left, end(rect.y + rect.height) - top);
    }

    fn draw(&self, view: &WebView, cr: &Context) -> Propagation {
        if self.verdict.get() == Some(false) {
            return Propagation::Proceed;
        }
        if self.verdict.get().is_none() && is_opaque(view) {
            self.judge(Ok(()));
        }
        let scene = self.scene.borrow().clone();
        let mut tiles = self.tiles.borrow_mut();
        let stage = *self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let painting = Painting {
            scene: &scene,
            fronts: &tiles.fronts,
            stage,
            mode: self.mode,
            scale: f64::from(view.scale_factor().max(1)),
            height: f64::from(view.allocated_height()),
            page: &|cr| draw_page(view, cr),
        };
        if let Err(error) = painting.paint(cr) {
            tracing::debug!(%error, "a window is not painted");
        }
        let now = Instant::now();
        let drawn: Vec<(Serial, Instant)> =
            (0..tiles.fresh.len()).filter_map(|at| Some((tiles.serials[at], tiles.fresh[at].take()?))).collect();
        drop(tiles);
        if !drawn.is_empty() {
            self.shared.windows(|windows| {
                drawn.into_iter().for_each(|(serial, presented)| windows.drawn(self.window, serial, presented, now));
            });
        }
        Propagation::Stop
    }

    fn judge(&self, verdict: Result<(), Unsupported>) {
        if self.verdict.get().is_none() {
            self.verdict.set(Some(verdict.is_ok()));
            (self.events.tested)(verdict);
        }
    }

    fn set_visible(&self, visible: bool) {
        self.shared.windows(|windows| windows.set_visible(self.window, visible));
        self.shared.wake.notify_one();
    }

    fn rescale(&self, view: &WebView) {
        let scale = f64::from(view.scale_factor().max(1)) * view.zoom_level();
        self.shared.windows(|windows| windows.set_scale(self.window, scale));
        self.shared.wake.notify_one();
    }
}

fn seen_at(scene: &Arc<Scene>, now: Instant) -> Arc<Scene> {
    match scene.at(now) {
        Cow::Borrowed(_) => scene.clone(),
        Cow::Owned(moved) => Arc::new(moved),
    }
}

/// Gives its pixels back to the converter when cairo is done with them.
struct Lent {
    pixels: Vec<u8>,
    shared: Arc<Shared>,
}

impl AsMut<[u8]> for Lent {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.shared.buffers.put(std::mem::take(&mut self.pixels));
    }
}

fn front_of(picture: Picture, shared: &Arc<Shared>) -> Option<Front> {
    let (width, height) = (picture.size.width as i32, picture.size.height as i32);
    let lent = Lent { pixels: picture.pixels, shared: shared.clone() };
    let surface = ImageSurface::create_for_data(lent, Format::Rgb24, width, height, width * 4);
    match surface {
        Ok(surface) => Some(Front { surface, width, height }),
        Err(error) => {
            tracing::warn!(%error, width, height, "a picture cannot be painted");
            None
        }
    }
}

/// Asks the view to draw itself as it does without us.
fn draw_page(view: &WebView, cr: &Context) {
    let widget: *mut gtk::ffi::GtkWidget = view.upcast_ref::<gtk::Widget>().to_glib_none().0;
    // SAFETY: the widget lives as long as `view`; its class is a GtkWidgetClass, whose `draw` takes both for the length
    // of the call. This runs on the main thread, within the draw signal.
    unsafe {
        let class =
            (*widget.cast::<gtk::glib::gobject_ffi::GTypeInstance>()).g_class.cast::<gtk::ffi::GtkWidgetClass>();
        if let Some(draw) = (*class).draw {
            draw(widget, cr.to_raw_none());
        }
    }
}

/// Whether the view, asked to draw itself into an image of ours, leaves none of what was there.
fn is_opaque(view: &WebView) -> bool {
    const SIDE: usize = 16;
    let test = || -> Result<bool, gtk::cairo::Error> {
        // Of full height, since WebKit mirrors a clip that is not.
        let mut image = ImageSurface::create(Format::ARgb32, SIDE as i32, view.allocated_height().max(1))?;
        draw_page(view, &Context::new(&image)?);
        image.flush();
        let pixels = image.data().map_err(|_| gtk::cairo::Error::ReadError)?;
        Ok(pixels.chunks_exact(4).take(SIDE * SIDE).all(|pixel| pixel[3] == 255))
    };
    test().unwrap_or(false)
}
