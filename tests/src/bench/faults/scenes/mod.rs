//! The faults themselves.

mod nat;
mod network;
mod page;
mod people;
mod relay;
mod server;
mod time;

use std::time::Duration;

use super::bed::{Bed, PLAIN, Relays};
use super::{Act, Fault};

/// As in the table of docs/faults.md.
pub const ALL: &[Fault] = &[
    Fault {
        name: "dark3",
        title: "the path is dark for 3 s",
        limits: &[("back", 1.0)],
        bed: PLAIN,
        act: Act::Scene(|scene| network::dark(scene, 3)),
    },
    Fault {
        name: "dark15",
        title: "the path is dark for 15 s",
        limits: &[("back", 3.0)],
        bed: PLAIN,
        act: Act::Scene(|scene| network::dark(scene, 15)),
    },
    Fault {
        name: "dark45",
        title: "the path is dark for 45 s",
        limits: &[("back", 6.0)],
        bed: PLAIN,
        act: Act::Scene(|scene| network::dark(scene, 45)),
    },
    Fault {
        name: "dark120",
        title: "the path is dark for 120 s",
        limits: &[("lost", 65.0)],
        bed: PLAIN,
        act: Act::Scene(people::lost),
    },
    Fault {
        name: "network",
        title: "a second network comes up and the first one goes down",
        limits: &[("sound", 1.5), ("picture", 1.5)],
        bed: PLAIN,
        act: Act::Change(network::another),
    },
    Fault {
        name: "vpn",
        title: "a second network comes up and takes the default route; the first one stays",
        limits: &[("sound", 3.0), ("picture", 3.0)],
        bed: PLAIN,
        act: Act::Change(network::second),
    },
    Fault {
        name: "vpn-private",
        title: "the same where both go through a relay alone",
        limits: &[("sound", 3.0), ("picture", 3.0), ("named", 0.0)],
        bed: Bed { turn: Relays::Alone(1), overheard: true, ..PLAIN },
        act: Act::Scene(network::second_in_private),
    },
    Fault {
        name: "address",
        title: "another address on the same cable",
        limits: &[("sound", 2.0), ("picture", 2.0)],
        bed: PLAIN,
        act: Act::Change(network::address),
    },
    Fault {
        name: "udp-blocked",
        title: "UDP is blocked; there is a TURN server that also takes TCP",
        limits: &[("sound", 8.0), ("picture", 8.0), ("relayed", 8.0)],
        bed: Bed { turn: Relays::Streams, ..PLAIN },
        act: Act::Scene(relay::udp_blocked),
    },
    Fault {
        name: "relay-dies",
        title: "the TURN server that a call goes through is killed; there is a second one",
        limits: &[("sound", 10.0), ("picture", 10.0)],
        bed: Bed { turn: Relays::Alone(2), ..PLAIN },
        act: Act::Scene(relay::dies),
    },
    Fault {
        name: "only-relay-dies",
        title: "the only TURN server of a call that may go through relays alone is killed",
        limits: &[("norelay", 30.0)],
        bed: Bed { turn: Relays::Alone(1), ..PLAIN },
        act: Act::Scene(relay::only_one_dies),
    },
    Fault {
        name: "credentials",
        title: "the first TURN credentials have run out, and the path to the relay breaks",
        limits: &[("refused", 0.0)],
        bed: Bed { turn: Relays::RunningOut, ..PLAIN },
        act: Act::Scene(relay::credentials),
    },
    Fault {
        name: "symmetric-nat",
        title: "both are behind a NAT that gives each connection another port",
        limits: &[("first", 5.0)],
        bed: PLAIN,
        act: Act::Call(nat::symmetric),
    },
    Fault {
        name: "server-dies",
        title: "the signalling server is killed, and started again 20 s later",
        limits: &[("sound", 0.06)],
        bed: PLAIN,
        act: Act::Scene(server::dies),
    },
    Fault {
        name: "server-hangs",
        title: "the signalling server hangs for 25 s",
        limits: &[("sound", 0.06)],
        bed: PLAIN,
        act: Act::Scene(server::hangs),
    },
    Fault {
        name: "resume",
        title: "the way to the server breaks, and twice again while the seat is taken again",
        limits: &[("seat", 10.0), ("sound", 0.06)],
        bed: Bed { wire: true, ..PLAIN },
        act: Act::Scene(server::breaks_again),
    },
    Fault {
        name: "instance",
        title: "one of two instances of the signalling server is killed",
        limits: &[("sound", 0.06)],
        bed: Bed { instances: true, ..PLAIN },
        act: Act::Scene(server::instance_dies),
    },
    Fault {
        name: "sleep",
        title: "one computer sleeps for 30 s",
        limits: &[("back", 4.0)],
        bed: PLAIN,
        act: Act::Scene(people::sleeps),
    },
    Fault {
        name: "sleep600",
        title: "one computer sleeps until its seat is gone, as in ten minutes",
        limits: &[("gone", 30.0)],
        bed: PLAIN,
        act: Act::Scene(people::sleeps_long),
    },
    Fault {
        name: "clock",
        title: "wall clocks jump an hour ahead and back, and an hour back and ahead",
        limits: &[("sound", 0.06), ("breaks", 0.0), ("connected", 5.0)],
        bed: Bed { clocks: true, ..PLAIN },
        act: Act::Scene(time::jumps),
    },
    Fault {
        name: "churn",
        title: "fifteen others come and go in about ten seconds",
        limits: &[("picture", 1.0)],
        bed: PLAIN,
        act: Act::Scene(people::churn),
    },
    Fault {
        name: "flood",
        title: "a stranger sends ClientHello messages to every socket while a third joins",
        limits: &[("connected", 5.0)],
        bed: PLAIN,
        act: Act::Scene(people::flood),
    },
    Fault {
        name: "page",
        title: "the page of the app is killed",
        limits: &[("sound", 0.06), ("page", 2.0)],
        bed: PLAIN,
        act: Act::Call(page::dies),
    },
    Fault {
        name: "killed",
        title: "one program is killed",
        limits: &[("gone", 20.0)],
        bed: PLAIN,
        act: Act::Scene(people::killed),
    },
];

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
