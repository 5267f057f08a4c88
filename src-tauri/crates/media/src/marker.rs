//! Machine-readable mark in a picture: which frame it is and when it was made. Survives the codec and scaling.
//!
//! Three rows of 40 black or white blocks from the top left corner, each as wide and high as a 40th of the picture's
//! width (16 pixels at 640): 8 bits to find it, 32 of counter, 64 of time in microseconds, 16 of CRC. Pure; any thread.

use crc::{CRC_16_IBM_3740, Crc};

use crate::{I420, Resolution, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    pub counter: u32,
    pub pts: Timestamp,
}

const COLUMNS: usize = 40;
const ROWS: usize = 3;
const BYTES: usize = COLUMNS * ROWS / 8;
const FIND: u8 = 0b1011_0010;
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);
const BLACK: u8 = 16;
const WHITE: u8 = 235;

/// Draws `marker` over the top of `image`. Does nothing to a picture that is too small (under 160 wide or 24 high).
pub fn write(image: &mut I420, marker: Marker) {
    let size = image.size();
    if !fits(size) {
        return;
    }
    let bytes = pack(marker);
    let (width, chroma_width) = (size.width as usize, image.chroma_stride());
    let bottom = (edge(ROWS, size) as usize).min(size.height as usize);
    let (y, u, v) = image.planes_mut();
    for row in 0..ROWS {
        let (top, below) = (edge(row, size) as usize, edge(row + 1, size) as usize);
        for column in 0..COLUMNS {
            let level = if bit(&bytes, row * COLUMNS + column) { WHITE } else { BLACK };
            let (left, right) = (edge(column, size) as usize, edge(column + 1, size) as usize);
            for line in top..below {
                y[line * width + left..line * width + right].fill(level);
            }
        }
    }
    let grey = bottom.div_ceil(2) * chroma_width;
    u[..grey].fill(128);
    v[..grey].fill(128);
}

/// The mark in `image`; `None` when there is none or it is not readable.
pub fn read(image: &I420) -> Option<Marker> {
    let size = image.size();
    if !fits(size) {
        return None;
    }
    let (y, ..) = image.planes();
    let mut bytes = [0u8; BYTES];
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let at = row * COLUMNS + column;
            bytes[at / 8] |= u8::from(bright(y, size, column, row)) << (7 - at % 8);
        }
    }
    unpack(&bytes)
}

/// The middle of a block, without its blurred edges.
fn bright(y: &[u8], size: Resolution, column: usize, row: usize) -> bool {
    let middle = |index: usize| {
        let (from, to) = (edge(index, size), edge(index + 1, size));
        let margin = (to - from) / 4;
        (from + margin) as usize..(to - margin) as usize
    };
    let (mut sum, mut count) = (0u32, 0u32);
    for line in middle(row) {
        for x in middle(column) {
            sum += u32::from(y[line * size.width as usize + x]);
            count += 1;
        }
    }
    sum > count * 126
}

fn edge(index: usize, size: Resolution) -> u32 {
    index as u32 * size.width / COLUMNS as u32
}

fn fits(size: Resolution) -> bool {
    size.width >= 160 && size.height >= 24 && edge(ROWS, size) <= size.height
}

fn bit(bytes: &[u8; BYTES], at: usize) -> bool {
    bytes[at / 8] >> (7 - at % 8) & 1 == 1
}

fn pack(marker: Marker) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[0] = FIND;
    bytes[1..5].copy_from_slice(&marker.counter.to_be_bytes());
    bytes[5..13].copy_from_slice(&marker.pts.as_micros().to_be_bytes());
    let crc = CRC.checksum(&bytes[1..13]);
    bytes[13..].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn unpack(bytes: &[u8; BYTES]) -> Option<Marker> {
    let crc = u16::from_be_bytes([bytes[13], bytes[14]]);
    if bytes[0] != FIND || CRC.checksum(&bytes[1..13]) != crc {
        return None;
    }
    let counter = u32::from_be_bytes(bytes[1..5].try_into().ok()?);
    let pts = Timestamp(i64::from_be_bytes(bytes[5..13].try_into().ok()?));
    Some(Marker { counter, pts })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: Marker = Marker { counter: 0xdead_0042, pts: Timestamp(1_234_567_890_123) };

    #[test]
    fn is_read_back_at_every_size() {
        for (width, height) in [(1280, 720), (640, 360), (320, 180), (161, 91), (1919, 1079), (360, 640)] {
            let mut image = I420::black(Resolution::new(width, height));
            assert_eq!(read(&image), None);
            write(&mut image, MARKER);
            assert_eq!(read(&image), Some(MARKER), "{width}x{height}");
        }
    }

    #[test]
    fn a_flipped_block_is_found() {
        let mut image = I420::black(Resolution::new(640, 360));
        write(&mut image, MARKER);
        let (y, ..) = image.planes_mut();
        for line in 16..32 {
            for level in &mut y[line * 640 + 32..line * 640 + 48] {
                *level = 251 - *level;
            }
        }
        assert_eq!(read(&image), None);
    }

    #[test]
    fn leaves_small_pictures_alone() {
        let mut image = I420::black(Resolution::new(64, 64));
        write(&mut image, MARKER);
        assert_eq!(image, I420::black(Resolution::new(64, 64)));
        assert_eq!(read(&image), None);
    }
}
