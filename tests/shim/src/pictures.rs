//! The pictures a virtual camera delivers: a moving pattern, or a clip. Runs on the thread that dequeues.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;

use fika_media::marker::{self, Marker};
use fika_media::test::Pattern;
use fika_media::{I420, Resolution, Timestamp};

use crate::setup::{Format, Setup};

/// The pictures of one stream.
pub(crate) struct Pictures {
    format: Format,
    size: Resolution,
    pattern: Option<Pattern>,
    /// The clip's picture, read into again and again.
    image: I420,
}

/// An uncompressed clip, read picture by picture.
pub(crate) struct Clip {
    file: File,
    pub(crate) size: Resolution,
    /// Where the first picture's header starts.
    start: u64,
    count: u64,
}

/// JPEG pictures, all of one size.
pub(crate) struct Jpegs {
    data: Vec<u8>,
    /// Start and end of each.
    pictures: Vec<(usize, usize)>,
    pub(crate) size: Resolution,
}

/// Before each picture of a y4m file.
const FRAME_HEADER: &[u8] = b"FRAME\n";

impl Pictures {
    pub(crate) fn new(format: Format, size: Resolution, rate: u32, setup: &Setup) -> Self {
        let plays = setup.clip.as_ref().is_some_and(|clip| clip.size == size) || format == Format::Mjpg;
        let pattern = (!plays).then(|| Pattern::new(size, rate));
        Self { format, size, pattern, image: I420::black(size) }
    }

    /// Picture number `counter`, captured at `pts`; returns how many bytes of `out` it takes.
    pub(crate) fn fill(&mut self, out: &mut [u8], counter: u32, pts: Timestamp, setup: &Setup) -> usize {
        if self.format == Format::Mjpg {
            let picture = setup.jpegs.as_ref().map_or(&[][..], |jpegs| jpegs.picture(counter));
            let length = picture.len().min(out.len());
            out[..length].copy_from_slice(&picture[..length]);
            return length;
        }
        match (&mut self.pattern, &setup.clip) {
            (Some(pattern), _) => {
                let frame = pattern.frame(pts);
                self.image.planes_mut().0.copy_from_slice(frame.image.planes().0);
                self.image.planes_mut().1.copy_from_slice(frame.image.planes().1);
                self.image.planes_mut().2.copy_from_slice(frame.image.planes().2);
            }
            (None, Some(clip)) => clip.read(counter, &mut self.image),
            (None, None) => {}
        }
        marker::write(&mut self.image, Marker { counter, pts });
        match self.format {
            Format::Yuyv => to_yuyv(&self.image, out),
            _ => to_nv12(&self.image, out),
        }
        (self.format.bytes(self.size) as usize).min(out.len())
    }
}

impl Clip {
    pub(crate) fn open(path: &Path) -> Option<Self> {
        let mut reader = BufReader::new(File::open(path).ok()?);
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let start = reader.stream_position().ok()?;
        let number =
            |key: char| header.split_whitespace().skip(1).find_map(|word| word.strip_prefix(key)?.parse().ok());
        let size = Resolution::new(number('W')?, number('H')?);
        let planar = header.split_whitespace().filter_map(|word| word.strip_prefix('C')).all(|c| c.starts_with("420"));
        let file = reader.into_inner();
        let picture = (FRAME_HEADER.len() + I420::len(size)) as u64;
        let count = (file.metadata().ok()?.len() - start) / picture;
        (header.starts_with("YUV4MPEG2 ") && planar && count > 0).then_some(Self { file, size, start, count })
    }

    /// Plays in a loop.
    fn read(&self, counter: u32, image: &mut I420) {
        let picture = (FRAME_HEADER.len() + I420::len(self.size)) as u64;
        let mut at = self.start + u64::from(counter) % self.count * picture + FRAME_HEADER.len() as u64;
        let (y, u, v) = image.planes_mut();
        for plane in [y, u, v] {
            // A clip that is cut while it plays leaves the picture before.
            let _ = self.file.read_exact_at(plane, at);
            at += plane.len() as u64;
        }
    }
}

impl Jpegs {
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let data = std::fs::read(path).ok()?;
        let mut pictures = Vec::new();
        let mut start = None;
        for (at, pair) in data.windows(2).enumerate() {
            match (pair, start) {
                ([0xff, 0xd8], None) => start = Some(at),
                ([0xff, 0xd9], Some(from)) => {
                    pictures.push((from, at + 2));
                    start = None;
                }
                _ => {}
            }
        }
        let (from, to) = *pictures.first()?;
        let size = jpeg_size(&data[from..to])?;
        Some(Self { data, pictures, size })
    }

    /// Plays in a loop.
    fn picture(&self, counter: u32) -> &[u8] {
        let (from, to) = self.pictures[counter as usize % self.pictures.len()];
        &self.data[from..to]
    }
}

/// The size in the frame header (ITU-T T.81, B.2.2).
fn jpeg_size(data: &[u8]) -> Option<Resolution> {
    let mut at = 2;
    loop {
        let marker = *data.get(at + 1)?;
        let length = usize::from(u16::from_be_bytes([*data.get(at + 2)?, *data.get(at + 3)?]));
        if matches!(marker, 0xc0..=0xc2) {
            let side = |at: usize| Some(u32::from(u16::from_be_bytes([*data.get(at)?, *data.get(at + 1)?])));
            return Some(Resolution::new(side(at + 7)?, side(at + 5)?));
        }
        at += 2 + length;
    }
}

fn to_yuyv(image: &I420, out: &mut [u8]) {
    let (y, u, v) = image.planes();
    let (width, chroma) = (image.size().width as usize, image.chroma_stride());
    for ((line, luma), row) in out.chunks_exact_mut(width * 2).zip(y.chunks_exact(width)).zip(0..) {
        let colours = row / 2 * chroma..row / 2 * chroma + chroma;
        let colours = u[colours.clone()].iter().zip(&v[colours]);
        for ((four, pair), (u, v)) in line.chunks_exact_mut(4).zip(luma.chunks_exact(2)).zip(colours) {
            four.copy_from_slice(&[pair[0], *u, pair[1], *v]);
        }
    }
}

fn to_nv12(image: &I420, out: &mut [u8]) {
    let (y, u, v) = image.planes();
    let Some((luma, chroma)) = out.split_at_mut_checked(y.len()) else { return };
    luma.copy_from_slice(y);
    for ((pair, u), v) in chroma.chunks_exact_mut(2).zip(u).zip(v) {
        pair.copy_from_slice(&[*u, *v]);
    }
}
