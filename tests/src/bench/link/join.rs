//! How long it takes from an answer that was applied to the first picture, again and again.

use anyhow::Context as _;

use super::call::Call;
use super::program::{Media, Pair, Watch};
use super::scenario::Scenario;
use super::{LEFT, RIGHT};
use crate::bench::figures::{Run, quantile};
use crate::netns::{Begin, Path};

/// Joins of one run.
const JOINS: u64 = 7;
/// What was decoded is on the screen soon.
const SHOWN: std::time::Duration = std::time::Duration::from_millis(500);

pub(super) fn run(scenario: &Scenario, pair: Pair, media: &Media, seed: u64) -> anyhow::Result<Run> {
    let mut times = Vec::new();
    for join in 0..JOINS {
        times.push(once(scenario, pair, media, seed * JOINS + join)?);
    }
    let part = |part| quantile(&times, part).context("joins were measured");
    Ok(Run::from([("join", part(0.5)?), ("joinWorst", part(1.0)?)]))
}

/// Milliseconds.
fn once(scenario: &Scenario, pair: Pair, media: &Media, seed: u64) -> anyhow::Result<f64> {
    let path = Path::begin(Begin::AtOnce, LEFT, RIGHT, scenario.path(), seed)?;
    let mut call = Call::open(pair, &path.right, media, Watch::Join, None)?;
    call.send(media)?;
    call.wait()?;
    std::thread::sleep(SHOWN);
    let evidence = call.finish()?;
    let answered = evidence.answered.context("an answer was applied")?;
    let first = evidence.pictures.iter().map(|picture| picture.at).min().context("a picture was shown")?;
    Ok(first.since(answered).as_secs_f64() * 1e3)
}
