//! The faults themselves.

use std::net::UdpSocket;
use std::time::Duration;

use anyhow::ensure;
use fika_devices::clock::monotonic;

use super::{Act, Fault, LEFT, PATIENCE, RIGHT, Scene};
use crate::cli::Running;
use crate::flood::Flood;
use crate::netns::{self, Cable};

/// As in the table of docs/faults.md.
pub const ALL: &[Fault] = &[
    Fault {
        name: "dark3",
        title: "the path is dark for 3 s",
        limits: &[("back", 1.0)],
        act: Act::Scene(|scene| dark(scene, 3)),
    },
    Fault {
        name: "dark15",
        title: "the path is dark for 15 s",
        limits: &[("back", 3.0)],
        act: Act::Scene(|scene| dark(scene, 15)),
    },
    Fault {
        name: "dark45",
        title: "the path is dark for 45 s",
        limits: &[("back", 6.0)],
        act: Act::Scene(|scene| dark(scene, 45)),
    },
    Fault {
        name: "network",
        title: "a second network comes up and the first one goes down",
        limits: &[("sound", 1.5), ("picture", 1.5)],
        act: Act::Change(network),
    },
    Fault {
        name: "vpn",
        title: "a second network comes up and takes the default route; the first one stays",
        limits: &[("sound", 3.0), ("picture", 3.0)],
        act: Act::Change(second_network),
    },
    Fault {
        name: "address",
        title: "another address on the same cable",
        limits: &[("sound", 2.0), ("picture", 2.0)],
        act: Act::Change(address),
    },
    Fault {
        name: "server-dies",
        title: "the signalling server is killed, and started again 20 s later",
        limits: &[("sound", 0.06)],
        act: Act::Scene(server_dies),
    },
    Fault {
        name: "server-hangs",
        title: "the signalling server hangs for 25 s",
        limits: &[("sound", 0.06)],
        act: Act::Scene(server_hangs),
    },
    Fault {
        name: "instance",
        title: "one of two instances of the signalling server is killed",
        limits: &[("sound", 0.06)],
        act: Act::Instances(instance_dies),
    },
    Fault { name: "sleep", title: "one computer sleeps for 30 s", limits: &[("back", 4.0)], act: Act::Scene(sleep) },
    Fault {
        name: "churn",
        title: "fifteen others come and go in about ten seconds",
        limits: &[("picture", 1.0)],
        act: Act::Scene(churn),
    },
    Fault {
        name: "flood",
        title: "a stranger sends ClientHello messages to every socket while a third joins",
        limits: &[("connected", 5.0)],
        act: Act::Scene(flood),
    },
    Fault { name: "killed", title: "one program is killed", limits: &[("gone", 20.0)], act: Act::Scene(killed) },
];

const SECOND_LEFT: &str = "10.99.2.1";
const SECOND_RIGHT: &str = "10.99.2.2";
const ANOTHER_RIGHT: &str = "10.99.1.3";
const STRANGER: &str = "10.99.1.9";

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn dark(scene: &mut Scene, count: u64) -> anyhow::Result<()> {
    scene.cable.set_dark(true)?;
    scene.pass(seconds(count))?;
    scene.cable.set_dark(false)?;
    scene.mend();
    scene.both_back()
}

fn second_network(cable: &Cable, changed: &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    cable.add_second();
    netns::ip(&format!("address add {SECOND_LEFT}/24 dev left2"));
    cable.right_ip(&format!("address add {SECOND_RIGHT}/24 dev right2"));
    cable.right_ip(&format!("route replace default via {SECOND_LEFT}"));
    changed()
}

/// Nothing falls silent by itself before the old one goes, half a second after the new one has come.
fn network(cable: &Cable, changed: &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    second_network(cable, changed)?;
    std::thread::sleep(Duration::from_millis(500));
    cable.right_ip(&format!("address delete {RIGHT}/24 dev right"));
    cable.right_ip("link set right down");
    changed()
}

fn address(cable: &Cable, changed: &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    cable.right_ip(&format!("address delete {RIGHT}/24 dev right"));
    cable.right_ip(&format!("address add {ANOTHER_RIGHT}/24 dev right"));
    cable.right_ip(&format!("route replace default via {LEFT}"));
    changed()
}

fn server_dies(scene: &mut Scene) -> anyhow::Result<()> {
    scene.server.kill();
    scene.server.end();
    scene.pass(seconds(20))?;
    scene.restart_server()?;
    scene.pass(seconds(10))
}

fn instance_dies(scene: &mut Scene) -> anyhow::Result<()> {
    scene.server.kill();
    scene.server.end();
    scene.pass(seconds(20))
}

fn server_hangs(scene: &mut Scene) -> anyhow::Result<()> {
    scene.server.freeze();
    scene.pass(seconds(25))?;
    scene.server.thaw();
    scene.pass(seconds(10))
}

fn sleep(scene: &mut Scene) -> anyhow::Result<()> {
    scene.join.program.freeze();
    scene.join.mute = true;
    scene.pass(seconds(30))?;
    scene.join.program.thaw();
    scene.join.mute = false;
    scene.mend();
    scene.both_back()
}

fn churn(scene: &mut Scene) -> anyhow::Result<()> {
    for _ in 0..5 {
        let mut guests: Vec<Running> = (0..3).map(|_| scene.another(&[])).collect();
        for guest in &mut guests {
            guest.stats("a guest is connected", |stats| stats["connectionState"] == "connected");
        }
        guests.iter().for_each(Running::interrupt);
        guests.iter_mut().for_each(Running::end);
    }
    scene.pass(seconds(5))
}

fn flood(scene: &mut Scene) -> anyhow::Result<()> {
    scene.cable.right_ip(&format!("address add {STRANGER}/24 dev right"));
    // Both see it as another network.
    scene.pass(seconds(3))?;
    let socket = scene.cable.within(|| Ok(UdpSocket::bind((STRANGER, 0))?))?;
    let flood = Flood::start(socket, LEFT.parse()?, scene.call.program.pid())?;
    let began = monotonic();
    let mut third = scene.another(&["--bind", &format!("{RIGHT}:0")]);
    third.stats("a third is connected to both", |stats| {
        let both = stats["connections"].as_array().is_some_and(|all| all.len() == 2);
        both && stats["connectionState"] == "connected"
    });
    scene.figures.insert("connected", monotonic().since(began).as_secs_f64());
    ensure!(flood.sent() > 1000, "there was no flood");
    third.interrupt();
    third.end();
    scene.pass(seconds(2))
}

fn killed(scene: &mut Scene) -> anyhow::Result<()> {
    scene.join.kill();
    let gone = scene.call.wait("it is shown as gone", PATIENCE, |stats| stats["connectionState"] == "waiting")?;
    scene.figures.insert("gone", gone.since(scene.began).as_secs_f64());
    Ok(())
}
