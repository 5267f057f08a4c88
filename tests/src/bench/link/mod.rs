//! Calls over a bad path, in pairs of ours and Chromium: the same path, clip, rules and figures for each.
//!
//! One sends and one receives; the path lies between two network namespaces ([`crate::netns::Path`]). Everything blocks on
//! the calling thread, which has to be in a namespace of its own.

mod allowed;
mod call;
mod chromium;
mod figures;
mod fika;
mod join;
pub mod picture;
mod plot;
mod program;
pub mod report;
mod rival;
pub mod scenario;
mod series;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fika_media::Timestamp;

use super::figures::Run;
use crate::link::Fate;
use crate::link::seen::{Seen, Shown};
use crate::netns::{Flow, Path, Travelled};
use crate::process::Usage;
use call::Call;
use figures::Course;
use picture::Record;
use program::{Evidence, Picture};
pub use program::{Media, Pair, Program, Watch};
use scenario::Scenario;

const LEFT: &str = "10.78.0.1";
const RIGHT: &str = "10.78.0.2";
/// How long a call may take to its first picture.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a video call sends at most, kbit/s.
const MAX_BITRATE: u32 = 3000;

/// One call, or several short ones. `keep`: a folder for its course over time, as CSV and as a picture.
pub fn run(
    scenario: &Scenario,
    pair: Pair,
    media: &Media,
    seed: u64,
    keep: Option<&std::path::Path>,
) -> anyhow::Result<Run> {
    if scenario.watch == Watch::Join {
        return join::run(scenario, pair, media, seed);
    }
    let [there, back] = scenario.path();
    let path = Path::open(LEFT, RIGHT, there, back, seed)?;
    let record = (scenario.watch == Watch::Pictures).then(|| Arc::new(Mutex::new(Record::default())));
    let mut call = Call::open(pair, &path.right, media, scenario.watch, record.as_ref())?;
    // Who is there first may have an advantage, so they take turns.
    let rival_first = seed.is_multiple_of(2);
    let mut rival = None;
    let mut start_rival = || -> anyhow::Result<()> {
        rival = scenario.rival.map(|rival| rival.start(&path.right, media)).transpose().context("the rival starts")?;
        Ok(())
    };
    if rival_first {
        start_rival()?;
        call.send(media)?;
    } else {
        call.send(media)?;
        start_rival()?;
    }
    call.wait()?;
    if let Some(rival) = &mut rival {
        rival.wait().context("the rival's call")?;
    }
    let before = call.usage();
    std::thread::sleep(Duration::from_secs(scenario.seconds.into()));
    let after = call.usage();
    let theirs = rival.as_ref().map(|rival| rival.flows()).transpose()?.unwrap_or_default();
    let evidence = call.finish()?;
    if let Some(rival) = rival {
        rival.end().context("the rival ends")?;
    }
    let course = course(scenario, evidence, path.close()?, &theirs)?;
    if let Some(folder) = keep {
        let file = folder.join(format!("{}-{}-{seed}", scenario.name, pair.key()));
        series::write(&file.with_extension("csv"), &course)?;
        plot::write(&file.with_extension("svg"), &format!("{}: {pair}", scenario.title), &course)?;
    }
    let mut run = (scenario.figures)(&course);
    if let Some(record) = record {
        let record = std::mem::take(&mut *record.lock().unwrap_or_else(PoisonError::into_inner));
        run.insert("vmaf", record.judge(&media.marked)?);
    } else if let (Ok(before), Ok(after)) = (before, after) {
        let frames = course.seen.shown.len() as f64;
        for (key, before, after) in [("cpuSender", &before[0], &after[0]), ("cpuReceiver", &before[1], &after[1])] {
            run.insert(key, cpu(before, after) * 1e3 / frames);
        }
    }
    Ok(run)
}

/// `theirs`: the flows of somebody else.
fn course(scenario: &Scenario, evidence: Evidence, travelled: Travelled, theirs: &[Flow]) -> anyhow::Result<Course> {
    let began = travelled.began.context("media went over the path")?;
    let since = |at: Timestamp| Timestamp::from_micros(at.as_micros() - began.as_micros());
    let mut pictures = evidence.pictures;
    ensure!(!pictures.is_empty(), "no picture was shown");
    pictures.sort_by_key(|picture| picture.at);
    let arrived = travelled.passages.iter().zip(&travelled.flows).filter_map(|(passage, flow)| match passage.fate {
        Fate::Arrived(at) => Some((theirs.contains(flow), (at, passage.size))),
        _ => None,
    });
    let (others, ours): (Vec<_>, Vec<_>) = arrived.partition(|(others, _)| *others);
    let sizes = |arrived: Vec<(bool, (Timestamp, usize))>| arrived.into_iter().map(|(_, arrived)| arrived).collect();
    let shown =
        pictures.iter().map(|Picture { at, captured, .. }| Shown { at: since(*at), captured: captured.map(since) });
    let [there, _] = scenario.path();
    let seen = Seen {
        rates: there.rates,
        end: scenario.end(),
        received: sizes(ours),
        shown: shown.filter(|shown| shown.at < scenario.end()).collect(),
        passages: travelled.passages,
    };
    Ok(Course {
        seen,
        sizes: pictures.iter().map(|picture| (since(picture.at).as_micros() as f64 / 1e6, picture.lines)).collect(),
        one_way: there.delay.as_secs_f64() * 1e3,
        others: sizes(others),
        heard: evidence.heard,
        began,
    })
}

fn cpu(before: &Usage, after: &Usage) -> f64 {
    after.cpu.saturating_sub(before.cpu).as_secs_f64()
}
