//! Measures the app beside Chromium, one after the other in turn, and writes what came out into docs/benchmarks.md.
//! Started by `./dev bench`; the programs measured lie beside it.

mod faults;
mod paths;

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use fika_media::Resolution;
use fika_tests::bench::figures::Run;
use fika_tests::bench::link::Pair;
use fika_tests::bench::report::{self, Beside, Report};
use fika_tests::bench::room::Room;
use fika_tests::bench::{Plan, SCREEN, Side, app, browser, budget, guests, mesh, soak};
use fika_tests::camera::{asset, mark};
use fika_tests::chromium::make_y4m;
use fika_tests::display::Display;
use fika_tests::pair::{self, Sound};

#[derive(Parser)]
struct Arguments {
    /// Runs of each program; the medians are reported.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Seconds over which CPU time is counted in each run; with `soak`, of the whole call.
    #[arg(long, default_value_t = 20)]
    load_seconds: u64,
    /// The sound system of the apps.
    #[arg(long, default_value = "pipewire")]
    sound: Sound,
    /// Measure only one of the two.
    #[arg(long)]
    only: Option<Program>,
    /// The page to rewrite: docs/benchmarks.md, with `budget` docs/budget.md, with `soak` docs/soak.md.
    #[arg(long)]
    report: Option<PathBuf>,
    /// With `link`: only these pairs, sender and receiver, such as `fika-fika,chromium-chromium`; `vp8` is Chromium with VP8.
    #[arg(long, alias = "pair", value_delimiter = ',')]
    pairs: Vec<Pair>,
    /// With `link`: a folder for the course of each call over time, as CSV and SVG.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// What to measure.
    #[arg(value_enum, default_value = "call")]
    what: What,
    /// With `link` and `faults`: only these.
    scenarios: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A whole call, beside Chromium.
    Call,
    /// What parts of the app cost by themselves.
    Budget,
    /// A long call, for half an hour with `--load-seconds 1800`: what grows.
    Soak,
    /// Calls over bad paths, ours and Chromium's in all pairs.
    Link,
    /// Four in a call, beside Chromium.
    Mesh,
    /// Two guests in browsers, beside two plain pages.
    Guests,
    /// Calls in which something breaks.
    Faults,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Program {
    Fika,
    Chromium,
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Seconds of the clip that both cameras play again and again.
const CLIP_SECONDS: u32 = 5;

/// What all runs share.
struct Bench {
    plan: Plan,
    clip: PathBuf,
    marked: PathBuf,
    sound: PathBuf,
    speech: Vec<f32>,
    _folder: tempfile::TempDir,
}

pub(crate) fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.what {
        What::Link => return paths::run(&arguments),
        What::Faults => return faults::run(&arguments),
        What::Call | What::Budget | What::Soak | What::Mesh | What::Guests => {}
    }
    let bench = Bench::new(Plan {
        load: Duration::from_secs(arguments.load_seconds),
        sound: arguments.sound,
        ..Plan::default()
    })?;
    match arguments.what {
        What::Call => {}
        What::Budget => return bench.budget(&arguments),
        What::Soak => return bench.soak(&arguments),
        What::Link | What::Faults => unreachable!("they have begun"),
        What::Mesh => return bench.mesh(&arguments),
        What::Guests => return bench.guests(&arguments),
    }
    let (mut fika, mut chromium) = (Vec::new(), Vec::new());
    for round in 1..=arguments.runs {
        if arguments.only != Some(Program::Fika) {
            chromium.push(bench.chromium().context("Chromium")?);
            eprintln!("round {round} of {}, Chromium: {:.1?}", arguments.runs, chromium.last().map(|(run, _)| run));
        }
        if arguments.only != Some(Program::Chromium) {
            fika.push(app::run(&bench.plan, &bench.clip, &bench.speech).context("Fika")?);
            eprintln!("round {round} of {}, Fika: {:.1?}", arguments.runs, fika.last().map(|(run, _)| run));
        }
    }
    let browser = browser::version()?;
    let report = Report { plan: &bench.plan, browser, fika: &fika, chromium: &chromium, package: package()? };
    let path = arguments.report.unwrap_or_else(|| "docs/benchmarks.md".into());
    report.write(&path)?;
    eprintln!("{} is written", path.display());
    Ok(())
}

impl Bench {
    fn new(plan: Plan) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str| folder.path().join(name);
        let (clip, marked, sound) = (file("clip.y4m"), file("marked.y4m"), file("tone.wav"));
        let speech = pair::speech()?;
        make_y4m(&asset("bigbuckbunny-720p.mp4"), &clip, CLIP_SECONDS)?;
        mark(&clip, Resolution::new(1280, 720), File::create(&marked)?)?;
        write_wav(&sound, &speech)?;
        Ok(Self { plan, clip, marked, sound, speech, _folder: folder })
    }

    fn chromium(&self) -> anyhow::Result<(Run, Side)> {
        let display = Display::start(SCREEN.0, SCREEN.1)?;
        let room = Room::open(LOOPBACK)?;
        browser::run(&self.plan, &display, &room.link, &self.marked, &self.sound)
    }

    fn soak(&self, arguments: &Arguments) -> anyhow::Result<()> {
        let looks = soak::run(&self.plan, &self.clip, &self.speech)?;
        let path = arguments.report.clone().unwrap_or_else(|| "docs/soak.md".into());
        soak::write(&path, self.plan.load, &looks, &report::machine(&browser::version()?))?;
        eprintln!("{} is written", path.display());
        Ok(())
    }

    fn mesh(&self, arguments: &Arguments) -> anyhow::Result<()> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 1..=arguments.runs {
            let room = Room::open(LOOPBACK)?;
            theirs.push(mesh::chromium(&self.plan, &room.link, &self.marked, &self.sound).context("Chromium")?.0);
            ours.push(mesh::fika(&self.plan, &self.clip, &self.speech).context("Fika")?.0);
            eprintln!("round {round} of {}: {:.2?} {:.2?}", arguments.runs, ours.last(), theirs.last());
        }
        let path = arguments.report.clone().unwrap_or_else(|| "docs/mesh.md".into());
        report::write_beside(Beside::Mesh, &path, &self.plan, &ours, &theirs, &browser::version()?)?;
        eprintln!("{} is written", path.display());
        Ok(())
    }

    fn guests(&self, arguments: &Arguments) -> anyhow::Result<()> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 1..=arguments.runs {
            let room = || Room::open(LOOPBACK);
            theirs.push(guests::plain(&self.plan, &room()?.link, &self.marked, &self.sound).context("plain pages")?);
            ours.push(guests::ours(&self.plan, &room()?.link, &self.marked, &self.sound).context("our page")?);
            eprintln!("round {round} of {}: {:.2?} {:.2?}", arguments.runs, ours.last(), theirs.last());
        }
        let path = arguments.report.clone().unwrap_or_else(|| "docs/guests.md".into());
        report::write_beside(Beside::Guests, &path, &self.plan, &ours, &theirs, &browser::version()?)?;
        eprintln!("{} is written", path.display());
        Ok(())
    }

    fn budget(&self, arguments: &Arguments) -> anyhow::Result<()> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 1..=arguments.runs {
            let room = || Room::open(LOOPBACK);
            theirs.push(budget::beside(&self.plan, &room()?.link, &self.marked, &self.sound).context("Chromium")?);
            ours.push(budget::run(&self.plan, &self.clip, &self.speech, &room()?.link).context("Fika")?);
            eprintln!("round {round} of {}: {:.3?} {:.3?}", arguments.runs, ours.last(), theirs.last());
        }
        let path = arguments.report.clone().unwrap_or_else(|| "docs/budget.md".into());
        report::write_budget(&path, &self.plan, &ours, &theirs, package()?, &browser::version()?)?;
        eprintln!("{} is written", path.display());
        Ok(())
    }
}

/// Bytes of the newest deb.
fn package() -> anyhow::Result<Option<u64>> {
    let programs = std::env::current_exe()?;
    Ok(report::package(programs.parent().context("a folder")?).map(|(_, bytes)| bytes))
}

/// Those of these names; all without any.
fn chosen<T>(all: &'static [T], name: impl Fn(&T) -> &str, wanted: &[String]) -> anyhow::Result<Vec<&'static T>> {
    if wanted.is_empty() {
        return Ok(all.iter().collect());
    }
    let find = |one: &String| match all.iter().find(|each| name(each) == one) {
        Some(found) => Ok(found),
        None => bail!("there is no {one}, only {}", all.iter().map(&name).collect::<Vec<_>>().join(", ")),
    };
    wanted.iter().map(find).collect()
}

/// 48 kHz, mono, 16 bits: what Chromium's microphone plays.
fn write_wav(path: &Path, samples: &[f32]) -> anyhow::Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec)?;
    for sample in samples {
        // Conversions from float saturate.
        file.write_sample((sample * 32767.0) as i16)?;
    }
    Ok(file.finalize()?)
}
