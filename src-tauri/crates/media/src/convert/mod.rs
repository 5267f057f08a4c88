//! From what cameras and files deliver to [`I420`], BT.601 limited range. Runs on the camera thread, no queue.
//!
//! Sizes may be odd: the last column or row then has a chroma sample of its own, as in [`I420`].

mod mjpeg;

use yuv::{
    BufferStoreMut, YuvConversionMode, YuvPackedImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix, rgb_to_yuv420,
    yuyv422_to_yuv420,
};

pub use mjpeg::Mjpeg;

use crate::I420;

/// The picture is left out; the next one may be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device gave less than a picture.
    #[error("{found} bytes instead of {needed}")]
    Short { needed: usize, found: usize },
    /// Torn or broken compressed data.
    #[error("the picture is damaged")]
    Damaged,
    /// The picture's size is zero or beyond what we show.
    #[error("the picture size is not supported")]
    Size,
}

/// `data`: rows of Y0 U Y1 V, `4 * ceil(width / 2)` bytes each; more is ignored.
pub fn yuyv(data: &[u8], out: &mut I420) -> Result<(), Error> {
    let size = out.size();
    let stride = size.width.div_ceil(2) * 4;
    let data = enough(data, stride as usize * size.height as usize)?;
    // `yuv` leaves the last row of an odd height out.
    let pairs = size.height & !1;
    let (even, last) = data.split_at(stride as usize * pairs as usize);
    if pairs > 0 {
        let packed = YuvPackedImage { yuy: even, yuy_stride: stride, width: size.width, height: pairs };
        let mut planes = planar(out, pairs);
        yuyv422_to_yuv420(&mut planes, &packed).map_err(|_| Error::Size)?;
    }
    if pairs < size.height {
        last_yuyv_row(last, out);
    }
    Ok(())
}

fn last_yuyv_row(row: &[u8], out: &mut I420) {
    let (width, chroma) = (out.size().width as usize, out.chroma_stride());
    let (y, u, v) = out.planes_mut();
    let (y_start, c_start) = (y.len() - width, u.len() - chroma);
    for (at, group) in row.as_chunks::<4>().0.iter().enumerate().take(chroma) {
        y[y_start + at * 2] = group[0];
        if at * 2 + 1 < width {
            y[y_start + at * 2 + 1] = group[2];
        }
        (u[c_start + at], v[c_start + at]) = (group[1], group[3]);
    }
}

/// `data`: Y, then rows of interleaved U and V, `2 * ceil(width / 2)` bytes each; more is ignored.
pub fn nv12(data: &[u8], out: &mut I420) -> Result<(), Error> {
    let data = enough(data, I420::len(out.size()))?;
    let (y, u, v) = out.planes_mut();
    let (luma, chroma) = data.split_at(y.len());
    y.copy_from_slice(luma);
    for ((pair, u), v) in chroma.as_chunks::<2>().0.iter().zip(u).zip(v) {
        (*u, *v) = (pair[0], pair[1]);
    }
    Ok(())
}

/// `data`: rows of R, G, B, full range; more is ignored.
pub fn rgb(data: &[u8], out: &mut I420) -> Result<(), Error> {
    let size = out.size();
    let data = enough(data, size.pixels() as usize * 3)?;
    let (range, matrix, mode) = (YuvRange::Limited, YuvStandardMatrix::Bt601, YuvConversionMode::Balanced);
    rgb_to_yuv420(&mut planar(out, size.height), data, size.width * 3, range, matrix, mode).map_err(|_| Error::Size)
}

fn enough(data: &[u8], needed: usize) -> Result<&[u8], Error> {
    data.get(..needed).ok_or(Error::Short { needed, found: data.len() })
}

/// The first `height` rows.
fn planar(image: &mut I420, height: u32) -> YuvPlanarImageMut<'_, u8> {
    let (width, chroma) = (image.size().width, image.chroma_stride() as u32);
    let (luma_len, chroma_len) = (width as usize * height as usize, chroma as usize * height.div_ceil(2) as usize);
    let (y, u, v) = image.planes_mut();
    YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(&mut y[..luma_len]),
        y_stride: width,
        u_plane: BufferStoreMut::Borrowed(&mut u[..chroma_len]),
        u_stride: chroma,
        v_plane: BufferStoreMut::Borrowed(&mut v[..chroma_len]),
        v_stride: chroma,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Resolution;

    const SIZES: [(u32, u32); 8] = [(64, 32), (63, 32), (64, 31), (63, 31), (1, 1), (2, 1), (1, 2), (1279, 7)];

    fn smooth(x: u32, y: u32) -> u8 {
        (40 + x * 3 % 160 + y % 7) as u8
    }

    /// Every size: the luma goes over exactly, the chroma of a constant too.
    #[test]
    fn yuyv_keeps_luma_and_colour() {
        for (width, height) in SIZES {
            let mut data = Vec::new();
            for y in 0..height {
                for pair in 0..width.div_ceil(2) {
                    data.extend([smooth(pair * 2, y), 77, smooth(pair * 2 + 1, y), 200]);
                }
            }
            let mut out = I420::black(Resolution::new(width, height));
            yuyv(&data, &mut out).unwrap();
            check(&out, 77, 200, 0);
            let short = Error::Short { needed: data.len(), found: data.len() - 1 };
            assert_eq!(yuyv(&data[..data.len() - 1], &mut out), Err(short));
            data.push(9);
            assert_eq!(yuyv(&data, &mut out), Ok(()), "more is ignored");
        }
    }

    #[test]
    fn nv12_keeps_luma_and_colour() {
        for (width, height) in SIZES {
            let mut data: Vec<u8> = (0..height).flat_map(|y| (0..width).map(move |x| smooth(x, y))).collect();
            for _ in 0..width.div_ceil(2) * height.div_ceil(2) {
                data.extend([77, 200]);
            }
            let mut out = I420::black(Resolution::new(width, height));
            nv12(&data, &mut out).unwrap();
            check(&out, 77, 200, 0);
            assert!(matches!(nv12(&data[..data.len() - 1], &mut out), Err(Error::Short { .. })));
        }
    }

    #[test]
    fn rgb_is_bt601_limited() {
        let colours = [([255, 0, 0], [81, 90, 240]), ([0, 0, 255], [41, 240, 110]), ([255; 3], [235, 128, 128])];
        for (width, height) in SIZES {
            for (rgb_value, [y, u, v]) in colours {
                let data = rgb_value.repeat(width as usize * height as usize);
                let mut out = I420::black(Resolution::new(width, height));
                rgb(&data, &mut out).unwrap();
                let (found_y, found_u, found_v) = out.planes();
                for (plane, expected) in [(found_y, y), (found_u, u), (found_v, v)] {
                    assert!(plane.iter().all(|found| found.abs_diff(expected) <= 2), "{width}x{height} {plane:?}");
                }
                assert!(matches!(rgb(&data[..data.len() - 1], &mut out), Err(Error::Short { .. })));
            }
        }
    }

    fn check(out: &I420, u: u8, v: u8, tolerance: u8) {
        let (found_y, found_u, found_v) = out.planes();
        for (at, level) in found_y.iter().enumerate() {
            let (x, y) = (at as u32 % out.size().width, at as u32 / out.size().width);
            assert!(level.abs_diff(smooth(x, y)) <= tolerance, "{:?} at {x}, {y}", out.size());
        }
        assert!(found_u.iter().all(|found| *found == u) && found_v.iter().all(|found| *found == v), "{:?}", out.size());
    }

    proptest! {
        #[test]
        fn no_buffer_is_too_short_to_be_refused(
            width in 1u32..70, height in 1u32..40, data in proptest::collection::vec(any::<u8>(), 0..9000)
        ) {
            let mut out = I420::black(Resolution::new(width, height));
            for convert in [yuyv, nv12, rgb] {
                let _ = convert(&data, &mut out);
            }
        }
    }
}
