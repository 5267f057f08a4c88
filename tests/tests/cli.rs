//! `fika-cli` as a program: two of them over real UDP on this machine, what they write, and how they end.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use fika_media::Resolution;
use fika_tests::camera::Shim;
use fika_tests::cli::{self, NO_MEDIA, Running, TONE, loudest, loudest_at, markers, pictures, samples};
use fika_tests::pulse::{PulseServer, second_of_tone};
use serde_json::Value;

const SIZE: Resolution = Resolution::new(640, 360);
/// A well-formed end of a link.
const NOWHERE: &str = "j/aaaq-eaye-auda-oceb#MDEyMzQ1Njc4OWFiY2RlZg";
const TEST_MEDIA: [&str; 8] =
    ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "640x360@30"];

/// The program, and the line that it says first.
fn start(command: &mut std::process::Command) -> (Running, String) {
    let mut running = Running::start(command);
    let line = running.line();
    (running, line)
}

#[test]
fn two_programs_see_and_hear_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (call, link) = start(
        cli::command().arg("call").args(TEST_MEDIA).args(["--name", "Ada"]).arg("--record-audio").arg(file("ada.wav")),
    );
    assert!(link.starts_with("http://") && link.contains("/j/"), "{link}");
    let joined = cli::command()
        .args(["join", &link])
        .args(TEST_MEDIA)
        .args(["--name", "Bo", "--duration", "8"])
        .arg("--stats")
        .arg(file("bo.jsonl"))
        .arg("--record-video")
        .arg(file("bo.y4m"))
        .arg("--record-audio")
        .arg(file("bo.wav"))
        .output()
        .unwrap();
    assert_eq!(joined.status.code(), Some(0), "{}", said(&joined));
    call.interrupt();
    assert_eq!(call.code(), Some(0), "Ctrl-C is a normal leave");

    let markers = markers(&file("bo.y4m"));
    let counters: Vec<u32> = markers.iter().map(|(marker, _)| marker.counter).collect();
    assert!(counters.len() >= 60, "{} pictures with a mark", counters.len());
    assert!(counters.is_sorted_by(|a, b| a < b), "in order, none twice: {counters:?}");
    for (marker, row) in &markers {
        let [presented, captured] = row;
        let presented = presented.expect("always known");
        assert!(presented >= marker.pts.as_micros(), "presented after it was made: {marker:?} {row:?}");
        if let Some(captured) = captured {
            assert!((captured - marker.pts.as_micros()).abs() < 100_000, "{marker:?} {row:?}");
        }
    }
    assert!(loudest(&file("ada.wav")) > 0.05, "the tone is in what Ada heard");
    assert!(loudest(&file("bo.wav")) > 0.05, "the tone is in what Bo heard");
    assert_stats(&file("bo.jsonl"));
}

fn assert_stats(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let full = lines.iter().rev().find(|line| line["tracks"].as_array().is_some_and(|tracks| tracks.len() == 4));
    let full = full.unwrap_or_else(|| panic!("both kinds in both directions: {text}"));
    assert_eq!(full["connectionState"], "connected");
    assert!(full["timestamp"].is_i64());
    let connection = &full["connections"][0];
    assert!(connection["currentRoundTripTime"].as_f64().is_some_and(|time| time < 1.0), "{connection:#}");
    let track = |direction: &str, kind: &str| {
        let tracks = full["tracks"].as_array().unwrap();
        tracks.iter().find(|track| track["direction"] == direction && track["kind"] == kind).unwrap()
    };
    let counts = |track: &Value, names: &[&str]| {
        for name in names {
            assert!(track[name].as_f64().is_some_and(|count| count > 0.0), "{name} in {track:#}");
        }
    };
    let there = |track: &Value, names: &[&str]| {
        for name in names {
            assert!(track.get(name).is_some(), "{name} in {track:#}");
        }
    };
    let (video_in, video_out) = (track("inbound", "video"), track("outbound", "video"));
    counts(video_in, &["bytesReceived", "packetsReceived", "framesReceived", "framesDecoded", "keyFramesDecoded"]);
    counts(video_in, &["framesPerSecond", "totalDecodeTime", "jitterBufferEmittedCount"]);
    there(video_in, &["packetsLost", "freezeCount", "totalFreezesDuration", "jitterBufferDelay", "framesDropped"]);
    assert_eq!(video_in["frameHeight"], SIZE.height, "{video_in:#}");
    counts(video_out, &["bytesSent", "packetsSent", "framesEncoded", "keyFramesEncoded", "targetBitrate"]);
    counts(video_out, &["totalEncodeTime", "framesPerSecond", "availableOutgoingBitrate"]);
    there(video_out, &["qualityLimitationReason", "nackCount", "pliCount", "roundTripTime", "packetsLost"]);
    assert_eq!(video_out["encoderImplementation"], "openh264");
    let (audio_in, audio_out) = (track("inbound", "audio"), track("outbound", "audio"));
    counts(audio_in, &["bytesReceived", "packetsReceived", "totalSamplesReceived", "jitterBufferDelay"]);
    there(audio_in, &["concealedSamples", "concealmentEvents", "jitter"]);
    counts(audio_out, &["bytesSent", "packetsSent", "level"]);
}

#[test]
fn a_clip_and_a_sound_file_go_through_a_server() {
    let assets = fika_tests::folder().join("assets");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (server, address) = start(cli::command().args(["serve", "--listen", "127.0.0.1:0"]));
    let camera = format!("file:{}", assets.join("carphone.mp4").display());
    let microphone = format!("file:{}", assets.join("arctic_a0007.wav").display());
    let (call, link) = start(
        cli::command()
            .args(["call", "--server", &address, "--camera", &camera, "--microphone", &microphone, "--speaker", "none"])
            .args(["--video", "176x144@30"]),
    );
    assert!(link.starts_with(&address), "{link} on {address}");
    watch(call, &link, "6", &file("seen.y4m"), &file("heard.wav"));
    server.interrupt();
    assert_eq!(server.code(), Some(0));

    let pictures = pictures(&file("seen.y4m"));
    assert!(pictures.len() >= 30, "{} pictures", pictures.len());
    let moved = fika_media::test::psnr(&pictures[0], &pictures[pictures.len() - 1]).unwrap();
    assert!(moved < 45.0, "the clip moves: {moved} dB");
    let spoken = samples(&file("heard.wav")).iter().fold(0.0f32, |most, sample| most.max(sample.abs()));
    assert!(spoken > 0.05, "somebody speaks: {spoken}");
}

/// The code that users run, from a V4L2 camera and a PulseAudio microphone to the other side.
#[test]
fn camera_and_microphone_reach_the_other_side() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let camera = Shim::new().unwrap().devices(&["Webcam"]).formats("YUYV").sizes("640x360");
    let sound = PulseServer::start().unwrap();
    let _played = sound.pulse().play_loop("vmic_in", second_of_tone(TONE)).unwrap();
    let devices = ["--camera", "default", "--microphone", "default", "--speaker", "default"];
    let (call, link) = start(
        cli::command().arg("call").args(devices).args(["--video", "640x360@30"]).envs(sound.env()).envs(camera.env()),
    );
    watch(call, &link, "8", &file("seen.y4m"), &file("heard.wav"));

    let counters: Vec<u32> = markers(&file("seen.y4m")).iter().map(|(marker, _)| marker.counter).collect();
    assert!(counters.len() >= 60, "{} pictures with a mark", counters.len());
    assert!(counters.is_sorted_by(|a, b| a < b), "in order, none twice: {counters:?}");
    // Noise suppression takes most of a steady tone away; what is left is this tone and no other.
    let (tone, beside) = (loudest(&file("heard.wav")), loudest_at(&file("heard.wav"), TONE * 1.5));
    assert!(tone > 0.002 && tone > 10.0 * beside, "{tone} at {TONE} Hz, {beside} beside it");
}

/// Joins without media of its own for so many seconds and records; then the call is left.
fn watch(call: Running, link: &str, seconds: &str, seen: &Path, heard: &Path) {
    let joined = cli::command()
        .args(["join", link])
        .args(NO_MEDIA)
        .args(["--duration", seconds])
        .arg("--record-video")
        .arg(seen)
        .arg("--record-audio")
        .arg(heard)
        .output()
        .unwrap();
    assert_eq!(joined.status.code(), Some(0), "{}", said(&joined));
    call.interrupt();
    assert_eq!(call.code(), Some(0));
}

#[test]
fn what_is_wrong_is_one_sentence_and_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.y4m");
    std::fs::write(&broken, "this is no clip").unwrap();
    let broken = format!("file:{}", broken.display());
    let (_server, address) = start(cli::command().args(["serve", "--listen", "127.0.0.1:0"]));
    let unknown = format!("{address}{NOWHERE}");
    let dead = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let dead_link = format!("{dead}{NOWHERE}");
    let no_media: &[&str] = &NO_MEDIA;
    for (arguments, media, code) in [
        (vec!["join", "hello"], no_media, 3),
        (vec!["join", "http://127.0.0.1/j/aaaq-eaye-auda-oceb"], no_media, 3),
        (vec!["join", &unknown], no_media, 3),
        (vec!["join", &dead_link], no_media, 5),
        (vec!["call", "--server", &dead], no_media, 5),
        (vec!["call", "--camera", &broken, "--microphone", "none", "--speaker", "none"], &[], 4),
        (vec!["call", "--camera", "none", "--microphone", &broken, "--speaker", "none"], &[], 4),
        (vec!["call", "--camera", "file:/nowhere.y4m", "--microphone", "none", "--speaker", "none"], &[], 4),
        (vec!["call", "--camera", "no such camera", "--microphone", "none", "--speaker", "none"], &[], 4),
        (vec!["call", "--stats", "/nowhere/stats.jsonl"], no_media, 2),
        (vec!["call", "--video", "huge"], no_media, 2),
        (vec!["sing"], &[], 2),
    ] {
        let output = cli::command().args(&arguments).args(media).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        if code != 2 {
            assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        }
    }
}

#[test]
fn devices_are_listed_as_json() {
    let output = cli::command().args(["devices", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    for device in list {
        assert!(device["id"].is_string() && device["name"].is_string() && device["kind"].is_string(), "{device}");
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
