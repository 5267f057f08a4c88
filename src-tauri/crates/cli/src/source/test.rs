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

/// A steady tone.
pub(super) struct Tone {
    sine: Sine,
    schedule: Schedule,
    clock: Clock,
    _metronome: Metronome,
}

impl Tone {
    pub(super) fn start(clock: Clock, wake: Wake) -> Result<Box<dyn AudioSource>, DeviceError> {
        let metronome = Metronome::start(clock.clone(), wake)?;
        let schedule = Schedule::new(100, Duration::from_secs(1));
        Ok(Box::new(Self { sine: Sine::new(TONE, AMPLITUDE), schedule, clock, _metronome: metronome }))
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
        Ok(AudioRead::Frame { gap })
    }
}
