//! A page of headless Chromium at one end of the path.

use anyhow::Context as _;
use fika_media::Timestamp;

use super::{End, MAX_BITRATE, PATIENCE, Picture, Place};
use crate::bench::browser::clock_offset;
use crate::chromium::{Browser, Launch, Page, Pages};

pub(super) struct Tab {
    page: Page,
    browser: Browser,
    sends: bool,
    _pages: Pages,
}

impl Tab {
    pub(super) fn start(place: &Place<'_>) -> anyhow::Result<Self> {
        let open = || -> anyhow::Result<_> {
            let pages = Pages::serve()?;
            let launch = Launch {
                camera: Some(place.media.clip.clone()),
                microphone: Some(place.media.sound.clone()),
                ..Launch::default()
            };
            let browser = Browser::launch(&launch)?;
            let page = browser.open(&pages.url())?;
            Ok((pages, browser, page))
        };
        let (pages, browser, mut page) = match place.right {
            Some(right) => right.within(open)?,
            None => open()?,
        };
        let options = format!("{{ sends: {}, free: true, maxBitrate: {} }}", place.sends, MAX_BITRATE * 1000);
        page.evaluate(&format!("fika.join('{}', {options}).then(() => 0)", place.link))?;
        Ok(Self { page, browser, sends: place.sends, _pages: pages })
    }
}

impl End for Tab {
    fn pid(&self) -> u32 {
        self.browser.pid()
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let millis = PATIENCE.as_millis() - 1000;
        self.page.evaluate(&format!("fika.until(() => fika.marks.firstFrame, {millis})")).map(drop)
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Vec<Picture>> {
        let mut pictures = Vec::new();
        if !self.sends {
            let offset = clock_offset(&mut self.page)?;
            let to_clock = |ms: f64| Timestamp::from_micros(((ms + offset) * 1e3) as i64);
            let frames = self.page.evaluate("fika.frames.remote")?;
            for frame in frames.as_array().context("a list")? {
                let at = frame[2].as_f64().context("a time")?;
                let lines = frame[4].as_u64().context("a height")? as u32;
                pictures.push(Picture { at: to_clock(at), captured: frame[1].as_f64().map(to_clock), lines });
            }
        }
        self.page.evaluate("fika.leave()")?;
        Ok(pictures)
    }
}
