//! What kinds of calls cost one side, with two apps on one screen.

use std::path::Path;

use super::Over;
use crate::bench::app::app;
use crate::bench::figures::Run;
use crate::bench::{LEFT, Plan, RIGHT, SCREEN};
use crate::camera::Shim;
use crate::manager::Manager;
use crate::pair::{self, Bed, id};

pub(super) fn ours(plan: &Plan, clip: &Path, speech: &[f32], figures: &mut Run) -> anyhow::Result<()> {
    let bed = Bed::start_with(plan.sound, SCREEN.0, SCREEN.1, speech.to_vec())?;
    let _manager = Manager::start(&bed.display)?;
    let camera = Shim::new()?.devices(&["Webcam"]).clip(clip);
    let near = bed.open("near", &camera, LEFT)?;
    let far = bed.open("far", &camera, RIGHT)?;
    let link = pair::start_call(&near, "Near")?;
    pair::enter_lobby(&far, &link, "Far")?;
    far.click(&id("join-now"))?;
    let both = [&near, &far];
    for window in both {
        pair::sees_other(window)?;
    }
    let apps = [app(&near)?, app(&far)?];

    // What is sent grows to 720p first.
    std::thread::sleep(plan.settle);
    let video = Over::mean(&apps, plan.load)?;
    figures.insert("call_cpu", video.cores);
    figures.insert("call_pss", video.pss);
    figures.insert("call_wakes", video.wakes);

    for number in 0..2 {
        bed.minimise(number)?;
    }
    for window in both {
        window.until("document.hidden")?;
    }
    figures.insert("hidden_cpu", Over::mean(&apps, plan.load)?.cores);

    for (number, place) in [(0, LEFT), (1, RIGHT)] {
        bed.raise(number, place)?;
    }
    for window in both {
        window.until("!document.hidden")?;
        window.click(&id("toggle-camera"))?;
    }
    for window in both {
        window.until("document.querySelector('[data-picture=true]') === null")?;
    }
    figures.insert("sound_cpu", Over::mean(&apps, plan.load)?.cores);
    Ok(())
}
