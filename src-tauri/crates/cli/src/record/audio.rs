//! The mixed playout as WAV: mono, 48 kHz, 16 bits.

use std::path::{Path, PathBuf};

use fika_media::AudioFrame;
use fika_media::frame::{FRAME_SAMPLES, SAMPLE_RATE};

use super::writer::Writer;

/// Frames of 10 ms under way to the disk: five seconds.
const QUEUE: usize = 500;
/// Frames between two updates of the header, so that a killed program leaves a file that plays.
const FLUSH: usize = 100;

pub(super) struct AudioFile {
    path: PathBuf,
    writer: Writer<[f32; FRAME_SAMPLES]>,
}

impl AudioFile {
    pub(super) fn create(path: &Path) -> Result<Self, hound::Error> {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(path, spec)?;
        let writer = Writer::start(QUEUE, move |frames| {
            let mut write = || {
                for (number, samples) in frames.iter().enumerate() {
                    let samples: [f32; FRAME_SAMPLES] = samples;
                    for sample in samples {
                        // Conversions from float saturate.
                        file.write_sample((sample * 32767.0).round() as i16)?;
                    }
                    if number % FLUSH == FLUSH - 1 {
                        file.flush()?;
                    }
                }
                Ok(())
            };
            let written = write();
            written.and(file.finalize()).map_err(|error: hound::Error| error.to_string())
        })?;
        Ok(Self { path: path.to_owned(), writer })
    }

    pub(super) fn put(&self, frame: &AudioFrame) {
        self.writer.put(frame.samples);
    }

    pub(super) fn finish(&self) -> Option<String> {
        self.writer.finish().map(|error| format!("{} is not complete, {error}.", self.path.display()))
    }
}
