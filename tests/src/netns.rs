//! Networks of a test's own: the test runs again in a network namespace, `left`, and starts programs there or in a second
//! one, `right`; a virtual cable joins them, and nothing else does. Needs no root where users may make namespaces.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::isolated;

const START_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);
/// Nobody has it: what is sent there is lost.
const NOBODY: &str = "02:00:00:00:00:99";

/// Processes get a namespace too, so that none of them outlives a test that hangs.
const STARTER: [&str; 7] = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Runs `body` with a loopback of its own and no other network. `name` is the test's full name.
pub fn run(name: &str, body: impl FnOnce()) {
    isolated::run_under(
        name,
        &STARTER,
        || Ok((Vec::new(), Box::new(()))),
        || {
            ip("link set lo up");
            body();
        },
    );
}

/// `ip` with these words, in the namespace of this process.
pub fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().expect("ip starts (Debian: iproute2)");
    assert!(status.success(), "ip {words}");
}

/// Two namespaces and the cable between them.
pub struct Cable {
    /// Holds the right namespace open.
    holder: Child,
    left: String,
    right: String,
}

impl Cable {
    /// Addresses of both ends without the length of the network, which is 24 bits, or 64 for IPv6.
    pub fn new(left: &str, right: &str) -> anyhow::Result<Self> {
        let holder =
            Command::new("unshare").args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let cable = Self { holder, left: left.to_owned(), right: right.to_owned() };
        let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net"));
        let ours = namespace("self")?;
        let theirs = cable.holder.id().to_string();
        cable.until("there is a second namespace", || Ok(namespace(&theirs).context("unshare runs")? != ours))?;
        ip(&format!("link add left type veth peer name right netns {}", cable.holder.id()));
        // Addresses can be used at once, without a search for others that have them.
        let address = |address: &str, name: &str| match address.contains(':') {
            true => format!("address add {address}/64 dev {name} nodad"),
            false => format!("address add {address}/24 dev {name}"),
        };
        ip(&address(left, "left"));
        ip("link set left up");
        for words in [&address(right, "right"), "link set lo up", "link set right up"] {
            cable.right_ip(words)?;
        }
        cable.until("the cable carries", || {
            let seen = Command::new("ip").args(["link", "show", "dev", "left"]).output()?;
            Ok(String::from_utf8_lossy(&seen.stdout).contains("state UP"))
        })?;
        Ok(cable)
    }

    /// What starts a program in the right namespace.
    pub fn right(&self) -> Vec<String> {
        let namespace = format!("--net=/proc/{}/ns/net", self.holder.id());
        ["nsenter".to_owned(), namespace, "--".to_owned()].to_vec()
    }

    /// Nothing gets through any more, though both ends still see the cable; or all does again.
    pub fn set_dark(&self, dark: bool) -> anyhow::Result<()> {
        let words = |to: &str, name: &str| match dark {
            true => format!("neighbour replace {to} lladdr {NOBODY} dev {name} nud permanent"),
            false => format!("neighbour delete {to} dev {name}"),
        };
        ip(&words(&self.right, "left"));
        self.right_ip(&words(&self.left, "right"))
    }

    /// The cable is pulled out at the left end, or plugged in.
    pub fn set_plugged(&self, plugged: bool) {
        ip(if plugged { "link set left up" } else { "link set left down" });
    }

    fn right_ip(&self, words: &str) -> anyhow::Result<()> {
        let mut starter = self.right();
        starter.extend(["ip".to_owned()]);
        let status = Command::new(&starter[0]).args(&starter[1..]).args(words.split(' ')).status()?;
        ensure!(status.success(), "ip {words}: {status}");
        Ok(())
    }

    fn until(&self, what: &str, mut is_so: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let end = Instant::now() + START_TIMEOUT;
        while !is_so()? {
            ensure!(Instant::now() < end, "it does not happen that {what}");
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
