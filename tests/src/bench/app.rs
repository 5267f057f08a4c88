//! Two windows of the app in a call with each other, measured from outside.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use super::figures::{Run, quantile};
use super::screen;
use super::{LEFT, PATIENCE, Plan, RIGHT, SCREEN, Side, measure, of_page};
use crate::camera::Shim;
use crate::display::Rect;
use crate::pair::{self, Bed, id};
use crate::webdriver::Window;

/// Fewer pictures a second than anybody sends: not all of them can be read.
const FEW: f64 = 20.0;

/// One run. `clip` is y4m; the virtual camera marks its pictures with the time of their capture.
pub fn run(plan: &Plan, clip: &Path, speech: &[f32]) -> anyhow::Result<(Run, Side)> {
    let mut figures = Run::new();
    let bed = Bed::start_with(plan.sound, SCREEN.0, SCREEN.1, speech.to_vec())?;
    let camera = Shim::new()?.devices(&["Webcam"]).clip(clip);
    figures.insert("start", cold_start(plan, &bed, &camera)?);

    let near = bed.open("near", &camera, LEFT)?;
    let far = bed.open("far", &camera, RIGHT)?;
    let link = pair::start_call(&near, "Near")?;
    pair::enter_lobby(&far, &link, "Far")?;
    // The page itself presses and watches: the driver needs a while for each of its words.
    let pressed = far.evaluate(&format!(
        "(() => {{
            const begin = Date.now();
            const look = () => {{
                if (document.querySelector('[data-connection=connected]')) window.connectedAt = Date.now();
                else setTimeout(look, 4);
            }};
            document.querySelector(\"{}\").click();
            look();
            return begin;
        }})()",
        id("join-now")
    ))?;
    let (pressed, connected) = (pressed.as_f64(), far.until("window.connectedAt")?.as_f64());
    let (pressed, connected) = pressed.zip(connected).context("times of the page")?;
    figures.insert("connected", connected - pressed);
    let click = of_page(pressed);
    pair::sees_other(&far)?;
    let (mut picture, first) = screen::find(&bed.display, RIGHT, PATIENCE)?;
    figures.insert("first_frame", millis(click, first.at));
    pair::sees_other(&near)?;

    std::thread::sleep(plan.settle);
    let side = measure(&[app(&near)?, app(&far)?], bed.display.pid(), plan.load)?;
    side.insert_into(&mut figures);

    // Its place may have changed since the first picture.
    (picture, _) = screen::find(&bed.display, RIGHT, PATIENCE).unwrap_or((picture, first));
    let seen = screen::watch(&bed.display, picture, plan.watch)?;
    let rate = seen.len() as f64 / plan.watch.as_secs_f64();
    if rate < FEW {
        // Something may lie over the mark.
        let path = std::env::temp_dir().join("fika-bench-few-pictures.png");
        bed.display.screenshot(&path)?;
        eprintln!("{rate:.1} pictures a second are read; how it looks: {}", path.display());
    }
    side.insert_pictures(&mut figures, rate);
    let latencies: Vec<f64> = seen.iter().map(|seen| millis(seen.marker.pts, seen.at)).collect();
    for (row, part) in [("latency_p50", 0.5), ("latency_p95", 0.95)] {
        figures.insert(row, quantile(&latencies, part).context("pictures were seen")?);
    }
    Ok((figures, side))
}

/// The app below its driver, which is not part of what is measured.
pub(super) fn app(window: &Window) -> anyhow::Result<u32> {
    let tree = crate::process::tree(window.pid())?;
    let named =
        |pid: &&u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "fika");
    tree.iter().find(named).copied().context("the driver has started the app")
}

/// From the start of the process until the first screen is painted, as a user starts it: without a driver.
fn cold_start(plan: &Plan, bed: &Bed, camera: &Shim) -> anyhow::Result<f64> {
    let begin = monotonic();
    let child = Command::new(bed.program())
        .envs(bed.environment("cold", camera))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("the app starts")?;
    let child = Ending(child);
    let inner = Rect { left: 100, top: 100, width: 1000, height: 600 };
    let painted = screen::painted(&bed.display, inner, plan.colours, PATIENCE)?;
    drop(child);
    Ok(millis(begin, painted))
}

/// A program that ends when it is dropped.
pub(super) struct Ending(pub Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn millis(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from).as_secs_f64() * 1000.0
}
