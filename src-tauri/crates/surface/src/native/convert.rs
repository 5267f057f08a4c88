//! From a picture to the pixels of a tile: the part that it shows, scaled, mirrored, as the screen has it. Runs on the
//! thread `surface`, which owns the working memory.

use fika_media::scale::{Part, Scaler};
use fika_media::{I420, Resolution};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use super::scene::{Rect, picture_rect};
use crate::layout::{Fit, Zoom};

/// A picture is not scaled by a factor within these bounds, which costs nothing and keeps it sharp: a little too large one
/// is cut a bit more, and the outermost pixels of one that is a hair too small are repeated.
const UNSCALED: std::ops::RangeInclusive<f64> = 0.92..=1.01;
pub(crate) const BYTES_PER_PIXEL: usize = 4;

/// What a tile wants, in device pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    pub tile: Resolution,
    pub fit: Fit,
    pub mirror: bool,
    pub zoom: Option<Zoom>,
}

/// Part of the source in its pixels, and the size that it is shown in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub size: Resolution,
}

impl Plan {
    fn is_scaled(&self, fit: Fit) -> bool {
        let same = |from: f64, to: u32| from == f64::from(to) || fit == Fit::Cover && from < f64::from(to);
        let (across, down) = (f64::from(self.size.width) / self.width, f64::from(self.size.height) / self.height);
        !(same(self.width, self.size.width)
            && same(self.height, self.size.height)
            && UNSCALED.contains(&across.max(down)))
    }
}

impl Target {
    /// What the pixels of such a picture take in this tile.
    pub(crate) fn bytes(&self, source: Resolution) -> usize {
        self.plan(source).map_or(0, |plan| plan.size.pixels() as usize * BYTES_PER_PIXEL)
    }

    /// `None`: there is nothing to show in so small a picture or tile.
    pub(crate) fn plan(&self, source: Resolution) -> Option<Plan> {
        if self.tile.pixels() == 0 || source.width < 2 || source.height < 2 {
            return None;
        }
        let (x, y, width, height) = part(source, self.zoom);
        let shape = Resolution::new(width.round().max(1.0) as u32, height.round().max(1.0) as u32);
        let all = Rect::new(0, 0, self.tile.width as i32, self.tile.height as i32);
        let size = picture_rect(&all, self.fit, shape).size();
        if self.fit == Fit::Contain {
            return Some(Plan { x, y, width, height, size });
        }
        let (want_width, want_height) = (f64::from(size.width), f64::from(size.height));
        let mut scale = (want_width / width).max(want_height / height);
        if UNSCALED.contains(&scale) {
            scale = 1.0;
        }
        let (cut_width, cut_height) = ((want_width / scale).min(width), (want_height / scale).min(height));
        let left = x + (width - cut_width) / 2.0;
        let top = y + (height - cut_height) / 2.0;
        // Without scaling the colour planes need an even corner.
        let corner = |at: f64| if scale == 1.0 { (at / 2.0).floor() * 2.0 } else { at };
        Some(Plan { x: corner(left), y: corner(top), width: cut_width, height: cut_height, size })
    }
}

/// The part of the picture that is shown at all.
fn part(source: Resolution, zoom: Option<Zoom>) -> (f64, f64, f64, f64) {
    let (width, height) = (f64::from(source.width), f64::from(source.height));
    let Some(zoom) = zoom else { return (0.0, 0.0, width, height) };
    let side = |start: f64, length: f64, all: f64| {
        let start = if start.is_finite() { start.clamp(0.0, 1.0) } else { 0.0 };
        let length = if length.is_finite() { length.clamp(0.0, 1.0 - start) } else { 1.0 - start };
        let length = (length * all).max(2.0);
        ((start * all).min(all - length), length)
    };
    let ((x, width), (y, height)) = (side(zoom.x, zoom.width, width), side(zoom.y, zoom.height, height));
    (x, y, width, height)
}

/// Keeps the scaler's working memory between pictures.
#[derive(Default)]
pub(crate) struct Converter {
    scaler: Scaler,
    scaled: Vec<u8>,
}

impl Converter {
    /// Fills `out` with rows of B, G, R, 255 without gaps, and says their size.
    pub(crate) fn convert(&mut self, image: &I420, target: &Target, out: &mut Vec<u8>) -> Option<Resolution> {
        let plan = target.plan(image.size())?;
        let size = plan.size;
        out.resize(size.pixels() as usize * BYTES_PER_PIXEL, 0);
        let planes = if plan.is_scaled(target.fit) { self.scale(image, &plan)? } else { cut(image, &plan) };
        let filled = Resolution::new(planes.width, planes.height);
        let stride = size.width * BYTES_PER_PIXEL as u32;
        yuv::yuv420_to_bgra(&planes, out, stride, YuvRange::Limited, YuvStandardMatrix::Bt601).ok()?;
        repeat_edges(out, filled, size);
        if target.mirror {
            out.chunks_exact_mut(stride as usize).for_each(mirror);
        }
        Some(size)
    }

    fn scale(&mut self, image: &I420, plan: &Plan) -> Option<YuvPlanarImage<'_, u8>> {
        let (size, source) = (plan.size, image.size());
        let half = Resolution::new(size.width.div_ceil(2), size.height.div_ceil(2));
        self.scaled.resize(I420::len(size), 0);
        let (y, u, v) = image.planes();
        let chroma_source = Resolution::new(image.chroma_stride() as u32, source.height.div_ceil(2));
        let (out_y, rest) = self.scaled.split_at_mut(size.pixels() as usize);
        let (out_u, out_v) = rest.split_at_mut(half.pixels() as usize);
        let jobs =
            [(y, source, size, 1.0, out_y), (u, chroma_source, half, 2.0, out_u), (v, chroma_source, half, 2.0, out_v)];
        for (plane, from, to, part, out) in jobs {
            let (x, y) = (plan.x / part, plan.y / part);
            let width = (plan.width / part).min(f64::from(from.width) - x);
            let height = (plan.height / part).min(f64::from(from.height) - y);
            self.scaler.plane((from, plane), Part { x, y, width, height }, (to, out)).then_some(())?;
        }
        let (y, rest) = self.scaled.split_at(size.pixels() as usize);
        let (u, v) = rest.split_at(half.pixels() as usize);
        Some(YuvPlanarImage {
            y_plane: y,
            y_stride: size.width,
            u_plane: u,
            u_stride: half.width,
            v_plane: v,
            v_stride: half.width,
            width: size.width,
            height: size.height,
        })
    }
}

/// Repeats the last pixel of each row and the last row up to `size`.
fn repeat_edges(out: &mut [u8], filled: Resolution, size: Resolution) {
    let stride = size.width as usize * BYTES_PER_PIXEL;
    if filled.width < size.width {
        let end = filled.width as usize * BYTES_PER_PIXEL;
        for row in out.chunks_exact_mut(stride).take(filled.height as usize) {
            let (pixels, rest) = row.split_at_mut(end);
            let last = &pixels[end - BYTES_PER_PIXEL..];
            rest.chunks_exact_mut(BYTES_PER_PIXEL).for_each(|pixel| pixel.copy_from_slice(last));
        }
    }
    let (rows, rest) = out.split_at_mut(filled.height as usize * stride);
    let last = &rows[rows.len() - stride..];
    rest.chunks_exact_mut(stride).for_each(|row| row.copy_from_slice(last));
}

/// The part as it lies in the picture; its corner is even and it is at most as large as the plan wants.
fn cut<'a>(image: &'a I420, plan: &Plan) -> YuvPlanarImage<'a, u8> {
    let (y, u, v) = image.planes();
    let (luma, chroma) = (image.size().width as usize, image.chroma_stride());
    let (left, top) = (plan.x as usize, plan.y as usize);
    let at = (top / 2) * chroma + left / 2;
    YuvPlanarImage {
        y_plane: &y[top * luma + left..],
        y_stride: luma as u32,
        u_plane: &u[at..],
        u_stride: chroma as u32,
        v_plane: &v[at..],
        v_stride: chroma as u32,
        width: plan.size.width.min(plan.width as u32),
        height: plan.size.height.min(plan.height as u32),
    }
}

fn mirror(row: &mut [u8]) {
    let (pixels, _) = row.as_chunks_mut::<BYTES_PER_PIXEL>();
    pixels.reverse();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(width: u32, height: u32, fit: Fit) -> Target {
        Target { tile: Resolution::new(width, height), fit, mirror: false, zoom: None }
    }

    /// Luma grows from left to right, U from top to bottom.
    fn ramp(width: u32, height: u32) -> I420 {
        let mut image = I420::black(Resolution::new(width, height));
        let chroma = image.chroma_stride();
        let rows = image.size().height.div_ceil(2) as usize;
        let (y, u, _) = image.planes_mut();
        for row in y.chunks_exact_mut(width as usize) {
            for (x, out) in row.iter_mut().enumerate() {
                *out = (16 + x * 200 / width as usize) as u8;
            }
        }
        for (at, row) in u.chunks_exact_mut(chroma).enumerate() {
            row.fill((64 + at * 128 / rows) as u8);
        }
        image
    }

    fn convert(image: &I420, target: &Target) -> (Vec<u8>, Resolution) {
        let mut out = Vec::new();
        let size = Converter::default().convert(image, target, &mut out).unwrap();
        assert_eq!(out.len(), size.pixels() as usize * BYTES_PER_PIXEL);
        (out, size)
    }

    /// Green at `x`, `y`.
    fn green(picture: &(Vec<u8>, Resolution), x: u32, y: u32) -> u8 {
        picture.0[(y * picture.1.width + x) as usize * BYTES_PER_PIXEL + 1]
    }

    #[test]
    fn a_picture_in_its_own_size_is_only_converted() {
        let picture = convert(&ramp(320, 180), &target(320, 180, Fit::Cover));
        assert_eq!(picture.1, Resolution::new(320, 180));
        assert!(picture.0.chunks(4).all(|pixel| pixel[3] == 255));
        assert!(green(&picture, 300, 90) > green(&picture, 20, 90).saturating_add(100));
    }

    #[test]
    fn a_little_too_large_is_cut_and_much_too_large_is_scaled() {
        let near = target(1240, 660, Fit::Cover).plan(Resolution::new(1280, 720)).unwrap();
        assert_eq!((near.x, near.y, near.width, near.height), (20.0, 30.0, 1240.0, 660.0));
        let small = target(1280, 721, Fit::Cover).plan(Resolution::new(1280, 720)).unwrap();
        assert!(!small.is_scaled(Fit::Cover) && !near.is_scaled(Fit::Cover));
        let far = target(640, 360, Fit::Cover).plan(Resolution::new(1280, 720)).unwrap();
        assert_eq!((far.x, far.y, far.width, far.height), (0.0, 0.0, 1280.0, 720.0));
        let contain = target(1240, 660, Fit::Contain).plan(Resolution::new(1280, 720)).unwrap();
        assert_eq!((contain.width, contain.height, contain.size), (1280.0, 720.0, Resolution::new(1173, 660)));
        assert!(far.is_scaled(Fit::Cover) && contain.is_scaled(Fit::Contain));
        let picture = convert(&ramp(320, 180), &target(322, 181, Fit::Cover));
        for y in [0, 179, 180] {
            assert_eq!(green(&picture, 321, y), green(&picture, 319, y.min(179)));
        }
    }

    #[test]
    fn mirrored_is_the_same_from_right_to_left() {
        let plain = convert(&ramp(320, 180), &target(161, 91, Fit::Cover));
        let mirrored = convert(&ramp(320, 180), &Target { mirror: true, ..target(161, 91, Fit::Cover) });
        for x in [0, 40, 80, 160] {
            assert_eq!(green(&plain, x, 45), green(&mirrored, 160 - x, 45));
        }
    }

    #[test]
    fn zoom_shows_its_part_only() {
        let zoom = Some(Zoom { x: 0.5, y: 0.0, width: 0.5, height: 0.5 });
        let picture = convert(&ramp(320, 180), &Target { zoom, ..target(320, 180, Fit::Cover) });
        let whole = convert(&ramp(320, 180), &target(320, 180, Fit::Cover));
        assert!(green(&picture, 2, 90).abs_diff(green(&whole, 161, 45)) < 6);
        assert!(green(&picture, 317, 90).abs_diff(green(&whole, 318, 45)) < 6);
    }

    proptest! {
        #[test]
        fn every_size_and_zoom_fills_exactly_its_place(
            source in (2u32..400, 2u32..400), tile in (1u32..500, 1u32..500), contain: bool, mirror: bool,
            zoom in prop::option::of((-1f64..2.0, -1f64..2.0, -1f64..2.0, -1f64..2.0)),
        ) {
            let fit = if contain { Fit::Contain } else { Fit::Cover };
            let zoom = zoom.map(|(x, y, width, height)| Zoom { x, y, width, height });
            let target = Target { mirror, zoom, ..target(tile.0, tile.1, fit) };
            let (_, size) = convert(&ramp(source.0, source.1), &target);
            prop_assert!(size.width <= tile.0 && size.height <= tile.1);
            if contain {
                prop_assert!(size.width == tile.0 || size.height == tile.1);
            } else {
                prop_assert_eq!((size.width, size.height), tile);
            }
        }
    }
}
