//! A camera's raw pictures to I420. Runs on the camera thread; pictures come from a pool.

use std::sync::Arc;

use fika_media::I420;
use fika_media::convert::{self, Mjpeg};
use fika_media::frame::Pool;

use super::mode::{Mode, PixelFormat};

pub(super) struct Converter {
    mode: Mode,
    mjpeg: Mjpeg,
    pool: Pool,
}

impl Converter {
    pub(super) fn new(mode: Mode) -> Self {
        Self { mode, mjpeg: Mjpeg::default(), pool: Pool::default() }
    }

    /// `data` may be longer than the picture: drivers hand out the whole buffer. `None`: the picture is damaged.
    pub(super) fn convert(&mut self, data: &[u8]) -> Option<Arc<I420>> {
        let image = match self.mode.format {
            PixelFormat::Yuyv => self.raw(data, convert::yuyv),
            PixelFormat::Nv12 => self.raw(data, convert::nv12),
            PixelFormat::Mjpeg => self.mjpeg.decode(data, &mut self.pool),
        };
        Some(self.pool.share(image.ok()?))
    }

    fn raw(
        &mut self,
        data: &[u8],
        convert: fn(&[u8], &mut I420) -> Result<(), convert::Error>,
    ) -> Result<I420, convert::Error> {
        let mut image = self.pool.take(self.mode.size);
        convert(data, &mut image)?;
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use fika_media::Resolution;

    use super::*;

    fn converter(format: PixelFormat) -> Converter {
        Converter::new(Mode { size: Resolution::new(4, 2), frame_rate: 30, format })
    }

    #[test]
    fn raw_pictures_are_converted_and_short_ones_left_out() {
        let image = converter(PixelFormat::Yuyv).convert(&[[50, 90, 60, 160]; 5].concat()).unwrap();
        let (y, u, v) = image.planes();
        assert_eq!((y, u, v), (&[50, 60, 50, 60, 50, 60, 50, 60][..], &[90, 90][..], &[160, 160][..]));
        let image = converter(PixelFormat::Nv12).convert(&[7; 20]).unwrap();
        assert_eq!(image.data(), [7; 12]);
        assert!(converter(PixelFormat::Yuyv).convert(&[0; 15]).is_none());
        assert!(converter(PixelFormat::Nv12).convert(&[0; 11]).is_none());
        assert!(converter(PixelFormat::Mjpeg).convert(&[0; 100]).is_none());
    }

    #[test]
    fn pictures_are_used_again_when_nobody_holds_them() {
        let mut converter = converter(PixelFormat::Nv12);
        let first = converter.convert(&[1; 12]).unwrap();
        let held = converter.convert(&[2; 12]).unwrap();
        let place = first.data().as_ptr();
        drop(first);
        assert_eq!(converter.convert(&[3; 12]).unwrap().data().as_ptr(), place);
        assert_eq!(held.data(), [2; 12]);
    }
}
