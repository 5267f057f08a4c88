//! `bench faults`: what becomes of calls when something breaks.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use fika_tests::bench::faults::report::Measured;
use fika_tests::bench::faults::scenes::ALL;
use fika_tests::bench::faults::{self, Fault, ROWS};
use fika_tests::bench::figures::Run;
use fika_tests::bench::{browser, report as page};
use fika_tests::netns;

use super::{Arguments, Program, chosen};

/// Set in the inner run, to the seed; its only output are the figures as JSON.
const SEED: &str = "FIKA_BENCH_SEED";

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let faults = chosen(ALL, |fault| fault.name, &arguments.scenarios)?;
    if let Some(seed) = std::env::var_os(SEED) {
        netns::ip("link set lo up");
        let seed = seed.to_str().and_then(|seed| seed.parse().ok()).context("a seed")?;
        let fault = faults.first().context("a fault")?;
        let run = if arguments.only == Some(Program::Chromium) { faults::beside } else { faults::run }(fault, seed)?;
        return Ok(serde_json::to_writer(std::io::stdout().lock(), &run).map(|()| std::io::stdout().flush())??);
    }
    let path = arguments.report.clone().unwrap_or_else(|| "docs/faults-measured.md".into());
    let mut measured = Measured::kept(&path, &faults);
    for round in 1..=arguments.runs {
        for fault in &faults {
            for (program, results) in [("chromium", &mut measured.chromium), ("fika", &mut measured.fika)] {
                if program == "fika" || fault.is_change() {
                    let run = apart(fault, program, round).with_context(|| format!("{}, {program}", fault.name))?;
                    eprintln!("round {round} of {}, {}, {program}: {run:.2?}", arguments.runs, fault.name);
                    results.entry(fault.name).or_default().push(run);
                }
            }
            measured.days.insert(fault.name, page::day());
        }
    }
    measured.write(&path, &page::machine(&browser::version()?))?;
    eprintln!("{} is written", path.display());
    Ok(())
}

/// In a network of its own, which ends with it.
fn apart(fault: &Fault, program: &str, seed: u32) -> anyhow::Result<Run> {
    let mut command = Command::new(netns::STARTER[0]);
    command.args(&netns::STARTER[1..]).arg(std::env::current_exe()?).args(["--only", program, "faults", fault.name]);
    let output = command.env(SEED, seed.to_string()).stderr(Stdio::inherit()).output();
    let output = output.context("unshare starts (Debian: util-linux)")?;
    ensure!(output.status.success(), "the measurement ended with {}", output.status);
    let figures: BTreeMap<String, f64> = serde_json::from_slice(&output.stdout)?;
    Ok(ROWS.iter().filter_map(|row| Some((row.key, *figures.get(row.key)?))).collect())
}
