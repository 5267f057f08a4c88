//! When the other's steady tone was heard, and when it was away: what the jitter buffer invents in its place counts as sound
//! while it is loud. Pure but for reading a recording.

use std::path::Path;

use fika_media::Timestamp;
use fika_media::tone::amplitude;

use super::figures::quantile;
use crate::cli::{self, TONE};

/// Samples of 10 ms at 48 kHz.
const BLOCK: usize = 480;
/// The tone is away where this part of its usual strength is not there.
const AUDIBLE: f64 = 0.3;

/// When blocks of 10 ms with the tone began.
#[derive(Clone, Debug, Default)]
pub struct Heard(Vec<Timestamp>);

impl Heard {
    /// Of blocks, each with the strength of the tone in it.
    pub fn of(blocks: &[(Timestamp, f64)]) -> Self {
        let usual = quantile(&blocks.iter().map(|(_, strength)| *strength).collect::<Vec<_>>(), 0.5);
        let least = usual.unwrap_or_default() * AUDIBLE;
        Self(blocks.iter().filter(|(_, strength)| *strength > least).map(|(at, _)| *at).collect())
    }

    /// Of a recording of `fika-cli`.
    pub fn recorded(path: &Path) -> Self {
        let samples = cli::samples(path);
        let strengths = samples.chunks_exact(BLOCK).map(|block| f64::from(amplitude(block, TONE)));
        let times = cli::heard(path).into_iter().map(Timestamp::from_micros);
        Self::of(&times.zip(strengths).collect::<Vec<_>>())
    }

    /// Seconds of the longest silence that ends after `from`.
    pub fn silence(&self, from: Timestamp) -> Option<f64> {
        // Blocks that follow each other are no silence.
        longest(&self.0, from).map(|longest| (longest - BLOCK as f64 / 48_000.0).max(0.0))
    }

    /// The first sound from then on.
    pub fn after(&self, from: Timestamp) -> Option<Timestamp> {
        self.0.iter().copied().find(|at| *at >= from)
    }
}

/// Seconds of the longest distance between two that ends after `from`.
pub fn longest(times: &[Timestamp], from: Timestamp) -> Option<f64> {
    let pairs = times.iter().zip(times.iter().skip(1)).filter(|(_, next)| **next >= from);
    pairs.map(|(last, next)| next.since(*last).as_secs_f64()).max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pause_is_one_that_ends_after_the_fault_began() {
        let at = [0, 5000, 5033, 6033, 6066].map(Timestamp::from_millis);
        assert_eq!(longest(&at, Timestamp::from_millis(5010)), Some(1.0));
        assert_eq!(longest(&at[..1], Timestamp::ZERO), None);
    }

    #[test]
    fn a_silence_lies_between_blocks_that_are_loud() {
        let strengths = [(0, 1.0), (10, 0.9), (20, 0.1), (500, 0.0), (510, 1.1)];
        let heard = Heard::of(&strengths.map(|(at, strength)| (Timestamp::from_millis(at), strength)));
        assert_eq!(heard.silence(Timestamp::from_millis(15)), Some(0.49));
        assert_eq!(heard.after(Timestamp::from_millis(15)), Some(Timestamp::from_millis(510)));
    }
}
