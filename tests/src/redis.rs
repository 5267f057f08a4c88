//! Redis on a port that was free, with what it keeps in a folder of the test's own; it ends with the [`Redis`].

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::program;

pub struct Redis {
    child: Child,
    folder: PathBuf,
    pub port: u16,
}

impl Redis {
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let port = program::free_port()?;
        Ok(Self { child: run(folder, port)?, folder: folder.to_owned(), port })
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// It dies, and is started again with what it kept.
    pub fn fail(&mut self, meanwhile: impl FnOnce()) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        meanwhile();
        self.child = run(&self.folder, self.port)?;
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(folder: &Path, port: u16) -> anyhow::Result<Child> {
    let mut child = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"])
        .args(["--port", &port.to_string(), "--dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("Redis starts (Debian: redis-server)")?;
    program::listens(&mut child, "Redis", port)?;
    Ok(child)
}
