//! What only Windows, or wine, can show of the core: two programs in a call over real UDP, and sound through WASAPI.
//! `./dev check-targets` runs this under wine.
#![cfg(windows)]
#![allow(clippy::unwrap_used, reason = "a test fails where its bed does")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;

use fika_devices::System;
use fika_media::device::{DeviceKind, Devices as _};
use fika_tests::cli::{loudest, markers};
use fika_tests::program;
use fika_tests::sound::{SECOND, is_tone, listen, sing, wake};

const TEST_MEDIA: [&str; 8] =
    ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "640x360@30"];
/// Half seconds in which the tone must be heard once: a sound server begins with silence.
const LISTENS: u32 = 60;

/// Ended when it is dropped, if it runs still.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn cli() -> Command {
    let mut command = Command::new(program::path("fika-cli", "fika-cli").unwrap());
    command.stdin(Stdio::null());
    command
}

/// Starts it; the first line that it says.
fn start(command: &mut Command) -> (Running, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (Running(child), line.trim().to_owned())
}

/// Where not every address works, `FIKA_TEST_BIND` names those that do: wine has no WebRTC over IPv4.
fn bind() -> Vec<String> {
    let addresses = std::env::var("FIKA_TEST_BIND").unwrap_or_default();
    addresses.split(',').filter(|text| !text.is_empty()).flat_map(|text| ["--bind".into(), text.into()]).collect()
}

#[test]
fn two_programs_see_and_hear_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (_server, address) = start(cli().args(["serve", "--listen", "127.0.0.1:0"]));
    let mut call = cli();
    call.args(["call", "--server", &address, "--duration", "8"]).args(TEST_MEDIA).args(bind());
    let (mut call, link) = start(call.arg("--record-audio").arg(file("ada.wav")));
    let mut join = cli();
    join.args(["join", &link, "--duration", "6"]).args(TEST_MEDIA).args(bind());
    let joined = join.arg("--record-video").arg(file("bo.y4m")).arg("--record-audio").arg(file("bo.wav")).output();
    let joined = joined.unwrap();
    assert_eq!(joined.status.code(), Some(0), "{}", String::from_utf8_lossy(&joined.stderr));
    assert_eq!(call.0.wait().unwrap().code(), Some(0));

    let markers = markers(&file("bo.y4m"));
    let counters: Vec<u32> = markers.iter().map(|(marker, _)| marker.counter).collect();
    assert!(counters.len() >= 45, "{} pictures with a mark", counters.len());
    assert!(counters.is_sorted_by(|a, b| a < b), "in order, none twice: {counters:?}");
    for (marker, [presented, _]) in &markers {
        assert!(
            presented.unwrap() >= marker.pts.as_micros(),
            "presented after it was made: one clock for all programs"
        );
    }
    assert!(loudest(&file("ada.wav")) > 0.05, "the tone is in what Ada heard");
    assert!(loudest(&file("bo.wav")) > 0.05, "the tone is in what Bo heard");
}

#[test]
#[ignore = "needs a microphone that hears the speaker; ./dev check-targets has one"]
fn the_microphone_hears_what_the_speaker_plays() {
    let system = System::new();
    for kind in [DeviceKind::Microphone, DeviceKind::Speaker] {
        let devices: Vec<_> = system.list().into_iter().filter(|device| device.kind == kind).collect();
        assert_eq!(devices.iter().filter(|device| device.is_default).count(), 1, "{devices:?}");
        assert!(devices.iter().all(|device| device.id.0.starts_with("wasapi:") && !device.name.is_empty()));
    }
    let (speaker_wake, speaker_wakes) = wake();
    let (microphone_wake, microphone_wakes) = wake();
    let mut speaker = system.open_speaker(None, speaker_wake).unwrap();
    let (heard, done) = sync_channel::<()>(1);
    let listener = std::thread::spawn(move || {
        let mut microphone = system.open_microphone(None, microphone_wake).unwrap();
        let tone = (0..LISTENS).any(|_| is_tone(&listen(microphone.as_mut(), &microphone_wakes, SECOND / 2).unwrap()));
        assert!(tone, "the tone is not in what the microphone hears");
        drop(heard);
    });
    sing(speaker.as_mut(), &speaker_wakes, || done.try_recv().is_ok() || listener.is_finished()).unwrap();
    listener.join().unwrap();
}
