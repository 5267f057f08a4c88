//! A page of headless Chromium at one end of the path.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use anyhow::Context as _;
use fika_media::{I420, Resolution, Timestamp};
use tokio_tungstenite::tungstenite::{self, Message};

use super::picture::Record;
use super::program::{End, Evidence, Picture, Place, Watch};
use super::{MAX_BITRATE, PATIENCE};
use crate::bench::browser::clock_offset;
use crate::bench::hearing::Heard;
use crate::chromium::{Browser, Launch, Page, Pages};

pub(super) struct Tab {
    page: Page,
    browser: Browser,
    sends: bool,
    watch: Watch,
    /// Where the page gives its pictures, and who takes them.
    taker: Option<(u16, JoinHandle<()>)>,
    _pages: Pages,
}

impl Tab {
    pub(super) fn start(place: &Place<'_>, codec: &str) -> anyhow::Result<Self> {
        let sound = if place.watch == Watch::Sound { &place.media.tone } else { &place.media.speech };
        let open = || -> anyhow::Result<_> {
            let pages = Pages::serve()?;
            let launch =
                Launch { camera: Some(place.clip().to_owned()), microphone: Some(sound.clone()), ..Launch::default() };
            let browser = Browser::launch(&launch)?;
            let page = browser.open(&pages.url())?;
            let taker = place.record.map(|record| take(Arc::clone(record))).transpose()?;
            Ok((pages, browser, page, taker))
        };
        let (pages, browser, mut page, taker) = match place.right {
            Some(right) => right.within(open)?,
            None => open()?,
        };
        let (sends, bits) = (place.sends, MAX_BITRATE * 1000);
        let options = format!("{{ sends: {sends}, free: true, maxBitrate: {bits}, codec: '{codec}' }}");
        page.evaluate(&format!("fika.join('{}', {options}).then(() => 0)", place.link))?;
        Ok(Self { page, browser, sends, watch: place.watch, taker, _pages: pages })
    }

    fn pictures(&mut self, to_clock: impl Fn(f64) -> Timestamp) -> anyhow::Result<Vec<Picture>> {
        let frames = self.page.evaluate("fika.frames.remote")?;
        let frames = frames.as_array().context("a list")?.iter().map(|frame| {
            let at = to_clock(frame[2].as_f64().context("a time")?);
            let lines = u32::try_from(frame[4].as_u64().context("a height")?)?;
            Ok(Picture { at, captured: frame[1].as_f64().map(&to_clock), lines })
        });
        frames.collect()
    }

    fn heard(&mut self, to_clock: impl Fn(f64) -> Timestamp) -> anyhow::Result<Heard> {
        let heard = self.page.evaluate("fika.heard")?;
        let blocks = heard.as_array().context("a list")?.iter().map(|block| {
            Ok((to_clock(block[0].as_f64().context("a time")?), block[1].as_f64().context("a strength")?))
        });
        Ok(Heard::of(&blocks.collect::<anyhow::Result<Vec<_>>>()?))
    }
}

/// The port on which one page gives its pictures, and who takes them: ends with the page.
fn take(record: Arc<Mutex<Record>>) -> anyhow::Result<(u16, JoinHandle<()>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let thread = std::thread::Builder::new().name("pictures".into()).spawn(move || {
        let Ok((stream, _)) = listener.accept() else { return };
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        while let Ok(message) = socket.read() {
            if let Message::Binary(bytes) = message
                && let Some(picture) = picture(&bytes)
            {
                record.lock().expect("nobody panics with it").show(picture);
            }
        }
    })?;
    Ok((port, thread))
}

/// Width and height in four bytes each, then I420.
fn picture(bytes: &[u8]) -> Option<I420> {
    let (head, data) = bytes.split_first_chunk::<8>()?;
    let [a, b, c, d, e, f, g, h] = *head;
    let size = Resolution::new(u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    I420::from_data(size, data.to_vec())
}

impl End for Tab {
    fn pid(&self) -> u32 {
        self.browser.pid()
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let millis = PATIENCE.as_millis() - 1000;
        self.page.evaluate(&format!("fika.until(() => fika.marks.firstFrame, {millis})"))?;
        if self.watch == Watch::Sound {
            self.page.evaluate("fika.hear()")?;
        }
        if let Some((port, _)) = self.taker {
            self.page.evaluate(&format!("fika.record({port})"))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Evidence> {
        let offset = clock_offset(&mut self.page)?;
        let to_clock = |ms: f64| Timestamp::from_micros(((ms + offset) * 1e3) as i64);
        let mut evidence = Evidence {
            answered: self.page.evaluate("fika.marks.applied ?? null")?.as_f64().map(to_clock),
            ..Evidence::default()
        };
        if !self.sends {
            evidence.pictures = self.pictures(to_clock)?;
            if self.watch == Watch::Sound {
                evidence.heard = self.heard(to_clock)?;
            }
        }
        let lost = self.page.evaluate("fika.unrecorded")?.as_u64().unwrap_or_default();
        if lost > 0 {
            eprintln!("{lost} pictures were not taken from the page in time");
        }
        self.page.evaluate("fika.leave()")?;
        let Self { browser, taker, .. } = *self;
        drop(browser);
        if let Some((_, thread)) = taker {
            thread.join().ok().context("the pictures are taken")?;
        }
        Ok(evidence)
    }
}
