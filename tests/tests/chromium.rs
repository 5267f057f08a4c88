//! A browser in a room of ours: headless Chromium and `fika-cli` see and hear each other.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "also what the tests call is a test")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use fika_call::invite::Secret;
use fika_call::signal::{PeerBody, PeerMessage, Sealed};
use fika_call::{ParticipantId, RoomId, seal};
use fika_media::tone::amplitude;
use fika_tests::chromium::{Browser, Launch, Pages, make_clip, make_tone};
use fika_tests::program;
use serde_json::{Value, json};

/// What `fika-cli --microphone test` plays.
const OUR_TONE: f64 = 997.0;
const ITS_TONE: u32 = 1250;
/// Pictures of 720p in a row that either side must have shown without a freeze (webrtc-stats `freezeCount`). The browser
/// begins small and freezes for a moment when its encoder changes size, so the count begins anew after a freeze.
const PICTURES: u64 = 200;

const SECRET: [u8; 16] = *b"0123456789abcdef";
const ROOM: &str = "aaaq-eaye-auda-oceb";

#[test]
fn a_browser_opens_what_we_seal_and_we_open_what_it_seals() {
    let pages = Pages::serve().unwrap();
    let browser = Browser::launch(&Launch::default()).unwrap();
    let mut page = browser.open(&pages.url()).unwrap();
    page.evaluate(&format!(
        "fika.deriveKey(new TextEncoder().encode('{}'), '{ROOM}').then((key) => {{ fika.key = key }})",
        str::from_utf8(&SECRET).unwrap()
    ))
    .unwrap();

    let key = seal::Key::derive(&Secret::from_bytes(SECRET), &RoomId(ROOM.into()));
    let (alice, bob) = (ParticipantId("alice".into()), ParticipantId("bob".into()));
    // Longer than what the page encodes in one piece.
    let sdp = "å=candidate\r\n".repeat(3000);
    let message = PeerMessage { session: "s1".into(), seq: 7, body: PeerBody::Offer { sdp, binding: None } };

    let sealed = seal::seal(&key, &alice, &bob, [9; 12], &message);
    let opened = page.evaluate(&format!("fika.open(fika.key, 'alice', 'bob', {})", json!(sealed.0))).unwrap();
    assert_eq!(serde_json::from_value::<PeerMessage>(opened).unwrap(), message);

    let sealed = page.evaluate(&format!("fika.seal(fika.key, 'bob', 'alice', {})", json!(message))).unwrap();
    let Value::String(sealed) = sealed else { panic!("sealed text") };
    assert_eq!(seal::open(&key, &bob, &alice, &Sealed(sealed)).unwrap(), message);
}

#[test]
fn a_browser_and_we_see_and_hear_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    make_clip(&file("clip.y4m"), 5).unwrap();
    make_tone(&file("tone.wav"), ITS_TONE, 5).unwrap();
    let pages = Pages::serve().unwrap();
    let launch = Launch { camera: Some(file("clip.y4m")), microphone: Some(file("tone.wav")), ..Launch::default() };
    let browser = Browser::launch(&launch).unwrap();
    let mut page = browser.open(&pages.url()).unwrap();
    page.evaluate("fika.camera()").unwrap();

    let mut call = Command::new(program::path("fika-cli", "fika-cli").unwrap())
        .args(["call", "--camera", "test", "--microphone", "test", "--speaker", "none"])
        .args(["--video", "1280x720@30", "--duration", "24"])
        .arg("--stats")
        .arg(file("stats.jsonl"))
        .arg("--record-audio")
        .arg(file("heard.wav"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut link = String::new();
    let mut said = BufReader::new(call.stdout.take().unwrap());
    said.read_line(&mut link).unwrap();

    page.evaluate(&format!("fika.join({})", json!(link.trim()))).unwrap();
    let enough = format!(
        "(() => {{ let first; return fika.until(async () => {{
            const now = (await fika.stats()).find((s) => s.kind === 'video' && s.type === 'inbound-rtp');
            if (now?.frameHeight !== 720) return false;
            if (first?.freezeCount !== now.freezeCount) first = now;
            return now.framesDecoded - first.framesDecoded >= {PICTURES};
        }}); }})()"
    );
    page.evaluate(&enough).unwrap();
    let tone = page.evaluate("fika.tone()").unwrap();
    let streams = page.evaluate("fika.stats()").unwrap();
    let status = call.wait().unwrap();

    assert!(status.success(), "fika-cli: {status}");
    assert_it_got_ours(&streams, &tone);
    assert_we_got_its(&file("stats.jsonl"), &file("heard.wav"));
    page.evaluate("fika.until(() => fika.peers.size === 0)").expect("it is told that we left");
}

fn assert_it_got_ours(streams: &Value, tone: &Value) {
    let stream = |kind: &str, direction: &str| {
        let all = streams.as_array().unwrap();
        all.iter()
            .find(|stream| stream["kind"] == kind && stream["type"] == direction)
            .unwrap_or_else(|| panic!("{all:#?}"))
    };
    let (video, audio) = (stream("video", "inbound-rtp"), stream("audio", "inbound-rtp"));
    assert_eq!((&video["mimeType"], &audio["mimeType"]), (&json!("video/H264"), &json!("audio/opus")));
    assert_eq!((&video["frameWidth"], &video["frameHeight"]), (&json!(1280), &json!(720)));
    assert_eq!(stream("video", "outbound-rtp")["mimeType"], "video/H264");
    assert_eq!(stream("audio", "outbound-rtp")["mimeType"], "audio/opus");
    let (hertz, level) = (tone["hertz"].as_f64().unwrap(), tone["level"].as_f64().unwrap());
    assert!((hertz - OUR_TONE).abs() < 3.0 && level > -50.0, "{tone}");
}

fn assert_we_got_its(stats: &Path, heard: &Path) {
    let text = std::fs::read_to_string(stats).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let inbound = |line: &Value, kind: &str| {
        let tracks = line["tracks"].as_array().unwrap().clone();
        tracks.into_iter().find(|track| track["direction"] == "inbound" && track["kind"] == kind)
    };
    let pictures: Vec<Value> = lines.iter().filter_map(|line| inbound(line, "video")).collect();
    let decoded = |video: &Value| video["framesDecoded"].as_u64().unwrap();
    let longest = pictures
        .chunk_by(|one, next| one["freezeCount"] == next["freezeCount"] && one["frameHeight"] == next["frameHeight"])
        .filter(|calm| calm[0]["frameWidth"] == 1280 && calm[0]["frameHeight"] == 720)
        .map(|calm| decoded(&calm[calm.len() - 1]) - decoded(&calm[0]))
        .max();
    assert!(longest >= Some(PICTURES), "{longest:?} {pictures:#?}");
    assert!(lines.iter().rev().find_map(|line| inbound(line, "audio")).is_some(), "its sound came");

    let samples: Vec<f32> = hound::WavReader::open(heard)
        .unwrap()
        .samples::<i16>()
        .map(|sample| f32::from(sample.unwrap()) / 32768.0)
        .collect();
    let loudest = samples.chunks_exact(48_000).map(|second| amplitude(second, f64::from(ITS_TONE))).fold(0.0, f32::max);
    assert!(loudest > 0.05, "{loudest}");
}
