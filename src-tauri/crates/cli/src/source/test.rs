//! Test signals in real time: the marked picture and a tone.

use std::time::Duration;

use fika_media::device::{CameraRequest, DeviceError, Wake};
use fika_media::test::Pattern;
use fika_media::tone::Sine;
use fika_media::{AudioFrame, AudioRead, AudioSource, Clock, Resolution, Timestamp, VideoFrame, VideoSource};

use super::pace::{self, Metronome, Schedule};

/// Hz of the test microphone: no divisor of the sample rate, so that no block looks like another.
pub(super) const TONE: f64 = 997.0;
const AMPLITUDE: f32 = 0.25;
/// How much of each second of the clock the tone lasts.
pub(super) const STEADY: Duration = Duration::from_secs(1);
pub(super) const BEEP: Duration = Duration::from_millis(100);

/// The moving test picture, marked with its number and the moment when it was made.
pub(super) struct Picture {
    pattern: Pattern,
    schedule: Schedule,
    clock: Clock,
}

impl Picture {
    pub(super) fn start(request: CameraRequest, clock: Clock) -> Box<dyn VideoSource> {
        let CameraRequest { resolution, frame_rate } = request;
        let schedule = Schedule::new(frame_rate, Duration::from_secs(1));
        Box::new(Self { pattern: Pattern::new(resolution, frame_rate), schedule, clock })
    }
}

impl VideoSource for Picture {
    fn read(&mut self, timeout: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        let (due, _) = self.schedule.due((self.clock)());
        if !pace::wait(&self.clock, due, timeout) {
            return Ok(None);
        }
        self.schedule.step();
        Ok(Some(self.pattern.frame((self.clock)())))
    }

    fn resolution(&self) -> Resolution {
        self.pattern.resolution()
    }

    fn frame_rate(&self) -> u32 {
        self.pattern.frame_rate()
    }
}

/// A tone at the beginning of each second of the clock: with the marks of [`Picture`] it tells how far sound and picture
/// lie apart at the other side.
pub(super) struct Tone {
    sine: Sine,
    /// Microseconds of each second.
    lasts: i64,
    schedule: Schedule,
    clock: Clock,
    _metronome: Metronome,
}

impl Tone {
    pub(super) fn start(clock: Clock, wake: Wake, lasts: Duration) -> Result<Box<dyn AudioSource>, DeviceError> {
        let metronome = Metronome::start(clock.clone(), wake)?;
        let schedule = Schedule::new(100, Duration::from_secs(1));
        let (sine, lasts) = (Sine::new(TONE, AMPLITUDE), lasts.as_micros() as i64);
        Ok(Box::new(Self { sine, lasts, schedule, clock, _metronome: metronome }))
    }
}

impl AudioSource for Tone {
    fn read(&mut self, out: &mut AudioFrame) -> Result<AudioRead, DeviceError> {
        let now: Timestamp = (self.clock)();
        let (due, gap) = self.schedule.due(now);
        if due > now {
            return Ok(AudioRead::Empty);
        }
        self.schedule.step();
        out.pts = due;
        self.sine.fill(out);
        gate(out, self.lasts);
        Ok(AudioRead::Frame { gap })
    }
}

/// Silences what does not lie in the first `lasts` microseconds of a second.
fn gate(frame: &mut AudioFrame, lasts: i64) {
    let begin = frame.pts.as_micros();
    for (at, sample) in frame.samples.iter_mut().enumerate() {
        if (begin + at as i64 * 1000 / 48).rem_euclid(1_000_000) >= lasts {
            *sample = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beep_begins_with_the_second() {
        let mut heard = Vec::new();
        for number in -1..199 {
            let mut frame = AudioFrame::silence(Timestamp(5_000_000 + number * 10_000 - 3_000));
            frame.samples.fill(1.0);
            gate(&mut frame, BEEP.as_micros() as i64);
            heard.extend_from_slice(&frame.samples);
        }
        // Begins 13 ms before the second.
        let loud: Vec<usize> = (0..heard.len()).filter(|at| heard[*at] > 0.0).collect();
        assert_eq!((loud[0], loud.len()), (13 * 48, 2 * 100 * 48));
        assert_eq!(loud[100 * 48], 13 * 48 + 48_000);
        let mut steady = AudioFrame::silence(Timestamp(995_000));
        steady.samples.fill(1.0);
        gate(&mut steady, STEADY.as_micros() as i64);
        assert!(steady.samples.iter().all(|sample| *sample == 1.0));
    }
}
