//! How loud something is, as a meter shows it. Plain values on the audio thread.

use fika_media::AudioFrame;

/// dB of full scale that a meter shows as 0; full scale is 100.
const QUIETEST: f32 = -60.0;

/// Power over the time between two looks.
#[derive(Default)]
pub(super) struct Level {
    power: f32,
    samples: usize,
}

impl Level {
    pub(super) fn add(&mut self, frame: &AudioFrame) {
        self.power += frame.samples.iter().map(|sample| sample * sample).sum::<f32>();
        self.samples += frame.samples.len();
    }

    /// 0 to 100 since the last look; 0 when nothing came.
    pub(super) fn take(&mut self) -> u8 {
        let Self { power, samples } = std::mem::take(self);
        if samples == 0 {
            return 0;
        }
        let decibel = 10.0 * (power / samples as f32).log10();
        // Silence is minus infinity; conversions from float saturate.
        ((1.0 - decibel / QUIETEST) * 100.0).clamp(0.0, 100.0) as u8
    }
}

#[cfg(test)]
mod tests {
    use fika_media::Timestamp;
    use fika_media::tone::Sine;

    use super::*;

    #[test]
    fn a_meter_in_decibel() {
        let mut level = Level::default();
        assert_eq!(level.take(), 0);
        level.add(&AudioFrame::silence(Timestamp::ZERO));
        assert_eq!(level.take(), 0);
        let mut sound = |amplitude: f32| {
            let mut frame = AudioFrame::silence(Timestamp::ZERO);
            Sine::new(1000.0, amplitude).fill(&mut frame);
            level.add(&frame);
            level.take()
        };
        // A sine's power is 3 dB below its amplitude's.
        assert_eq!(sound(1.0), 94);
        assert_eq!(sound(0.1), 61);
        assert_eq!(sound(0.001), 0);
    }
}
