//! The mixed playout as WAV, mono, 48 kHz, 16 bits, and FILE.wav.csv with the time at which each 10 ms are heard.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use fika_media::AudioFrame;
use fika_media::frame::SAMPLE_RATE;

use super::writer::Writer;

/// Frames of 10 ms under way to the disk: five seconds.
const QUEUE: usize = 500;
/// Frames between two updates of the header, so that a killed program leaves a file that plays.
const FLUSH: usize = 100;
const COLUMNS: &str = "index,heard_us";

pub(super) struct AudioFile {
    path: PathBuf,
    writer: Writer<AudioFrame>,
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
        let mut times = path.as_os_str().to_owned();
        times.push(".csv");
        let mut times = BufWriter::new(File::create(times)?);
        let writer = Writer::start(QUEUE, move |frames| {
            let mut write = || {
                writeln!(times, "{COLUMNS}")?;
                for (index, AudioFrame { pts, samples }) in frames.iter().enumerate() {
                    for sample in samples {
                        // Conversions from float saturate.
                        file.write_sample((sample * 32767.0).round() as i16)?;
                    }
                    writeln!(times, "{index},{}", pts.as_micros())?;
                    if index % FLUSH == FLUSH - 1 {
                        file.flush()?;
                    }
                }
                times.flush()?;
                Ok(())
            };
            let written = write();
            written.and(file.finalize()).map_err(|error: hound::Error| error.to_string())
        })?;
        Ok(Self { path: path.to_owned(), writer })
    }

    pub(super) fn put(&self, frame: &AudioFrame) {
        self.writer.put(frame.clone());
    }

    pub(super) fn finish(&self) -> Option<String> {
        self.writer.finish().map(|error| format!("{} is not complete, {error}.", self.path.display()))
    }
}
