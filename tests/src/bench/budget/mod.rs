//! What parts of the app cost by themselves: drawing, the lobby, standing idle, kinds of calls, starting. Measured from outside.

mod beside;
mod calls;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use super::app::{Ending, app, millis};
use super::figures::{Row, Run, quantile};
use super::{PATIENCE, Plan, screen};
use crate::camera::Shim;
use crate::display::{Display, Rect};
use crate::manager::Manager;
use crate::pair::{Bed, id};
use crate::process::{self, Usage};
use crate::program;

pub use beside::run as beside;

pub const ROWS: &[Row] = &[
    Row { key: "draw_720", title: "drawing 1 x 720p30, cores", digits: 3 },
    Row { key: "draw_4", title: "drawing 4 x 360p30, cores", digits: 3 },
    Row { key: "draw_9", title: "drawing 9 x 180p15, cores", digits: 3 },
    Row { key: "draw_p50", title: "decoded picture to the screen, median, ms", digits: 1 },
    Row { key: "draw_p95", title: "decoded picture to the screen, 95th percentile, ms", digits: 1 },
    Row { key: "home_cpu", title: "home screen idle, % of a core", digits: 2 },
    Row { key: "home_wakes", title: "home screen idle, wake-ups a second", digits: 0 },
    Row { key: "home_pss", title: "home screen, memory (PSS), MiB", digits: 0 },
    Row { key: "background_cpu", title: "home screen in a minimised window, % of a core", digits: 2 },
    Row { key: "background_wakes", title: "home screen in a minimised window, wake-ups a second", digits: 0 },
    Row { key: "lobby_cpu", title: "lobby with preview 720p30, cores", digits: 3 },
    Row { key: "lobby_pss", title: "lobby with preview 720p30, memory (PSS), MiB", digits: 0 },
    Row { key: "call_cpu", title: "call of two, 720p30 and sound both ways, one side, cores", digits: 3 },
    Row { key: "call_pss", title: "the same, memory (PSS), MiB", digits: 0 },
    Row { key: "call_wakes", title: "the same, wake-ups a second", digits: 0 },
    Row { key: "sound_cpu", title: "call of two with sound alone, one side, cores", digits: 3 },
    Row { key: "hidden_cpu", title: "call of two, 720p30 sent, both windows minimised, one side, cores", digits: 3 },
    Row { key: "start", title: "start of the process to the first painted screen, ms", digits: 0 },
    Row { key: "preview", title: "start of the process with a link to the own picture, ms", digits: 0 },
];

/// Where the lobby shows the own picture in a window of 1280x800.
const PREVIEW: Rect = Rect { left: 120, top: 220, width: 400, height: 200 };
/// A picture of a camera has at least so many colours, a page behind it fewer.
const PICTURE_COLOURS: usize = 1000;
const WINDOW: Rect = Rect { left: 0, top: 0, width: 1280, height: 800 };
/// Until the page and its caches have come to rest.
const REST: Duration = Duration::from_secs(4);

/// One run of all rows of ours. `clip` is y4m for the camera; `link` leads to an open room.
pub fn run(plan: &Plan, clip: &Path, speech: &[f32], link: &str) -> anyhow::Result<Run> {
    let mut figures = Run::new();
    let alone = drawing(plan, &["--way", "none"])?;
    for (row, words) in [
        ("draw_720", &["--picture", "1280x720"][..]),
        ("draw_4", &["--tiles", "4", "--picture", "640x360"]),
        ("draw_9", &["--tiles", "9", "--picture", "320x180", "--fps", "15"]),
    ] {
        figures.insert(row, drawing(plan, words)? - alone);
    }
    let latencies = latencies(plan)?;
    for (row, part) in [("draw_p50", 0.5), ("draw_p95", 0.95)] {
        figures.insert(row, quantile(&latencies, part).context("pictures were seen")?);
    }
    standing(plan, clip, speech, &mut figures)?;
    calls::ours(plan, clip, speech, &mut figures)?;
    starting(plan, clip, speech, link, &mut figures)?;
    Ok(figures)
}

fn standing(plan: &Plan, clip: &Path, speech: &[f32], figures: &mut Run) -> anyhow::Result<()> {
    let bed = Bed::start_with(plan.sound, WINDOW.width, WINDOW.height, speech.to_vec())?;
    let _manager = Manager::start(&bed.display)?;
    let camera = Shim::new()?.devices(&["Webcam"]).clip(clip);
    let window = bed.open("near", &camera, WINDOW)?;
    window.until("document.querySelector('[data-phase=home]') !== null")?;
    let home = Over::tree(app(&window)?, plan.load)?;
    figures.insert("home_cpu", home.cores * 100.0);
    figures.insert("home_wakes", home.wakes);
    figures.insert("home_pss", home.pss);
    bed.minimise(0)?;
    window.until("document.hidden")?;
    let background = Over::tree(app(&window)?, plan.load)?;
    figures.insert("background_cpu", background.cores * 100.0);
    figures.insert("background_wakes", background.wakes);
    bed.raise(0, WINDOW)?;
    window.until("!document.hidden")?;
    window.click(&id("start-call"))?;
    window.until("document.querySelector('[data-tile=\"me/camera\"][data-picture=true]') !== null")?;
    let lobby = Over::tree(app(&window)?, plan.load)?;
    figures.insert("lobby_cpu", lobby.cores);
    figures.insert("lobby_pss", lobby.pss);
    Ok(())
}

fn starting(plan: &Plan, clip: &Path, speech: &[f32], link: &str, figures: &mut Run) -> anyhow::Result<()> {
    let bed = Bed::start_with(plan.sound, WINDOW.width, WINDOW.height, speech.to_vec())?;
    let camera = Shim::new()?.devices(&["Webcam"]).clip(clip);
    for (row, link, area, colours) in [
        ("start", None, Rect { left: 100, top: 100, width: 1000, height: 600 }, plan.colours),
        ("preview", Some(link), PREVIEW, PICTURE_COLOURS),
    ] {
        let begin = monotonic();
        let mut command = Command::new(bed.program());
        command.args(link).envs(bed.environment("cold", &camera));
        let _running = Ending(quiet(&mut command).spawn().context("the app starts")?);
        figures.insert(row, millis(begin, screen::painted(&bed.display, area, colours, PATIENCE)?));
    }
    Ok(())
}

/// Cores that the program `stage` and its web processes take.
fn drawing(plan: &Plan, words: &[&str]) -> anyhow::Result<f64> {
    let display = Display::start(WINDOW.width, WINDOW.height)?;
    let stage = stage(&display, words)?;
    Ok(Over::tree(stage.0.id(), plan.load)?.cores)
}

/// From the hand-over of each picture of 720p until it is on the screen, in milliseconds.
fn latencies(plan: &Plan) -> anyhow::Result<Vec<f64>> {
    let display = Display::start(WINDOW.width, WINDOW.height)?;
    let log = tempfile::NamedTempFile::new()?;
    let path = log.path().to_str().context("a path in UTF-8")?;
    let _stage = stage(&display, &["--log", path])?;
    let (picture, _) = screen::find(&display, WINDOW, PATIENCE)?;
    std::thread::sleep(REST);
    let seen = screen::watch(&display, picture, plan.watch)?;
    let mut handed = BTreeMap::<u32, Vec<Timestamp>>::new();
    for line in std::fs::read_to_string(log.path())?.lines() {
        if let Some((number, at)) = line.split_once(',') {
            handed.entry(number.parse()?).or_default().push(Timestamp(at.parse()?));
        }
    }
    let since_handed = |seen: &screen::Seen| {
        let times = handed.get(&seen.marker.counter)?;
        times.iter().rev().find(|at| **at <= seen.at).map(|at| millis(*at, seen.at))
    };
    Ok(seen.iter().filter_map(since_handed).collect())
}

fn stage(display: &Display, words: &[&str]) -> anyhow::Result<Ending> {
    let program: PathBuf = program::path("stage", "fika-tests")?;
    let mut command = Command::new(program);
    command.args(words).env("DISPLAY", display.name()).env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
    Ok(Ending(quiet(&mut command).spawn().context("stage starts")?))
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// What a process tree takes over some time, once it has come to rest.
struct Over {
    cores: f64,
    /// A second.
    wakes: f64,
    /// MiB.
    pss: f64,
}

impl Over {
    fn tree(root: u32, time: Duration) -> anyhow::Result<Self> {
        Self::mean(&[root], time)
    }

    /// The mean of these trees.
    fn mean(roots: &[u32], time: Duration) -> anyhow::Result<Self> {
        std::thread::sleep(REST);
        let read = || roots.iter().map(|root| process::usage(*root)).collect::<anyhow::Result<Vec<Usage>>>();
        let (before, begin) = (read()?, Instant::now());
        std::thread::sleep(time);
        let (after, wall) = (read()?, begin.elapsed().as_secs_f64());
        let trees = roots.len().max(1) as f64;
        let mut mean = Self { cores: 0.0, wakes: 0.0, pss: 0.0 };
        for (before, after) in before.iter().zip(&after) {
            let work = after.since(before);
            mean.cores += work.ran.as_secs_f64() / wall / trees;
            mean.wakes += work.sleeps as f64 / wall / trees;
            mean.pss += after.pss as f64 / f64::from(1 << 20) / trees;
        }
        Ok(mean)
    }
}
