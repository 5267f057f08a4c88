//! One of the two in a call: what it says while the call lasts, and what it has written down at the end.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use fika_devices::clock::monotonic;
use fika_media::Timestamp;
use serde_json::Value;

use super::PATIENCE;
use crate::bench::hearing::{Heard, longest};
use crate::cli::{self, Running, inbound};

/// What statistics say may have been so long before.
const STALE: Duration = Duration::from_secs(2);

pub(super) fn connected(stats: &Value) -> bool {
    stats["connectionState"] == "connected"
}

pub(super) fn relayed(stats: &Value) -> bool {
    connected(stats) && stats["connections"][0]["relayed"] == true
}

pub(super) fn packets(stats: &Value, kind: &str) -> f64 {
    inbound(stats, kind, "packetsReceived")
}

pub(super) struct Side {
    pub(super) program: Running,
    killed: bool,
    /// When it showed which state.
    states: Vec<(Timestamp, String)>,
    times: PathBuf,
    sound: PathBuf,
}

impl Side {
    pub(super) fn new(program: Running, [times, sound]: [PathBuf; 2]) -> Self {
        Self { program, killed: false, states: Vec::new(), times, sound }
    }

    /// Ends without a word; nothing of it is evidence.
    pub(super) fn kill(&mut self) {
        self.program.kill();
        self.killed = true;
    }

    /// Hears it until then.
    pub(super) fn listen(&mut self, until: Timestamp) -> anyhow::Result<()> {
        if self.killed {
            std::thread::sleep(until.since(monotonic()));
            return Ok(());
        }
        while self.next(until)?.is_some_and(|said| said.at() < until) {}
        Ok(())
    }

    /// Until its statistics are as `wanted`; when they were.
    pub(super) fn wait(
        &mut self,
        what: &str,
        patience: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> anyhow::Result<Timestamp> {
        self.wait_for(what, patience, |said| matches!(said, Said::Stats(_, stats) if wanted(stats)))
    }

    /// Until its view is as `wanted`; when it was. Of who joined alone: who calls does not show it.
    pub(super) fn wait_view(
        &mut self,
        what: &str,
        patience: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> anyhow::Result<Timestamp> {
        self.wait_for(what, patience, |said| matches!(said, Said::View(_, view) if wanted(view)))
    }

    /// Until more and more is heard and seen of the other, after `since`.
    pub(super) fn flows(&mut self, since: Timestamp) -> anyhow::Result<Timestamp> {
        let mut before = None;
        self.wait("media flows again", PATIENCE, |stats| {
            if stats["timestamp"].as_i64().is_none_or(|at| at < (since + STALE).as_micros()) {
                return false;
            }
            let now = ["audio", "video"].map(|kind| packets(stats, kind));
            let more = before.is_some_and(|before: [f64; 2]| now[0] > before[0] && now[1] > before[1]);
            before = Some(now);
            connected(stats) && more
        })
    }

    fn wait_for(
        &mut self,
        what: &str,
        patience: Duration,
        mut wanted: impl FnMut(&Said) -> bool,
    ) -> anyhow::Result<Timestamp> {
        let end = monotonic() + patience;
        let mut last = None;
        while let Some(said) = self.next(end)? {
            if wanted(&said) {
                return Ok(said.at());
            }
            last = Some(said);
        }
        bail!("it does not happen within {patience:?} that {what}: {last:#?}");
    }

    /// What it says next. `None`: nothing until `end`.
    fn next(&mut self, end: Timestamp) -> anyhow::Result<Option<Said>> {
        loop {
            let Some((said_at, line)) = self.program.line_within(end.since(monotonic())) else { return Ok(None) };
            ensure!(!line.is_empty(), "the program has ended");
            let mut line: Value = serde_json::from_str(&line).with_context(|| format!("no JSON: {line:?}"))?;
            let said = if let Some(at) = line["timestamp"].as_i64() {
                self.states.push((Timestamp::from_micros(at), state(&line["connectionState"])?));
                Said::Stats(Timestamp::from_micros(at), line)
            } else if line["view"].is_object() {
                let view = line["view"].take();
                self.states.push((said_at, state(&view["connection"])?));
                Said::View(said_at, view)
            } else {
                continue;
            };
            return Ok(Some(said));
        }
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
        Ok(Some(Evidence { states: self.states, shown, heard: Heard::recorded(&self.sound) }))
    }
}

/// A line that it says, and when.
#[derive(Debug)]
enum Said {
    Stats(Timestamp, Value),
    View(Timestamp, Value),
}

impl Said {
    const fn at(&self) -> Timestamp {
        let (Self::Stats(at, _) | Self::View(at, _)) = self;
        *at
    }
}

fn state(value: &Value) -> anyhow::Result<String> {
    Ok(value.as_str().context("a state")?.to_owned())
}

/// What one of them saw and heard.
pub(super) struct Evidence {
    states: Vec<(Timestamp, String)>,
    shown: Vec<Timestamp>,
    heard: Heard,
}

impl Evidence {
    /// Seconds of the longest still picture that ends after `from`.
    pub(super) fn still(&self, from: Timestamp) -> Option<f64> {
        longest(&self.shown, from)
    }

    /// Seconds without the tone.
    pub(super) fn silence(&self, from: Timestamp) -> Option<f64> {
        self.heard.silence(from)
    }

    /// From `mended` to the first picture and the first sound of the other after it.
    pub(super) fn back(&self, mended: Timestamp) -> Option<f64> {
        let picture = self.shown.iter().find(|at| **at >= mended)?;
        let sound = self.heard.after(mended)?;
        Some((*picture).max(sound).since(mended).as_secs_f64())
    }

    /// How often a connection that had been good no longer was.
    pub(super) fn breaks(&self, began: Timestamp) -> usize {
        let pairs = self.states.iter().zip(self.states.iter().skip(1)).filter(|(_, (at, _))| *at >= began);
        pairs.filter(|((_, before), (_, after))| before == "connected" && after != "connected").count()
    }

    /// Until anything but a good connection was shown.
    pub(super) fn told(&self, began: Timestamp) -> Option<f64> {
        let (at, _) = self.states.iter().find(|(at, state)| *at >= began && state != "connected")?;
        Some(at.since(began).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_and_picture_have_to_be_back() {
        let at = |millis: &[i64]| -> Vec<Timestamp> { millis.iter().map(|at| Timestamp::from_millis(*at)).collect() };
        let strengths = at(&[0, 10, 20, 500, 510]).into_iter().zip([1.0, 1.0, 0.0, 0.0, 1.0]);
        let heard = Heard::of(&strengths.collect::<Vec<_>>());
        let states = vec![(Timestamp::from_millis(30), "unstable".to_owned())];
        let evidence = Evidence { states, shown: at(&[0, 33, 300]), heard };
        assert_eq!(evidence.back(Timestamp::from_millis(100)), Some(0.41));
        assert_eq!(evidence.silence(Timestamp::from_millis(15)), Some(0.49));
        assert_eq!(evidence.told(Timestamp::from_millis(20)), Some(0.01));
        assert_eq!(evidence.told(Timestamp::from_millis(40)), None);
    }
}
