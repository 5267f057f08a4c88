//! `bench link`: calls over bad paths. Runs again in a network namespace of its own, where the paths are made.

use std::process::Command;

use anyhow::{Context as _, ensure};
use fika_tests::bench::link::report::{self, Results};
use fika_tests::bench::link::scenario::ALL;
use fika_tests::bench::link::{self, Media, Pair, Program};
use fika_tests::bench::{browser, report as page};
use fika_tests::camera::asset;
use fika_tests::chromium::make_y4m;
use fika_tests::{netns, pair as speech};

use super::{Arguments, chosen, write_wav};

/// Set in the inner run.
const INSIDE: &str = "FIKA_BENCH_INSIDE";
/// Seconds of the clip that is sent again and again.
const CLIP_SECONDS: u32 = 12;

const PAIRS: [Pair; 4] = [
    Pair { sender: Program::Fika, receiver: Program::Fika },
    Pair { sender: Program::Chromium, receiver: Program::Chromium },
    Pair { sender: Program::Fika, receiver: Program::Chromium },
    Pair { sender: Program::Chromium, receiver: Program::Fika },
];

/// `fika-chromium`: Fika sends, Chromium receives.
pub(super) fn pair(text: &str) -> Result<Pair, String> {
    let program = |name: &str| match name {
        "fika" => Ok(Program::Fika),
        "chromium" => Ok(Program::Chromium),
        _ => Err("a pair is SENDER-RECEIVER, each of them fika or chromium".to_owned()),
    };
    let (sender, receiver) = text.split_once('-').unwrap_or((text, ""));
    Ok(Pair { sender: program(sender)?, receiver: program(receiver)? })
}

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
    let media = Media { clip: folder.path().join("clip.y4m"), sound: folder.path().join("speech.wav") };
    make_y4m(&asset("carphone.mp4"), &media.clip, CLIP_SECONDS)?;
    write_wav(&media.sound, &speech::speech()?)?;
    let scenarios = chosen(ALL, |scenario| scenario.name, &arguments.scenarios)?;
    let pairs = if arguments.pairs.is_empty() { &PAIRS[..] } else { &arguments.pairs };
    let mut results = Results::new();
    for round in 1..=arguments.runs {
        for scenario in &scenarios {
            for pair in pairs {
                let run = link::run(scenario, *pair, &media, round.into(), arguments.keep.as_deref());
                let run = run.with_context(|| format!("{}, {pair}", scenario.name))?;
                eprintln!("round {round} of {}, {}, {pair}: {run:.2?}", arguments.runs, scenario.name);
                results.entry(scenario.name).or_default().entry(*pair).or_default().push(run);
            }
        }
    }
    let path = arguments.report.clone().unwrap_or_else(|| "docs/link.md".into());
    report::write(&path, &scenarios, &results, &page::machine(&browser::version()?))?;
    eprintln!("{} is written", path.display());
    Ok(())
}
