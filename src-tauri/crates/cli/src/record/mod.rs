//! What is seen and heard, into files. The engine's threads only hand over: each file has a thread of its own behind a
//! bounded queue, and what finds it full is left out and counted.

mod audio;
mod times;
mod video;
mod writer;

use std::sync::{Mutex, PoisonError};

use fika_call::view::TileKey;
use fika_engine::FrameSink;
use fika_media::{AudioFrame, Timestamp, VideoFrame};

use self::audio::AudioFile;
use self::times::TimesFile;
use self::video::VideoFile;
use crate::args::Media;
use crate::fail::{Failure, Kind};

#[derive(Default)]
pub(crate) struct Recorder {
    video: Option<VideoFile>,
    times: Option<TimesFile>,
    audio: Option<AudioFile>,
    /// The first other participant's tile: its pictures are recorded.
    tile: Mutex<Option<TileKey>>,
}

impl Recorder {
    pub(crate) fn create(media: &Media) -> Result<Self, Failure> {
        let failed = |path: &std::path::Path, error: &dyn std::fmt::Display| {
            Failure::new(Kind::Usage, format!("{} cannot be written, {error}.", path.display()))
        };
        let frame_rate = media.video.frame_rate;
        let video = media.record_video.as_deref();
        let size = media.record_size;
        let video = video.map(|path| VideoFile::create(path, frame_rate, size).map_err(|error| failed(path, &error)));
        let times = media.record_times.as_deref();
        let times = times.map(|path| TimesFile::create(path).map_err(|error| failed(path, &error)));
        let audio = media.record_audio.as_deref();
        let audio = audio.map(|path| AudioFile::create(path).map_err(|error| failed(path, &error)));
        let (video, times, audio) = (video.transpose()?, times.transpose()?, audio.transpose()?);
        Ok(Self { video, times, audio, tile: Mutex::default() })
    }

    /// Waits until everything is written. Sentences on what is missing.
    pub(crate) fn finish(&self) -> Vec<String> {
        let video = self.video.as_ref().and_then(VideoFile::finish);
        let times = self.times.as_ref().and_then(TimesFile::finish);
        let audio = self.audio.as_ref().and_then(AudioFile::finish);
        [video, times, audio].into_iter().flatten().collect()
    }
}

impl FrameSink for Recorder {
    fn present(&self, tile: &TileKey, frame: &VideoFrame, captured: Option<Timestamp>, now: Timestamp) {
        if *tile == TileKey::me() || (self.video.is_none() && self.times.is_none()) {
            return;
        }
        let mut recorded = self.tile.lock().unwrap_or_else(PoisonError::into_inner);
        if recorded.get_or_insert_with(|| tile.clone()) != tile {
            return;
        }
        if let Some(video) = &self.video {
            video.put(frame.clone(), now, captured);
        }
        if let Some(times) = &self.times {
            times.put(frame.size(), now, captured);
        }
    }

    fn clear(&self, _tile: &TileKey) {}

    fn played(&self, frame: &AudioFrame) {
        if let Some(audio) = &self.audio {
            audio.put(frame);
        }
    }
}
