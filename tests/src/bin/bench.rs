//! Measures the app beside Chromium, one after the other in turn, and writes what came out into docs/benchmarks.md.
//! Started by `./dev bench`; the programs measured lie beside it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use fika_call::invite::{Invite, Secret};
use fika_server::{Config, Server};
use fika_tests::bench::figures::Run;
use fika_tests::bench::{Plan, SCREEN, Side, browser, screen};
use fika_tests::chromium::{make_tone, make_y4m};
use fika_tests::display::Display;

#[derive(Parser)]
struct Arguments {
    /// Runs of each program; the medians are reported.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Seconds over which CPU time is counted in each run.
    #[arg(long, default_value_t = 20)]
    load_seconds: u64,
    /// Measure only one of the two, and print instead of writing.
    #[arg(long)]
    only: Option<Program>,
    /// The page to rewrite.
    #[arg(long, default_value = "docs/benchmarks.md")]
    report: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Program {
    Fika,
    Chromium,
}

/// Seconds of the clip that both cameras play again and again.
const CLIP_SECONDS: u32 = 5;
const TONE_HERTZ: u32 = 440;

/// What all runs share.
struct Bench {
    plan: Plan,
    clip: PathBuf,
    marked: PathBuf,
    sound: PathBuf,
    _folder: tempfile::TempDir,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let bench = Bench::new(Duration::from_secs(arguments.load_seconds))?;
    for round in 1..=arguments.runs {
        eprintln!("round {round} of {}", arguments.runs);
        if arguments.only != Some(Program::Fika) {
            let (run, side) = bench.chromium()?;
            eprintln!("{run:#?} {side:?}");
        }
    }
    Ok(())
}

impl Bench {
    fn new(load: Duration) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str| folder.path().join(name);
        let (clip, marked, sound) = (file("clip.y4m"), file("marked.y4m"), file("tone.wav"));
        let asset = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/bigbuckbunny-720p.mp4");
        make_y4m(&asset, &clip, CLIP_SECONDS)?;
        screen::mark_y4m(&clip, &marked)?;
        make_tone(&sound, TONE_HERTZ, CLIP_SECONDS)?;
        Ok(Self { plan: Plan { load, ..Plan::default() }, clip, marked, sound, _folder: folder })
    }

    fn chromium(&self) -> anyhow::Result<(Run, Side)> {
        let display = Display::start(SCREEN.0, SCREEN.1)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let server = runtime.block_on(Server::bind(Config::new(([127, 0, 0, 1], 0).into())))?;
        let room = runtime.block_on(server.create_room()).ok().context("a room")?;
        let url = format!("http://{}/", server.local_addr()).parse()?;
        let link = Invite { server: url, room, secret: Secret::from_bytes([7; 16]) }.link();
        browser::run(&self.plan, &display, &link, &self.marked, &self.sound)
    }
}
