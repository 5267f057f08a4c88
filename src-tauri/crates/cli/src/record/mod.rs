//! What is seen and heard, into files. The engine's threads only hand over: each file has a thread of its own behind a
//! bounded queue, and what finds it full is left out and counted.

mod audio;
mod video;
mod writer;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use fika_call::view::TileKey;
use fika_engine::FrameSink;
use fika_media::{AudioFrame, Timestamp, VideoFrame};

use self::audio::AudioFile;
use self::video::VideoFile;
use crate::fail::{Failure, Kind};

#[derive(Default)]
pub(crate) struct Recorder {
    video: Option<VideoFile>,
    audio: Option<AudioFile>,
    /// The first other participant's tile: its pictures are recorded.
    tile: Mutex<Option<TileKey>>,
}

impl Recorder {
    pub(crate) fn create(video: Option<&Path>, frame_rate: u32, audio: Option<&Path>) -> Result<Self, Failure> {
        let failed = |path: &Path, error: &dyn std::fmt::Display| {
            Failure::new(Kind::Usage, format!("{} cannot be written, {error}.", path.display()))
        };
        let video = video.map(|path| VideoFile::create(path, frame_rate).map_err(|error| failed(path, &error)));
        let audio = audio.map(|path| AudioFile::create(path).map_err(|error| failed(path, &error)));
        Ok(Self { video: video.transpose()?, audio: audio.transpose()?, tile: Mutex::default() })
    }

    /// Waits until everything is written. Sentences on what is missing.
    pub(crate) fn finish(&self) -> Vec<String> {
        let video = self.video.as_ref().and_then(VideoFile::finish);
        let audio = self.audio.as_ref().and_then(AudioFile::finish);
        video.into_iter().chain(audio).collect()
    }
}

impl FrameSink for Recorder {
    fn present(&self, tile: &TileKey, frame: &VideoFrame, captured: Option<Timestamp>, now: Timestamp) {
        let Some(video) = &self.video else { return };
        if *tile == TileKey::me() {
            return;
        }
        let mut recorded = self.tile.lock().unwrap_or_else(PoisonError::into_inner);
        if recorded.get_or_insert_with(|| tile.clone()) == tile {
            video.put(frame.clone(), now, captured);
        }
    }

    fn clear(&self, _tile: &TileKey) {}

    fn played(&self, frame: &AudioFrame) {
        if let Some(audio) = &self.audio {
            audio.put(frame);
        }
    }
}
