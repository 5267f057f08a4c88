//! Two guests in browsers in a call with each other through our page, beside two plain pages of the same browser without any
//! of it: what one of them receives, as its getStats says (W3C webrtc-stats).
//!
//! Everything blocks on the calling thread.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Plan;
use super::figures::{Row, Run};
use crate::chromium::{Browser, Launch, Page, Pages};
use crate::guest::{Guest, THEIR_PICTURE, WATCHED, Way};

pub const ROWS: &[Row] = &[
    Row { key: "fps", title: "pictures a second", digits: 1 },
    Row { key: "lines", title: "lines of the picture", digits: 0 },
    Row { key: "rate", title: "picture, kbit/s", digits: 0 },
    Row { key: "picture_waits", title: "a picture waits in its jitter buffer, ms", digits: 1 },
    Row { key: "frozen", title: "picture frozen, s", digits: 2 },
    Row { key: "sound_waits", title: "sound waits in its jitter buffer, ms", digits: 1 },
    Row { key: "concealed", title: "sound that is made up, %", digits: 2 },
    Row { key: "round_trip", title: "round trip, ms", digits: 1 },
];

/// Sums over all connections of the page that stand.
const SUMS: &str = "(async () => {
    const sums = {};
    const add = (name, value) => sums[name] = (sums[name] ?? 0) + (value ?? 0);
    for (const connection of all.RTCPeerConnection.filter((each) => each.connectionState === 'connected')) {
        for (const each of (await connection.getStats()).values()) {
            if (each.type === 'candidate-pair' && each.nominated) add('roundTrip', each.currentRoundTripTime);
            if (each.type !== 'inbound-rtp') continue;
            for (const name of ['jitterBufferDelay', 'jitterBufferEmittedCount', 'bytesReceived', 'framesDecoded',
                'totalFreezesDuration', 'concealedSamples', 'totalSamplesReceived', 'frameHeight'])
                add(each.kind + '.' + name, each[name]);
        }
    }
    return { ...sums, at: performance.now() };
})()";

/// Two of them through our page, in the room of this link.
pub fn ours(plan: &Plan, link: &str, clip: &Path, sound: &Path) -> anyhow::Result<Run> {
    let way =
        Way { clip: Some(clip.to_owned()), sound: Some(sound.to_owned()), size: Some((1304, 868)), ..Way::default() };
    let mut guests = ["Near", "Far"].map(|name| {
        let mut guest = Guest::open(link, &way);
        guest.introduce(name);
        guest.press("join-now");
        guest
    });
    guests.iter_mut().for_each(|guest| guest.until(THEIR_PICTURE));
    let [_, far] = &mut guests;
    figures(plan, |expression| Ok(far.ask(expression)))
}

/// Two plain pages.
pub fn plain(plan: &Plan, link: &str, clip: &Path, sound: &Path) -> anyhow::Result<Run> {
    let pages = Pages::serve()?;
    let launch = Launch { camera: Some(clip.to_owned()), microphone: Some(sound.to_owned()), ..Launch::default() };
    let mut far: Option<(Browser, Page)> = None;
    let mut near = Vec::new();
    for _ in 0..2 {
        let browser = Browser::launch(&launch)?;
        let mut page = browser.page()?;
        page.call("Page.enable", &json!({}))?;
        page.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": WATCHED }))?;
        page.navigate(&pages.url())?;
        page.evaluate("fika.camera()")?;
        page.evaluate(&format!("fika.join('{link}').then(() => 0)"))?;
        near.extend(far.replace((browser, page)));
    }
    let (_browser, mut page) = far.context("two pages")?;
    page.evaluate(
        "fika.until(async () => (await fika.stats()).some((s) => s.type === 'inbound-rtp' && s.framesDecoded > 0), 60000)",
    )?;
    figures(plan, |expression| page.evaluate(expression))
}

fn figures(plan: &Plan, mut ask: impl FnMut(&str) -> anyhow::Result<Value>) -> anyhow::Result<Run> {
    std::thread::sleep(plan.settle);
    let before = ask(SUMS)?;
    std::thread::sleep(plan.load);
    let after = ask(SUMS)?;
    let grown = |name: &str| -> anyhow::Result<f64> {
        let at = |sums: &Value| sums[name].as_f64().with_context(|| format!("{name} in {sums}"));
        Ok(at(&after)? - at(&before)?)
    };
    let seconds = grown("at")? / 1000.0;
    let waits = |kind: &str| -> anyhow::Result<f64> {
        let count = grown(&format!("{kind}.jitterBufferEmittedCount"))?;
        Ok(grown(&format!("{kind}.jitterBufferDelay"))? / count.max(1.0) * 1000.0)
    };
    Ok(Run::from([
        ("fps", grown("video.framesDecoded")? / seconds),
        ("lines", after["video.frameHeight"].as_f64().context("a height")?),
        ("rate", grown("video.bytesReceived")? * 8.0 / 1000.0 / seconds),
        ("picture_waits", waits("video")?),
        ("frozen", grown("video.totalFreezesDuration")?),
        ("sound_waits", waits("audio")?),
        ("concealed", grown("audio.concealedSamples")? / grown("audio.totalSamplesReceived")?.max(1.0) * 100.0),
        ("round_trip", after["roundTrip"].as_f64().context("a round trip")? * 1000.0),
    ]))
}
