//! Device rate to and from 48 kHz, and the small stretch that hides clock drift. Runs on the thread that reads or
//! writes; allocates only when it is made.

use fika_media::device::DeviceError;
use fika_media::frame::{FRAME_SAMPLES, SAMPLE_RATE};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Adjustable, Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

/// How far drift may stretch, as a ratio; more than any crystal needs.
const MAX_STRETCH: f64 = 1.01;
/// Length of the filter in samples: 1.3 ms of delay at 48 kHz, about 0.02 ms of computing for 10 ms.
const FILTER: usize = 128;

/// Turns device samples into frames of 10 ms at 48 kHz.
pub(super) struct ToFrames {
    inner: Async<f32>,
    input: Vec<f32>,
}

/// Turns frames of 10 ms at 48 kHz into device samples.
pub(super) struct FromFrames {
    /// `None`: the device runs at 48 kHz.
    inner: Option<Async<f32>>,
    output: Vec<f32>,
}

impl ToFrames {
    pub(super) fn new(device_rate: u32) -> Result<Self, DeviceError> {
        let ratio = f64::from(SAMPLE_RATE) / f64::from(device_rate.max(1));
        let inner = build(ratio, FixedAsync::Output)?;
        let input = vec![0.0; inner.input_frames_max()];
        Ok(Self { inner, input })
    }

    /// Device samples that the next frame needs; [`Self::frame`] wants exactly as many.
    pub(super) fn needed(&self) -> usize {
        self.inner.input_frames_next()
    }

    /// Where to put the samples for the next frame.
    pub(super) fn input(&mut self) -> &mut [f32] {
        let needed = self.needed();
        &mut self.input[..needed]
    }

    /// Makes a frame of what [`Self::input`] holds. `stretch` of 1.0 leaves the speed alone.
    pub(super) fn frame(&mut self, out: &mut [f32; FRAME_SAMPLES], stretch: f64) -> Result<(), DeviceError> {
        let needed = self.needed();
        let input = InterleavedSlice::new(&self.input[..needed], 1, needed).map_err(failed)?;
        let mut output = InterleavedSlice::new_mut(&mut out[..], 1, FRAME_SAMPLES).map_err(failed)?;
        self.inner.process_into_buffer(&input, &mut output, None).map_err(failed)?;
        self.inner.set_resample_ratio_relative(stretch, true).map_err(failed)
    }

    /// Delay of the filter in seconds.
    pub(super) fn delay(&self) -> f64 {
        self.inner.output_delay() as f64 / f64::from(SAMPLE_RATE)
    }
}

impl FromFrames {
    pub(super) fn new(device_rate: u32) -> Result<Self, DeviceError> {
        if device_rate == SAMPLE_RATE {
            return Ok(Self { inner: None, output: Vec::new() });
        }
        let inner = build(f64::from(device_rate) / f64::from(SAMPLE_RATE), FixedAsync::Input)?;
        let output = vec![0.0; inner.output_frames_max()];
        Ok(Self { inner: Some(inner), output })
    }

    /// The device samples for one frame.
    pub(super) fn samples<'a>(&'a mut self, frame: &'a [f32; FRAME_SAMPLES]) -> Result<&'a [f32], DeviceError> {
        let Some(inner) = &mut self.inner else { return Ok(frame) };
        let input = InterleavedSlice::new(&frame[..], 1, FRAME_SAMPLES).map_err(failed)?;
        let capacity = self.output.len();
        let mut output = InterleavedSlice::new_mut(&mut self.output[..], 1, capacity).map_err(failed)?;
        let (_, made) = inner.process_into_buffer(&input, &mut output, None).map_err(failed)?;
        Ok(&self.output[..made])
    }
}

fn build(ratio: f64, fixed: FixedAsync) -> Result<Async<f32>, DeviceError> {
    let parameters = SincInterpolationParameters {
        sinc_len: FILTER,
        f_cutoff: None,
        oversampling_factor: 256,
        interpolation: SincInterpolationType::Linear,
        window: WindowFunction::BlackmanHarris2,
    };
    Async::new_sinc(ratio, MAX_STRETCH, &parameters, FRAME_SAMPLES, 1, fixed)
        .map_err(|error| DeviceError::Unsupported(error.to_string()))
}

fn failed(error: impl std::fmt::Display) -> DeviceError {
    DeviceError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use fika_media::{AudioFrame, Timestamp, tone};

    use super::*;

    fn sine(rate: u32, count: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU * 997.0 / f64::from(rate);
        (0..count).map(|at| ((at as f64 * step).sin() * 0.5) as f32).collect()
    }

    #[test]
    fn every_device_rate_becomes_48_khz() {
        for rate in [8_000, 16_000, 44_100, 48_000, 96_000, 192_000] {
            let mut resampler = ToFrames::new(rate).unwrap();
            let mut source = sine(rate, rate as usize * 2).into_iter();
            let mut samples = Vec::new();
            for _ in 0..150 {
                resampler.input().iter_mut().for_each(|sample| *sample = source.next().unwrap());
                let mut frame = [0.0; FRAME_SAMPLES];
                resampler.frame(&mut frame, 1.0).unwrap();
                samples.extend_from_slice(&frame);
            }
            let amplitude = tone::amplitude(&samples[4_800..52_800], 997.0);
            assert!((amplitude - 0.5).abs() < 0.01, "{rate} Hz: {amplitude}");
            // Half the filter, at the device's own rate where that is the lower one.
            assert!(resampler.delay() <= (FILTER as f64 / 2.0 + 2.0) / f64::from(rate.min(SAMPLE_RATE)));
        }
    }

    #[test]
    fn a_stretch_moves_the_tone_by_as_much() {
        let mut resampler = ToFrames::new(48_000).unwrap();
        let mut source = sine(48_000, 48_000 * 5).into_iter();
        let (mut samples, mut used) = (Vec::new(), 0);
        for _ in 0..400 {
            used += resampler.needed();
            resampler.input().iter_mut().for_each(|sample| *sample = source.next().unwrap());
            let mut frame = [0.0; FRAME_SAMPLES];
            resampler.frame(&mut frame, 1.0 + 400e-6).unwrap();
            samples.extend_from_slice(&frame);
        }
        let saved = 400 * FRAME_SAMPLES as i64 - used as i64;
        assert!((saved - 77).abs() <= 70, "400 ppm of 192000 samples are 77, the filter holds 64: {saved}");
        let stretched = tone::amplitude(&samples[48_000..192_000], 997.0 / (1.0 + 400e-6));
        assert!(stretched > 0.49, "{stretched}");
    }

    #[test]
    fn frames_become_device_samples() {
        for rate in [44_100_u32, 48_000, 96_000] {
            let mut resampler = FromFrames::new(rate).unwrap();
            let mut source = tone::Sine::new(997.0, 0.5);
            let mut count = 0;
            let mut peak = 0.0_f32;
            for _ in 0..200 {
                let mut frame = AudioFrame::silence(Timestamp::ZERO);
                source.fill(&mut frame);
                let samples = resampler.samples(&frame.samples).unwrap();
                count += samples.len();
                peak = samples.iter().fold(peak, |peak, sample| peak.max(sample.abs()));
            }
            let expected = rate as usize * 2;
            assert!(count.abs_diff(expected) <= 300, "{rate} Hz: {count} of {expected}");
            assert!((0.45..0.55).contains(&peak), "{rate} Hz: {peak}");
        }
    }
}
