//! Both behind a NAT each, which gives every connection a port of its own and lets nobody in who was not spoken to: what a
//! STUN server says of either is of no use to the other. Between them a network with the server and a relay.

use std::time::Duration;

use anyhow::ensure;
use fika_devices::clock::monotonic;

use super::super::scene::{serve_with, sit, start};
use super::super::side::{Side, relayed};
use super::super::{AFTERWARDS, HOME, PATIENCE, RELAYS};
use crate::bench::figures::Run;
use crate::cli;
use crate::netns::{self, Right};
use crate::turn::{PASSWORD, Turn};

/// Of each side: our end of the way to its NAT, the NAT's ends, and the machine behind it.
const WAYS: [[&str; 4]; 2] = [
    ["10.99.5.1", "10.99.5.2", "192.168.1.1", "192.168.1.2"],
    ["10.99.6.1", "10.99.6.2", "192.168.2.1", "192.168.2.2"],
];

/// A machine, and the NAT before it.
struct Behind {
    machine: Right,
    _nat: Right,
}

impl Behind {
    fn open(name: &str, [here, outside, inside, machine]: [&str; 4]) -> anyhow::Result<Self> {
        let (nat, behind) = (Right::open()?, Right::open()?);
        netns::ip(&format!("link add {name} type veth peer name out netns {}", nat.pid()));
        netns::ip(&format!("address add {here}/24 dev {name}"));
        netns::ip(&format!("link set {name} up"));
        nat.ip(&format!("link add in type veth peer name lan netns {}", behind.pid()))?;
        for (device, address) in [("out", outside), ("in", inside)] {
            nat.ip(&format!("address add {address}/24 dev {device}"))?;
            nat.ip(&format!("link set {device} up"))?;
        }
        nat.ip(&format!("route add default via {here}"))?;
        behind.ip(&format!("address add {machine}/24 dev lan"))?;
        behind.ip("link set lan up")?;
        behind.ip(&format!("route add default via {inside}"))?;
        nat.within(forwards)?;
        nat.nft(
            "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; };
             add rule ip nat out oifname out masquerade fully-random;
             add chain ip nat in { type filter hook input priority 0; }; add rule ip nat in iifname out drop",
        )?;
        Ok(Self { machine: behind, _nat: nat })
    }
}

/// Packets of others go on, in the network of this thread.
fn forwards() -> anyhow::Result<()> {
    Ok(std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")?)
}

/// What goes to somebody whom nobody knows is lost, as in the internet, and nobody is told.
fn swallow() {
    let [here, nobody, mac] = ["198.51.100.1", "198.51.100.2", "02:00:00:00:00:99"];
    for words in [
        "link add nowhere type veth peer name nobody".to_owned(),
        "link set nowhere up".to_owned(),
        "link set nobody up".to_owned(),
        format!("address add {here}/24 dev nowhere"),
        format!("neighbour replace {nobody} lladdr {mac} dev nowhere nud permanent"),
        format!("route add default via {nobody}"),
    ] {
        netns::ip(&words);
    }
}

/// The call is not there before somebody joins, so there is nothing to break: what counts is that it comes about.
pub(super) fn symmetric(seed: u32) -> anyhow::Result<Run> {
    let folder = tempfile::tempdir()?;
    for address in [HOME, RELAYS[0]] {
        netns::ip(&format!("address replace {address}/32 dev lo"));
    }
    let (left, right) = (Behind::open("left", WAYS[0])?, Behind::open("right", WAYS[1])?);
    forwards()?;
    swallow();
    let turn = Turn::start(RELAYS[0])?;
    let stun = turn.url().replace("turn:", "stun:");
    let more = ["--ice-server".into(), turn.server(PASSWORD).into(), "--ice-server".into(), stun.into()];
    let mut server = serve_with(&format!("{HOME}:0"), &folder.path().join("server"), &more, Vec::new())?;
    let url = server.line();
    let mut command = cli::under(&left.machine.starter());
    command.args(["call", "--server", &url]);
    let (mut call, files) = start(command, folder.path(), "call");
    let link = call.line();
    let mut call = Side::new(call, files);
    std::thread::sleep(Duration::from_millis(u64::from(seed) * 730));
    let began = monotonic();
    let (join, files) = start(sit(&right.machine.starter(), &link, &[], Vec::new()), folder.path(), "join");
    let mut join = Side::new(join, files);
    let shown = join.wait("it is shown as relayed", PATIENCE, relayed)?;
    call.wait("so it is to the other", PATIENCE, relayed)?;
    join.listen(monotonic() + AFTERWARDS)?;
    let mut figures = Run::from([("relayed", shown.since(began).as_secs_f64())]);
    call.close()?;
    if let Some(first) = join.close()?.and_then(|evidence| evidence.back(began)) {
        figures.insert("first", first);
    }
    ensure!(figures.contains_key("first"), "nothing was seen and heard");
    Ok(figures)
}
