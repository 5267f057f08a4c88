//! A cable that goes dark in the middle of a call: what is told meanwhile, and how the call comes back by itself.

use fika_tests::cli::inbound;
use fika_tests::netns::{self, Cable};
use serde_json::Value;

use super::{LEFT, RIGHT, flows, two};

/// Lines of statistics, one a second, that the cable stays dark once the connection counts as broken: longer than it may
/// recover by itself, so that a fresh one is needed.
const DARK: usize = 6;

fn state(wanted: &'static str) -> impl Fn(&Value) -> bool {
    move |stats| stats["connectionState"] == wanted
}

fn packets(stats: &Value, kind: &str) -> f64 {
    inbound(stats, kind, "packetsReceived")
}

/// A call over a cable that `cut` makes dark and `mend` brings back.
fn goes_dark(cut: impl Fn(&Cable), mend: impl Fn(&Cable)) {
    let cable = Cable::new(LEFT, RIGHT).unwrap();
    let (mut call, mut join, _) = two(&cable, &[]);
    for program in [&mut join, &mut call] {
        program.stats("media flows", |stats| flows(stats) && packets(stats, "audio") >= 250.0);
    }
    cut(&cable);
    for program in [&mut join, &mut call] {
        // Unstable for a second before, which one line a second need not show.
        program.stats("a broken connection is told", state("reconnecting"));
    }
    let dark = [&mut join, &mut call].map(|program| {
        let lines = (0..DARK).map(|_| program.stats("nothing ends by itself", |_| true));
        let last = lines.inspect(|stats| assert_eq!(stats["connectionState"], "reconnecting")).last();
        packets(&last.unwrap(), "audio")
    });
    mend(&cable);
    for (program, dark) in [&mut join, &mut call].into_iter().zip(dark) {
        let connected = state("connected");
        // Counters begin anew with a connection.
        let fresh = program.stats("a fresh connection", |stats| connected(stats) && packets(stats, "audio") < dark);
        program.stats("media flows again", |stats| {
            connected(stats) && ["audio", "video"].iter().all(|kind| packets(stats, kind) > packets(&fresh, kind))
        });
    }
    join.interrupt();
    assert_eq!(join.code(), Some(0));
    call.interrupt();
    assert_eq!(call.code(), Some(0));
}

#[test]
fn three_dark_seconds_need_no_fresh_connection() {
    netns::run("outage::three_dark_seconds_need_no_fresh_connection", || {
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        let (mut call, mut join, _) = two(&cable, &[]);
        let enough = |stats: &Value| flows(stats) && packets(stats, "audio") >= 250.0;
        let before = [&mut join, &mut call].map(|program| packets(&program.stats("media flows", enough), "audio"));
        cable.set_dark(true).unwrap();
        for _ in 0..3 {
            join.stats("a second in the dark", |_| true);
        }
        cable.set_dark(false).unwrap();
        for (program, before) in [&mut join, &mut call].into_iter().zip(before) {
            program.stats("media flows again", |stats| {
                assert!(packets(stats, "audio") >= before, "a fresh connection: {stats:#}");
                stats["connectionState"] == "connected" && packets(stats, "audio") >= before + 200.0
            });
        }
        join.interrupt();
        assert_eq!(join.code(), Some(0));
    });
}

#[test]
fn a_call_comes_back_when_a_dark_path_carries_again() {
    netns::run("outage::a_call_comes_back_when_a_dark_path_carries_again", || {
        goes_dark(|cable| cable.set_dark(true).unwrap(), |cable| cable.set_dark(false).unwrap());
    });
}

#[test]
fn a_call_comes_back_when_the_cable_is_plugged_in_again() {
    netns::run("outage::a_call_comes_back_when_the_cable_is_plugged_in_again", || {
        goes_dark(|cable| cable.set_plugged(false), |cable| cable.set_plugged(true));
    });
}
