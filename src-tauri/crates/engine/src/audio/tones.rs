//! The test sound: two soft notes. Plain values on the audio thread.

use fika_media::frame::SAMPLE_RATE;
use fika_media::tone::Sine;
use fika_media::{AudioFrame, Timestamp};

/// Hz: a fifth, from D to A.
const NOTES: [f64; 2] = [587.33, 880.0];
const AMPLITUDE: f32 = 0.2;
/// Frames of 10 ms.
const NOTE_FRAMES: usize = 45;

pub(super) struct Tones {
    note: usize,
    frame: usize,
    sine: Sine,
}

impl Tones {
    pub(super) fn new() -> Self {
        Self { note: 0, frame: 0, sine: Sine::new(NOTES[0], AMPLITUDE) }
    }

    /// Adds the next 10 ms to `mix`. False: the sound is over.
    pub(super) fn add_to(&mut self, mix: &mut AudioFrame) -> bool {
        if self.frame == NOTE_FRAMES {
            self.note += 1;
            self.frame = 0;
            let Some(note) = NOTES.get(self.note) else { return false };
            self.sine = Sine::new(*note, AMPLITUDE);
        }
        let mut sound = AudioFrame::silence(Timestamp::ZERO);
        self.sine.fill(&mut sound);
        let begin = self.frame * sound.samples.len();
        for (at, (mixed, sample)) in mix.samples.iter_mut().zip(sound.samples).enumerate() {
            *mixed += sample * envelope(begin + at);
        }
        self.frame += 1;
        true
    }
}

/// Rises in 10 ms, then fades like a struck bar, to nothing at the end of the note.
fn envelope(sample: usize) -> f32 {
    let seconds = sample as f32 / SAMPLE_RATE as f32;
    let length = NOTE_FRAMES as f32 / 100.0;
    (seconds / 0.01).min(1.0) * (-5.0 * seconds).exp() * ((length - seconds) / 0.05).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_soft_notes_without_a_click() {
        let mut tones = Tones::new();
        let mut samples = vec![0.0];
        loop {
            let mut frame = AudioFrame::silence(Timestamp::ZERO);
            if !tones.add_to(&mut frame) {
                break;
            }
            samples.extend_from_slice(&frame.samples);
        }
        samples.push(0.0);
        assert_eq!(samples.len() - 2, NOTES.len() * NOTE_FRAMES * 480);
        let loudest = samples.iter().fold(0.0f32, |most, sample| most.max(sample.abs()));
        assert!((0.1..=AMPLITUDE).contains(&loudest), "{loudest}");
        let jump = samples.windows(2).map(|pair| (pair[0] - pair[1]).abs()).fold(0.0, f32::max);
        assert!(jump < 0.03, "{jump}");
    }
}
