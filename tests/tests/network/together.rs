//! How far the sound and the picture of one moment lie apart at the other side: the marks of the test picture against the
//! beeps of the test microphone, which share a clock; and what the statistics say about it.

use std::path::Path;

use fika_media::marker::Marker;
use fika_tests::cli::{self, Running, STATS, track};
use fika_tests::netns;

const MEDIA: [&str; 8] = ["--camera", "test", "--microphone", "beep", "--speaker", "none", "--video", "320x180@30"];
const SECOND: i64 = 1_000_000;
/// What nobody notices, in ms: the picture before the sound (EBU R 37), and after it.
const TOGETHER: std::ops::RangeInclusive<f64> = -60.0..=80.0;
/// Beeps at the beginning that are not looked at: the first report of the sender comes after a second, and then the
/// pictures begin to wait, little by little.
const SETTLING: usize = 3;

/// When the beginning of each beep was heard, and which second of the clock it stands for.
fn beeps(path: &Path) -> Vec<(i64, i64)> {
    let (samples, times) = (cli::samples(path), cli::heard(path));
    let mut beeps = Vec::new();
    let mut quiet = 0;
    // Steps of a millisecond, over which half of the amplitude of 0.25 is a mean of 0.08.
    for (number, step) in samples.chunks_exact(48).enumerate() {
        let loud = step.iter().map(|sample| sample.abs()).sum::<f32>() / 48.0 > 0.08;
        if loud && quiet > 300 {
            let heard = times[number / 10] + (number % 10) as i64 * 1000;
            beeps.push((heard, heard.div_euclid(SECOND) * SECOND));
        }
        quiet = if loud { 0 } else { quiet + 1 };
    }
    beeps
}

/// When the picture of this moment was shown, between the two next to it.
fn shown(marks: &[(Marker, [Option<i64>; 2])], moment: i64) -> Option<i64> {
    let pair = marks.windows(2).find(|pair| {
        (pair[0].0.pts.as_micros()..pair[1].0.pts.as_micros()).contains(&moment)
            && pair[1].0.pts.as_micros() - pair[0].0.pts.as_micros() < 100_000
    })?;
    let (made, presented) = (pair[0].0.pts.as_micros(), pair[0].1[0]?);
    Some(presented + moment - made)
}

#[test]
fn lips_move_with_the_words() {
    netns::run("together::lips_move_with_the_words", || {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let mut server = Running::start(cli::command().args(["serve", "--listen", "127.0.0.1:0"]));
        let address = server.line();
        let mut call = Running::start(cli::command().args(["call", "--server", &address]).args(MEDIA));
        let link = call.line();
        let (seen, heard) = (file("seen.y4m"), file("heard.wav"));
        let mut join = Running::start(
            cli::command()
                .args(["join", &link, "--camera", "none", "--microphone", "none", "--speaker", "none"])
                .args(STATS)
                .arg("--record-video")
                .arg(&seen)
                .arg("--record-audio")
                .arg(&heard),
        );
        let mut said = Vec::new();
        while said.len() < 10 {
            let stats = join.stats("both play", |stats| {
                let playing = |kind| Some(track(stats, "inbound", kind)?["estimatedPlayoutTimestamp"].is_f64());
                [playing("audio"), playing("video")] == [Some(true), Some(true)]
            });
            let playing = |kind| track(&stats, "inbound", kind).unwrap()["estimatedPlayoutTimestamp"].as_f64().unwrap();
            said.push(playing("audio") - playing("video"));
        }
        join.interrupt();
        assert_eq!(join.code(), Some(0));
        call.interrupt();
        assert_eq!(call.code(), Some(0));

        let marks = cli::markers(&seen);
        let apart: Vec<f64> = beeps(&heard)
            .into_iter()
            .skip(SETTLING)
            .filter_map(|(heard, moment)| Some((shown(&marks, moment)? - heard) as f64 / 1000.0))
            .collect();
        eprintln!("picture after sound, ms: measured {apart:.1?}, said {said:.1?}");
        assert!(apart.len() >= 5, "{} beeps were heard and seen", apart.len());
        let outside = apart.iter().filter(|apart| !TOGETHER.contains(apart)).count();
        assert!(outside <= 1, "the picture comes so much after the sound, in ms: {apart:.1?}");
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        assert!((mean(&apart) - mean(&said[SETTLING..])).abs() < 15.0, "measured {apart:.1?}, said {said:.1?}");
    });
}
