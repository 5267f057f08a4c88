//! Motion JPEG. Owns the RGB picture in between; runs on the camera thread.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{Error, rgb};
use crate::frame::Pool;
use crate::{I420, Resolution};

/// Largest width and height taken.
const MAX_SIDE: usize = 4096;
/// The tables of ITU-T T.81 annex K.3, which Motion JPEG leaves out.
const HUFFMAN_TABLES: &[u8] = include_bytes!("huffman.dht");

/// Decodes one camera's pictures.
#[derive(Debug, Default)]
pub struct Mjpeg {
    rgb: Vec<u8>,
    with_tables: Vec<u8>,
}

impl Mjpeg {
    /// `data`: one JPEG picture of any subsampling; bytes behind its end are ignored. A picture without an end was torn.
    pub fn decode(&mut self, data: &[u8], pool: &mut Pool) -> Result<I420, Error> {
        let data = &data[..end(data).ok_or(Error::Damaged)?];
        if has_tables(data) {
            return decode(data, &mut self.rgb, pool);
        }
        let (start, rest) = data.split_at_checked(2).ok_or(Error::Damaged)?;
        self.with_tables.clear();
        self.with_tables.extend_from_slice(start);
        self.with_tables.extend_from_slice(HUFFMAN_TABLES);
        self.with_tables.extend_from_slice(rest);
        decode(&self.with_tables, &mut self.rgb, pool)
    }
}

fn decode(data: &[u8], scratch: &mut Vec<u8>, pool: &mut Pool) -> Result<I420, Error> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .set_strict_mode(false)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(data), options);
    decoder.decode_headers().map_err(|_| Error::Damaged)?;
    let info = decoder.info().ok_or(Error::Damaged)?;
    let size = Resolution::new(u32::from(info.width), u32::from(info.height));
    if size.pixels() == 0 || usize::from(info.width.max(info.height)) > MAX_SIDE {
        return Err(Error::Size);
    }
    scratch.resize(size.pixels() as usize * 3, 0);
    decoder.decode_into(scratch).map_err(|_| Error::Damaged)?;
    let mut image = pool.take(size);
    rgb(scratch, &mut image)?;
    Ok(image)
}

/// Behind the last end of an image. Cameras hand over buffers of a fixed size, of which most is not the picture.
fn end(data: &[u8]) -> Option<usize> {
    let mut ends = memchr::memrchr_iter(0xd9, data).filter(|at| at.checked_sub(1).is_some_and(|at| data[at] == 0xff));
    ends.next().map(|at| at + 1)
}

/// Whether a DHT segment stands before the first scan.
fn has_tables(data: &[u8]) -> bool {
    let mut at = 2;
    while let Some([0xff, marker, high, low]) = data.get(at..at + 4) {
        match marker {
            0xc4 => return true,
            0xda => return false,
            _ => at += 2 + usize::from(u16::from_be_bytes([*high, *low])),
        }
    }
    // Not a plain list of segments: the decoder judges.
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PICTURES: [(&[u8], u32, u32); 2] =
        [(include_bytes!("blue-red-48x32.jpg"), 48, 32), (include_bytes!("blue-red-35x21.jpg"), 35, 21)];

    fn check(data: &[u8], width: u32, height: u32) {
        let image = Mjpeg::default().decode(data, &mut Pool::default()).unwrap();
        assert_eq!(image.size(), Resolution::new(width, height));
        let (y, u, v) = image.planes();
        let chroma = image.chroma_stride();
        for (plane, stride, blue, red) in [(y, width as usize, 41, 81), (u, chroma, 240, 90), (v, chroma, 110, 240)] {
            for line in plane.chunks_exact(stride) {
                assert!(line[2].abs_diff(blue) <= 6 && line[stride - 2].abs_diff(red) <= 6, "{line:?}");
            }
        }
    }

    fn without_tables(data: &[u8]) -> Vec<u8> {
        let mut data = data.to_vec();
        while let Some(at) = data.windows(2).position(|pair| pair == [0xff, 0xc4]) {
            let len = 2 + usize::from(u16::from_be_bytes([data[at + 2], data[at + 3]]));
            data.drain(at..at + len);
        }
        data
    }

    #[test]
    fn decodes_colours_at_odd_sizes_with_padding_behind() {
        for (data, width, height) in PICTURES {
            check(data, width, height);
            check(&[data, &[0; 300]].concat(), width, height);
        }
    }

    #[test]
    fn adds_the_tables_that_cameras_leave_out() {
        for (data, width, height) in PICTURES {
            let bare = without_tables(data);
            assert!(bare.len() + 400 < data.len());
            check(&bare, width, height);
        }
    }

    #[test]
    fn refuses_torn_and_empty_pictures() {
        let decode = |data: &[u8]| Mjpeg::default().decode(data, &mut Pool::default()).unwrap_err();
        for (data, ..) in PICTURES {
            assert_eq!(decode(&data[..data.len() - 2]), Error::Damaged);
            assert_eq!(decode(&data[..data.len() / 2]), Error::Damaged);
        }
        assert_eq!(decode(&[]), Error::Damaged);
        assert_eq!(decode(&[0xff, 0xd9]), Error::Damaged);
        assert_eq!(decode(&[0xff, 0xd8, 0xff, 0xd9]), Error::Damaged);
    }

    proptest! {
        #[test]
        fn damage_never_panics(
            which in 0usize..2, changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8), cut in any::<usize>()
        ) {
            let mut data = PICTURES[which].0.to_vec();
            for (at, byte) in changes {
                let at = at % data.len();
                data[at] = byte;
            }
            data.truncate(cut % data.len().max(1));
            data.extend([0xff, 0xd9]);
            let _ = Mjpeg::default().decode(&data, &mut Pool::default());
        }
    }
}
