//! Echo cancellation, high-pass filter, noise suppression and gain (AEC3 and AGC2), and who is speaking. Owns the
//! processor's state; runs on the audio thread, 10 ms at a time, no queue.

mod level;

use std::time::Duration;

use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate, NoiseSuppression, Pipeline,
};
use sonora::{AudioProcessing, StreamConfig};

use crate::AudioFrame;
use crate::frame::{FRAME_SAMPLES, SAMPLE_RATE};

pub use level::{Level, Speaking, dbfs};

/// What is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub echo_cancellation: bool,
    pub noise_suppression: bool,
    pub auto_gain_control: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { echo_cancellation: true, noise_suppression: true, auto_gain_control: true }
    }
}

/// Processes one microphone against one loudspeaker.
pub struct Processor {
    config: Config,
    processing: AudioProcessing,
    delay: Duration,
    scratch: [f32; FRAME_SAMPLES],
    level: Level,
    speaking: Speaking,
}

impl Processor {
    pub fn new(config: Config) -> Self {
        Self {
            config,
            processing: processing(config),
            delay: Duration::ZERO,
            scratch: [0.0; FRAME_SAMPLES],
            level: Level::default(),
            speaking: Speaking::default(),
        }
    }

    /// What goes to the loudspeaker, in playing order: the reference for the echo. To be called for silence as well.
    pub fn play(&mut self, frame: &AudioFrame) {
        // Fails only for a size other than 10 ms of the configured format.
        let played = self.processing.process_render_f32(&[&frame.samples], &mut [&mut self.scratch]);
        debug_assert!(played.is_ok());
    }

    /// Cleans what the microphone heard, in place.
    pub fn capture(&mut self, frame: &mut AudioFrame) {
        let delay_ms = i32::try_from(self.delay.as_millis()).unwrap_or(i32::MAX);
        // Beyond 500 ms the hint is cut to that; the canceller finds the delay by itself.
        let _ = self.processing.set_stream_delay_ms(delay_ms);
        if self.processing.process_capture_f32(&[&frame.samples], &mut [&mut self.scratch]).is_ok() {
            frame.samples = self.scratch;
        }
        self.level.update(&frame.samples);
        self.speaking.update(&frame.samples);
    }

    /// From [`Self::play`] to the loudspeaker and from the microphone to [`Self::capture`]: a hint.
    pub fn set_delay(&mut self, delay: Duration) {
        self.delay = delay;
    }

    /// Another device, or a gap: what was learnt of the room is forgotten.
    pub fn reset(&mut self) {
        self.processing = processing(self.config);
    }

    /// Loudness of the cleaned microphone, 0 to 100, for a meter.
    pub fn level(&self) -> u8 {
        self.level.get()
    }

    /// Somebody speaks, or did a moment ago.
    pub fn speaking(&self) -> bool {
        self.speaking.get()
    }

    /// How many dB of echo are taken away, once that is known.
    pub fn echo_return_loss_enhancement(&self) -> Option<f64> {
        self.processing.statistics().echo_return_loss_enhancement
    }
}

fn processing(config: Config) -> AudioProcessing {
    let mono = StreamConfig::new(SAMPLE_RATE, 1);
    let config = sonora::Config {
        pipeline: Pipeline { maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz, ..Pipeline::default() },
        high_pass_filter: Some(HighPassFilter::default()),
        echo_canceller: config.echo_cancellation.then(EchoCanceller::default),
        noise_suppression: config.noise_suppression.then(NoiseSuppression::default),
        gain_controller2: config.auto_gain_control.then(|| GainController2 {
            adaptive_digital: Some(AdaptiveDigital::default()),
            ..GainController2::default()
        }),
        ..sonora::Config::default()
    };
    AudioProcessing::builder().config(config).capture_config(mono).render_config(mono).build()
}

#[cfg(test)]
mod tests;
