//! The second namespace, as long as the process that holds it open.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::run_nft;

const START_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

pub struct Right {
    holder: Child,
}

impl Right {
    /// With a loopback and nothing else.
    pub fn open() -> anyhow::Result<Self> {
        let holder =
            Command::new("unshare").args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let right = Self { holder };
        let ours = fs::read_link("/proc/self/ns/net")?;
        until("there is a second namespace", || Ok(fs::read_link(right.namespace()).context("unshare runs")? != ours))?;
        right.ip("link set lo up")?;
        Ok(right)
    }

    pub fn pid(&self) -> u32 {
        self.holder.id()
    }

    fn namespace(&self) -> String {
        format!("/proc/{}/ns/net", self.pid())
    }

    /// What starts a program there.
    pub fn starter(&self) -> Vec<String> {
        ["nsenter".to_owned(), format!("--net={}", self.namespace()), "--".to_owned()].to_vec()
    }

    pub fn ip(&self, words: &str) -> anyhow::Result<()> {
        let mut starter = self.starter();
        starter.extend(["ip".to_owned()]);
        let status = Command::new(&starter[0]).args(&starter[1..]).args(words.split(' ')).status()?;
        ensure!(status.success(), "ip {words}: {status}");
        Ok(())
    }

    /// `nft` with this script there.
    pub fn nft(&self, script: &str) -> anyhow::Result<()> {
        run_nft(&self.starter(), script)
    }

    /// What `body` opens is open there: sockets belong to the network in which they were made.
    pub fn within<T: Send>(&self, body: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
        let namespace = File::open(self.namespace())?;
        std::thread::scope(|scope| {
            let entered = scope.spawn(move || {
                enter(&namespace)?;
                body()
            });
            entered.join().expect("the thread in the namespace does not panic")
        })
    }
}

impl Drop for Right {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// What this thread opens from now on is open there.
pub fn enter(namespace: &File) -> anyhow::Result<()> {
    // SAFETY: changes the network of this thread alone, and the descriptor is open.
    let entered = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
    ensure!(entered == 0, "the namespace is not entered: {}", std::io::Error::last_os_error());
    Ok(())
}

pub(super) fn until(what: &str, mut is_so: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let end = Instant::now() + START_TIMEOUT;
    while !is_so()? {
        ensure!(Instant::now() < end, "it does not happen that {what}");
        std::thread::sleep(POLL);
    }
    Ok(())
}
