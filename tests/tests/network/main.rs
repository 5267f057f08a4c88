//! Calls between two `fika-cli` on networks of the test's own: through a TURN server, also where no UDP passes, over IPv6, over
//! a cable that goes dark, over a path that loses packets; and how far sound and picture lie apart.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod credentials;
mod lossy;
mod outage;
mod strangers;
mod streams;
mod survives;
mod together;

use fika_tests::cli::{self, NO_MEDIA, Running, STATS, inbound, loudest, track};
use fika_tests::netns::{self, Cable};
use fika_tests::turn::{PASSWORD, Turn};
use serde_json::Value;

const MEDIA: [&str; 8] = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "320x180@30"];
const LEFT: &str = "10.77.0.1";
const RIGHT: &str = "10.77.0.2";
const LEFT6: &str = "fd77::1";
const RIGHT6: &str = "fd77::2";

/// Connected, and sound and pictures arrive.
fn flows(stats: &Value) -> bool {
    stats["connectionState"] == "connected"
        && inbound(stats, "video", "framesDecoded") >= 30.0
        && inbound(stats, "audio", "totalSamplesReceived") >= 48_000.0
}

/// Who calls and who joins from the other end of the cable, and the link; `more`: for who calls.
fn two(cable: &Cable, more: &[&str]) -> (Running, Running, String) {
    let mut call = Running::start(cli::command().arg("call").args(more).args(MEDIA).args(STATS));
    let link = call.line();
    let join = joined(cable, &link);
    (call, join, link)
}

fn joined(cable: &Cable, link: &str) -> Running {
    Running::start(cli::under(&cable.right()).args(["join", link]).args(MEDIA).args(STATS))
}

/// The kind of our address in use.
fn local(stats: &Value) -> &Value {
    &stats["connections"][0]["localCandidateType"]
}

/// The kind of the other's. What is told late is found by the checks before: `prflx`.
fn remote(stats: &Value) -> &Value {
    &stats["connections"][0]["remoteCandidateType"]
}

/// Between the machines themselves.
fn is_direct(stats: &Value) -> bool {
    [local(stats), remote(stats)].iter().all(|kind| **kind == "host" || **kind == "prflx")
}

#[test]
fn a_relayed_call_goes_through_the_turn_server_on_both_sides() {
    netns::run("a_relayed_call_goes_through_the_turn_server_on_both_sides", || {
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        let turn = Turn::start(LEFT).unwrap();
        let relayed = ["--relay-only", "--ice-server", &turn.server(PASSWORD)];
        let folder = tempfile::tempdir().unwrap();
        let heard = folder.path().join("heard.wav");
        let mut call = Running::start(cli::command().arg("call").args(MEDIA).args(STATS).args(relayed));
        let link = call.line();
        assert!(link.starts_with(&format!("http://{LEFT}:")), "{link}");
        let mut join = Running::start(
            cli::under(&cable.right())
                .args(["join", &link])
                .args(MEDIA)
                .args(STATS)
                .args(relayed)
                .arg("--record-audio")
                .arg(&heard),
        );
        for program in [&mut join, &mut call] {
            let stats = program.stats("media flows", flows);
            assert_eq!(stats["connections"][0]["relayed"], true);
            assert!(
                *local(&stats) == "relay" && ["relay", "prflx"].iter().any(|kind| remote(&stats) == kind),
                "{stats:#}"
            );
            assert_eq!(track(&stats, "inbound", "video").unwrap()["frameHeight"], 180);
        }
        join.interrupt();
        assert_eq!(join.code(), Some(0));
        assert!(loudest(&heard) > 0.05, "the tone comes through");
    });
}

#[test]
fn a_relay_that_lets_nobody_in_is_one_sentence() {
    netns::run("a_relay_that_lets_nobody_in_is_one_sentence", || {
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        let turn = Turn::start(LEFT).unwrap();
        let mut call = Running::start(cli::command().arg("call").args(NO_MEDIA));
        let link = call.line();
        let (wrong, nobody) = (turn.server("guess"), "turn:10.77.0.1:9,u,p");
        let servers: [&[&str]; 3] = [&["--ice-server", &wrong], &["--ice-server", nobody], &[]];
        for servers in servers {
            let mut join = cli::under(&cable.right());
            let output = join.args(["join", &link, "--relay-only"]).args(NO_MEDIA).args(servers).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(5), "{servers:?}: {said}");
            assert!(said.lines().count() == 1 && said.contains("No TURN server lets us in"), "{servers:?}: {said}");
        }
        let mut join = cli::under(&cable.right());
        let output = join.args(["join", &link, "--ice-server", "turn:10.77.0.1:3478"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("a TURN server needs a user and a password"), "{said}");
        call.interrupt();
        assert_eq!(call.code(), Some(0));
    });
}

#[test]
fn one_that_hides_behind_a_relay_is_reached_by_one_that_does_not() {
    netns::run("one_that_hides_behind_a_relay_is_reached_by_one_that_does_not", || {
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        let turn = Turn::start(LEFT).unwrap();
        let relayed = ["--relay-only", "--ice-server", &turn.server(PASSWORD)];
        let mut call = Running::start(cli::command().arg("call").args(MEDIA).args(STATS));
        let link = call.line();
        let mut join =
            Running::start(cli::under(&cable.right()).args(["join", &link]).args(MEDIA).args(STATS).args(relayed));
        assert_eq!(*local(&join.stats("media flows", flows)), "relay");
        assert_ne!(*remote(&call.stats("media flows", flows)), "host", "it learns no address of the other");
        join.interrupt();
        assert_eq!(join.code(), Some(0));
    });
}

#[test]
fn a_network_of_ipv6_alone_carries_a_call_with_no_server() {
    netns::run("a_network_of_ipv6_alone_carries_a_call_with_no_server", || {
        let cable = Cable::new(LEFT6, RIGHT6).unwrap();
        let mut call = Running::start(cli::command().arg("call").args(MEDIA).args(STATS));
        let link = call.line();
        assert!(link.starts_with(&format!("http://[{LEFT6}]:")), "{link}");
        let mut join = Running::start(cli::under(&cable.right()).args(["join", &link]).args(MEDIA).args(STATS));
        for program in [&mut join, &mut call] {
            let stats = program.stats("media flows", flows);
            assert!(is_direct(&stats), "{stats:#}");
        }
        join.interrupt();
        assert_eq!(join.code(), Some(0));
    });
}

#[test]
fn the_loopback_of_ipv6_carries_a_call_through_a_server() {
    netns::run("the_loopback_of_ipv6_carries_a_call_through_a_server", || {
        // Nothing but ::1 is left.
        netns::ip("address delete 127.0.0.1/8 dev lo");
        let mut server = Running::start(cli::command().args(["serve", "--listen", "[::1]:0"]));
        let address = server.line();
        assert!(address.starts_with("http://[::1]:"), "{address}");
        let mut call = Running::start(cli::command().args(["call", "--server", &address]).args(MEDIA).args(STATS));
        let link = call.line();
        assert!(link.starts_with(&address), "{link} on {address}");
        let mut join = Running::start(cli::command().args(["join", &link]).args(MEDIA).args(STATS));
        for program in [&mut join, &mut call] {
            let stats = program.stats("media flows", flows);
            assert!(is_direct(&stats), "{stats:#}");
        }
        join.interrupt();
        assert_eq!(join.code(), Some(0));
    });
}
