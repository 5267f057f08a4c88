//! A made-up room: how much of the far voice is taken away, and whether the near one stays.

use super::*;
use crate::Timestamp;

/// Speech-like noise: bursts of 300 ms, low-passed, the same each time.
struct Voice {
    state: u32,
    low: f32,
    at: usize,
}

impl Voice {
    fn new(seed: u32) -> Self {
        Self { state: seed, low: 0.0, at: seed as usize % 7_000 }
    }

    fn next(&mut self) -> f32 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = (self.state >> 8) as f32 / (1 << 24) as f32 - 0.5;
        self.low += (white - self.low) * 0.2;
        self.at += 1;
        let swell = (self.at as f32 * std::f32::consts::TAU / 28_800.0).sin().max(0.0);
        self.low * swell * 1.2
    }

    fn frame(&mut self) -> AudioFrame {
        let mut frame = AudioFrame::silence(Timestamp::ZERO);
        frame.samples.iter_mut().for_each(|sample| *sample = self.next());
        frame
    }
}

/// Loudspeaker to microphone: 60 ms, some reflections.
struct Room {
    played: Vec<f32>,
}

impl Room {
    fn echo(&mut self, frame: &AudioFrame) -> AudioFrame {
        self.played.extend_from_slice(&frame.samples);
        let mut echo = AudioFrame::silence(Timestamp::ZERO);
        let start = self.played.len() - FRAME_SAMPLES;
        for (at, sample) in echo.samples.iter_mut().enumerate() {
            let path = [(2880, 0.3), (3100, -0.15), (3999, 0.1), (5500, 0.05)];
            *sample =
                path.iter().filter_map(|(late, gain)| Some(self.played[(start + at).checked_sub(*late)?] * gain)).sum();
        }
        echo
    }
}

fn power(frames: &[AudioFrame]) -> f32 {
    let sum: f32 = frames.iter().flat_map(|frame| frame.samples).map(|s| s * s).sum();
    10.0 * (sum / (frames.len() * FRAME_SAMPLES) as f32 + 1e-12).log10()
}

const ECHO_ONLY: Config = Config { echo_cancellation: true, noise_suppression: true, auto_gain_control: false };

#[test]
fn the_echo_is_taken_away() {
    let mut processor = Processor::new(ECHO_ONLY);
    let (mut far, mut room) = (Voice::new(1), Room { played: vec![] });
    let (mut before, mut after) = (vec![], vec![]);
    for number in 0..800 {
        let played = far.frame();
        processor.play(&played);
        let mut heard = room.echo(&played);
        if number >= 400 {
            before.push(heard.clone());
        }
        processor.capture(&mut heard);
        if number >= 400 {
            after.push(heard);
        }
    }
    let enhancement = power(&before) - power(&after);
    assert!(power(&before) > -50.0, "there is an echo: {}", power(&before));
    assert!(enhancement > 15.0, "{enhancement} dB");
}

#[test]
fn the_near_voice_stays() {
    let mut processor = Processor::new(ECHO_ONLY);
    let mut near = Voice::new(99);
    let (mut before, mut after) = (vec![], vec![]);
    let mut spoke = false;
    for number in 0..600 {
        processor.play(&AudioFrame::silence(Timestamp::ZERO));
        let mut heard = near.frame();
        if number >= 300 {
            before.push(heard.clone());
        }
        processor.capture(&mut heard);
        spoke |= processor.speaking();
        if number >= 300 {
            after.push(heard);
        }
    }
    let loss = power(&before) - power(&after);
    assert!(loss < 6.0, "{loss} dB lost");
    assert!(spoke);
}

#[test]
fn a_quiet_voice_is_raised() {
    let quiet = |config| {
        let mut processor = Processor::new(config);
        let mut near = Voice::new(5);
        let mut after = vec![];
        for number in 0..600 {
            let mut heard = near.frame();
            heard.samples.iter_mut().for_each(|sample| *sample *= 0.1);
            processor.play(&AudioFrame::silence(Timestamp::ZERO));
            processor.capture(&mut heard);
            if number >= 400 {
                after.push(heard);
            }
        }
        power(&after)
    };
    let raised = quiet(Config::default()) - quiet(ECHO_ONLY);
    assert!(raised > 5.0, "{raised} dB");
}

#[test]
fn a_reset_forgets_and_silence_stays_silent() {
    let mut processor = Processor::new(Config::default());
    processor.set_delay(Duration::from_secs(3));
    for _ in 0..100 {
        let mut silence = AudioFrame::silence(Timestamp::ZERO);
        processor.play(&silence);
        processor.capture(&mut silence);
        assert!(silence.samples.iter().all(|sample| sample.abs() < 1e-3));
    }
    assert_eq!((processor.level(), processor.speaking()), (0, false));
    processor.reset();
    let mut frame = Voice::new(3).frame();
    processor.capture(&mut frame);
    assert!(frame.samples.iter().all(|sample| sample.is_finite()));
}
