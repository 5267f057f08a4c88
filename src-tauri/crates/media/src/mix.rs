//! Sums what several people say without clipping. Owns the limiter's gain; runs on the audio thread.

use crate::AudioFrame;

/// Above this the limiter turns the sum down.
const CEILING: f32 = 0.9;
/// How much the gain recovers in 10 ms.
const RELEASE: f32 = 0.01;

/// Adds frames and limits the sum, smoothly from frame to frame.
#[derive(Clone, Copy, Debug)]
pub struct Mixer {
    gain: f32,
}

impl Default for Mixer {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Mixer {
    /// Overwrites the samples of `out` with the sum of `inputs`; leaves its time alone. No input is silence.
    pub fn mix<'a>(&mut self, inputs: impl IntoIterator<Item = &'a AudioFrame>, out: &mut AudioFrame) {
        out.samples.fill(0.0);
        for input in inputs {
            out.samples.iter_mut().zip(&input.samples).for_each(|(sum, sample)| *sum += sample);
        }
        let peak = out.samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        let wanted = if peak > CEILING { CEILING / peak } else { 1.0 };
        let before = self.gain;
        self.gain = wanted.min(before + RELEASE);
        let step = (self.gain - before) / out.samples.len() as f32;
        for (at, sample) in out.samples.iter_mut().enumerate() {
            *sample = soft(*sample * (before + step * at as f32));
        }
    }
}

/// Linear up to [`CEILING`], then bent towards 1.0, for what comes before the gain has fallen. Not a number is silence.
fn soft(sample: f32) -> f32 {
    const ROOM: f32 = 1.0 - CEILING;
    let over = sample.abs() - CEILING;
    if over > 0.0 {
        (CEILING + ROOM * over / (over + ROOM)).min(1.0).copysign(sample)
    } else if sample.is_nan() {
        0.0
    } else {
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::tone::{Sine, amplitude};

    fn run(amplitudes: &[f32], frames: usize) -> Vec<f32> {
        let mut tones: Vec<_> =
            amplitudes.iter().enumerate().map(|(n, a)| Sine::new(300.0 + 170.0 * n as f64, *a)).collect();
        let (mut mixer, mut samples) = (Mixer::default(), Vec::new());
        for _ in 0..frames {
            let inputs: Vec<_> = tones
                .iter_mut()
                .map(|tone| {
                    let mut frame = AudioFrame::silence(Timestamp::ZERO);
                    tone.fill(&mut frame);
                    frame
                })
                .collect();
            let mut out = AudioFrame::silence(Timestamp(7));
            mixer.mix(&inputs, &mut out);
            assert_eq!(out.pts, Timestamp(7));
            samples.extend_from_slice(&out.samples);
        }
        samples
    }

    #[test]
    fn quiet_voices_are_summed_exactly() {
        let samples = run(&[0.2, 0.3], 100);
        assert!((amplitude(&samples, 300.0) - 0.2).abs() < 0.005);
        assert!((amplitude(&samples, 470.0) - 0.3).abs() < 0.005);
        assert!(run(&[], 3).iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn loud_voices_never_clip_and_stay_clean() {
        let samples = run(&[0.9, 0.9, 0.9], 200);
        assert!(samples.iter().all(|sample| sample.abs() <= 1.0));
        let settled = &samples[48_000..];
        let parts: Vec<_> = [300.0, 470.0, 640.0].map(|f| amplitude(settled, f)).to_vec();
        assert!(parts.iter().all(|part| (0.25..0.4).contains(part)), "{parts:?}");
        // Sums and differences of the tones would show distortion.
        assert!(amplitude(settled, 130.0) < 0.01 && amplitude(settled, 810.0) < 0.01);
    }

    #[test]
    fn broken_samples_do_no_harm() {
        let mut bad = AudioFrame::silence(Timestamp::ZERO);
        bad.samples[3] = f32::NAN;
        bad.samples[9] = 1e30;
        let mut mixer = Mixer::default();
        let mut out = AudioFrame::silence(Timestamp::ZERO);
        for _ in 0..200 {
            mixer.mix([&bad], &mut out);
            assert!(out.samples.iter().all(|sample| sample.abs() <= 1.0));
            bad = AudioFrame::silence(Timestamp::ZERO);
        }
        bad.samples.fill(0.5);
        mixer.mix([&bad], &mut out);
        assert!((out.samples[479] - 0.5).abs() < 0.01, "recovered");
    }
}
