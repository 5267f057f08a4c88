//! `bench link`: calls over bad paths. Runs again in a network namespace of its own, where the paths are made.

use std::fs::File;
use std::process::Command;

use anyhow::{Context as _, ensure};
use fika_tests::bench::link::picture::{LAP, SIZE};
use fika_tests::bench::link::report::{self, Results};
use fika_tests::bench::link::scenario::ALL;
use fika_tests::bench::link::{self, Media};
use fika_tests::bench::{browser, report as page};
use fika_tests::camera::{asset, mark};
use fika_tests::chromium::{make_tone, make_y4m};
use fika_tests::cli::TONE;
use fika_tests::{netns, pair as speech};

use super::{Arguments, chosen, write_wav};

/// Set in the inner run.
const INSIDE: &str = "FIKA_BENCH_INSIDE";
/// Seconds of the clip that is sent again and again.
const CLIP_SECONDS: u32 = 12;
/// Longer than any call, so that it is steady.
const TONE_SECONDS: u32 = 180;

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if std::env::var_os(INSIDE).is_none() {
        let mut command = Command::new(netns::STARTER[0]);
        command.args(&netns::STARTER[1..]).arg(std::env::current_exe()?).args(std::env::args_os().skip(1));
        let status = command.env(INSIDE, "1").status().context("unshare starts (Debian: util-linux)")?;
        ensure!(status.success(), "the measurement ended with {status}");
        return Ok(());
    }
    netns::ip("link set lo up");
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    let media = Media {
        clip: file("clip.y4m"),
        marked: file("marked.y4m"),
        speech: file("speech.wav"),
        tone: file("tone.wav"),
    };
    make_y4m(&asset("carphone.mp4"), &media.clip, CLIP_SECONDS)?;
    make_y4m(&asset("bigbuckbunny-720p.mp4"), &file("detail.y4m"), LAP)?;
    mark(&file("detail.y4m"), SIZE, File::create(&media.marked)?)?;
    write_wav(&media.speech, &speech::speech()?)?;
    make_tone(&media.tone, TONE as u32, TONE_SECONDS)?;
    let scenarios = chosen(ALL, |scenario| scenario.name, &arguments.scenarios)?;
    let path = arguments.report.clone().unwrap_or_else(|| "docs/link.md".into());
    let (mut results, mut measured) = (report::kept(&path, &scenarios), Results::new());
    for round in 1..=arguments.runs {
        for scenario in &scenarios {
            let pairs = if arguments.pairs.is_empty() { scenario.pairs() } else { &arguments.pairs };
            for pair in pairs {
                let run = link::run(scenario, *pair, &media, round.into(), arguments.keep.as_deref());
                let run = run.with_context(|| format!("{}, {pair}", scenario.name))?;
                eprintln!("round {round} of {}, {}, {pair}: {run:.2?}", arguments.runs, scenario.name);
                measured.entry(scenario.name).or_default().pairs.entry(*pair).or_default().push(run);
            }
        }
    }
    let machine = page::machine(&browser::version()?);
    measured.values_mut().for_each(|measured| measured.machine.clone_from(&machine));
    results.extend(measured);
    report::write(&path, &results)?;
    eprintln!("{} is written", path.display());
    Ok(())
}
