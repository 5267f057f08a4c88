//! Calls over a bad path, in all four pairs of ours and Chromium: the same path, clip, rules and figures for each.
//!
//! One sends and one receives; the path lies between two network namespaces ([`crate::netns::Path`]). Everything blocks on
//! the calling thread, which has to be in a namespace of its own.

mod chromium;
mod fika;
pub mod report;
pub mod scenario;
mod series;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fika_media::Timestamp;

use super::figures::Run;
use super::room::Room;
use crate::link::Fate;
use crate::link::seen::{Seen, Shown};
use crate::netns::{Path, Right};
use crate::process::{self, Usage};
use scenario::Scenario;

const LEFT: &str = "10.78.0.1";
const RIGHT: &str = "10.78.0.2";
/// How long a call may take to its first picture.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a video call sends at most, kbit/s.
const MAX_BITRATE: u32 = 3000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Program {
    Fika,
    Chromium,
}

/// Who sends and who receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Pair {
    pub sender: Program,
    pub receiver: Program,
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} → {:?}", self.sender, self.receiver)
    }
}

/// What all calls send.
pub struct Media {
    /// 720p30, y4m.
    pub clip: PathBuf,
    /// 48 kHz, WAV.
    pub sound: PathBuf,
}

/// A picture as its receiver tells of it.
#[derive(Clone, Copy, Debug)]
struct Picture {
    /// On the clock that all processes share.
    at: Timestamp,
    captured: Option<Timestamp>,
    lines: u32,
}

/// A program that takes part. Sends from its start on, or tells at the end what it has shown.
trait End {
    fn pid(&self) -> u32;
    /// Returns when pictures arrive.
    fn wait(&mut self) -> anyhow::Result<()>;
    /// Leaves; what was shown.
    fn finish(self: Box<Self>) -> anyhow::Result<Vec<Picture>>;
}

struct Place<'a> {
    link: &'a str,
    media: &'a Media,
    sends: bool,
    /// `None`: the left one.
    right: Option<&'a Right>,
}

impl Program {
    fn start(self, place: &Place<'_>) -> anyhow::Result<Box<dyn End>> {
        Ok(match self {
            Self::Fika => Box::new(fika::Cli::start(place)?),
            Self::Chromium => Box::new(chromium::Tab::start(place)?),
        })
    }
}

/// One call. `keep`: a folder for its course over time, as CSV.
pub fn run(
    scenario: &Scenario,
    pair: Pair,
    media: &Media,
    seed: u64,
    keep: Option<&std::path::Path>,
) -> anyhow::Result<Run> {
    let [there, back] = scenario.path();
    let rates = there.rates.clone();
    let path = Path::open(LEFT, RIGHT, there, back, seed)?;
    let room = Room::open(LEFT.parse()?)?;
    let place = |sends, right| Place { link: &room.link, media, sends, right };
    // The receiver first: the plan of the path begins with the first packet of the sender.
    let mut receiver = pair.receiver.start(&place(false, Some(&path.right))).context("the receiver starts")?;
    let sender = pair.sender.start(&place(true, None)).context("the sender starts")?;
    receiver.wait().context("pictures arrive")?;
    let before = [&sender, &receiver].map(|end| process::usage(end.pid()));
    std::thread::sleep(Duration::from_secs(scenario.seconds.into()));
    let after = [&sender, &receiver].map(|end| process::usage(end.pid()));
    let pictures = receiver.finish().context("the receiver leaves")?;
    sender.finish().context("the sender leaves")?;
    let travelled = path.close()?;
    let began = travelled.began.context("media went over the path")?;

    let since = |at: Timestamp| Timestamp::from_micros(at.as_micros() - began.as_micros());
    let mut shown: Vec<(Shown, u32)> = pictures
        .iter()
        .map(|picture| (Shown { at: since(picture.at), captured: picture.captured.map(since) }, picture.lines))
        .collect();
    shown.sort_by_key(|(shown, _)| shown.at);
    ensure!(!shown.is_empty(), "no picture was shown");
    let arrived = travelled.passages.iter().filter_map(|passage| match passage.fate {
        Fate::Arrived(at) => Some((at, passage.size)),
        _ => None,
    });
    let seen = Seen {
        rates,
        end: scenario.end(),
        received: arrived.collect(),
        shown: shown.iter().map(|(shown, _)| *shown).filter(|shown| shown.at < scenario.end()).collect(),
        passages: travelled.passages,
    };
    let sizes: Vec<(f64, u32)> =
        shown.iter().map(|(shown, lines)| (shown.at.since(Timestamp::ZERO).as_secs_f64(), *lines)).collect();
    if let Some(folder) = keep {
        let name = format!("{}-{:?}-{:?}-{seed}.csv", scenario.name, pair.sender, pair.receiver);
        series::write(&folder.join(name), &seen, &sizes)?;
    }
    let mut run = scenario.figures(&seen, &sizes);
    let frames = seen.shown.len() as f64;
    for (key, before, after) in [("cpuSender", &before[0], &after[0]), ("cpuReceiver", &before[1], &after[1])] {
        if let (Ok(before), Ok(after)) = (before, after) {
            run.insert(key, cpu(before, after) * 1e3 / frames);
        }
    }
    Ok(run)
}

fn cpu(before: &Usage, after: &Usage) -> f64 {
    after.cpu.saturating_sub(before.cpu).as_secs_f64()
}
