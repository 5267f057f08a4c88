//! Four in a call, each with a window of its own: the app's, and Chromium's as a page of a browser of its own. All see all,
//! peer to peer; what one of them takes.
//!
//! Everything blocks on the calling thread.

use std::path::Path;

use anyhow::{Context as _, ensure};

use super::figures::{Row, Run};
use super::{PATIENCE, Plan, Side, app::app, measure};
use crate::camera::Shim;
use crate::chromium::{Browser, Launch, Page, Pages};
use crate::display::{Display, Rect};
use crate::pair::{self, Bed, id};
use crate::webdriver::Window;

const PEOPLE: usize = 4;
const SCREEN: (u32, u32) = (2080, 1480);
const NAMES: [&str; PEOPLE] = ["Amir", "Bea", "Chen", "Dora"];

pub const ROWS: &[Row] = &[
    Row { key: "cpu", title: "CPU of one side, cores", digits: 2 },
    Row { key: "pss", title: "memory of one side (PSS), MiB", digits: 0 },
    Row { key: "screen", title: "CPU of the X server for all, cores", digits: 2 },
    Row { key: "fps", title: "pictures a second of the others", digits: 1 },
    Row { key: "lines", title: "lines of the others' pictures", digits: 0 },
];

fn place(number: usize) -> Rect {
    let (column, row) = (number as u32 % 2, number as u32 / 2);
    Rect { left: column * 1040, top: row * 740, width: 1030, height: 730 }
}

/// `clip` is y4m, what the cameras play.
pub fn fika(plan: &Plan, clip: &Path, speech: &[f32]) -> anyhow::Result<(Run, Side)> {
    let bed = Bed::start_with(plan.sound, SCREEN.0, SCREEN.1, speech.to_vec())?;
    let camera = Shim::new()?.devices(&["Webcam"]).clip(clip);
    let mut windows = Vec::new();
    let mut link = String::new();
    for (number, name) in NAMES.into_iter().enumerate() {
        let window = bed.open(name, &camera, place(number))?;
        if number == 0 {
            link = pair::start_call(&window, name)?;
        } else {
            pair::enter_lobby(&window, &link, name)?;
            window.click(&id("join-now"))?;
        }
        windows.push(window);
    }
    for window in &windows {
        sees_all(window)?;
    }
    std::thread::sleep(plan.settle);
    let apps: Vec<u32> = windows.iter().map(app).collect::<Result<_, _>>()?;
    let side = measure(&apps, bed.display.pid(), plan.load)?;
    let mut run = Run::new();
    side.insert_into(&mut run);
    let window = windows.last().context("four windows")?;
    window.click(&id("quality-chip"))?;
    let figures = format!(
        "[...document.querySelectorAll(\"{} ~ dl dd\")].map((dd) => dd.textContent).join('|')",
        id("stats-line")
    );
    window.until(&format!("document.querySelector(\"{}\") !== null", id("stats-line")))?;
    let text = window.evaluate(&figures)?;
    let picture = text.as_str().and_then(|text| text.split('|').nth(3)).context("figures of their picture")?.to_owned();
    let numbers: Vec<f64> =
        picture.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    ensure!(numbers.len() == 3, "width, height and pictures a second: {picture}");
    run.extend([("lines", numbers[1]), ("fps", numbers[2])]);
    for window in &windows {
        sees_all(window).context("all still see all")?;
    }
    Ok((run, side))
}

fn sees_all(window: &Window) -> anyhow::Result<()> {
    let tiles = "[data-connection=connected] [data-picture=true]:not([data-tile^=\"me/\"])";
    window.until(&format!("document.querySelectorAll('{tiles}').length === {}", PEOPLE - 1)).map(drop)
}

/// `link` opens a room of a running server.
pub fn chromium(plan: &Plan, link: &str, clip: &Path, sound: &Path) -> anyhow::Result<(Run, Side)> {
    let display = Display::start(SCREEN.0, SCREEN.1)?;
    let pages = Pages::serve()?;
    let mut browsers = Vec::new();
    for number in 0..PEOPLE {
        let browser = Browser::launch(&Launch {
            camera: Some(clip.to_owned()),
            microphone: Some(sound.to_owned()),
            display: Some(display.name().to_owned()),
            window: Some(place(number)),
            app: Some(pages.url()),
            ..Launch::default()
        })?;
        let mut page = browser.open(&pages.url())?;
        // As much as a quarter of the window shows, which the app finds out by itself.
        page.evaluate("fika.camera({ width: 640, height: 360 })")?;
        page.evaluate(&format!("fika.join('{link}').then(() => 0)"))?;
        browsers.push((browser, page));
    }
    for (_, page) in &mut browsers {
        flows(page)?;
    }
    std::thread::sleep(plan.settle);
    let roots: Vec<u32> = browsers.iter().map(|(browser, _)| browser.pid()).collect();
    let side = measure(&roots, display.pid(), plan.load)?;
    let mut run = Run::new();
    side.insert_into(&mut run);
    let (_, page) = browsers.last_mut().context("four browsers")?;
    let seen = page.evaluate(
        "fika.everything().then((all) => all.filter((s) => s.type === 'inbound-rtp' && s.kind === 'video').map((s) => [s.framesPerSecond ?? 0, s.frameHeight ?? 0]))",
    )?;
    let seen: Vec<(f64, f64)> = serde_json::from_value(seen)?;
    ensure!(seen.len() == PEOPLE - 1, "all see all: {seen:?}");
    run.insert("fps", seen.iter().map(|(fps, _)| fps).sum::<f64>() / seen.len() as f64);
    run.insert("lines", seen.iter().map(|(_, lines)| *lines).fold(0.0, f64::max));
    Ok((run, side))
}

fn flows(page: &mut Page) -> anyhow::Result<()> {
    let millis = PATIENCE.as_millis() - 1000;
    let all = format!(
        "fika.until(async () => (await fika.everything()).filter((s) => s.type === 'inbound-rtp' && s.framesDecoded > 0).length === {}, {millis})",
        PEOPLE - 1
    );
    page.evaluate(&all).map(drop)
}
