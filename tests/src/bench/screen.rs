//! When something is seen: marked pictures are found and read on the screen itself, so that two programs are measured
//! alike, whatever they are made of.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use fika_devices::clock::monotonic;
use fika_media::marker::{self, Marker};
use fika_media::{I420, Resolution, Timestamp};

use crate::display::{Display, Rect};

/// How often the screen is looked at.
const POLL: Duration = Duration::from_millis(1);
/// How long a picture with another last block is waited for.
const ANOTHER: Duration = Duration::from_secs(1);
/// A marked row of blocks is a 40th of the width high, and there are three.
const fn marker_lines(width: u32) -> u32 {
    width * 3 / 40 + 1
}

/// A marked picture that was on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub marker: Marker,
    /// When it was first found there.
    pub at: Timestamp,
}

/// Waits until a whole marked 16:9 picture is somewhere in `area`; where it is and when that was seen.
///
/// The counter's last block lies in a corner of the picture: while it is black, as the ground is, places that are too wide
/// read too, and hide every picture in which it is white. So the place is that of a picture with a white one.
pub fn find(display: &Display, area: Rect, patience: Duration) -> anyhow::Result<(Rect, Seen)> {
    let end = monotonic() + patience;
    let mut first: Option<(Rect, Seen)> = None;
    while monotonic() < end {
        let at = monotonic();
        if let Some((part, marker)) = search(display, area)? {
            let (_, seen) = *first.get_or_insert((part, Seen { marker, at }));
            if marker.counter % 2 == 1 {
                return Ok((part, seen));
            }
        }
        // Pictures that stand still, or of which every second one is shown.
        if let Some(first) = first.filter(|(_, seen)| at.since(seen.at) > ANOTHER) {
            return Ok(first);
        }
        std::thread::sleep(POLL);
    }
    bail!("no marked picture in {area:?} within {patience:?}")
}

/// All marked pictures in `part` for `duration`, each when it was first whole.
pub fn watch(display: &Display, part: Rect, duration: Duration) -> anyhow::Result<Vec<Seen>> {
    let lines = marker_lines(part.width);
    // The counter stands in the first row of blocks: its middle line tells whether there is anything new to read.
    let probe = Rect { top: part.top + part.width / 80, height: 1, ..part };
    let (mut seen, mut last) = (Vec::<Seen>::new(), Vec::new());
    let end = monotonic() + duration;
    while monotonic() < end {
        let line = display.pixels(probe)?;
        let at = monotonic();
        if line != last {
            // A picture that is being drawn does not read; it is looked at again.
            if let Some(marker) = marker::read(&display.grey(part, lines)?) {
                last = line;
                if seen.last().is_none_or(|seen| seen.marker.counter != marker.counter) {
                    seen.push(Seen { marker, at });
                }
            }
        }
        std::thread::sleep(POLL);
    }
    Ok(seen)
}

/// Waits until something other than one plain colour fills `area`: the first screen is painted.
pub fn painted(display: &Display, area: Rect, colours: usize, patience: Duration) -> anyhow::Result<Timestamp> {
    let end = monotonic() + patience;
    while monotonic() < end {
        let at = monotonic();
        if distinct(&display.pixels(area)?) >= colours {
            return Ok(at);
        }
        std::thread::sleep(POLL);
    }
    bail!("nothing is painted in {area:?} within {patience:?}")
}

fn distinct(pixels: &[u8]) -> usize {
    let mut colours = BTreeMap::new();
    for pixel in pixels.chunks_exact(4).step_by(3) {
        *colours.entry([pixel[0], pixel[1], pixel[2]]).or_insert(0) += 1;
    }
    colours.len()
}

/// Tries every place that a horizontally centred picture may have. A block is about 30 pixels, so steps of 8 suffice; the
/// checksum of the mark keeps wrong ones out. Several neighbours of the true place can be read while their outermost blocks
/// lie in the rounded corners, which would hide every other picture: so the place in their middle is taken.
fn search(display: &Display, area: Rect) -> anyhow::Result<Option<(Rect, Marker)>> {
    let whole = display.grey(area, area.height)?;
    let (luma, ..) = whole.planes();
    let mut found: Vec<(Rect, Marker)> = Vec::new();
    for width in (area.width / 2..=area.width).rev().step_by(6) {
        let height = width * 9 / 16;
        if height > area.height {
            continue;
        }
        let lines = marker_lines(width);
        for top in (0..=area.height - height).step_by(8) {
            // Cheap look first: the first block is white, the second black (`marker::FIND` begins with 10).
            let left = (area.width - width) / 2;
            let block = width / 40;
            let at = |column: u32| luma[((top + block / 2) * area.width + left + column * block + block / 2) as usize];
            if at(0) < 140 || at(1) > 110 {
                continue;
            }
            let mut picture = I420::black(Resolution::new(width, height));
            let (out, ..) = picture.planes_mut();
            for line in 0..lines {
                let from = ((top + line) * area.width + left) as usize;
                let to = (line * width) as usize;
                out[to..to + width as usize].copy_from_slice(&luma[from..from + width as usize]);
            }
            if let Some(marker) = marker::read(&picture) {
                found.push((Rect { left: area.left + left, top: area.top + top, width, height }, marker));
            }
        }
    }
    Ok(middle(found))
}

/// The middle width, and the middle height above the ground among those of this width.
fn middle(found: Vec<(Rect, Marker)>) -> Option<(Rect, Marker)> {
    let mut widths: Vec<u32> = found.iter().map(|(rect, _)| rect.width).collect();
    widths.dedup();
    let width = *widths.get(widths.len() / 2)?;
    let same: Vec<_> = found.into_iter().filter(|(rect, _)| rect.width == width).collect();
    same.get(same.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_places_the_middle_one_is_taken() {
        let at = |width, top| {
            let marker = Marker { counter: 1, pts: Timestamp::ZERO };
            (Rect { left: 0, top, width, height: 9 }, marker)
        };
        assert_eq!(middle(Vec::new()), None);
        let found = vec![at(1286, 56), at(1280, 48), at(1280, 56), at(1280, 64), at(1274, 56)];
        assert_eq!(middle(found).map(|(rect, _)| (rect.width, rect.top)), Some((1280, 56)));
    }
}
