//! What a screen reader is told of the page: a bus of its own for assistive technology (AT-SPI 2), asked with `busctl`.
//!
//! Everything blocks on the calling thread. The buses end with the [`Bus`].

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::isolated::Env;

const ACCESSIBLE: &str = "org.a11y.atspi.Accessible";
/// Where WebKit's web process has the things of its page; the window's own process has only the box around them.
const PAGE: &str = "/org/a11y/webkit/accessible/";
/// The kernel's name for that process.
const PROCESS: &str = "WebKitWebProces";

/// The session's bus, which starts the one of the assistive technology.
pub struct Bus {
    session: Child,
    address: String,
    env: Env,
}

/// One thing on the page, as a screen reader has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    pub depth: usize,
    /// Number of the AT-SPI role.
    pub role: u64,
    pub name: String,
}

impl Bus {
    /// `env`: of the program that will be read; it names a folder for the runtime.
    pub fn start(env: &Env) -> anyhow::Result<Self> {
        let mut session = Command::new("dbus-daemon")
            .args(["--session", "--print-address", "--nofork", "--nopidfile"])
            .envs(env.clone())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("dbus-daemon starts (Debian: dbus, at-spi2-core)")?;
        let mut address = String::new();
        BufReader::new(session.stdout.take().context("stdout is piped")?).read_line(&mut address)?;
        let address = address.trim().to_owned();
        let mut bus = Self { session, address, env: env.clone() };
        bus.env.push(("DBUS_SESSION_BUS_ADDRESS", bus.address.clone().into()));
        Ok(bus)
    }

    /// For the program that will be read.
    pub fn env(&self) -> Env {
        vec![("DBUS_SESSION_BUS_ADDRESS", self.address.clone().into())]
    }

    /// All things of the page, from the whole down.
    pub fn page(&self) -> anyhow::Result<Vec<Thing>> {
        let words = ["call", "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress"];
        let answer = self.ask(&self.address, &words)?;
        let address = answer[0].as_str().context("the bus has an address")?;
        let connections: Value = serde_json::from_str(&self.busctl(address, &["list"])?)?;
        let process = connections.as_array().into_iter().flatten().find(|connection| connection["process"] == PROCESS);
        let process = process.and_then(|found| found["name"].as_str()).context("the page is on the bus")?;
        let paths = self.busctl(address, &["tree", "--list", process])?;
        let root = paths.lines().find(|path| path.starts_with(PAGE)).context("the page has a tree")?;
        let mut things = Vec::new();
        self.walk(address, process, root, 0, &mut things)?;
        Ok(things)
    }

    fn walk(&self, bus: &str, of: &str, at: &str, depth: usize, things: &mut Vec<Thing>) -> anyhow::Result<()> {
        let role = self.ask(bus, &["call", of, at, ACCESSIBLE, "GetRole"])?;
        let name = self.ask(bus, &["get-property", of, at, ACCESSIBLE, "Name"])?;
        things.push(Thing {
            depth,
            role: role[0].as_u64().context("a role is a number")?,
            name: name.as_str().unwrap_or_default().to_owned(),
        });
        let children = self.ask(bus, &["call", of, at, ACCESSIBLE, "GetChildren"])?;
        for child in children[0].as_array().context("children are a list")? {
            let path = child[1].as_str().context("a child has a path")?;
            self.walk(bus, of, path, depth + 1, things)?;
        }
        Ok(())
    }

    fn ask(&self, bus: &str, words: &[&str]) -> anyhow::Result<Value> {
        let said = self.busctl(bus, words)?;
        let mut answer: Value = serde_json::from_str(&said)?;
        Ok(answer["data"].take())
    }

    fn busctl(&self, bus: &str, words: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new("busctl");
        command.arg(format!("--address={bus}")).arg("--json=short").args(words).envs(self.env.clone());
        let out = command.output().context("busctl starts (Debian: systemd)")?;
        ensure!(out.status.success(), "busctl {words:?}: {}", String::from_utf8_lossy(&out.stderr));
        Ok(String::from_utf8(out.stdout)?)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.session.kill();
        let _ = self.session.wait();
    }
}
