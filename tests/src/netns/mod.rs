//! Networks of a test's own: it runs again in a network namespace, `left`, and starts programs there or in a second one,
//! `right`. A virtual [`Cable`] joins them, or a [`Path`] that is as bad as wanted, and nothing else does. Needs no root
//! where users may make namespaces.

mod cable;
mod path;
mod right;
mod tun;

use std::process::Command;

use crate::isolated;

pub use cable::Cable;
pub use path::{Path, Travelled};
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
