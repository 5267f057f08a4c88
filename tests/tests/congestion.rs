//! Congestion control in virtual time: a sender and a receiver of `fika_rtp` on a modelled path. Each scenario runs with
//! five seeds; all of them must hold. Rates are shares of the path or bits a second, times virtual. The limits are those of
//! the worst seed with a little room, so that a change which costs something is seen.

use std::time::Duration;

use fika_tests::hold;
use fika_tests::link::Config;
use fika_tests::link::call::{Call, Report};
use fika_tests::link::loss::Loss;

const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;

/// Runs a scenario with each seed; `check` says what must hold, and gives a line for the log.
fn each_seed(name: &str, run: impl Fn(u64) -> Report, check: impl Fn(&Report) -> String) {
    for seed in SEEDS {
        eprintln!("{name}, seed {seed}: {}", check(&run(seed)));
    }
}

#[test]
fn a_megabit_is_used_without_a_queue() {
    each_seed(
        "1 Mbit/s",
        |seed| Call::new(Config::steady(1e6), seed).run(60.0),
        |report| {
            let used = hold!(report.used(20.0, 60.0), >, 0.94);
            let queue = hold!(report.queue(0.95, 20.0, 60.0), <, 28.0);
            let start = hold!(report.reaches(0.8e6, 0.0), <, 1.0);
            let frozen = hold!(report.frozen(1.0, 60.0), <, 0.01);
            let frames = hold!(report.frames(20.0, 60.0), >, 1180);
            let dropped = hold!(report.dropped(0.0, 60.0), <, 1);
            let delay = hold!(report.delay(0.95, 20.0, 60.0).unwrap(), <, 140.0);
            format!(
                "used {used:.2}, queue {queue:.0} ms, 80 % after {start:.2} s, frozen {frozen:.2} s, {frames} frames, \
                 {dropped} dropped, delay {delay:.0} ms"
            )
        },
    );
}

#[test]
fn an_open_path_is_used_at_once() {
    each_seed(
        "20 Mbit/s",
        |seed| Call::new(Config::steady(20e6), seed).run(20.0),
        |report| {
            let start = hold!(report.reaches(2.3e6, 0.0), <, 1.0);
            let rate = hold!(report.rate(5.0, 20.0), >, 2.6e6);
            let frozen = hold!(report.frozen(0.5, 20.0), <, 0.01);
            format!("2.3 Mbit/s after {start:.2} s, then {rate:.0} bit/s, frozen {frozen:.2} s")
        },
    );
}

#[test]
fn a_drop_to_a_fifth_freezes_for_half_a_second_at_most() {
    each_seed(
        "2.5 to 0.5 Mbit/s",
        |seed| Call::new(Config::stairs(&[(0, 2.5e6), (30, 0.5e6)]), seed).run(60.0),
        |report| {
            let frozen = hold!(report.frozen(29.5, 40.0), <, 0.8);
            let full = hold!(report.queue_below(100.0, 30.0, 40.0), <, 0.6);
            let dropped = hold!(report.dropped(30.0, 40.0), <, 50);
            let used = hold!(report.used(35.0, 60.0), >, 0.9);
            let queue = hold!(report.queue(0.95, 35.0, 60.0), <, 45.0);
            let frames = hold!(report.frames(35.0, 60.0), >, 700);
            let silence = hold!(report.silence(29.0, 40.0), <, 0.3);
            format!(
                "frozen {frozen:.2} s, queue below 100 ms after {full:.2} s, {dropped} dropped; then used {used:.2}, \
                 queue {queue:.0} ms, {frames} frames; no sound for {silence:.2} s"
            )
        },
    );
}

#[test]
fn a_rise_is_found_within_seconds() {
    each_seed(
        "0.5 to 2.5 Mbit/s",
        |seed| Call::new(Config::stairs(&[(0, 0.5e6), (30, 2.5e6)]), seed).run(60.0),
        |report| {
            let rise = hold!(report.reaches(2e6, 30.0), <, 6.0);
            let used = hold!(report.used(40.0, 60.0), >, 0.9);
            let frozen = hold!(report.frozen(29.0, 60.0), <, 0.01);
            format!("2 Mbit/s after {rise:.2} s, then used {used:.2}, frozen {frozen:.2} s")
        },
    );
}

#[test]
fn the_variable_path_of_rfc_8867_is_followed() {
    let phases = [(0.0, 40.0), (40.0, 60.0), (60.0, 80.0), (80.0, 100.0)];
    each_seed(
        "RFC 8867 5.1",
        |seed| {
            let mut config = Config::stairs(&[(0, 1e6), (40, 2.5e6), (60, 0.6e6), (80, 1e6)]);
            config.jitter = Duration::from_millis(30);
            Call::new(config, seed).run(100.0)
        },
        |report| {
            let used: Vec<f64> = phases.iter().map(|(from, to)| report.used(*from, *to)).collect();
            hold!(used[0], >, 0.9);
            hold!(used[1], >, 0.75);
            hold!(used[2], >, 0.85);
            hold!(used[3], >, 0.85);
            hold!(used.iter().sum::<f64>(), >, 3.4);
            let queues: Vec<f64> = phases.iter().map(|(from, to)| report.queue(0.95, *from, *to)).collect();
            assert!(queues.iter().all(|queue| *queue < 50.0), "{queues:?}");
            let frozen = hold!(report.frozen(1.0, 100.0), <, 0.9);
            format!("used {used:.2?}, queues {queues:.0?} ms, frozen {frozen:.2} s")
        },
    );
}

fn lossy(loss: Loss, seed: u64) -> Report {
    Call::new(Config { loss, ..Config::steady(3e6) }, seed).run(40.0)
}

#[test]
fn random_loss_is_not_mistaken_for_congestion() {
    for (loss, rate, frozen) in [(0.05, 2.75e6, 1.2), (0.10, 2.6e6, 3.5)] {
        each_seed(
            &format!("{loss} lost"),
            |seed| lossy(Loss::Random(loss), seed),
            |report| {
                let rate = hold!(report.rate(5.0, 40.0), >, rate);
                let frozen = hold!(report.frozen(5.0, 40.0), <, frozen);
                let queue = hold!(report.queue(0.95, 5.0, 40.0), <, 20.0);
                let again = report.resent;
                format!("{rate:.0} bit/s, frozen {frozen:.2} s, queue {queue:.0} ms, {again} bytes sent again")
            },
        );
    }
}

#[test]
fn losses_in_runs_do_not_take_the_rate() {
    each_seed(
        "bursts of 2.5, 0.05 lost",
        |seed| lossy(Loss::Bursts { rate: 0.05, run: 2.5 }, seed),
        |report| {
            let rate = hold!(report.rate(5.0, 40.0), >, 2.75e6);
            let frozen = hold!(report.frozen(5.0, 40.0), <, 1.6);
            format!("{rate:.0} bit/s, frozen {frozen:.2} s")
        },
    );
}

#[test]
fn jitter_reordering_and_duplicates_are_no_congestion() {
    for (name, reorder, duplicates) in [("in order", false, 0.0), ("out of order", true, 0.0), ("twice", true, 0.05)] {
        each_seed(
            &format!("jitter of 30 ms, {name}"),
            |seed| {
                let jitter = Duration::from_millis(30);
                Call::new(Config { jitter, reorder, duplicates, ..Config::steady(1e6) }, seed).run(60.0)
            },
            |report| {
                let used = hold!(report.used(20.0, 60.0), >, 0.88);
                let queue = hold!(report.queue(0.95, 20.0, 60.0), <, 50.0);
                let frozen = hold!(report.frozen(1.0, 60.0), <, 0.3);
                // At most one, at the very beginning: jitter is not known yet.
                let collapses = hold!(report.collapses, <, 2);
                format!("used {used:.2}, queue {queue:.0} ms, frozen {frozen:.2} s, {collapses} collapses")
            },
        );
    }
}

#[test]
fn a_process_that_slept_goes_on_as_before() {
    each_seed(
        "asleep for 5 s",
        |seed| Call::new(Config::steady(1e6), seed).asleep(20.0, 25.0).run(45.0),
        |report| {
            let before = hold!(report.used(10.0, 20.0), >, 0.9);
            let back = hold!(report.reaches(0.8e6, 25.0), <, 2.0);
            let used = hold!(report.used(28.0, 45.0), >, 0.9);
            let frozen = hold!(report.frozen(25.5, 45.0), <, 0.01);
            let queue = hold!(report.queue(0.95, 25.0, 45.0), <, 40.0);
            format!(
                "used {before:.2}; 80 % after {back:.2} s, then used {used:.2}, frozen {frozen:.2} s, queue {queue:.0} ms"
            )
        },
    );
}

#[test]
fn an_outage_is_followed_by_a_keyframe_not_by_what_was_missed() {
    for (cut, most, back) in [(0.5, 1.2, 2.0), (3.0, 4.0, 3.0)] {
        each_seed(
            &format!("cut for {cut} s"),
            |seed| {
                let end = fika_media::Timestamp::from_millis(20_000 + (cut * 1e3) as i64);
                let down = vec![(fika_media::Timestamp::from_millis(20_000), end)];
                Call::new(Config { down, ..Config::steady(1.5e6) }, seed).run(45.0)
            },
            |report| {
                let frozen = hold!(report.frozen(19.5, 30.0), <, most);
                let back = hold!(report.reaches(1.2e6, 20.0 + cut), <, back);
                let delay = hold!(report.delay(0.95, 22.0 + cut, 45.0).unwrap(), <, 160.0);
                let used = hold!(report.used(25.0, 45.0), >, 0.9);
                format!("frozen {frozen:.2} s, 80 % after {back:.2} s, then delay {delay:.0} ms, used {used:.2}")
            },
        );
    }
}

#[test]
fn a_still_picture_keeps_its_rate_for_the_next_movement() {
    each_seed(
        "still from 10 to 30 s",
        |seed| Call::new(Config::steady(2e6), seed).still(10.0, 30.0).run(45.0),
        |report| {
            let rise = hold!(report.reaches(1.6e6, 30.0), <, 1.0);
            let queue = hold!(report.queue(0.95, 30.0, 45.0), <, 25.0);
            let frozen = hold!(report.frozen(1.0, 45.0), <, 0.01);
            format!("1.6 Mbit/s after {rise:.2} s, queue {queue:.0} ms, frozen {frozen:.2} s")
        },
    );
}

#[test]
fn the_target_never_leaves_its_bounds() {
    for (rate, loss) in [(100e3, Loss::Random(0.3)), (50e6, Loss::None), (60e3, Loss::None)] {
        each_seed(
            &format!("{rate} bit/s, {loss:?}"),
            |seed| Call::new(Config { loss, ..Config::steady(rate) }, seed).run(20.0),
            |report| {
                let targets = report.targets.iter().map(|(_, target, _)| *target);
                let (low, high) = (targets.clone().min(), targets.max());
                let low = hold!(low.expect("reports came"), >=, fika_rtp::congestion::MIN_RATE * 6 / 10);
                let high = hold!(high.expect("reports came"), <=, fika_tests::link::call::MAX);
                format!("{low} to {high} bit/s")
            },
        );
    }
}
