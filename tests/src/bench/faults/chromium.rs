//! The same change of network under a call between two pages of headless Chromium that restart ICE at once, as an app on top of
//! it would at best: they are told of the change when it happens, and their signalling is not touched by it.

use std::fs::File;
use std::time::Duration;

use anyhow::Context as _;
use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use super::{AFTERWARDS, Change, LEFT, RIGHT};
use crate::bench::browser::clock_offset;
use crate::bench::figures::Run;
use crate::bench::hearing::longest;
use crate::bench::room::Room;
use crate::chromium::{Browser, Launch, Page, Pages};
use crate::netns::Cable;

/// Until pictures flow both ways, and again after the change.
const PATIENCE: Duration = Duration::from_secs(50);

struct Tab {
    page: Page,
    _browser: Browser,
    _pages: Pages,
}

impl Tab {
    fn open(pages: Pages) -> anyhow::Result<Self> {
        let browser = Browser::launch(&Launch::default())?;
        let page = browser.open(&pages.url())?;
        Ok(Self { page, _browser: browser, _pages: pages })
    }

    fn join(&mut self, link: &str) -> anyhow::Result<()> {
        self.page.evaluate("fika.camera({ width: 320, height: 180 }).then(() => 0)")?;
        self.page.evaluate(&format!("fika.join('{link}').then(() => 0)")).map(drop)
    }

    /// Until it has shown `count` more pictures.
    fn shows(&mut self, count: u32) -> anyhow::Result<()> {
        let more = format!(
            "(() => {{ const end = fika.frames.remote.length + {count};
               return fika.until(() => fika.frames.remote.length >= end, {}); }})()",
            PATIENCE.as_millis()
        );
        self.page.evaluate(&more).map(drop)
    }

    fn shown(&mut self) -> anyhow::Result<Vec<Timestamp>> {
        let offset = clock_offset(&mut self.page)?;
        let frames = self.page.evaluate("fika.frames.remote")?;
        let times = frames.as_array().context("a list")?.iter().map(|frame| {
            let at = frame[2].as_f64().context("a time")?;
            Ok(Timestamp::from_micros(((at + offset) * 1e3) as i64))
        });
        times.collect()
    }
}

pub(super) fn run(change: Change, seed: u32) -> anyhow::Result<Run> {
    let cable = Cable::new(LEFT, RIGHT)?;
    cable.right_ip(&format!("route add default via {LEFT}"));
    let room = Room::open(LEFT.parse()?)?;
    let home = File::open("/proc/self/ns/net")?;
    let mut left = Tab::open(Pages::serve()?)?;
    left.join(&room.link)?;
    let mut right = cable.within(|| Tab::open(Pages::serve_from(home)?))?;
    right.join(&room.link)?;
    for tab in [&mut left, &mut right] {
        tab.shows(150)?;
    }
    std::thread::sleep(Duration::from_millis(u64::from(seed) * 730));
    let began = monotonic();
    change(&cable, &mut || right.page.evaluate("fika.restartIce().then(() => 0)").map(drop))?;
    for tab in [&mut left, &mut right] {
        tab.shows(60)?;
    }
    std::thread::sleep(AFTERWARDS);
    let stills = [left.shown()?, right.shown()?];
    let still = stills.iter().filter_map(|shown| longest(shown, began)).max_by(f64::total_cmp);
    Ok(still.map(|still| ("picture", still)).into_iter().collect())
}
