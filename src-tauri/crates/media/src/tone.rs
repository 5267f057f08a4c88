//! Sine tones and how to find them, for test microphones and measurements. Pure; any thread.

use std::f64::consts::TAU;

use crate::AudioFrame;
use crate::frame::SAMPLE_RATE;

/// A steady tone, without a jump from frame to frame.
#[derive(Clone, Debug)]
pub struct Sine {
    step: f64,
    phase: f64,
    amplitude: f32,
}

impl Sine {
    /// `frequency` in Hz, `amplitude` from 0.0 to 1.0.
    pub fn new(frequency: f64, amplitude: f32) -> Self {
        Self { step: frequency / f64::from(SAMPLE_RATE), phase: 0.0, amplitude }
    }

    /// Overwrites the samples; leaves the time alone.
    pub fn fill(&mut self, frame: &mut AudioFrame) {
        for sample in &mut frame.samples {
            *sample = (TAU * self.phase).sin() as f32 * self.amplitude;
            self.phase = (self.phase + self.step).fract();
        }
    }
}

/// Amplitude of the part of `samples` (48 kHz) that has this frequency. The longer the input, the narrower.
pub fn amplitude(samples: &[f32], frequency: f64) -> f32 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let angle = TAU * (frequency / f64::from(SAMPLE_RATE) * at as f64).fract();
        real += angle.cos() * f64::from(*sample);
        imaginary += angle.sin() * f64::from(*sample);
    }
    (2.0 * (real * real + imaginary * imaginary).sqrt() / samples.len().max(1) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_tone_is_found_at_its_frequency_only() {
        let mut sine = Sine::new(997.0, 0.5);
        let mut samples = Vec::new();
        for _ in 0..50 {
            let mut frame = AudioFrame::silence(Timestamp::ZERO);
            sine.fill(&mut frame);
            samples.extend_from_slice(&frame.samples);
        }
        assert!((amplitude(&samples, 997.0) - 0.5).abs() < 0.01);
        assert!(amplitude(&samples, 440.0) < 0.01);
        let jump = samples.windows(2).map(|w| (w[0] - w[1]).abs()).fold(0.0, f32::max);
        assert!(jump < 0.07, "{jump}");
    }
}
