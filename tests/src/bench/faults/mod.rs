//! Faults in the middle of a call between two `fika-cli`, each in a network of its own, with a `fika-server`: how long sound and
//! picture were away, and when it was told.
//!
//! Everything blocks on the calling thread, which has to be in a network namespace of its own.

mod chromium;
mod instances;
pub mod report;
pub mod scenes;
mod side;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use super::figures::{Row, Run};
use crate::cli::{self, NO_MEDIA, Running, STATS};
use crate::netns::{self, Cable};
use crate::program;
use instances::Beside;
use side::Side;

pub const ROWS: &[Row] = &[
    Row { key: "told", title: "until it is shown", digits: 1 },
    Row { key: "sound", title: "longest silence", digits: 2 },
    Row { key: "picture", title: "longest still picture", digits: 2 },
    Row { key: "back", title: "until both hear and see each other again", digits: 2 },
    Row { key: "connected", title: "until who joins is connected to both", digits: 1 },
    Row { key: "gone", title: "until the other is shown as gone", digits: 1 },
];

/// What may happen to a call, and the most that it may cost.
pub struct Fault {
    pub name: &'static str,
    pub title: &'static str,
    /// Key of [`ROWS`], seconds.
    pub limits: &'static [(&'static str, f64)],
    act: Act,
}

/// What is done to the call.
enum Act {
    Scene(fn(&mut Scene) -> anyhow::Result<()>),
    /// The same where two instances are the server.
    Instances(fn(&mut Scene) -> anyhow::Result<()>),
    /// The network of whoever joined is another one then; Chromium is measured beside.
    Change(Change),
}

/// Tells after each step.
type Change = fn(&Cable, &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<()>;

const MEDIA: [&str; 8] = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "320x180@30"];
const LEFT: &str = "10.99.1.1";
const RIGHT: &str = "10.99.1.2";
/// Of the server, on whatever way it is reached.
const HOME: &str = "10.99.0.1";
/// How long a call may take to do what is waited for.
const PATIENCE: Duration = Duration::from_secs(90);
/// What came back has to last for so long.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// A call, and what is done to it.
struct Scene {
    cable: Cable,
    server: Running,
    _beside: Option<Beside>,
    /// `HOST:PORT`.
    address: String,
    link: String,
    /// Who calls, and who joined from the other end of the cable.
    call: Side,
    join: Side,
    began: Timestamp,
    mended: Option<Timestamp>,
    figures: Run,
    folder: tempfile::TempDir,
}

/// One call with this fault in it. `seed` chooses the moment.
pub fn run(fault: &Fault, seed: u32) -> anyhow::Result<Run> {
    let mut scene = Scene::open(matches!(fault.act, Act::Instances(_)))?;
    // Heartbeats and keepalives come every few seconds.
    scene.pass(Duration::from_millis(u64::from(seed) * 730))?;
    scene.began = monotonic();
    match fault.act {
        Act::Scene(act) | Act::Instances(act) => act(&mut scene)?,
        Act::Change(change) => {
            change(&scene.cable, &mut || Ok(()))?;
            scene.both_back()?;
        }
    }
    scene.close()
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
        Act::Scene(_) | Act::Instances(_) => Ok(Run::new()),
    }
}

impl Scene {
    fn open(several: bool) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let cable = Cable::new(LEFT, RIGHT)?;
        netns::ip(&format!("address replace {HOME}/32 dev lo"));
        cable.right_ip(&format!("route add default via {LEFT}"));
        let (server, url, beside) = if several {
            let (server, url, beside) = instances::open(folder.path())?;
            (server, url, Some(beside))
        } else {
            let mut server = serve(&format!("{HOME}:0"), &folder.path().join("server"))?;
            let url = server.line();
            (server, url, None)
        };
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let files = |name: &str| [folder.path().join(format!("{name}.csv")), folder.path().join(format!("{name}.wav"))];
        let start = |mut command: Command, files: &[PathBuf; 2]| {
            let [times, sound] = files;
            Running::start(
                command.args(MEDIA).args(STATS).arg("--record-times").arg(times).arg("--record-audio").arg(sound),
            )
        };
        let mut command = cli::command();
        command.args(["call", "--server", &url]);
        let at = files("call");
        let mut call = start(command, &at);
        let link = call.line();
        let call = Side::new(call, at);
        let mut command = cli::under(&cable.right());
        command.args(["join", &link]);
        let at = files("join");
        let join = Side::new(start(command, &at), at);
        let (began, mended) = (monotonic(), None);
        let mut scene = Self {
            cable,
            server,
            _beside: beside,
            address,
            link,
            call,
            join,
            began,
            mended,
            figures: Run::new(),
            folder,
        };
        for side in [&mut scene.call, &mut scene.join] {
            side.wait("media flows for five seconds", PATIENCE, |stats| {
                side::connected(stats) && side::packets(stats, "audio") >= 250.0 && side::packets(stats, "video") > 0.0
            })?;
        }
        Ok(scene)
    }

    /// Time goes by for both.
    fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = monotonic() + time;
        [&mut self.call, &mut self.join].into_iter().try_for_each(|side| side.listen(until))
    }

    /// One more at the right end, who only looks on.
    fn another(&self, more: &[&str]) -> Running {
        let mut command = cli::under(&self.cable.right());
        Running::start(command.args(["join", &self.link]).args(NO_MEDIA).args(STATS).args(more))
    }

    /// What was wrong no longer is.
    fn mend(&mut self) {
        self.mended = Some(monotonic());
    }

    /// Both hear and see each other, over whatever connection.
    fn both_back(&mut self) -> anyhow::Result<()> {
        for side in [&mut self.call, &mut self.join] {
            let mut before = None;
            side.wait("media flows again", PATIENCE, |stats| {
                let now = ["audio", "video"].map(|kind| side::packets(stats, kind));
                let more = before.is_some_and(|before: [f64; 2]| now[0] > before[0] && now[1] > before[1]);
                before = Some(now);
                side::connected(stats) && more
            })?;
        }
        self.pass(AFTERWARDS)
    }

    fn restart_server(&mut self) -> anyhow::Result<()> {
        self.server = serve(&self.address, &self.folder.path().join("server"))?;
        self.server.line();
        Ok(())
    }

    /// Leaves the call; what it has cost whoever is still there.
    fn close(self) -> anyhow::Result<Run> {
        let mut figures = self.figures;
        for side in [self.call, self.join] {
            let Some(evidence) = side.close().context("a side leaves")? else { continue };
            let mut most = |key: &'static str, value: Option<f64>| {
                if let Some(value) = value {
                    let entry = figures.entry(key).or_insert(value);
                    *entry = entry.max(value);
                }
            };
            most("picture", evidence.still(self.began));
            most("sound", evidence.silence(self.began));
            most("back", self.mended.and_then(|at| evidence.back(at)));
            if let Some(told) = evidence.told(self.began) {
                let entry = figures.entry("told").or_insert(told);
                *entry = entry.min(told);
            }
        }
        Ok(figures)
    }
}

/// A server that keeps its rooms in `data`.
fn serve(listen: &str, data: &std::path::Path) -> anyhow::Result<Running> {
    let mut command = Command::new(program::path("fika-server", "fika-server")?);
    Ok(Running::start(
        command.args(["--listen", listen, "--data"]).arg(data).stdin(Stdio::null()).stderr(Stdio::null()),
    ))
}
