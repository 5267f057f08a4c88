//! One of the two in a call: what it says while the call lasts, and what it has written down at the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use fika_devices::clock::monotonic;
use fika_media::Timestamp;
use fika_media::tone::amplitude;
use serde_json::Value;

use crate::bench::figures::quantile;
use crate::cli::{self, Running, TONE, inbound};

/// Samples of 10 ms at 48 kHz.
const BLOCK: usize = 480;
/// The tone is away where this part of its usual strength is not there.
const AUDIBLE: f32 = 0.3;

pub(super) fn connected(stats: &Value) -> bool {
    stats["connectionState"] == "connected"
}

pub(super) fn packets(stats: &Value, kind: &str) -> f64 {
    inbound(stats, kind, "packetsReceived")
}

pub(super) struct Side {
    pub(super) program: Running,
    /// Frozen or gone: it says nothing.
    pub(super) mute: bool,
    killed: bool,
    /// When it showed which state.
    states: Vec<(Timestamp, String)>,
    times: PathBuf,
    sound: PathBuf,
}

impl Side {
    pub(super) fn new(program: Running, [times, sound]: [PathBuf; 2]) -> Self {
        Self { program, mute: false, killed: false, states: Vec::new(), times, sound }
    }

    /// Ends without a word; nothing of it is evidence.
    pub(super) fn kill(&mut self) {
        self.program.kill();
        (self.mute, self.killed) = (true, true);
    }

    /// Hears it until then.
    pub(super) fn listen(&mut self, until: Timestamp) -> anyhow::Result<()> {
        while !self.mute && self.states.last().is_none_or(|(at, _)| *at < until) {
            self.next()?;
        }
        if self.mute {
            std::thread::sleep(until.since(monotonic()));
        }
        Ok(())
    }

    /// Until `wanted` is so; when it was.
    pub(super) fn wait(
        &mut self,
        what: &str,
        patience: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> anyhow::Result<Timestamp> {
        let end = monotonic() + patience;
        loop {
            let stats = self.next()?;
            let at = self.states.last().map_or(end, |(at, _)| *at);
            if wanted(&stats) {
                return Ok(at);
            }
            if at >= end {
                bail!("it does not happen within {patience:?} that {what}: {stats:#}");
            }
        }
    }

    fn next(&mut self) -> anyhow::Result<Value> {
        let line = self.program.line();
        let stats: Value = serde_json::from_str(&line).with_context(|| format!("statistics, not {line:?}"))?;
        let at = stats["timestamp"].as_i64().context("a time")?;
        let state = stats["connectionState"].as_str().context("a state")?;
        self.states.push((Timestamp::from_micros(at), state.to_owned()));
        Ok(stats)
    }

    /// Leaves. `None`: it was killed.
    pub(super) fn close(mut self) -> anyhow::Result<Option<Evidence>> {
        if self.killed {
            return Ok(None);
        }
        self.program.interrupt();
        self.program.ignore();
        self.program.end();
        let shown = cli::read_rows(&self.times, "index,presented_us,captured_us,width,height");
        let shown = shown.iter().map(|row| row[1].parse().map(Timestamp::from_micros)).collect::<Result<_, _>>()?;
        Ok(Some(Evidence { states: self.states, shown, heard: heard(&self.sound) }))
    }
}

/// When the other's tone was heard, in blocks.
fn heard(path: &Path) -> Vec<(Timestamp, bool)> {
    let samples = cli::samples(path);
    let strengths: Vec<f32> = samples.chunks_exact(BLOCK).map(|block| amplitude(block, TONE)).collect();
    let usual = quantile(&strengths.iter().map(|strength| f64::from(*strength)).collect::<Vec<_>>(), 0.5);
    let least = usual.unwrap_or_default() as f32 * AUDIBLE;
    let times = cli::heard(path).into_iter().map(Timestamp::from_micros);
    times.zip(strengths).map(|(at, strength)| (at, strength > least)).collect()
}

/// What one of them saw and heard.
pub(super) struct Evidence {
    states: Vec<(Timestamp, String)>,
    shown: Vec<Timestamp>,
    heard: Vec<(Timestamp, bool)>,
}

impl Evidence {
    /// Seconds of the longest still picture that ends after `from`.
    pub(super) fn still(&self, from: Timestamp) -> Option<f64> {
        longest(&self.shown, from)
    }

    /// Seconds without the tone.
    pub(super) fn silence(&self, from: Timestamp) -> Option<f64> {
        let loud: Vec<Timestamp> = self.heard.iter().filter(|(_, loud)| *loud).map(|(at, _)| *at).collect();
        // Blocks that follow each other are no silence.
        longest(&loud, from).map(|longest| (longest - BLOCK as f64 / 48_000.0).max(0.0))
    }

    /// From `mended` to the first picture and the first sound of the other after it.
    pub(super) fn back(&self, mended: Timestamp) -> Option<f64> {
        let picture = self.shown.iter().find(|at| **at >= mended)?;
        let (sound, _) = self.heard.iter().find(|(at, loud)| *loud && *at >= mended)?;
        Some((*picture).max(*sound).since(mended).as_secs_f64())
    }

    /// Until anything but a good connection was shown.
    pub(super) fn told(&self, began: Timestamp) -> Option<f64> {
        let (at, _) = self.states.iter().find(|(at, state)| *at >= began && state != "connected")?;
        Some(at.since(began).as_secs_f64())
    }
}

/// Seconds of the longest distance between two that ends after `from`.
pub(super) fn longest(times: &[Timestamp], from: Timestamp) -> Option<f64> {
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
    fn sound_and_picture_have_to_be_back() {
        let at = |millis: &[i64]| -> Vec<Timestamp> { millis.iter().map(|at| Timestamp::from_millis(*at)).collect() };
        let heard = at(&[0, 10, 20, 500, 510]).into_iter().zip([true, true, false, false, true]).collect();
        let states = vec![(Timestamp::from_millis(30), "unstable".to_owned())];
        let evidence = Evidence { states, shown: at(&[0, 33, 300]), heard };
        assert_eq!(evidence.back(Timestamp::from_millis(100)), Some(0.41));
        assert_eq!(evidence.silence(Timestamp::from_millis(15)), Some(0.49));
        assert_eq!(evidence.told(Timestamp::from_millis(20)), Some(0.01));
        assert_eq!(evidence.told(Timestamp::from_millis(40)), None);
    }
}
