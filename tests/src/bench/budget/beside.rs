//! The same of Chromium with a page that does nothing but call, as far as it has the like.

use std::path::Path;

use anyhow::{Context as _, ensure};
use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use super::{Over, PICTURE_COLOURS, PREVIEW, WINDOW};
use crate::bench::app::millis;
use crate::bench::figures::Run;
use crate::bench::{LEFT, PATIENCE, Plan, RIGHT, SCREEN, screen};
use crate::chromium::{Browser, Launch, Page, Pages};
use crate::display::{Display, Rect};

/// Lays the own picture where the app's lobby has it.
const LOBBY: &str = "(() => {
    document.getElementById('home').remove();
    Object.assign(document.getElementById('local').style,
        { left: '64px', top: '180px', right: 'auto', bottom: 'auto', width: '640px', height: '360px' });
})()";
const WITHOUT_PICTURES: &str = "(async () => {
    for (const { pc } of fika.peers.values())
        for (const sender of pc.getSenders()) if (sender.track?.kind === 'video') await sender.replaceTrack(null);
    for (const track of fika.stream.getVideoTracks()) track.stop();
    document.querySelectorAll('video').forEach((video) => video.remove());
})()";

/// One run. `link` leads to an open room, `clip` and `sound` are what camera and microphone play.
pub fn run(plan: &Plan, link: &str, clip: &Path, sound: &Path) -> anyhow::Result<Run> {
    let pages = Pages::serve()?;
    let mut figures = Run::new();
    let launch = |display: &Display, window: Rect| Launch {
        camera: Some(clip.to_owned()),
        microphone: Some(sound.to_owned()),
        display: Some(display.name().to_owned()),
        window: Some(window),
        app: Some(pages.url()),
        ..Launch::default()
    };
    {
        let display = Display::start(WINDOW.width, WINDOW.height)?;
        let begin = monotonic();
        let browser = Browser::launch(&launch(&display, WINDOW))?;
        let (at, mut page) = shown(&browser, &display, WINDOW, plan)?;
        figures.insert("start", millis(begin, at));
        let home = Over::tree(browser.pid(), plan.load)?;
        figures.insert("home_cpu", home.cores * 100.0);
        figures.insert("home_wakes", home.wakes);
        figures.insert("home_pss", home.pss);
        page.evaluate(LOBBY)?;
        page.evaluate("fika.camera()")?;
        screen::painted(&display, PREVIEW, PICTURE_COLOURS, PATIENCE)?;
        let lobby = Over::tree(browser.pid(), plan.load)?;
        figures.insert("lobby_cpu", lobby.cores);
        figures.insert("lobby_pss", lobby.pss);
    }
    {
        let display = Display::start(WINDOW.width, WINDOW.height)?;
        let begin = monotonic();
        let browser = Browser::launch(&launch(&display, WINDOW))?;
        let (_, mut page) = shown(&browser, &display, WINDOW, plan)?;
        page.evaluate(LOBBY)?;
        page.evaluate("fika.camera().then(() => 0)")?;
        figures.insert("preview", millis(begin, screen::painted(&display, PREVIEW, PICTURE_COLOURS, PATIENCE)?));
    }
    calls(plan, link, &launch, &mut figures)?;
    Ok(figures)
}

/// Waits until `area` shows our page, and says since when. A moment before, the window may show another one.
fn shown(browser: &Browser, display: &Display, area: Rect, plan: &Plan) -> anyhow::Result<(Timestamp, Page)> {
    let end = monotonic() + PATIENCE;
    loop {
        let at = screen::painted(display, area, plan.colours, PATIENCE)?;
        let mut page = browser.page()?;
        if is_true(&mut page, "document.getElementById('home') !== null") {
            while !is_true(&mut page, "typeof fika === 'object'") {
                ensure!(monotonic() < end, "our page does not begin in Chromium");
            }
            return Ok((at, page));
        }
        ensure!(monotonic() < end, "Chromium does not show our page");
    }
}

/// A page that is just being replaced has no answer.
fn is_true(page: &mut Page, condition: &str) -> bool {
    page.evaluate(condition).is_ok_and(|value| value == true)
}

fn calls(plan: &Plan, link: &str, launch: &dyn Fn(&Display, Rect) -> Launch, figures: &mut Run) -> anyhow::Result<()> {
    let display = Display::start(SCREEN.0, SCREEN.1)?;
    let browsers = [Browser::launch(&launch(&display, LEFT))?, Browser::launch(&launch(&display, RIGHT))?];
    let mut pages = [shown(&browsers[0], &display, LEFT, plan)?.1, shown(&browsers[1], &display, RIGHT, plan)?.1];
    for page in &mut pages {
        page.evaluate(&format!("fika.join('{link}').then(() => 0)"))?;
    }
    for page in &mut pages {
        page.evaluate("fika.until(async () => (await fika.stats()).some((s) => s.type === 'inbound-rtp' && s.frameHeight === 720), 60000)")
            .context("720p")?;
    }
    let roots = [browsers[0].pid(), browsers[1].pid()];
    std::thread::sleep(plan.settle);
    let video = Over::mean(&roots, plan.load)?;
    figures.insert("call_cpu", video.cores);
    figures.insert("call_pss", video.pss);
    figures.insert("call_wakes", video.wakes);
    for page in &mut pages {
        page.evaluate(WITHOUT_PICTURES)?;
    }
    figures.insert("sound_cpu", Over::mean(&roots, plan.load)?.cores);
    Ok(())
}
