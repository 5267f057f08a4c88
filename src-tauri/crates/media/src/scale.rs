//! Resizes pictures: the encoder's ladder, self-views and tiles. Owns its scratch memory; one instance for each thread.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::{I420, Resolution};

/// What happens when source and destination have different aspect ratios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// Cuts off what is too much on two opposite sides.
    #[default]
    Crop,
    /// Distorts.
    Stretch,
}

/// A part of a plane in its pixels, which need not be whole ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Bilinear, over all pixels that contribute: no flicker when made smaller.
#[derive(Default)]
pub struct Scaler {
    resizer: Resizer,
}

impl Scaler {
    /// Fills `to`, whatever its size.
    pub fn scale(&mut self, from: &I420, to: &mut I420, fit: Fit) {
        if from.size() == to.size() {
            for (from, to) in planes(from).into_iter().zip(planes_mut(to)) {
                to.1.copy_from_slice(from.1);
            }
            return;
        }
        let [x, y, width, height] = match fit {
            Fit::Crop => crop(from, to),
            Fit::Stretch => None,
        }
        .unwrap_or([0.0, 0.0, 1.0, 1.0]);
        for (from, to) in planes(from).into_iter().zip(planes_mut(to)) {
            let (across, down) = (f64::from(from.0.width), f64::from(from.0.height));
            let part = Part { x: x * across, y: y * down, width: width * across, height: height * down };
            let scaled = self.plane(from, part, to);
            debug_assert!(scaled, "planes of pictures fit their sizes");
        }
    }

    /// Fills the plane `to` with a part of the plane `from`; both have rows without gaps. False: a plane has not as many
    /// pixels as its size says, or the part lies outside.
    pub fn plane(&mut self, from: (Resolution, &[u8]), part: Part, to: (Resolution, &mut [u8])) -> bool {
        // Typed, so that only the code for single bytes is compiled and not that for every kind of pixel.
        let source = TypedImageRef::<U8>::from_buffer(from.0.width, from.0.height, from.1);
        let target = TypedImage::<U8>::from_buffer(to.0.width, to.0.height, to.1);
        let (Ok(source), Ok(mut target)) = (source, target) else { return false };
        let Part { x, y, width, height } = part;
        let algorithm = ResizeAlg::Convolution(FilterType::Bilinear);
        let options = ResizeOptions::new().resize_alg(algorithm).crop(x, y, width, height);
        self.resizer.resize_typed(&source, &mut target, &options).is_ok()
    }
}

/// Left, top, width and height of the centred part of `from` that has the aspect ratio of `to`, in parts of the picture.
fn crop(from: &I420, to: &I420) -> Option<[f64; 4]> {
    let (from, to) = (from.size(), to.size());
    let (wide, narrow) = (u64::from(from.width) * u64::from(to.height), u64::from(to.width) * u64::from(from.height));
    let part = wide.min(narrow) as f64 / wide.max(narrow) as f64;
    match wide.cmp(&narrow) {
        std::cmp::Ordering::Greater => Some([(1.0 - part) / 2.0, 0.0, part, 1.0]),
        std::cmp::Ordering::Less => Some([0.0, (1.0 - part) / 2.0, 1.0, part]),
        std::cmp::Ordering::Equal => None,
    }
}

/// The planes and their sizes.
fn planes(image: &I420) -> [(Resolution, &[u8]); 3] {
    let (size, chroma) = (image.size(), chroma(image));
    let (y, u, v) = image.planes();
    [(size, y), (chroma, u), (chroma, v)]
}

fn planes_mut(image: &mut I420) -> [(Resolution, &mut [u8]); 3] {
    let (size, chroma) = (image.size(), chroma(image));
    let (y, u, v) = image.planes_mut();
    [(size, y), (chroma, u), (chroma, v)]
}

fn chroma(image: &I420) -> Resolution {
    Resolution::new(image.chroma_stride() as u32, image.size().height.div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::{Pattern, psnr};
    use crate::{Resolution, Timestamp, marker};

    fn scaled(from: &I420, width: u32, height: u32, fit: Fit) -> I420 {
        let mut to = I420::black(Resolution::new(width, height));
        Scaler::default().scale(from, &mut to, fit);
        to
    }

    #[test]
    fn a_picture_survives_down_and_up_again() {
        let frame = Pattern::new(Resolution::new(640, 360), 30).frame(Timestamp(3));
        for (width, height) in [(320, 180), (321, 181), (480, 270), (1280, 720)] {
            let there = scaled(&frame.image, width, height, Fit::Crop);
            assert_eq!(marker::read(&there).map(|m| m.pts), Some(Timestamp(3)), "{width}x{height}");
            let back = scaled(&there, 640, 360, Fit::Crop);
            let quality = psnr(&frame.image, &back).unwrap();
            assert!(quality > 22.0, "{width}x{height}: {quality:.1} dB");
        }
    }

    #[test]
    fn the_same_size_is_copied() {
        let frame = Pattern::new(Resolution::new(65, 33), 30).frame(Timestamp(3));
        assert_eq!(scaled(&frame.image, 65, 33, Fit::Crop), *frame.image);
    }

    /// Thirds of dark, bright, dark.
    fn banner() -> I420 {
        let mut image = I420::black(Resolution::new(300, 100));
        image.planes_mut().0.chunks_exact_mut(300).for_each(|line| line[100..200].fill(200));
        image
    }

    #[test]
    fn crops_the_middle_or_distorts() {
        let cropped = scaled(&banner(), 50, 50, Fit::Crop);
        assert!(cropped.planes().0.iter().all(|level| *level > 150), "only the bright third is left");
        let stretched = scaled(&banner(), 50, 50, Fit::Stretch);
        let line = &stretched.planes().0[..50];
        assert!(line[8] < 30 && line[25] > 190 && line[41] < 30, "{line:?}");
        let upright = scaled(&banner(), 20, 90, Fit::Crop);
        assert!(upright.planes().0.iter().all(|level| *level > 190));
    }

    #[test]
    fn every_size_works() {
        let from = Pattern::new(Resolution::new(33, 17), 30).frame(Timestamp(3));
        for (width, height) in [(1, 1), (1, 100), (100, 1), (3, 3), (401, 7)] {
            scaled(&from.image, width, height, Fit::Crop);
            scaled(&from.image, width, height, Fit::Stretch);
            let tiny = I420::black(Resolution::new(1, 1));
            scaled(&tiny, width, height, Fit::Crop);
        }
    }
}
