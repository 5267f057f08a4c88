//! The page of the app dies in mid-call; the core has the call.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use super::super::scene::{sit, start};
use super::super::side::{self, Side};
use super::super::{AFTERWARDS, PATIENCE};
use crate::bench::figures::Run;
use crate::bench::{LEFT, SCREEN};
use crate::camera::Shim;
use crate::cli::TONE;
use crate::display::Rect;
use crate::pair::{self, Bed, id};

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Of a byte of a pixel.
const DIFFERENT: u8 = 48;
/// Less than this part of the button is the edges of its letters.
const LETTERS: usize = 10;
/// Of the tone that the microphone of the app hears.
const SECONDS: usize = 4;
/// Swells in each second: a tone that stays as it is counts as noise, which is taken away.
const SWELLS: f64 = 4.0;

/// The app calls, and `fika-cli` hears what is lost of it. Its button to leave is looked at on the screen.
pub(super) fn dies(seed: u32) -> anyhow::Result<Run> {
    let folder = tempfile::tempdir()?;
    let bed = Bed::start(SCREEN.0, SCREEN.1, tone())?;
    let camera = Shim::new()?.devices(&["Webcam"]);
    let app = bed.open("app", &camera, LEFT)?;
    let link = pair::start_call(&app, "App")?;
    let (join, files) = start(sit(&[], &link, &[], Vec::new()), folder.path(), "join");
    let mut join = Side::new(join, files);
    join.wait("media flows for five seconds", PATIENCE, |stats| {
        side::connected(stats) && side::packets(stats, "audio") >= 250.0 && side::packets(stats, "video") > 0.0
    })?;
    std::thread::sleep(Duration::from_millis(u64::from(seed) * 730));

    let button = place(&app)?;
    let whole = bed.display.pixels(button)?;
    let page = pair::page_process(&app).context("the page has a process")?;
    let began = monotonic();
    ensure!(Command::new("kill").args(["-KILL", &page.to_string()]).status()?.success(), "the page is not killed");
    let looks = |wanted: bool, what: &str| -> anyhow::Result<Timestamp> {
        while is_like(&bed.display.pixels(button)?, &whole) != wanted {
            ensure!(monotonic().since(began) < PATIENCE, "{what}: not within {PATIENCE:?}");
            std::thread::sleep(LOOK);
        }
        Ok(monotonic())
    };
    looks(false, "the page is gone")?;
    let shown = looks(true, "the page is there again")?;
    join.listen(monotonic() + AFTERWARDS)?;
    let evidence = join.close()?.context("who joined leaves")?;
    let mut figures = Run::from([("page", shown.since(began).as_secs_f64())]);
    figures.extend(evidence.silence(began).map(|silence| ("sound", silence)));
    figures.extend(evidence.still(began).map(|still| ("picture", still)));
    ensure!(figures.len() == 3, "nothing was seen and heard");
    Ok(figures)
}

/// Letters may lie a part of a pixel beside where they were.
fn is_like(one: &[u8], other: &[u8]) -> bool {
    let different = one.iter().zip(other).filter(|(one, other)| one.abs_diff(**other) > DIFFERENT).count();
    one.len() == other.len() && different < one.len() / LETTERS
}

fn tone() -> Vec<f32> {
    let at = |sample: usize| sample as f64 / 48_000.0 * std::f64::consts::TAU;
    let strength = |sample| 0.2 + 0.1 * (SWELLS * at(sample)).sin();
    (0..SECONDS * 48_000).map(|sample| (strength(sample) * (TONE * at(sample)).sin()) as f32).collect()
}

/// The button on the screen, once it no longer moves.
fn place(app: &crate::webdriver::Window) -> anyhow::Result<Rect> {
    let found = app.until(&format!(
        "document.getAnimations().every((a) => a.playState !== 'running' || a.effect?.getTiming().iterations !== 1) && \
         (({{ x, y, width, height }}) => [x, y, width, height])(document.querySelector(\"{}\").getBoundingClientRect())",
        id("leave")
    ))?;
    let number = |at: usize| found[at].as_f64().map(|number| number.round() as u32).context("a number");
    Ok(Rect { left: LEFT.left + number(0)?, top: LEFT.top + number(1)?, width: number(2)?, height: number(3)? })
}
