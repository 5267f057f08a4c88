//! The wall clock is another one.

use anyhow::Context as _;

use super::super::scene::Scene;
use super::seconds;

const HOUR: i32 = 3600;

/// First that of who joined, then the server's: an hour ahead, back, an hour back, and right again. After each jump somebody
/// else is connected to both, whose clock is right.
pub(super) fn jumps(scene: &mut Scene) -> anyhow::Result<()> {
    let mut longest = 0.0_f64;
    for whose in 0..2 {
        for ahead in [HOUR, 0, -HOUR, 0] {
            let clocks = scene.beside.clocks.as_ref().context("there are clocks")?;
            clocks[whose].set(ahead)?;
            scene.pass(seconds(3))?;
            longest = longest.max(scene.visit(&[]));
            scene.pass(seconds(3))?;
        }
    }
    scene.figures.insert("connected", longest);
    Ok(())
}
