//! Two Chromium windows in a call with each other: what the app is measured beside.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use super::figures::{Run, quantile};
use super::screen::{self, Seen};
use super::{LEFT, PATIENCE, Plan, RIGHT, Side, measure, of_page};
use crate::chromium::{Browser, Launch, Page, Pages};
use crate::display::Display;

/// One run. `link` opens a room of a running server; `clip` is marked with [`screen::mark_y4m`].
pub fn run(plan: &Plan, display: &Display, link: &str, clip: &Path, sound: &Path) -> anyhow::Result<(Run, Side)> {
    let pages = Pages::serve()?;
    let mut figures = Run::new();
    let launch = |window| Launch {
        camera: Some(clip.to_owned()),
        microphone: Some(sound.to_owned()),
        display: Some(display.name().to_owned()),
        window: Some(window),
        app: Some(pages.url()),
        ..Launch::default()
    };

    let begin = monotonic();
    let left = Browser::launch(&launch(LEFT))?;
    let painted = screen::painted(display, LEFT, plan.colours, PATIENCE)?;
    figures.insert("start", millis(begin, painted));
    let right = Browser::launch(&launch(RIGHT))?;
    screen::painted(display, RIGHT, plan.colours, PATIENCE)?;

    let (mut near, mut far) = (left.page()?, right.page()?);
    for page in [&mut near, &mut far] {
        page.evaluate("fika.camera()")?;
    }
    near.evaluate(&format!("fika.join('{link}').then(() => 0)"))?;
    far.evaluate(&format!("fika.join('{link}').then(() => 0)"))?;
    let click = far.evaluate("performance.timeOrigin + fika.marks.join")?.as_f64().context("a time")?;
    let (picture, first) = screen::find(display, RIGHT, PATIENCE)?;
    figures.insert("first_frame", millis(of_page(click), first.at));
    let connected = far.evaluate("fika.until(() => fika.marks.connected).then((at) => at - fika.marks.join)")?;
    figures.insert("connected", connected.as_f64().context("a time")?);

    for page in [&mut near, &mut far] {
        page.evaluate("fika.until(async () => (await fika.stats()).some((s) => s.type === 'inbound-rtp' && s.frameHeight === 720), 60000)")?;
    }
    std::thread::sleep(plan.settle);
    let side = measure(&[left.pid(), right.pid()], display.pid(), plan.load)?;
    side.insert_into(&mut figures);

    near.evaluate("fika.readMarks()")?;
    let seen = screen::watch(display, picture, plan.watch)?;
    side.insert_pictures(&mut figures, seen.len() as f64 / plan.watch.as_secs_f64());
    let latencies = latencies(&mut near, &seen)?;
    for (row, part) in [("latency_p50", 0.5), ("latency_p95", 0.95)] {
        figures.insert(row, quantile(&latencies, part).context("pictures were seen")?);
    }
    let frozen = far.evaluate(
        "fika.stats().then((all) => all.find((s) => s.type === 'inbound-rtp' && s.kind === 'video').totalFreezesDuration)",
    )?;
    figures.insert("frozen", frozen.as_f64().unwrap_or_default());
    Ok((figures, side))
}

/// Capture to screen, in ms: the sending page says when it captured which number.
fn latencies(sender: &mut Page, seen: &[Seen]) -> anyhow::Result<Vec<f64>> {
    let offset = clock_offset(sender)?;
    let captured = sender.evaluate("fika.marksRead")?;
    let captured: std::collections::BTreeMap<u64, f64> = captured
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((entry[0].as_u64()?, entry[1].as_f64()?)))
        .collect();
    let latency = |seen: &Seen| {
        let captured = captured.get(&u64::from(seen.marker.counter))?;
        Some(seen.at.as_micros() as f64 / 1000.0 - (captured + offset))
    };
    // A number comes again when the clip begins anew; the page keeps the last one, so a wrong pair is seconds off.
    Ok(seen.iter().filter_map(latency).filter(|ms| (0.0..2000.0).contains(ms)).collect())
}

/// What to add to the page's `performance.now()` to get ms of our clock; from the quickest of some questions.
pub(super) fn clock_offset(page: &mut Page) -> anyhow::Result<f64> {
    let mut best: Option<(Duration, f64)> = None;
    for _ in 0..20 {
        let before = monotonic();
        let now = page.evaluate("performance.now()")?.as_f64().context("a time")?;
        let after = monotonic();
        let took = after.since(before);
        let middle = (before.as_micros() + after.as_micros()) as f64 / 2000.0;
        if best.is_none_or(|(quickest, _)| took < quickest) {
            best = Some((took, middle - now));
        }
    }
    best.map(|(_, offset)| offset).context("the page has a clock")
}

fn millis(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from).as_secs_f64() * 1000.0
}

/// `version` of the browser, for the report.
pub fn version() -> anyhow::Result<String> {
    let out = std::process::Command::new("chromium").arg("--version").output().context("chromium starts")?;
    let text = String::from_utf8_lossy(&out.stdout);
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}
