//! Who was put out is out, whatever their own program makes of it: `fika-server` and `fika-cli` as programs, and one of them
//! never hears that it was removed, because who sits between it and the server keeps that from it. It goes on sending sound,
//! pictures, a file and text; what counts is what the others receive.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use fika_tests::between::{Attack, Between};
use fika_tests::rooms::{Room, Seat, Server, in_room};
use serde_json::Value;

const MEDIA: [&str; 8] = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "160x120@5"];
/// Statistics come once a second, and who was put out is in no more of them than this.
const GONE_WITHIN: usize = 5;
/// More than leaves before the end of this test.
const LARGE: u64 = 1 << 30;

fn person<'a>(view: &'a Value, name: &str) -> &'a Value {
    let people = view["participants"].as_array().unwrap();
    people.iter().find(|person| person["name"] == name).unwrap_or(&Value::Null)
}

/// For each line of statistics: bytes of sound and picture that this participant's tracks have brought; `None`: there is
/// neither a connection nor a track of theirs.
fn received(stats: &Path, who: &str) -> Vec<Option<f64>> {
    let text = std::fs::read_to_string(stats).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_them = |each: &&Value| each["participant"] == who;
    let bytes = |line: Value| {
        let connected = line["connections"].as_array().unwrap().iter().any(|each| of_them(&each));
        let tracks = line["tracks"].as_array().unwrap();
        let inbound: Vec<f64> = tracks
            .iter()
            .filter(|track| of_them(track) && track["direction"] == "inbound")
            .map(|track| track["bytesReceived"].as_f64().unwrap_or(0.0))
            .collect();
        (connected || !inbound.is_empty()).then(|| inbound.iter().sum())
    };
    lines.map(bytes).collect()
}

/// Somebody whose statistics are read.
struct Watched {
    seat: Seat,
    stats: PathBuf,
}

impl Watched {
    fn sit(folder: &Path, meeting: &Room, name: &str, more: &[&str]) -> Self {
        let stats = folder.join(format!("{name}.jsonl"));
        let (stats_file, downloads) = (stats.display().to_string(), folder.join(name).display().to_string());
        let always = ["--stats", &stats_file, "--downloads", &downloads];
        let more: Vec<&str> = more.iter().copied().chain(always).collect();
        let mut seat = Seat::take(&meeting.link, name, &MEDIA, &more);
        seat.phase("inCall");
        Self { seat, stats }
    }
}

#[test]
fn whoever_ignores_that_they_are_out_reaches_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let meeting = Room::open(&server, &[]);
    let mut karin = Watched::sit(folder.path(), &meeting, "Karin", &["--host-key", &meeting.key]);
    let mut maja = Watched::sit(folder.path(), &meeting, "Maja", &[]);
    let between = Between::start(&meeting.link, Attack::Deaf);
    let mut tom = Seat::take(&between.link, "Tom", &MEDIA, &[]);
    let mut id = String::new();
    for Watched { seat, .. } in [&mut karin, &mut maja] {
        let view = seat.view("he is seen", |view| {
            let tom = person(view, "Tom");
            tom["connection"] == "connected" && tom["hasVideo"] == true
        });
        id = person(&view, "Tom")["id"].as_str().unwrap().to_owned();
    }
    let all = |view: &Value| ["Karin", "Maja"].iter().all(|name| person(view, name)["connection"] == "connected");
    tom.view("he sees both", all);

    // A file is on its way, and a line of text.
    let large = folder.path().join("large.bin");
    std::fs::File::create(&large).unwrap().set_len(LARGE).unwrap();
    tom.say(&format!("send Maja {}", large.display()));
    let offered = maja.seat.file("large.bin", |file| file["state"] == "offered");
    maja.seat.say(&format!("accept {}", offered["key"]));
    maja.seat.file("large.bin", |file| file["state"] == "moving" && file["done"].as_u64() > Some(0));
    tom.say("text on");
    tom.say("type I am");
    karin.seat.text("his line", |lines| lines.iter().any(|line| line["text"] == "I am"));

    let before = [&karin, &maja].map(|each| received(&each.stats, &id).len());
    karin.seat.say("remove Tom");
    maja.seat.file("large.bin", |file| file["end"] == "peerLeft");
    let tom_says = ["chat still here", "type I am still here", "hand up", "name Nobody"];
    tom_says.iter().for_each(|line| tom.say(line));
    for (Watched { seat, stats }, before) in [&mut karin, &mut maja].into_iter().zip(before) {
        seat.view("without him", |view| !in_room(view, "Tom"));
        while received(stats, &id).last() != Some(&None) {
            seat.listen("the next second");
        }
        let after: Vec<Option<f64>> = received(stats, &id).split_off(before);
        assert!(after.iter().flatten().count() <= GONE_WITHIN, "{after:?}");
    }
    // He notices nothing but that nobody is there any more, and tries again in vain.
    tom.view("cut off", |view| {
        assert_eq!(view["phase"], "inCall", "nobody has told him");
        !["Karin", "Maja"].iter().any(|name| person(view, name)["connection"] == "connected")
    });
    tom.say("chat where are you");
    let lines = received(&maja.stats, &id).len();
    while received(&maja.stats, &id).len() < lines + GONE_WITHIN {
        maja.seat.listen("a while");
    }
    assert!(received(&maja.stats, &id).split_off(lines).iter().all(Option::is_none), "he does not come back");
    karin.seat.say("chat he is gone");
    let chat = maja.seat.read("he is gone");
    assert_eq!(chat.as_array().unwrap().len(), 1, "{chat}");
    let view = maja.seat.view("as before", |_| true);
    assert!(!in_room(&view, "Tom") && !in_room(&view, "Nobody"), "{view}");
    let lines = karin.seat.text("what he wrote before", |_| true);
    assert!(lines.iter().all(|line| line["text"] != "I am still here"), "{lines:?}");
    let kept = std::fs::read_dir(folder.path().join("Maja")).unwrap();
    assert_eq!(kept.count(), 0, "nothing is left of half a file");

    drop(tom);
    for Watched { mut seat, .. } in [karin, maja] {
        seat.say("leave");
        assert_eq!(seat.ended(), Some(0));
    }
    server.stop();
}
