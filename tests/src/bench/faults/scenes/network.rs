//! The network goes, comes back, or is another one.

use std::time::Duration;

use anyhow::ensure;

use super::super::scene::Scene;
use super::super::{HOME, LEFT, RIGHT};
use super::seconds;
use crate::between::Between;
use crate::netns::{self, Cable};

const SECOND_LEFT: &str = "10.99.2.1";
const SECOND_RIGHT: &str = "10.99.2.2";
const ANOTHER_RIGHT: &str = "10.99.1.3";

pub(super) fn dark(scene: &mut Scene, count: u64) -> anyhow::Result<()> {
    scene.cable.set_dark(true)?;
    scene.pass(seconds(count))?;
    scene.cable.set_dark(false)?;
    scene.mend();
    scene.both_back()
}

pub(super) fn second(cable: &Cable, changed: &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    cable.add_second();
    netns::ip(&format!("address add {SECOND_LEFT}/24 dev left2"));
    cable.right_ip(&format!("address add {SECOND_RIGHT}/24 dev right2"));
    cable.right_ip(&format!("route replace default via {SECOND_LEFT}"));
    changed()
}

/// Nobody learns where whoever joined is from what they tell, before and after.
pub(super) fn second_in_private(scene: &mut Scene) -> anyhow::Result<()> {
    second(&scene.cable, &mut || Ok(()))?;
    scene.both_back()?;
    let told = scene.beside.between.as_ref().map(Between::candidates).unwrap_or_default();
    ensure!(told.len() >= 2, "they have told twice where to reach them: {told:?}");
    let own = |candidate: &&String| {
        let hidden = [LEFT, RIGHT, HOME, SECOND_LEFT, SECOND_RIGHT].iter().any(|address| candidate.contains(address));
        hidden || !candidate.contains(" typ relay")
    };
    scene.figures.insert("named", told.iter().filter(own).count() as f64);
    Ok(())
}

/// Nothing falls silent by itself before the old one goes, half a second after the new one has come.
pub(super) fn another(cable: &Cable, changed: &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    second(cable, changed)?;
    std::thread::sleep(Duration::from_millis(500));
    cable.right_ip(&format!("address delete {RIGHT}/24 dev right"));
    cable.right_ip("link set right down");
    changed()
}

pub(super) fn address(cable: &Cable, changed: &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    cable.right_ip(&format!("address delete {RIGHT}/24 dev right"));
    cable.right_ip(&format!("address add {ANOTHER_RIGHT}/24 dev right"));
    cable.right_ip(&format!("route replace default via {LEFT}"));
    changed()
}
