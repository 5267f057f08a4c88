//! Networks of a test's own: it runs again in a network namespace, `left`, and starts programs there or in a second one,
//! `right`. A virtual [`Cable`] joins them, or a [`Path`] that is as bad as wanted, and nothing else does. Needs no root
//! where users may make namespaces.

mod cable;
mod packet;
mod path;
mod right;
mod tun;

use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::isolated;

pub use cable::Cable;
pub use packet::Flow;
pub use path::{Begin, Path, Travelled};
pub use right::{Right, enter};

/// Processes get a namespace too, so that none of them outlives a test that hangs.
pub const STARTER: [&str; 7] =
    ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

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

/// `nft` with this script, in the namespace of this process.
pub fn nft(script: &str) -> anyhow::Result<()> {
    run_nft(&[], script)
}

fn run_nft(starter: &[String], script: &str) -> anyhow::Result<()> {
    let mut words = starter.iter().map(String::as_str).chain(["nft", script]);
    let status = Command::new(words.next().context("nft is one")?).args(words).status();
    let status = status.context("nft starts (Debian: nftables)")?;
    ensure!(status.success(), "nft {script}: {status}");
    Ok(())
}

/// What the counters of a table have counted, in the order of their rules.
pub fn counters(table: &str) -> anyhow::Result<Vec<u64>> {
    let output =
        Command::new("nft").args(["list", "table", table]).output().context("nft starts (Debian: nftables)")?;
    let text = String::from_utf8(output.stdout)?;
    let counted = text.split("counter packets ").skip(1);
    counted.map(|rest| Ok(rest.split(' ').next().unwrap_or_default().parse()?)).collect()
}
