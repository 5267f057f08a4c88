//! How much of a video somebody wants. A plain value in messages, decisions and settings of the encoder.

use serde::{Deserialize, Serialize};

/// More is of no use. Ordered: by size first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub struct VideoWant {
    /// Pixels of the picture's shorter side; 0: no pictures at all.
    pub lines: u16,
    /// Pictures a second; 0: none at all.
    pub frame_rate: u8,
}

impl VideoWant {
    /// Everything there is; what holds for who has said nothing.
    pub const FULL: Self = Self { lines: u16::MAX, frame_rate: u8::MAX };
    pub const NONE: Self = Self { lines: 0, frame_rate: 0 };

    pub const fn is_none(self) -> bool {
        self.lines == 0 || self.frame_rate == 0
    }

    /// As much as both together want.
    pub fn together(self, other: Self) -> Self {
        match (self.is_none(), other.is_none()) {
            (true, true) => Self::NONE,
            (true, false) => other,
            (false, true) => self,
            (false, false) => {
                Self { lines: self.lines.max(other.lines), frame_rate: self.frame_rate.max(other.frame_rate) }
            }
        }
    }

    /// What a tile of this size in device pixels wants of a landscape picture that fills it. Empty: nothing.
    pub fn of_tile(width: u32, height: u32) -> Self {
        if width == 0 || height == 0 {
            return Self::NONE;
        }
        // A picture that covers the tile is as high as this.
        let lines = u64::from(height).max(u64::from(width) * 9 / 16);
        let enough = |step: &&Self| u64::from(step.lines) * STRETCH_PERCENT >= lines * 100;
        STEPS.iter().find(enough).copied().unwrap_or(Self::FULL)
    }
}

/// A picture may be stretched to this, in per cent, before the next larger one is wanted.
const STRETCH_PERCENT: u64 = 115;
/// What tiles want, so that a few pixels more or less ask for nothing new. Thumbnails move at half the rate.
const STEPS: [VideoWant; 5] = [
    VideoWant { lines: 180, frame_rate: 15 },
    VideoWant { lines: 360, frame_rate: 30 },
    VideoWant { lines: 540, frame_rate: 30 },
    VideoWant { lines: 720, frame_rate: 60 },
    VideoWant { lines: 1080, frame_rate: 60 },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_want_what_fills_them() {
        for (width, height, lines) in [
            (1280, 720, 720),
            (1280, 800, 720),
            (1280, 840, 1080),
            (640, 360, 360),
            (300, 800, 720),
            (240, 135, 180),
            (1, 1, 180),
            (4000, 100, u16::MAX),
            (0, 300, 0),
            (300, 0, 0),
        ] {
            assert_eq!(VideoWant::of_tile(width, height).lines, lines, "{width}x{height}");
        }
        assert_eq!(VideoWant::of_tile(u32::MAX, u32::MAX), VideoWant::FULL);
    }

    #[test]
    fn together_they_want_the_most_of_each() {
        let (small, slow) = (VideoWant { lines: 180, frame_rate: 30 }, VideoWant { lines: 720, frame_rate: 5 });
        assert_eq!(small.together(slow), VideoWant { lines: 720, frame_rate: 30 });
        // No pictures a second, however large, are none.
        let still = VideoWant { lines: 1080, frame_rate: 0 };
        assert_eq!(small.together(still), small);
        assert_eq!(still.together(VideoWant::NONE), VideoWant::NONE);
        assert!(still.is_none() && !small.is_none());
    }
}
