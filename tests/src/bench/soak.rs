//! A long call between two apps: whether memory or open files grow.
//!
//! Blocks on the calling thread, which looks at both process trees every [`EVERY`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::app::app;
use super::{LEFT, Plan, RIGHT, SCREEN};
use crate::camera::Shim;
use crate::pair::{self, Bed, id};
use crate::process;

/// How often both sides are looked at.
const EVERY: Duration = Duration::from_secs(10);
/// Share of the time that counts as warming up.
const WARM_UP: u32 = 6;

/// One look at one side.
#[derive(Clone, Debug)]
pub struct Look {
    /// Since both saw each other.
    pub at: Duration,
    pub pss: u64,
    /// Memory that is in no file, by program.
    pub own: BTreeMap<String, u64>,
    pub files: usize,
}

/// What grew on one side after it had warmed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// Bytes a minute: the slope of the line nearest to all looks.
    pub pss: f64,
    /// The same of memory that is in no file, by program.
    pub own: BTreeMap<String, f64>,
    /// Open files at the first and the last look.
    pub files: (usize, usize),
    /// Bytes at the first and the last look.
    pub ends: (u64, u64),
}

/// Two apps in a call for as long as load is counted; the looks at each.
pub fn run(plan: &Plan, clip: &Path, speech: &[f32]) -> anyhow::Result<[Vec<Look>; 2]> {
    let bed = Bed::start_with(plan.sound, SCREEN.0, SCREEN.1, speech.to_vec())?;
    let camera = Shim::new()?.devices(&["Webcam"]).clip(clip);
    let near = bed.open("near", &camera, LEFT)?;
    let far = bed.open("far", &camera, RIGHT)?;
    let link = pair::start_call(&near, "Near")?;
    pair::enter_lobby(&far, &link, "Far")?;
    far.click(&id("join-now"))?;
    pair::sees_other(&near)?;
    pair::sees_other(&far)?;
    let apps = [app(&near)?, app(&far)?];
    let mut looks = [Vec::new(), Vec::new()];
    let begin = Instant::now();
    while begin.elapsed() < plan.load {
        std::thread::sleep(EVERY);
        for (app, looks) in apps.iter().zip(&mut looks) {
            let usage = process::usage(*app)?;
            looks.push(Look { at: begin.elapsed(), pss: usage.pss, own: usage.own, files: usage.files });
        }
    }
    for window in [&near, &far] {
        pair::sees_other(window).context("both still see each other")?;
    }
    Ok(looks)
}

/// What grew after the warm-up.
pub fn growth(looks: &[Look]) -> anyhow::Result<Growth> {
    let end = looks.last().context("there were looks")?;
    let warm: Vec<&Look> = looks.iter().filter(|look| look.at >= end.at / WARM_UP).collect();
    ensure!(warm.len() > 2, "the call was too short to tell");
    let minutes = |look: &Look| look.at.as_secs_f64() / 60.0;
    let count = warm.len() as f64;
    let mean = |of: &dyn Fn(&Look) -> f64| warm.iter().map(|look| of(look)).sum::<f64>() / count;
    let middle = mean(&minutes);
    let spread: f64 = warm.iter().map(|look| (minutes(look) - middle).powi(2)).sum();
    let slope = |of: &dyn Fn(&Look) -> f64| {
        let level = mean(of);
        warm.iter().map(|look| (minutes(look) - middle) * (of(look) - level)).sum::<f64>() / spread
    };
    let first = warm[0];
    let programs = end.own.keys().map(|name| {
        let own = |look: &Look| look.own.get(name).copied().unwrap_or_default() as f64;
        (name.clone(), slope(&own))
    });
    let own = programs.collect();
    let pss = slope(&|look| look.pss as f64);
    Ok(Growth { pss, own, files: (first.files, end.files), ends: (first.pss, end.pss) })
}

/// docs/soak.md, written as a whole.
pub fn write(path: &Path, time: Duration, looks: &[Vec<Look>; 2], machine: &str) -> anyhow::Result<()> {
    let mut text = String::from(HEAD);
    writeln!(
        text,
        "{} minutes, the first {:.0} of them for warming up; {machine}.\n",
        time.as_secs() / 60,
        time.as_secs_f64() / 60.0 / f64::from(WARM_UP)
    )?;
    text.push_str("| | memory at first, MiB | at last | growth, MiB a minute | files at first | at last |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: | ---: |\n");
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let mut programs = Vec::new();
    for (side, looks) in ["who called", "who joined"].iter().zip(looks) {
        let Growth { pss, own, files, ends } = growth(looks)?;
        let (first, last) = (mib(ends.0 as f64), mib(ends.1 as f64));
        writeln!(text, "| {side} | {first:.0} | {last:.0} | {:.2} | {} | {} |", mib(pss), files.0, files.1)?;
        let own: Vec<String> = own.iter().map(|(name, slope)| format!("`{name}` {:.2}", mib(*slope))).collect();
        programs.push(format!("{side} {}", own.join(", ")));
    }
    writeln!(text, "\nGrowth of what is in no file, by program, MiB a minute: {}.", programs.join("; "))?;
    Ok(std::fs::write(path, text)?)
}

const HEAD: &str = "# A long call

Written by `./dev bench soak`; do not edit. Two apps in a call, with camera and sound, each with its web processes: the memory
(PSS) and the open files of the whole process tree, looked at every ten seconds.

";

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(pss: impl Fn(u64) -> u64) -> Vec<Look> {
        let own = |n| BTreeMap::from([("fika".to_owned(), pss(n) / 2)]);
        let look = |n| Look { at: EVERY * n as u32, pss: pss(n), own: own(n), files: 40 + usize::from(n > 30) };
        (1..=60).map(look).collect()
    }

    #[test]
    fn growth_is_what_comes_after_the_warm_up() {
        // A jump in the first minute, then 6,000 bytes each ten seconds.
        let growth = growth(&looks(|n| 100_000_000 * u64::from(n > 5) + 6_000 * n)).unwrap();
        assert!((growth.pss - 36_000.0).abs() < 1.0, "{growth:?}");
        assert!((growth.own["fika"] - 18_000.0).abs() < 1.0, "{growth:?}");
        assert_eq!((growth.files, growth.ends), ((40, 41), (100_060_000, 100_360_000)));
    }

    #[test]
    fn a_moment_tells_nothing() {
        assert!(growth(&looks(|_| 1)[..2]).is_err() && growth(&[]).is_err());
    }
}
