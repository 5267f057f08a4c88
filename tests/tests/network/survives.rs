//! What a call survives: another network, a server that hangs, a computer that sleeps; and how others see that somebody
//! is gone who said nothing. Statistics come once a second, so lines of them are the time here.

use std::process::{Command, Stdio};
use std::time::Instant;

use fika_tests::cli::{self, Running, STATS};
use fika_tests::netns::{self, Cable};
use fika_tests::program;
use serde_json::Value;

use super::{LEFT, RIGHT, flows, joined, two};

/// Of the left machine, whatever way leads there.
const HOME: &str = "10.99.0.1";
const SECOND_LEFT: &str = "10.78.0.1";
const SECOND_RIGHT: &str = "10.78.0.2";

/// Of sound, from all others together: who sends none may come first.
fn packets(stats: &Value) -> f64 {
    let tracks = stats["tracks"].as_array().into_iter().flatten();
    let sound = tracks.filter(|track| track["direction"] == "inbound" && track["kind"] == "audio");
    sound.filter_map(|track| track["packetsReceived"].as_f64()).sum()
}

fn connected(stats: &Value) -> bool {
    stats["connectionState"] == "connected"
}

/// A server, with rooms in its memory alone.
fn server(listen: &str) -> Running {
    let mut server = Command::new(program::path("fika-server", "fika-server").unwrap());
    Running::start(server.args(["--listen", listen]).stdin(Stdio::null()))
}

/// Statistics until `count` lines are over, for each of which `wanted` holds; the last of them.
fn for_lines(program: &mut Running, count: usize, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..count {
        last = program.stats(what, |_| true);
        assert!(wanted(&last), "{what}: {last:#}");
    }
    last
}

/// A connection that was not there before `then`: counters begin anew.
fn anew(program: &mut Running, what: &str, then: &Value) -> Value {
    let before = packets(then);
    let fresh = program.stats(what, |stats| connected(stats) && (1.0..before).contains(&packets(stats)));
    program.stats("media flows on it", |stats| connected(stats) && packets(stats) > packets(&fresh))
}

#[test]
fn another_network_takes_over_before_the_old_one_falls_silent() {
    netns::run("survives::another_network_takes_over_before_the_old_one_falls_silent", || {
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        netns::ip(&format!("address add {HOME}/32 dev lo"));
        cable.right_ip(&format!("route add default via {LEFT}"));
        cable.add_second();
        netns::ip(&format!("address add {SECOND_LEFT}/24 dev left2"));
        let mut server = server(&format!("{HOME}:0"));
        let address = server.line();
        let (mut call, mut join, _) = two(&cable, &["--server", &address]);
        let enough = |stats: &Value| flows(stats) && packets(stats) >= 250.0;
        let before = join.stats("media flows", enough);
        call.stats("media flows", enough);

        // The second network is there, the first one still carries: nothing would ever fall silent.
        let began = Instant::now();
        cable.right_ip(&format!("address add {SECOND_RIGHT}/24 dev right2"));
        cable.right_ip(&format!("route replace default via {SECOND_LEFT}"));
        anew(&mut join, "a connection over the second network", &before);
        eprintln!("a second network: media over a fresh connection after {:.1} s", began.elapsed().as_secs_f64());

        // And the first one goes.
        let before = join.stats("media flows", enough);
        let began = Instant::now();
        cable.right_ip(&format!("address delete {RIGHT}/24 dev right"));
        cable.right_ip("link set right down");
        anew(&mut join, "a connection without the first network", &before);
        eprintln!("the first network gone: media over a fresh connection after {:.1} s", began.elapsed().as_secs_f64());
        let then = packets(&call.stats("the other", connected));
        call.stats("the other hears it", |stats| connected(stats) && packets(stats) > then);
        join.interrupt();
        assert_eq!(join.code(), Some(0));
    });
}

#[test]
fn a_server_that_hangs_takes_nothing_from_the_call() {
    netns::run("survives::a_server_that_hangs_takes_nothing_from_the_call", || {
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        let mut server = server(&format!("{LEFT}:0"));
        let address = server.line();
        let (mut call, mut join, link) = two(&cable, &["--server", &address]);
        for program in [&mut join, &mut call] {
            program.stats("media flows", flows);
        }
        server.freeze();
        // Longer than a silent server is listened to.
        for_lines(&mut join, 20, "media goes on beside a server that hangs", connected);
        call.stats("the other", connected);
        server.thaw();
        let after = for_lines(&mut join, 5, "and when it goes on", connected);
        // Somebody new comes in: the seats are those of before.
        let mut third = Running::start(cli::command().args(["join", &link]).args(cli::NO_MEDIA).args(STATS));
        third.stats("all three", |stats| stats["connections"].as_array().is_some_and(|all| all.len() == 2));
        join.stats("media goes on", |stats| connected(stats) && packets(stats) > packets(&after));
        third.interrupt();
        assert_eq!(third.code(), Some(0));
        join.interrupt();
        assert_eq!(join.code(), Some(0));
    });
}

#[test]
fn somebody_whose_program_was_killed_is_seen_as_gone() {
    netns::run("survives::somebody_whose_program_was_killed_is_seen_as_gone", || {
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        let mut server = server(&format!("{LEFT}:0"));
        let address = server.line();
        let (mut call, mut join, link) = two(&cable, &["--server", &address]);
        join.stats("media flows", flows);
        call.stats("media flows", flows);
        join.kill();
        join.end();
        let began = Instant::now();
        call.stats("it is noticed", |stats| stats["connectionState"] == "reconnecting");
        eprintln!("killed: noticed after {:.1} s", began.elapsed().as_secs_f64());
        call.stats("the seat is given up", |stats| stats["connectionState"] == "waiting");
        eprintln!("killed: gone after {:.1} s", began.elapsed().as_secs_f64());
        // The same person again.
        let mut join = joined(&cable, &link);
        join.stats("media flows", flows);
        call.stats("media flows", flows);
        join.interrupt();
        assert_eq!(join.code(), Some(0));
    });
}

#[test]
fn somebody_who_slept_half_a_minute_is_back_by_themselves() {
    netns::run("survives::somebody_who_slept_half_a_minute_is_back_by_themselves", || {
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        let mut server = server(&format!("{LEFT}:0"));
        let address = server.line();
        let (mut call, mut join, _) = two(&cable, &["--server", &address]);
        for program in [&mut join, &mut call] {
            program.stats("media flows", |stats| flows(stats) && packets(stats) >= 250.0);
        }
        join.freeze();
        call.stats("it is noticed", |stats| stats["connectionState"] == "reconnecting");
        for_lines(&mut call, 25, "nobody is given up", |stats| stats["connectionState"] == "reconnecting");
        join.thaw();
        let began = Instant::now();
        for program in [&mut join, &mut call] {
            let back = program.stats("it is back", connected);
            program.stats("media flows again", |stats| connected(stats) && packets(stats) > packets(&back));
        }
        eprintln!("awake after half a minute: media flows after {:.1} s", began.elapsed().as_secs_f64());
        join.interrupt();
        assert_eq!(join.code(), Some(0));
        call.interrupt();
        assert_eq!(call.code(), Some(0));
    });
}
