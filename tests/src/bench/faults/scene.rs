//! A call, and what is done to it.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use super::bed::{Bed, Beside};
use super::instances::{self, Instances};
use super::side::{self, Side};
use super::{AFTERWARDS, BREAKS, HOME, LEFT, MEDIA, PATIENCE, RIGHT};
use crate::bench::figures::Run;
use crate::cli::{self, NO_MEDIA, Running, STATS};
use crate::isolated::Env;
use crate::netns::{self, Cable};
use crate::program;

pub(super) struct Scene {
    pub(super) cable: Cable,
    pub(super) server: Running,
    pub(super) beside: Beside,
    _instances: Option<Instances>,
    /// `HOST:PORT`.
    address: String,
    link: String,
    /// Who calls, and who joined from the other end of the cable.
    pub(super) call: Side,
    pub(super) join: Side,
    pub(super) began: Timestamp,
    mended: Option<Timestamp>,
    pub(super) figures: Run,
    folder: tempfile::TempDir,
}

impl Scene {
    pub(super) fn open(bed: Bed) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let cable = Cable::new(LEFT, RIGHT)?;
        netns::ip(&format!("address replace {HOME}/32 dev lo"));
        cable.right_ip(&format!("route add default via {LEFT}"));
        let mut beside = Beside::open(bed, folder.path())?;
        let (server, url, instances) = if bed.instances {
            let (server, url, instances) = instances::open(folder.path())?;
            (server, url, Some(instances))
        } else {
            let mut server = serve(&format!("{HOME}:0"), &folder.path().join("server"), &beside)?;
            let url = server.line();
            (server, url, None)
        };
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let mut command = cli::command();
        command.args(["call", "--server", &url]).args(bed.turn.arguments());
        let (mut call, files) = start(command, folder.path(), "call");
        let link = call.line();
        let call = Side::new(call, files);
        let entry = beside.link(bed, &link, &address)?;
        let [environment, _] = beside.environments();
        let (join, files) =
            start(sit(&cable.right(), &entry, bed.turn.arguments(), environment), folder.path(), "join");
        let join = Side::new(join, files);
        let (began, mended) = (monotonic(), None);
        let figures = Run::new();
        let mut scene = Self {
            cable,
            server,
            beside,
            _instances: instances,
            address,
            link,
            call,
            join,
            began,
            mended,
            figures,
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
    pub(super) fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = monotonic() + time;
        [&mut self.call, &mut self.join].into_iter().try_for_each(|side| side.listen(until))
    }

    /// One more at the right end, who only looks on.
    pub(super) fn another(&self, more: &[&str]) -> Running {
        let mut command = cli::under(&self.cable.right());
        Running::start(command.args(["join", &self.link]).args(NO_MEDIA).args(STATS).args(more))
    }

    /// One more, who is then connected to both, and leaves again; how long that took.
    pub(super) fn visit(&self, more: &[&str]) -> f64 {
        let began = monotonic();
        let mut third = self.another(more);
        third.stats("a third is connected to both", |stats| {
            let both = stats["connections"].as_array().is_some_and(|all| all.len() == 2);
            both && side::connected(stats)
        });
        let took = monotonic().since(began).as_secs_f64();
        third.interrupt();
        third.end();
        took
    }

    /// The fault begins.
    pub(super) fn begin(&mut self) {
        self.began = monotonic();
    }

    /// What was wrong no longer is.
    pub(super) fn mend(&mut self) {
        self.mended = Some(monotonic());
    }

    /// Both hear and see each other, over whatever connection.
    pub(super) fn both_back(&mut self) -> anyhow::Result<()> {
        let since = self.mended.unwrap_or(self.began);
        [&mut self.call, &mut self.join].into_iter().try_for_each(|side| side.flows(since).map(drop))?;
        self.pass(AFTERWARDS)
    }

    pub(super) fn restart_server(&mut self) -> anyhow::Result<()> {
        self.server = serve(&self.address, &self.folder.path().join("server"), &self.beside)?;
        self.server.line();
        Ok(())
    }

    /// Leaves the call; what it has cost whoever is still there.
    pub(super) fn close(self) -> anyhow::Result<Run> {
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
            *figures.entry(BREAKS).or_default() += evidence.breaks(self.began) as f64;
        }
        Ok(figures)
    }
}

/// Starts one of the two, with files for what they see and hear.
pub(super) fn start(mut command: Command, folder: &Path, name: &str) -> (Running, [std::path::PathBuf; 2]) {
    let files = [folder.join(format!("{name}.csv")), folder.join(format!("{name}.wav"))];
    command.args(MEDIA).args(STATS).arg("--record-times").arg(&files[0]).arg("--record-audio").arg(&files[1]);
    (Running::start(&mut command), files)
}

/// Who joins: shows the view, and stays when the call is lost.
pub(super) fn sit(starter: &[String], link: &str, more: &[&str], environment: Env) -> Command {
    let mut command = cli::under(starter);
    command.args(["room", "sit", link, "--json", "--stay"]).args(more).envs(environment).stdin(Stdio::piped());
    command
}

/// A server that keeps its rooms in `data`.
fn serve(listen: &str, data: &Path, beside: &Beside) -> anyhow::Result<Running> {
    let [_, environment] = beside.environments();
    serve_with(listen, data, &beside.named, environment)
}

pub(super) fn serve_with(listen: &str, data: &Path, more: &[OsString], environment: Env) -> anyhow::Result<Running> {
    let mut command = Command::new(program::path("fika-server", "fika-server")?);
    command.args(["--listen", listen, "--data"]).arg(data).args(more).envs(environment);
    Ok(Running::start(command.stdin(Stdio::null()).stderr(Stdio::null())))
}
