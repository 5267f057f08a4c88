//! Video files as cameras, in a loop and in real time: y4m read directly, everything else through ffmpeg.

use std::path::Path;
use std::time::Duration;

use fika_media::device::{CameraRequest, DeviceError};
use fika_media::frame::Pool;
use fika_media::{Clock, I420, Resolution, VideoFrame, VideoSource};

use super::pace::{self, Schedule};
use super::{ffmpeg, y4m};

/// Pictures of one clip, one after the other, in a loop.
pub(super) enum Pictures {
    Y4m(y4m::Reader),
    Ffmpeg(ffmpeg::Pictures),
}

/// A y4m clip keeps its size and rate; others are brought to what is asked for. An error is a sentence.
pub(super) fn open(path: &Path, request: CameraRequest, clock: Clock) -> Result<Box<dyn VideoSource>, String> {
    if !path.is_file() {
        return Err(format!("There is no file {}.", path.display()));
    }
    let pictures = match y4m::Reader::open(path) {
        Some(reader) => Pictures::Y4m(reader),
        None => Pictures::Ffmpeg(ffmpeg::Pictures::open(path, request)?),
    };
    let (resolution, (pieces, duration)) = match &pictures {
        Pictures::Y4m(reader) => (reader.resolution(), reader.rate()),
        Pictures::Ffmpeg(_) => (request.resolution, (request.frame_rate, Duration::from_secs(1))),
    };
    let mut clip = Clip {
        pictures,
        resolution,
        frame_rate: (f64::from(pieces) / duration.as_secs_f64()).round() as u32,
        schedule: Schedule::new(pieces, duration),
        pool: Pool::default(),
        first: None,
        clock,
    };
    clip.first = Some(clip.next().map_err(|_| format!("{} is no clip that can be played.", path.display()))?);
    Ok(Box::new(clip))
}

struct Clip {
    pictures: Pictures,
    resolution: Resolution,
    frame_rate: u32,
    schedule: Schedule,
    pool: Pool,
    /// Read to see that the clip is one.
    first: Option<I420>,
    clock: Clock,
}

impl Clip {
    fn next(&mut self) -> Result<I420, DeviceError> {
        let image = self.pool.take(self.resolution);
        match &mut self.pictures {
            Pictures::Y4m(reader) => reader.next(image),
            Pictures::Ffmpeg(pictures) => pictures.next(),
        }
    }
}

impl VideoSource for Clip {
    fn read(&mut self, timeout: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        let (due, _) = self.schedule.due((self.clock)());
        if !pace::wait(&self.clock, due, timeout) {
            return Ok(None);
        }
        let image = match self.first.take() {
            Some(image) => image,
            None => self.next()?,
        };
        self.schedule.step();
        Ok(Some(VideoFrame { pts: (self.clock)(), image: self.pool.share(image) }))
    }

    fn resolution(&self) -> Resolution {
        self.resolution
    }

    fn frame_rate(&self) -> u32 {
        self.frame_rate
    }
}
