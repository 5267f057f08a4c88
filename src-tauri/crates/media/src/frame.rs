//! The currency of the media path: one type for each boundary.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::Timestamp;

/// Picture size in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, specta::Type)]
pub struct Resolution {
    pub width: u32,
    pub height: u32,
}

impl Resolution {
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

/// Planar 4:2:0 picture, BT.601 limited range, tightly packed: Y (`width * height`), then U and V
/// (`ceil(width / 2) * ceil(height / 2)` each), in one buffer.
#[derive(Clone, PartialEq, Eq)]
pub struct I420 {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl I420 {
    /// A black picture.
    pub fn black(size: Resolution) -> Self {
        let mut data = vec![128; Self::len(size)];
        data[..size.pixels() as usize].fill(16);
        Self { width: size.width, height: size.height, data }
    }

    /// Takes `data` over. `None` when its length does not fit `size` or `size` is empty.
    pub fn from_data(size: Resolution, data: Vec<u8>) -> Option<Self> {
        (size.pixels() > 0 && data.len() == Self::len(size)).then_some(Self {
            width: size.width,
            height: size.height,
            data,
        })
    }

    /// Bytes of a picture of this size.
    pub const fn len(size: Resolution) -> usize {
        let chroma = size.width.div_ceil(2) as usize * size.height.div_ceil(2) as usize;
        size.width as usize * size.height as usize + 2 * chroma
    }

    pub const fn size(&self) -> Resolution {
        Resolution::new(self.width, self.height)
    }

    /// Bytes of one row of U or V.
    pub const fn chroma_stride(&self) -> usize {
        self.width.div_ceil(2) as usize
    }

    pub fn data(&self) -> &[u8] {
        &self.data
    }

    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The planes Y, U and V.
    pub fn planes(&self) -> (&[u8], &[u8], &[u8]) {
        let (y, rest) = self.data.split_at(self.size().pixels() as usize);
        let (u, v) = rest.split_at(rest.len() / 2);
        (y, u, v)
    }

    /// The planes Y, U and V, writable.
    pub fn planes_mut(&mut self) -> (&mut [u8], &mut [u8], &mut [u8]) {
        let luma = self.size().pixels() as usize;
        let (y, rest) = self.data.split_at_mut(luma);
        let half = rest.len() / 2;
        let (u, v) = rest.split_at_mut(half);
        (y, u, v)
    }
}

impl std::fmt::Debug for I420 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "I420({}x{})", self.width, self.height)
    }
}

/// Pictures shared through [`Pool::share`] come back when their last user drops them, so a steady stream allocates
/// nothing. One owner, one size at a time: pictures of another size are let go.
#[derive(Debug, Default)]
pub struct Pool {
    shared: VecDeque<Arc<I420>>,
}

impl Pool {
    /// Pictures kept. When all of them are in use, a new one is allocated and the oldest forgotten.
    pub const CAPACITY: usize = 8;

    /// A picture to write into; its pixels are undefined.
    pub fn take(&mut self, size: Resolution) -> I420 {
        self.shared.retain(|image| image.size() == size);
        let free = self.shared.iter().position(|image| Arc::strong_count(image) == 1);
        free.and_then(|at| self.shared.remove(at)).and_then(Arc::into_inner).unwrap_or_else(|| I420::black(size))
    }

    pub fn share(&mut self, image: I420) -> Arc<I420> {
        let image = Arc::new(image);
        if self.shared.len() == Self::CAPACITY {
            self.shared.pop_front();
        }
        self.shared.push_back(Arc::clone(&image));
        image
    }
}

/// One raw picture. Cloning shares the pixels.
#[derive(Clone, Debug)]
pub struct VideoFrame {
    /// Capture time on the sender's clock where it is known, else the local receive time.
    pub pts: Timestamp,
    pub image: Arc<I420>,
}

impl VideoFrame {
    pub fn new(pts: Timestamp, image: I420) -> Self {
        Self { pts, image: Arc::new(image) }
    }

    pub fn size(&self) -> Resolution {
        self.image.size()
    }
}

/// Sample rate of every [`AudioFrame`].
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples of 10 ms at [`SAMPLE_RATE`].
pub const FRAME_SAMPLES: usize = 480;

/// 10 ms of mono sound, 48 kHz, nominal range -1.0 to 1.0. Converted only at the device edge.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioFrame {
    pub pts: Timestamp,
    pub samples: [f32; FRAME_SAMPLES],
}

impl AudioFrame {
    pub const fn silence(pts: Timestamp) -> Self {
        Self { pts, samples: [0.0; FRAME_SAMPLES] }
    }
}

/// One H.264 access unit (Annex B) or one Opus packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    pub pts: Timestamp,
    /// Always true for sound.
    pub keyframe: bool,
    pub payload: Bytes,
}
