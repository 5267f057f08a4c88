//! The signalling server, or the way to it.

use anyhow::{Context as _, ensure};

use super::super::scene::Scene;
use super::seconds;

/// Breaks of the way while the seat is taken again.
const AGAIN: u32 = 2;

pub(super) fn dies(scene: &mut Scene) -> anyhow::Result<()> {
    scene.server.kill();
    scene.server.end();
    scene.pass(seconds(20))?;
    scene.restart_server()?;
    scene.pass(seconds(10))
}

pub(super) fn instance_dies(scene: &mut Scene) -> anyhow::Result<()> {
    scene.server.kill();
    scene.server.end();
    scene.pass(seconds(20))
}

pub(super) fn hangs(scene: &mut Scene) -> anyhow::Result<()> {
    scene.server.freeze();
    scene.pass(seconds(25))?;
    scene.server.thaw();
    scene.pass(seconds(10))
}

/// The server hears each time that the seat is taken again, and its answer is lost.
pub(super) fn breaks_again(scene: &mut Scene) -> anyhow::Result<()> {
    let wire = scene.beside.wire.as_ref().context("there is a wire")?;
    wire.break_down(AGAIN);
    scene.pass(seconds(12))?;
    let wire = scene.beside.wire.as_ref().context("there is a wire")?;
    ensure!(wire.broken() == AGAIN, "the way broke {} times while the seat was taken again", wire.broken());
    let seat = wire.answered().context("the server answers in the end")?;
    scene.figures.insert("seat", seat.since(scene.began).as_secs_f64());
    // The seats are those of before: nobody is there twice.
    scene.visit(&[]);
    scene.pass(seconds(2))
}
