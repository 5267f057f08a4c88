//! The real app, made visible where there is no display: two windows side by side call each other under Xvfb, with
//! virtual cameras that play recorded clips. Prints a line of statistics a second and where the screenshot is.
//! Started by `./dev run --demo`; the app lies beside it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use fika_tests::camera::{Shim, asset};
use fika_tests::display::Rect;
use fika_tests::pair::{self, Bed, id};
use fika_tests::process::{self, Usage};
use fika_tests::webdriver::Window;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Arguments {
    /// End after this time instead of with Ctrl-C.
    #[arg(long)]
    seconds: Option<u64>,
    /// Where the screenshot goes.
    #[arg(long, default_value_os_t = std::env::temp_dir().join("fika-demo.png"))]
    screenshot: PathBuf,
}

const SCREEN: (u32, u32) = (2600, 840);
const LEFT: Rect = Rect { left: 10, top: 20, width: 1280, height: 800 };
const RIGHT: Rect = Rect { left: 1310, top: 20, width: 1280, height: 800 };
/// Until the pictures have their full size.
const SETTLE: Duration = Duration::from_secs(6);

pub(crate) fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let camera = |clip: &str| -> anyhow::Result<Shim> {
        let pictures = folder.path().join(clip).with_extension("mjpeg");
        make_mjpeg(&asset(clip), &pictures)?;
        // MJPEG pictures are played as they are, without the mark that the tests read.
        Ok(Shim::new()?.devices(&["Webcam"]).formats("MJPG").mjpeg(&pictures))
    };
    let (here, there) = (camera("carphone.mp4")?, camera("bigbuckbunny-720p.mp4")?);
    say("starting two apps");
    let bed = Bed::start(SCREEN.0, SCREEN.1, pair::speech()?)?;
    let karin = bed.open("Karin", &here, LEFT)?;
    let amir = bed.open("Amir", &there, RIGHT)?;
    let link = pair::start_call(&karin, "Karin")?;
    say(&format!("the call is open at {link}"));
    pair::enter_lobby(&amir, &link, "Amir")?;
    amir.click(&id("join-now"))?;
    pair::sees_other(&karin)?;
    pair::sees_other(&amir)?;
    say("both see each other");

    let begin = Instant::now();
    let mut shot = false;
    let mut before = usage(&karin, &amir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    loop {
        if !runtime.block_on(second())? {
            break;
        }
        let now = usage(&karin, &amir)?;
        say(&line(&karin, &amir, &before, &now));
        before = now;
        if !shot && begin.elapsed() >= SETTLE {
            screenshot(&bed, [&karin, &amir], &arguments.screenshot)?;
            shot = true;
        }
        if arguments.seconds.is_some_and(|seconds| begin.elapsed() >= Duration::from_secs(seconds)) {
            break;
        }
    }
    if !shot {
        screenshot(&bed, [&karin, &amir], &arguments.screenshot)?;
    }
    Ok(())
}

fn screenshot(bed: &Bed, windows: [&Window; 2], path: &Path) -> anyhow::Result<()> {
    for window in windows {
        pair::sees_other(window)?;
    }
    bed.display.screenshot(path)?;
    say(&format!("screenshot: {}", path.display()));
    Ok(())
}

/// Waits a second; false when the program shall end.
async fn second() -> anyhow::Result<bool> {
    let mut end = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(1)) => true,
        _ = tokio::signal::ctrl_c() => false,
        _ = end.recv() => false,
    })
}

/// What each side takes, and when that was read.
struct Reading {
    at: Instant,
    sides: [Usage; 2],
}

fn usage(left: &Window, right: &Window) -> anyhow::Result<Reading> {
    let sides = [process::usage(left.pid())?, process::usage(right.pid())?];
    Ok(Reading { at: Instant::now(), sides })
}

fn line(left: &Window, right: &Window, before: &Reading, now: &Reading) -> String {
    let wall = now.at.duration_since(before.at).as_secs_f64();
    let side = |window: &Window, before: &Usage, now: &Usage| {
        let cpu = 100.0 * now.cpu.saturating_sub(before.cpu).as_secs_f64() / wall;
        let expression = format!("document.querySelector(\"{}\")?.innerText ?? ''", id("elapsed"));
        let elapsed = window.evaluate(&expression).unwrap_or_default();
        format!("{} in the call, {cpu:.0} % of a core, {} MiB", elapsed.as_str().unwrap_or("?"), now.pss >> 20)
    };
    format!(
        "left: {} | right: {}",
        side(left, &before.sides[0], &now.sides[0]),
        side(right, &before.sides[1], &now.sides[1])
    )
}

/// 720p30 JPEG pictures, one behind the other, that fill the frame.
fn make_mjpeg(from: &Path, to: &Path) -> anyhow::Result<()> {
    let fill = "fps=30,scale=1280:720:force_original_aspect_ratio=increase,crop=1280:720";
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(from).args(["-an", "-vf", fill, "-c:v", "mjpeg"]);
    command.args(["-q:v", "4", "-pix_fmt", "yuvj422p", "-f", "mjpeg"]).arg(to).stdin(Stdio::null());
    let status = command.status().context("ffmpeg starts (Debian: ffmpeg)")?;
    ensure!(status.success(), "ffmpeg: {status}");
    Ok(())
}

#[allow(clippy::print_stdout, reason = "this program talks to a person")]
fn say(text: &str) {
    println!("{text}");
}
