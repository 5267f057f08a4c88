//! Made-up media for tests, measurements and the test camera. Pure; paced by whoever asks.

use std::time::Duration;

use crate::device::DeviceError;
use crate::frame::Pool;
use crate::marker::{self, Marker};
use crate::{I420, Resolution, Timestamp, VideoFrame, VideoSource};

/// A coloured, textured, moving picture with a [`Marker`] at its top.
pub struct Pattern {
    size: Resolution,
    frame_rate: u32,
    /// Twice as wide as the picture: a window onto it moves to the right.
    backdrop: I420,
    /// Camera noise, a byte for each pixel and as much again; empty for none.
    grain: Vec<u8>,
    pool: Pool,
    counter: u32,
}

impl Pattern {
    /// Pixels that the backdrop moves from one picture to the next; even, so that chroma follows.
    const STEP: usize = 2;

    pub fn new(size: Resolution, frame_rate: u32) -> Self {
        Self {
            size,
            frame_rate: frame_rate.max(1),
            backdrop: backdrop(size),
            grain: Vec::new(),
            pool: Pool::default(),
            counter: 0,
        }
    }

    /// Adds noise of `-amplitude` to `amplitude` (at most 8) to each pixel, another one in each picture: the pictures
    /// then need as many bits as those of a camera.
    pub fn with_grain(mut self, amplitude: u8) -> Self {
        let span = u32::from(amplitude.min(8)) * 2 + 1;
        let mut state = 0x2545_f491u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 16) % span) as u8
        });
        self.grain = noise.take(self.size.pixels() as usize * 2).collect();
        self.grain.iter_mut().for_each(|noise| *noise = noise.wrapping_sub(amplitude.min(8)));
        self
    }

    /// The next picture. It says that it was made at `pts`.
    pub fn frame(&mut self, pts: Timestamp) -> VideoFrame {
        let mut image = self.pool.take(self.size);
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let (chroma_width, backdrop_chroma) = (image.chroma_stride(), self.backdrop.chroma_stride());
        let shift = (self.counter as usize * Self::STEP % width) & !1;
        let (from_y, from_u, from_v) = self.backdrop.planes();
        let (y, u, v) = image.planes_mut();
        window(y, from_y, width, width * 2, shift);
        window(u, from_u, chroma_width, backdrop_chroma, shift / 2);
        window(v, from_v, chroma_width, backdrop_chroma, shift / 2);
        // A bright square on a circle: motion that the scrolling does not predict.
        let side = (width.min(height) / 8).max(1);
        let turn = self.counter as f32 * 0.05;
        let across = (turn.cos() * 0.4 + 0.5) * (width - side) as f32;
        let down = (turn.sin() * 0.3 + 0.6) * (height - side) as f32;
        for line in y.chunks_exact_mut(width).skip(down as usize).take(side) {
            line[across as usize..across as usize + side].fill(210);
        }
        if !self.grain.is_empty() {
            // A prime step: the same noise comes back late.
            let shift = self.counter as usize * 7_919 % y.len();
            y.iter_mut().zip(&self.grain[shift..]).for_each(|(level, noise)| *level = level.wrapping_add(*noise));
        }
        marker::write(&mut image, Marker { counter: self.counter, pts });
        self.counter = self.counter.wrapping_add(1);
        VideoFrame { pts, image: self.pool.share(image) }
    }
}

/// Answers at once with pictures `1 / frame_rate` apart, from time zero on.
impl VideoSource for Pattern {
    fn read(&mut self, _timeout: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        let pts = Timestamp(i64::from(self.counter) * 1_000_000 / i64::from(self.frame_rate));
        Ok(Some(self.frame(pts)))
    }

    fn resolution(&self) -> Resolution {
        self.size
    }

    fn frame_rate(&self) -> u32 {
        self.frame_rate
    }
}

/// Mean squared error of the luma planes as a peak signal-to-noise ratio in dB; 99 for equal pictures. `None` when the
/// sizes differ.
pub fn psnr(a: &I420, b: &I420) -> Option<f64> {
    if a.size() != b.size() {
        return None;
    }
    let sum: u64 = a.planes().0.iter().zip(b.planes().0).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    let mean = sum as f64 / a.size().pixels() as f64;
    Some(if sum == 0 { 99.0 } else { 10.0 * (255.0 * 255.0 / mean).log10() })
}

fn window(to: &mut [u8], from: &[u8], width: usize, stride: usize, shift: usize) {
    for (to, from) in to.chunks_exact_mut(width).zip(from.chunks_exact(stride)) {
        to.copy_from_slice(&from[shift..shift + width]);
    }
}

/// Repeats after `size.width` columns.
fn backdrop(size: Resolution) -> I420 {
    let mut image = I420::black(Resolution::new(size.width * 2, size.height));
    let (period, height) = (size.width as f32, size.height as f32);
    let (width, chroma) = (size.width as usize * 2, image.chroma_stride());
    let turn = std::f32::consts::TAU;
    let (y, u, v) = image.planes_mut();
    for (at, level) in y.iter_mut().enumerate() {
        let (x, line) = ((at % width) as f32 / period, (at / width) as f32 / height);
        let wave = (turn * (3.0 * x + line)).sin() * 45.0 + (turn * (17.0 * x - 9.0 * line)).sin() * 12.0;
        *level = (118.0 + wave + 25.0 * (line - 0.5)) as u8;
    }
    for at in 0..u.len() {
        let (x, line) = ((at % chroma) as f32 * 2.0 / period, (at / chroma) as f32 * 2.0 / height);
        u[at] = (128.0 + 45.0 * (turn * x).cos()) as u8;
        v[at] = (128.0 + 45.0 * (turn * (x + line * 0.5)).sin()) as u8;
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_move_and_carry_their_mark() {
        let mut pattern = Pattern::new(Resolution::new(320, 180), 30);
        let first = pattern.frame(Timestamp(5));
        let second = pattern.frame(Timestamp(7));
        assert_eq!(marker::read(&first.image), Some(Marker { counter: 0, pts: Timestamp(5) }));
        assert_eq!(marker::read(&second.image), Some(Marker { counter: 1, pts: Timestamp(7) }));
        let difference = psnr(&first.image, &second.image).unwrap();
        assert!((10.0..40.0).contains(&difference), "{difference}");
    }

    #[test]
    fn every_size_and_every_shift_works() {
        for (width, height) in [(16, 16), (17, 19), (1, 1), (99, 3)] {
            let mut pattern = Pattern::new(Resolution::new(width, height), 30);
            for _ in 0..120 {
                assert_eq!(pattern.read(Duration::ZERO).unwrap().unwrap().size(), Resolution::new(width, height));
            }
        }
    }

    #[test]
    fn frames_nobody_holds_are_used_again() {
        let mut pattern = Pattern::new(Resolution::new(64, 64), 30);
        let first = pattern.frame(Timestamp(0)).image.data().as_ptr();
        let second = pattern.frame(Timestamp(1)).image.data().as_ptr();
        assert_eq!(first, second);
    }
}
