//! A file beside sound and picture, in virtual time: what it leaves to the call, and what the call leaves to it. Each scenario
//! runs with five seeds; all of them must hold. Rates are bits a second, but of files bytes; times are virtual. The limits
//! are those of the worst seed with a little room.

use fika_tests::hold;
use fika_tests::link::Config;
use fika_tests::link::call::{Call, Report};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;
/// The file begins when the picture has found its rate.
const BEGINS: f64 = 5.0;

/// A call with a file that has no end.
fn each_seed(name: &str, config: &Config, seconds: f64, check: impl Fn(&Report) -> String) {
    for seed in SEEDS {
        let report = Call::new(config.clone(), seed).with_file(BEGINS).run(seconds);
        eprintln!("{name}, seed {seed}: {}", check(&report));
    }
}

#[test]
fn on_a_narrow_path_the_picture_keeps_nine_tenths() {
    each_seed("1 Mbit/s", &Config::steady(1e6), 30.0, |report| {
        let media = hold!(report.rate(10.0, 30.0), >, 0.88e6);
        let frames = hold!(report.frames(10.0, 30.0), >, 590);
        let frozen = hold!(report.frozen(BEGINS, 30.0), <, 0.01);
        let queue = hold!(report.queue(0.95, 10.0, 30.0), <, 35.0);
        let silence = hold!(report.silence(BEGINS, 30.0), <, 0.08);
        let file = hold!(report.file(10.0, 30.0), >, 4700.0);
        format!(
            "media {media:.0}, {frames} frames, frozen {frozen:.2} s, queue {queue:.0} ms, no sound for {silence:.2} s, file {file:.0}"
        )
    });
}

#[test]
fn on_the_narrowest_path_a_page_of_text_comes_and_the_picture_goes_on() {
    each_seed("0.3 Mbit/s", &Config::steady(0.3e6), 30.0, |report| {
        let media = hold!(report.rate(10.0, 30.0), >, 0.21e6);
        let frames = hold!(report.frames(10.0, 30.0), >, 575);
        let frozen = hold!(report.frozen(BEGINS, 30.0), <, 0.7);
        let queue = hold!(report.queue(0.95, 10.0, 30.0), <, 100.0);
        let silence = hold!(report.silence(BEGINS, 30.0), <, 0.15);
        let file = hold!(report.file(10.0, 30.0), >, 4000.0);
        format!(
            "media {media:.0}, {frames} frames, frozen {frozen:.2} s, queue {queue:.0} ms, no sound for {silence:.2} s, file {file:.0}"
        )
    });
}

#[test]
fn on_a_wide_path_a_file_takes_what_is_free_and_nobody_sees_it() {
    each_seed("20 Mbit/s", &Config::steady(20e6), 25.0, |report| {
        let media = hold!(report.rate(10.0, 25.0), >, 2.9e6);
        let frames = hold!(report.frames(10.0, 25.0), >, 440);
        let frozen = hold!(report.frozen(BEGINS, 25.0), <, 0.01);
        let queue = hold!(report.queue(0.95, 10.0, 25.0), <, 30.0);
        let silence = hold!(report.silence(BEGINS, 25.0), <, 0.08);
        let file = hold!(report.file(10.0, 25.0), >, 600e3);
        format!(
            "media {media:.0}, {frames} frames, frozen {frozen:.2} s, queue {queue:.0} ms, no sound for {silence:.2} s, file {file:.0}"
        )
    });
}

#[test]
fn when_the_path_becomes_narrow_the_file_gives_way() {
    each_seed("4 to 0.8 Mbit/s", &Config::stairs(&[(0, 4e6), (20, 0.8e6)]), 40.0, |report| {
        let wide = hold!(report.file(10.0, 20.0), >, 35e3);
        let frozen = hold!(report.frozen(19.5, 40.0), <, 0.8);
        let silence = hold!(report.silence(19.0, 40.0), <, 0.3);
        let queue = hold!(report.queue(0.95, 25.0, 40.0), <, 60.0);
        let media = hold!(report.rate(25.0, 40.0), >, 0.64e6);
        let file = hold!(report.file(25.0, 40.0), >, 3500.0);
        format!(
            "media {media:.0}, frozen {frozen:.2} s, queue {queue:.0} ms, no sound for {silence:.2} s, file {wide:.0}, then {file:.0}"
        )
    });
}
