//! The small window of a call: the app's one window made small and kept above all others, and back again. A second window
//! would need a second page, which is 100 MB more, a moment to load and another place to be wrong; on Wayland nobody can
//! place it either. The frame stays, so that it is moved, resized and closed by whatever the desktop has for that.
//!
//! Owned by the app state; called by commands, and on the main thread by the close button, one at a time. What the
//! desktop refuses (Wayland knows no "above" and no position) is left as it is.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tauri::{LogicalSize, Manager as _, PhysicalPosition, PhysicalSize, WebviewWindow};

use crate::events::{self, SmallWindowChanged};
use crate::settings;

const FILE: &str = "small-window.json";
/// CSS pixels, as the design draws it.
const SIZE: Size = Size { width: 320.0, height: 200.0 };
/// Four buttons of full size, and a face above them.
const SMALLEST: Size = Size { width: 240.0, height: 160.0 };
/// Larger than any screen: such a file is not ours.
const LARGEST: f64 = 16_384.0;
/// From the edges of the screen where it stands first, CSS pixels.
const MARGIN: f64 = 24.0;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Size {
    width: f64,
    height: f64,
}

/// Where it stands: the corner in the desktop's pixels, the size in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    x: i32,
    y: i32,
    #[serde(flatten)]
    size: Size,
}

/// A screen without its panels, in the desktop's pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    x: i32,
    y: i32,
    width: u32,
    height: u32,
}

/// The window before it became small.
#[derive(Clone, Copy, Debug)]
struct Before {
    position: PhysicalPosition<i32>,
    size: PhysicalSize<u32>,
    /// It filled the screen in one way or the other.
    filled: bool,
}

pub(crate) struct SmallWindow {
    folder: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// `None`: the window is big.
    before: Option<Before>,
    /// Where the user left it.
    place: Option<Place>,
    /// The window may still be as small as the small one.
    unbound: bool,
}

impl SmallWindow {
    /// `folder`: where its place is kept.
    pub(crate) fn open(folder: PathBuf) -> Self {
        let place = read(&folder.join(FILE));
        Self { folder, state: Mutex::new(State { before: None, place, unbound: false }) }
    }

    pub(crate) fn is_small(&self) -> bool {
        self.lock().before.is_some()
    }

    /// The page is told. What is so already stays so.
    pub(crate) fn set(&self, window: &WebviewWindow, small: bool) -> tauri::Result<()> {
        let mut state = self.lock();
        match (small, state.before) {
            (true, None) => {
                state.before = Some(shrink(window, state.place)?);
                state.unbound = true;
            }
            (false, Some(before)) => {
                let place = place_of(window)?;
                grow(window, before)?;
                state.before = None;
                if state.place.replace(place) != Some(place)
                    && let Err(error) = settings::write(&self.folder, FILE, &place)
                {
                    tracing::warn!(%error, "the place of the small window cannot be written");
                }
            }
            _ => return Ok(()),
        }
        events::emit(window.app_handle(), &SmallWindowChanged(small));
        Ok(())
    }

    /// The window has this size now. A big one may be no smaller than a page of full size needs; that is said when the
    /// window is big already, since GTK would answer it at once from the size that it has not left yet, and stay there.
    pub(crate) fn resized(&self, window: &WebviewWindow, size: PhysicalSize<u32>) -> tauri::Result<()> {
        let mut state = self.lock();
        if state.before.is_some() || !state.unbound {
            return Ok(());
        }
        let config = window.config().app.windows.first().cloned().unwrap_or_default();
        let least = Size { width: config.min_width.unwrap_or(0.0), height: config.min_height.unwrap_or(0.0) };
        let LogicalSize { width, height } = size.to_logical::<f64>(window.scale_factor()?);
        if width >= least.width && height >= least.height {
            state.unbound = false;
            window.set_min_size(Some(logical(least)))?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shrink(window: &WebviewWindow, place: Option<Place>) -> tauri::Result<Before> {
    let (full, maximized) = (window.is_fullscreen()?, window.is_maximized()?);
    let before = Before { position: window.outer_position()?, size: window.inner_size()?, filled: full || maximized };
    if full {
        window.set_fullscreen(false)?;
    }
    if maximized {
        window.unmaximize()?;
    }
    let area = |monitor: &tauri::Monitor| {
        let area = monitor.work_area();
        Area { x: area.position.x, y: area.position.y, width: area.size.width, height: area.size.height }
    };
    let here = window.current_monitor()?.as_ref().map(area);
    let all: Vec<Area> = window.available_monitors()?.iter().map(area).collect();
    window.set_min_size(Some(logical(SMALLEST)))?;
    window.set_size(logical(place.map_or(SIZE, |place| place.size)))?;
    if let Some((x, y)) = corner(place, here, &all, window.scale_factor()?) {
        window.set_position(PhysicalPosition::new(x, y))?;
    }
    window.set_always_on_top(true)?;
    Ok(before)
}

fn grow(window: &WebviewWindow, before: Before) -> tauri::Result<()> {
    window.set_always_on_top(false)?;
    if before.filled {
        // What it has when it fills the screen no longer.
        let config = window.config().app.windows.first().cloned().unwrap_or_default();
        window.set_size(logical(Size { width: config.width, height: config.height }))?;
        window.maximize()?;
    } else {
        window.set_size(before.size)?;
        window.set_position(before.position)?;
    }
    window.set_focus()
}

fn place_of(window: &WebviewWindow) -> tauri::Result<Place> {
    let PhysicalPosition { x, y } = window.outer_position()?;
    let LogicalSize { width, height } = window.inner_size()?.to_logical(window.scale_factor()?);
    Ok(Place { x, y, size: Size { width, height } })
}

/// Where the user left it, if there is a screen yet; at first in the lower right corner of the screen it is on. `None`:
/// nobody knows of a screen, and the desktop decides.
fn corner(place: Option<Place>, here: Option<Area>, all: &[Area], scale: f64) -> Option<(i32, i32)> {
    let size = place.map_or(SIZE, |place| place.size);
    let (width, height) = ((size.width * scale).round() as i32, (size.height * scale).round() as i32);
    if let Some(Place { x, y, .. }) = place {
        let holds = |from: i32, length: u32, at: i32| (from..from.saturating_add_unsigned(length)).contains(&at);
        let (middle_x, middle_y) = (x.saturating_add(width / 2), y.saturating_add(height / 2));
        if all.iter().any(|area| holds(area.x, area.width, middle_x) && holds(area.y, area.height, middle_y)) {
            return Some((x, y));
        }
    }
    let margin = (MARGIN * scale).round() as i32;
    here.map(|area| {
        let end = |from: i32, length: u32, size: i32| from.saturating_add_unsigned(length) - size - margin;
        (end(area.x, area.width, width), end(area.y, area.height, height))
    })
}

/// `None`: there is no such file, or it holds no place. It is replaced at the next change.
fn read(path: &Path) -> Option<Place> {
    let place: Place = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    let sane = |side: f64, least: f64| (least..=LARGEST).contains(&side);
    (sane(place.size.width, SMALLEST.width) && sane(place.size.height, SMALLEST.height)).then_some(place)
}

fn logical(size: Size) -> LogicalSize<f64> {
    LogicalSize::new(size.width, size.height)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Area = Area { x: 0, y: 0, width: 1920, height: 1040 };
    const RIGHT: Area = Area { x: 1920, y: 0, width: 2560, height: 1440 };

    fn place(x: i32, y: i32) -> Place {
        Place { x, y, size: Size { width: 400.0, height: 250.0 } }
    }

    #[test]
    fn it_stands_first_in_the_corner_of_its_screen() {
        assert_eq!(corner(None, Some(LEFT), &[LEFT, RIGHT], 1.0), Some((1920 - 320 - 24, 1040 - 200 - 24)));
        assert_eq!(corner(None, Some(RIGHT), &[LEFT, RIGHT], 2.0), Some((4480 - 640 - 48, 1440 - 400 - 48)));
        assert_eq!(corner(None, None, &[], 1.0), None);
    }

    #[test]
    fn it_stands_where_it_was_left_as_long_as_there_is_a_screen() {
        assert_eq!(corner(Some(place(3000, 700)), Some(LEFT), &[LEFT, RIGHT], 1.0), Some((3000, 700)));
        let gone = corner(Some(place(3000, 700)), Some(LEFT), &[LEFT], 1.0);
        assert_eq!(gone, Some((1920 - 400 - 24, 1040 - 250 - 24)));
        assert_eq!(corner(Some(place(i32::MAX, i32::MIN)), None, &[LEFT], 1.0), None);
    }

    #[test]
    fn its_place_is_kept_and_nonsense_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(read(&path), None);
        settings::write(folder.path(), FILE, &place(-7, 12)).unwrap();
        assert_eq!(read(&path), Some(place(-7, 12)));
        for nonsense in
            ["", "[]", r#"{"x":1,"y":2,"width":1e300,"height":200}"#, r#"{"x":1,"y":2,"width":1,"height":1}"#]
        {
            std::fs::write(&path, nonsense).unwrap();
            assert_eq!(read(&path), None, "{nonsense}");
        }
    }
}
