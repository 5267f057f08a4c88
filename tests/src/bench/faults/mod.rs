//! Faults in the middle of a call between two `fika-cli`, each in a network of its own, with a `fika-server`: how long sound and
//! picture were away, and when it was told.
//!
//! Everything blocks on the calling thread, which has to be in a network namespace of its own.

mod bed;
mod chromium;
mod instances;
pub mod report;
mod scene;
pub mod scenes;
mod side;
mod wire;

use std::time::Duration;

use super::figures::{Row, Run};
use crate::netns::Cable;
use bed::Bed;
use scene::Scene;

pub const ROWS: &[Row] = &[
    Row { key: "told", title: "until it is shown", digits: 1 },
    Row { key: "sound", title: "longest silence", digits: 2 },
    Row { key: "picture", title: "longest still picture", digits: 2 },
    Row { key: "back", title: "until both hear and see each other again", digits: 2 },
    Row { key: "first", title: "from the start of who joins until they hear and see", digits: 2 },
    Row { key: "relayed", title: "until it is shown that it goes through a relay", digits: 1 },
    Row { key: "norelay", title: "until it is said that no relay is reached", digits: 1 },
    Row { key: "refused", title: "times that the relay refused somebody", digits: 0 },
    Row { key: "named", title: "addresses of its own that were told", digits: 0 },
    Row { key: "page", title: "until the page is as before", digits: 2 },
    Row { key: "seat", title: "until the seat is taken again", digits: 2 },
    Row { key: "connected", title: "until who joins is connected to both", digits: 1 },
    Row { key: BREAKS, title: "times that a connection broke", digits: 0 },
    Row { key: "gone", title: "until the other is shown as gone", digits: 1 },
    Row { key: "lost", title: "until it is given up and the devices are released", digits: 1 },
    Row { key: "awake", title: "from waking until the other is seen and heard", digits: 2 },
    Row { key: "rejoined", title: "from Rejoin until the other is seen and heard", digits: 2 },
];

/// What may happen to a call, and the most that it may cost.
pub struct Fault {
    pub name: &'static str,
    pub title: &'static str,
    /// Key of [`ROWS`], seconds or times.
    pub limits: &'static [(&'static str, f64)],
    bed: Bed,
    act: Act,
}

/// What is done to the call.
enum Act {
    Scene(fn(&mut Scene) -> anyhow::Result<()>),
    /// The network of whoever joined is another one then; Chromium is measured beside.
    Change(Change),
    /// The whole call; `seed` chooses the moment.
    Call(fn(u32) -> anyhow::Result<Run>),
}

/// Tells after each step.
type Change = fn(&Cable, &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<()>;

/// Key of a [`ROWS`] that is written down only where it has a limit.
const BREAKS: &str = "breaks";

const MEDIA: [&str; 8] = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "320x180@30"];
const LEFT: &str = "10.99.1.1";
const RIGHT: &str = "10.99.1.2";
/// Of the server, on whatever way it is reached.
const HOME: &str = "10.99.0.1";
/// Of TURN servers, likewise.
const RELAYS: [&str; 2] = ["10.99.0.2", "10.99.0.3"];
/// How long a call may take to do what is waited for.
const PATIENCE: Duration = Duration::from_secs(90);
/// What came back has to last for so long.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// One call with this fault in it. `seed` chooses the moment.
pub fn run(fault: &Fault, seed: u32) -> anyhow::Result<Run> {
    if let Act::Call(call) = fault.act {
        return call(seed);
    }
    let mut scene = Scene::open(fault.bed)?;
    // Heartbeats and keepalives come every few seconds.
    scene.pass(Duration::from_millis(u64::from(seed) * 730))?;
    scene.begin();
    match fault.act {
        Act::Scene(act) => act(&mut scene)?,
        Act::Change(change) => {
            change(&scene.cable, &mut || Ok(()))?;
            scene.both_back()?;
        }
        Act::Call(_) => {}
    }
    let mut figures = scene.close()?;
    // Most faults break it.
    if fault.limits.iter().all(|(key, _)| *key != BREAKS) {
        figures.remove(BREAKS);
    }
    Ok(figures)
}

impl Fault {
    pub const fn is_change(&self) -> bool {
        matches!(self.act, Act::Change(_))
    }
}

/// The same between two pages of Chromium, for a change of network.
pub fn beside(fault: &Fault, seed: u32) -> anyhow::Result<Run> {
    match fault.act {
        Act::Change(change) => chromium::run(change, seed),
        Act::Scene(_) | Act::Call(_) => Ok(Run::new()),
    }
}
