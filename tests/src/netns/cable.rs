//! Two namespaces joined by a pair of virtual Ethernet devices.

use std::process::Command;

use super::right::{Right, until};
use super::{ip, nft};

/// Nobody has it: what is sent there is lost.
const NOBODY: &str = "02:00:00:00:00:99";

pub struct Cable {
    second: Right,
    left: String,
    right: String,
}

impl Cable {
    /// Addresses of both ends without the length of the network, which is 24 bits, or 64 for IPv6.
    pub fn new(left: &str, right: &str) -> anyhow::Result<Self> {
        let second = Right::open()?;
        ip(&format!("link add left type veth peer name right netns {}", second.pid()));
        // Addresses can be used at once, without a search for others that have them.
        let address = |address: &str, name: &str| match address.contains(':') {
            true => format!("address add {address}/64 dev {name} nodad"),
            false => format!("address add {address}/24 dev {name}"),
        };
        ip(&address(left, "left"));
        ip("link set left up");
        for words in [&address(right, "right"), "link set right up"] {
            second.ip(words)?;
        }
        let carries = |mut starter: Vec<String>, name: &str| {
            starter.extend(["ip", "link", "show", "dev", name].map(str::to_owned));
            let seen = Command::new(&starter[0]).args(&starter[1..]).output()?;
            anyhow::Ok(String::from_utf8_lossy(&seen.stdout).contains("state UP"))
        };
        // Each end notices by itself.
        until("the cable carries", || Ok(carries(Vec::new(), "left")? && carries(second.starter(), "right")?))?;
        Ok(Self { second, left: left.to_owned(), right: right.to_owned() })
    }

    /// `ip` with these words in the right namespace.
    pub fn right_ip(&self, words: &str) {
        self.second.ip(words).unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// What `body` opens is open at the right end.
    pub fn within<T: Send>(&self, body: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
        self.second.within(body)
    }

    /// A second cable between both, `left2` and `right2`, plugged in and without addresses.
    pub fn add_second(&self) {
        ip(&format!("link add left2 type veth peer name right2 netns {}", self.second.pid()));
        ip("link set left2 up");
        self.right_ip("link set right2 up");
    }

    /// What starts a program in the right namespace.
    pub fn right(&self) -> Vec<String> {
        self.second.starter()
    }

    /// Nothing gets through any more, though both ends still see the cable; or all does again.
    pub fn set_dark(&self, dark: bool) -> anyhow::Result<()> {
        let words = |to: &str, name: &str| match dark {
            true => format!("neighbour replace {to} lladdr {NOBODY} dev {name} nud permanent"),
            false => format!("neighbour delete {to} dev {name}"),
        };
        ip(&words(&self.right, "left"));
        self.second.ip(&words(&self.left, "right"))
    }

    /// Every UDP datagram is lost on the way from now on, as in many an office; or all pass again.
    pub fn block_udp(&self, blocked: bool) -> anyhow::Result<()> {
        // Where they arrive: whoever sends them is not told.
        let words = |device: &str| match blocked {
            true => format!(
                "add table inet office; add chain inet office in {{ type filter hook prerouting priority -300; }};
                 add rule inet office in iifname {device} meta l4proto udp drop"
            ),
            false => "delete table inet office".to_owned(),
        };
        nft(&words("left"))?;
        self.second.nft(&words("right"))
    }

    /// The cable is pulled out at the left end, or plugged in.
    pub fn set_plugged(&self, plugged: bool) {
        ip(if plugged { "link set left up" } else { "link set left down" });
    }
}
