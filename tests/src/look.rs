//! What a person would see on a screen: pictures that move, and words over them that do not.
//!
//! Everything blocks on the calling thread and looks again until it is so, or fails the test when patience ends.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fika_media::marker;

use crate::display::{Display, Rect};

/// How long anything may take before the test counts as failed.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often the screen is looked at.
const POLL: Duration = Duration::from_millis(2);
/// Different pictures in a row before something counts as moving.
const PICTURES: usize = 4;
/// A plain area has fewer colours than one with words in it.
const WORDS: usize = 8;

/// Looks until `done` says so.
///
/// # Panics
/// When it never does.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(POLL);
    }
}

/// Number of the marked picture that fills `place`, if it is whole.
pub fn number(display: &Display, place: Rect) -> Option<u32> {
    let picture = display.grey(place, place.width * 3 / 40 + 1).ok()?;
    marker::read(&picture).map(|mark| mark.counter)
}

/// Different marked pictures in a row fill `place`, and meanwhile each of `still` stays as it is and has words in it. What
/// the page shows may come after the first pictures.
///
/// # Panics
/// When that is never so.
pub fn moves(display: &Display, place: Rect, still: &[Rect]) {
    differ(display, still, || number(display, place));
}

/// Like [`moves`], for each of `moving` where no mark can be read.
///
/// # Panics
/// When that is never so.
pub fn changes(display: &Display, moving: &[Rect], still: &[Rect]) {
    for part in moving {
        differ(display, still, || display.pixels(*part).ok());
    }
}

fn differ<T: PartialEq>(display: &Display, still: &[Rect], look: impl Fn() -> Option<T>) {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut seen: Vec<T> = Vec::new();
    let _evidence = Evidence(display);
    until("pictures move under words that stand still", || {
        if let Some(now) = look()
            && !seen.contains(&now)
        {
            seen.push(now);
            let these: Vec<Vec<u8>> = still.iter().filter_map(|part| display.pixels(*part).ok()).collect();
            if these != words || these.iter().any(|words| colours(words) < WORDS) {
                words = these;
                seen.clear();
            }
        }
        seen.len() >= PICTURES
    });
}

/// Keeps what the screen shows when a look at it fails.
struct Evidence<'a>(&'a Display);

impl Drop for Evidence<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = std::env::temp_dir().join(format!("fika-screen-{}.png", std::process::id()));
            let kept = self.0.screenshot(&path);
            eprintln!("the screen at that moment: {} ({kept:?})", path.display());
        }
    }
}

fn colours(pixels: &[u8]) -> usize {
    let set: BTreeSet<&[u8]> = pixels.chunks_exact(4).map(|pixel| &pixel[..3]).collect();
    set.len()
}
