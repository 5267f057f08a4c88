//! From a picture to the bytes of one message: cut, scaled and mirrored as the tile wants it. Runs on the thread
//! `surface`.

use fika_media::scale::{Part, Scaler};
use fika_media::{I420, Resolution};

use crate::fit::{Plan, Target};
use crate::protocol::HEADER_BYTES;

/// Keeps the scaler's working memory between pictures.
#[derive(Default)]
pub(crate) struct Converter {
    scaler: Scaler,
}

impl Converter {
    /// Room for the header, then the picture, and its size. `None`: there is nothing to show in so small a picture.
    pub(crate) fn convert(&mut self, image: &I420, target: &Target) -> Option<(Vec<u8>, Resolution)> {
        let plan = target.plan(image.size())?;
        let mut message = vec![0; HEADER_BYTES + I420::len(plan.size)];
        if plan.size == image.size() {
            message[HEADER_BYTES..].copy_from_slice(image.data());
        } else {
            let (y, u, v) = image.planes();
            let [(out_y, _), (out_u, _), (out_v, _)] = planes_mut(&mut message[HEADER_BYTES..], plan.size);
            self.plane(y, image.size().width as usize, &plan, 1, out_y)?;
            self.plane(u, image.chroma_stride(), &plan, 2, out_u)?;
            self.plane(v, image.chroma_stride(), &plan, 2, out_v)?;
        }
        if target.mirror {
            for (plane, width) in planes_mut(&mut message[HEADER_BYTES..], plan.size) {
                plane.chunks_exact_mut(width).for_each(<[u8]>::reverse);
            }
        }
        Some((message, plan.size))
    }

    /// One plane, `part` times smaller than the luma plane in each direction.
    fn plane(&mut self, source: &[u8], stride: usize, plan: &Plan, part: u32, out: &mut [u8]) -> Option<()> {
        let (x, y) = (plan.x / part, plan.y / part);
        let crop = Resolution::new(plan.crop.width / part, plan.crop.height / part);
        let size = Resolution::new(plan.size.width / part, plan.size.height / part);
        if crop == size {
            let rows = source.chunks_exact(stride).skip(y as usize);
            for (row, out) in rows.zip(out.chunks_exact_mut(size.width as usize)) {
                out.copy_from_slice(&row[x as usize..][..size.width as usize]);
            }
            return Some(());
        }
        let from = Resolution::new(stride as u32, (source.len() / stride) as u32);
        let part = Part { x: x.into(), y: y.into(), width: crop.width.into(), height: crop.height.into() };
        self.scaler.plane((from, source), part, (size, out)).then_some(())
    }
}

/// The planes of a packed picture and the length of their rows.
fn planes_mut(data: &mut [u8], size: Resolution) -> [(&mut [u8], usize); 3] {
    let (y, chroma) = data.split_at_mut(size.pixels() as usize);
    let half = chroma.len() / 2;
    let (u, v) = chroma.split_at_mut(half);
    let chroma_width = size.width.div_ceil(2) as usize;
    [(y, size.width as usize), (u, chroma_width), (v, chroma_width)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Fit;

    /// Luma grows to the right, one chroma plane downwards.
    fn ramp(width: u32, height: u32) -> I420 {
        let mut image = I420::black(Resolution::new(width, height));
        let (y, u, _) = image.planes_mut();
        for (i, y) in y.iter_mut().enumerate() {
            *y = (i as u32 % width * 255 / width) as u8;
        }
        for (i, u) in u.iter_mut().enumerate() {
            *u = (i as u32 / width.div_ceil(2) * 255 / height.div_ceil(2)) as u8;
        }
        image
    }

    fn convert(image: &I420, width: u32, height: u32, fit: Fit, mirror: bool) -> I420 {
        let target = Target { width, height, fit, mirror };
        let (message, size) = Converter::default().convert(image, &target).unwrap();
        I420::from_data(size, message[HEADER_BYTES..].to_vec()).unwrap()
    }

    #[test]
    fn the_same_size_is_passed_on_unchanged() {
        let image = ramp(64, 36);
        assert!(convert(&image, 64, 36, Fit::Cover, false) == image);
        assert!(convert(&image, 640, 360, Fit::Cover, false) == image);
    }

    #[test]
    fn a_mirrored_picture_reads_from_the_right() {
        let (image, mirrored) = (ramp(64, 36), convert(&ramp(64, 36), 64, 36, Fit::Cover, true));
        let (row, back) = (&image.planes().0[..64], &mirrored.planes().0[..64]);
        assert!(row.iter().eq(back.iter().rev()));
        assert_eq!(image.planes().1, mirrored.planes().1);
    }

    #[test]
    fn cutting_takes_the_middle() {
        let image = ramp(64, 36);
        let cut = convert(&image, 36, 36, Fit::Cover, false);
        assert_eq!(cut.size(), Resolution::new(36, 36));
        assert_eq!(cut.planes().0[..36], image.planes().0[14..50]);
        assert_eq!(cut.planes().1[..18], image.planes().1[7..25]);
    }

    #[test]
    fn scaling_keeps_the_shape_of_each_plane() {
        let image = ramp(1280, 720);
        let small = convert(&image, 320, 180, Fit::Cover, true);
        assert_eq!(small.size(), Resolution::new(320, 180));
        let (y, u, v) = small.planes();
        for (x, expected) in [(0, 254), (160, 127), (319, 0)] {
            assert!(y[90 * 320 + x].abs_diff(expected) <= 2, "luma {} at {x}", y[90 * 320 + x]);
        }
        for (row, expected) in [(0, 0), (45, 128), (89, 253)] {
            assert!(u[row * 160 + 80].abs_diff(expected) <= 2, "chroma {} in row {row}", u[row * 160 + 80]);
        }
        assert!(v.iter().all(|&v| v == 128));
    }

    #[test]
    fn odd_sources_become_even() {
        let small = convert(&ramp(639, 359), 700, 400, Fit::Contain, false);
        assert_eq!(small.size(), Resolution::new(638, 358));
    }
}
