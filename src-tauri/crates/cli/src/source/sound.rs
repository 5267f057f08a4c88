//! Sound files as microphones, and a speaker that is none. Files are read whole before the call: WAV of 48 kHz directly,
//! everything else through ffmpeg.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fika_media::device::{DeviceError, Wake};
use fika_media::frame::{FRAME_SAMPLES, SAMPLE_RATE};
use fika_media::{AudioFrame, AudioRead, AudioSink, AudioSource, Clock};

use super::ffmpeg;
use super::pace::{Metronome, Schedule};

/// Longer files are cut: half an hour, 345 MB.
pub(super) const MAX_SAMPLES: usize = 30 * 60 * SAMPLE_RATE as usize;

/// Mono, 48 kHz, at least one.
#[derive(Clone)]
pub(crate) struct Samples(Arc<[f32]>);

impl Samples {
    /// An error is a sentence.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let samples = match wav(path) {
            Some(samples) => samples,
            None => ffmpeg::sound(path)?,
        };
        if samples.is_empty() {
            return Err(format!("There is no sound in {}.", path.display()));
        }
        Ok(Self(samples.into()))
    }

    pub(super) fn start(&self, clock: Clock, wake: Wake) -> Result<Box<dyn AudioSource>, DeviceError> {
        let metronome = Metronome::start(clock.clone(), wake)?;
        let schedule = Schedule::new(100, Duration::from_secs(1));
        Ok(Box::new(Player { samples: self.clone(), at: 0, schedule, clock, _metronome: metronome }))
    }
}

/// `None`: no WAV of 48 kHz, or one of a kind that only ffmpeg reads.
fn wav(path: &Path) -> Option<Vec<f32>> {
    let reader = hound::WavReader::open(path).ok()?;
    let spec = reader.spec();
    if spec.sample_rate != SAMPLE_RATE || spec.channels == 0 {
        return None;
    }
    let channels = usize::from(spec.channels);
    let most = MAX_SAMPLES * channels;
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.into_samples::<f32>().take(most).collect::<Result<_, _>>().ok()?,
        hound::SampleFormat::Int => {
            let full = (1i64 << (spec.bits_per_sample - 1)) as f32;
            let scaled = reader.into_samples::<i32>().take(most).map(|sample| sample.map(|s| s as f32 / full));
            scaled.collect::<Result<_, _>>().ok()?
        }
    };
    Some(samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect())
}

/// Plays samples in a loop, in real time.
struct Player {
    samples: Samples,
    at: usize,
    schedule: Schedule,
    clock: Clock,
    _metronome: Metronome,
}

impl AudioSource for Player {
    fn read(&mut self, out: &mut AudioFrame) -> Result<AudioRead, DeviceError> {
        let now = (self.clock)();
        let (due, gap) = self.schedule.due(now);
        if due > now {
            return Ok(AudioRead::Empty);
        }
        self.schedule.step();
        out.pts = due;
        let samples = &self.samples.0;
        for (at, sample) in out.samples.iter_mut().enumerate() {
            *sample = samples[(self.at + at) % samples.len()];
        }
        self.at = (self.at + FRAME_SAMPLES) % samples.len();
        Ok(AudioRead::Frame { gap })
    }
}

/// Takes sound in real time and lets it go.
pub(super) struct Nowhere {
    schedule: Schedule,
    clock: Clock,
    _metronome: Metronome,
}

impl Nowhere {
    pub(super) fn start(clock: Clock, wake: Wake) -> Result<Box<dyn AudioSink>, DeviceError> {
        let metronome = Metronome::start(clock.clone(), wake)?;
        Ok(Box::new(Self { schedule: Schedule::new(100, Duration::from_secs(1)), clock, _metronome: metronome }))
    }
}

/// One look never asks for more.
const MOST_WANTED: usize = 10;

impl AudioSink for Nowhere {
    fn wanted(&self) -> usize {
        let now = (self.clock)();
        let due = self.schedule.next(now);
        if due > now { 0 } else { (now.since(due).as_millis() as usize / 10 + 1).min(MOST_WANTED) }
    }

    fn write(&mut self, _frame: &AudioFrame) -> Result<(), DeviceError> {
        // Begins the schedule with the first frame, and anew after a sleep.
        self.schedule.due((self.clock)());
        self.schedule.step();
        Ok(())
    }

    /// What is written ahead of its time is heard when that comes.
    fn latency(&self) -> Duration {
        let now = (self.clock)();
        self.schedule.next(now).since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stereo_of_16_bits_is_mixed_down() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for sample in [16384i16, 0, -32768, -32768] {
            writer.write_sample(sample).unwrap();
        }
        writer.finalize().unwrap();
        assert_eq!(wav(&path), Some(vec![0.25, -1.0]));
    }

    #[test]
    fn other_rates_and_other_files_are_left_to_ffmpeg() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        std::fs::write(&path, "RIFF or not").unwrap();
        assert_eq!(wav(&path), None);
        assert_eq!(wav(&folder.path().join("missing.wav")), None);
    }
}
