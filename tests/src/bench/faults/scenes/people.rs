//! Somebody sleeps, is killed or is cut off; or many come and go.

use std::net::UdpSocket;

use anyhow::ensure;
use fika_devices::clock::monotonic;
use serde_json::Value;

use super::super::scene::Scene;
use super::super::side::connected;
use super::super::{LEFT, PATIENCE, RIGHT};
use super::seconds;
use crate::cli::Running;
use crate::flood::Flood;

const STRANGER: &str = "10.99.1.9";

fn is_off(view: &Value, device: &str) -> bool {
    view["me"][device]["state"] == "off"
}

/// Whoever joined is given up, and goes back when the path carries again.
pub(super) fn lost(scene: &mut Scene) -> anyhow::Result<()> {
    scene.cable.set_dark(true)?;
    let lost = scene.join.wait_view("it is given up, and the devices are released", PATIENCE, |view| {
        view["connection"] == "lost" && ["camera", "microphone", "speaker"].iter().all(|device| is_off(view, device))
    })?;
    scene.figures.insert("lost", lost.since(scene.began).as_secs_f64());
    scene.call.wait("it is shown as gone", PATIENCE, |stats| stats["connectionState"] == "waiting")?;
    scene.pass(seconds(120).saturating_sub(monotonic().since(scene.began)))?;
    scene.cable.set_dark(false)?;
    let began = monotonic();
    scene.join.program.say("rejoin");
    let back = scene.join.flows(began)?;
    scene.figures.insert("rejoined", back.since(began).as_secs_f64());
    scene.call.wait("they are back", PATIENCE, connected)?;
    devices_stay_off(scene)
}

/// Whoever is back after a long time is not seen and heard before they say so.
fn devices_stay_off(scene: &mut Scene) -> anyhow::Result<()> {
    scene.join.wait_view("the devices are off", PATIENCE, |view| {
        let off = |device: &str| view["me"][device]["wanted"] == false;
        view["connection"] == "connected" && is_off(view, "camera") && off("camera") && off("microphone")
    })?;
    scene.pass(seconds(5))
}

pub(super) fn sleeps(scene: &mut Scene) -> anyhow::Result<()> {
    scene.join.program.freeze();
    scene.pass(seconds(30))?;
    scene.join.program.thaw();
    scene.mend();
    scene.both_back()
}

/// Longer than anything waits for somebody: what follows is what follows after ten minutes.
pub(super) fn sleeps_long(scene: &mut Scene) -> anyhow::Result<()> {
    scene.join.program.freeze();
    let gone = scene.call.wait("it is shown as gone", PATIENCE, |stats| stats["connectionState"] == "waiting")?;
    scene.figures.insert("gone", gone.since(scene.began).as_secs_f64());
    scene.pass(seconds(90).saturating_sub(monotonic().since(scene.began)))?;
    scene.join.program.thaw();
    let awake = monotonic();
    let back = scene.join.flows(awake)?;
    scene.figures.insert("awake", back.since(awake).as_secs_f64());
    scene.call.wait("they are back", PATIENCE, connected)?;
    devices_stay_off(scene)
}

pub(super) fn churn(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..5 {
        let mut guests: Vec<Running> = (0..3).map(|_| scene.another(&[])).collect();
        for guest in &mut guests {
            guest.stats("a guest is connected", |stats| stats["connectionState"] == "connected");
        }
        guests.iter().for_each(Running::interrupt);
        guests.iter_mut().for_each(Running::end);
    }
    scene.pass(seconds(5))
}

pub(super) fn flood(scene: &mut Scene) -> anyhow::Result<()> {
    scene.cable.right_ip(&format!("address add {STRANGER}/24 dev right"));
    // Both see it as another network.
    scene.pass(seconds(3))?;
    let socket = scene.cable.within(|| Ok(UdpSocket::bind((STRANGER, 0))?))?;
    let flood = Flood::start(socket, LEFT.parse()?, scene.call.program.pid())?;
    let took = scene.visit(&["--bind", &format!("{RIGHT}:0")]);
    scene.figures.insert("connected", took);
    ensure!(flood.sent() > 1000, "there was no flood");
    scene.pass(seconds(2))
}

pub(super) fn killed(scene: &mut Scene) -> anyhow::Result<()> {
    scene.join.kill();
    let gone = scene.call.wait("it is shown as gone", PATIENCE, |stats| stats["connectionState"] == "waiting")?;
    scene.figures.insert("gone", gone.since(scene.began).as_secs_f64());
    Ok(())
}
