//! Files and real-time text end to end: `fika-server`, `fika-cli room sit` as programs, and a guest in a real browser.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::path::Path;

use fika_tests::cli::NO_MEDIA;
use fika_tests::guest::{Guest, Way};
use fika_tests::rooms::{Room, Seat, Server};
use serde_json::{Value, json};

const CAMERA: [&str; 8] = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "160x120@5"];

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 31 % 251) as u8).collect()
}

fn sit(link: &str, name: &str, media: &[&str], downloads: &Path, more: &[&str]) -> Seat {
    let downloads = downloads.display().to_string();
    let more: Vec<&str> = more.iter().copied().chain(["--downloads", &downloads]).collect();
    let mut seat = Seat::take(link, name, media, &more);
    seat.phase("inCall");
    seat
}

fn connected(seat: &mut Seat) {
    seat.view("connected", |view| view["connection"] == "connected");
}

fn key(file: &Value) -> String {
    file["key"].as_u64().unwrap().to_string()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn two_programs_exchange_files_and_write_in_real_time() {
    let folder = tempfile::tempdir().unwrap();
    let [data, downloads] = ["data", "downloads"].map(|name| folder.path().join(name));
    std::fs::create_dir(&downloads).unwrap();
    let picture = folder.path().join("Bild å.png");
    std::fs::write(&picture, content(3_000_000)).unwrap();
    std::fs::write(folder.path().join("large.bin"), content(1_500_000)).unwrap();
    std::fs::write(downloads.join("Bild å.png"), b"was here before").unwrap();

    let server = Server::start(&data, &[]);
    let meeting = Room::open(&server, &[]);
    let mut karin = sit(&meeting.link, "Karin", &CAMERA, &downloads, &[]);
    let mut maja = sit(&meeting.link, "Maja", &CAMERA, &downloads, &["--max-file", "4"]);
    connected(&mut karin);
    connected(&mut maja);

    // Offered, taken, kept beside what was there, while both see each other.
    karin.say(&format!("send Maja {}", picture.display()));
    assert_eq!(maja.notified("fileOffered"), json!({ "type": "fileOffered", "name": "Karin", "file": "Bild å.png" }));
    let offered = maja.file("Bild å.png", |file| file["state"] == "offered");
    assert_eq!((offered["size"].as_u64(), offered["mediaType"].as_str()), (Some(3_000_000), Some("image/png")));
    assert_eq!(names(&downloads), ["Bild å.png"], "nothing before it is wanted");
    maja.say(&format!("accept {}", key(&offered)));
    maja.file("Bild å.png", |file| file["done"].as_u64() > Some(0) && file["state"] == "moving");
    karin.file("Bild å.png", |file| file["done"].as_u64() > Some(0) && file["state"] == "moving");
    let kept = maja.file("Bild å.png", |file| file["state"] == "done");
    karin.file("Bild å.png", |file| file["state"] == "done" && file["done"] == 3_000_000);
    assert_eq!(kept["savedAs"], "Bild å (2).png");
    assert_eq!(std::fs::read(downloads.join("Bild å (2).png")).unwrap(), content(3_000_000));
    assert_eq!(names(&downloads), ["Bild å (2).png", "Bild å.png"], "and nothing else is left");
    for seat in [&mut karin, &mut maja] {
        seat.view("pictures go on", |view| view["participants"][0]["hasVideo"] == true);
    }

    // No thanks; stopped on the way; not there; too large.
    karin.say(&format!("send all {}", folder.path().join("large.bin").display()));
    let offered = maja.file("large.bin", |file| file["state"] == "offered");
    maja.say(&format!("decline {}", key(&offered)));
    karin.file("large.bin", |file| file["state"] == "declined");
    std::fs::rename(folder.path().join("large.bin"), folder.path().join("again.bin")).unwrap();
    karin.say(&format!("send all {}", folder.path().join("again.bin").display()));
    let offered = maja.file("again.bin", |file| file["state"] == "offered");
    let ours = karin.file("again.bin", |_| true);
    karin.say(&format!("cancel {}", key(&ours)));
    maja.file("again.bin", |file| file["key"] == offered["key"] && file["end"] == "cancelled");
    karin.say("send all /nowhere/at/all.pdf");
    karin.file("all.pdf", |file| file["end"] == "cannotRead");
    std::fs::write(folder.path().join("huge.bin"), content(5_000_000)).unwrap();
    karin.say(&format!("send Maja {}", folder.path().join("huge.bin").display()));
    karin.file("huge.bin", |file| file["end"] == "tooLarge");

    // Letter by letter.
    karin.say("text on");
    karin.say("type Hej");
    let lines = maja.text("Hej", |lines| lines.iter().any(|line| line["text"] == "Hej"));
    assert_eq!((lines[0]["name"].as_str(), lines[0]["done"].as_bool()), (Some("Karin"), Some(false)));
    assert_eq!(maja.notified("realTimeText")["name"], "Karin");
    karin.say("type He");
    maja.text("erased", |lines| lines.iter().any(|line| line["text"] == "He"));
    karin.say("enter");
    maja.text("finished", |lines| lines[0]["done"] == true);

    // Who leaves takes the files along.
    karin.say(&format!("send Maja {}", picture.display()));
    maja.file("Bild å.png", |file| file["state"] == "offered");
    karin.say("leave");
    maja.file("Bild å.png", |file| file["end"] == "peerLeft");
    assert_eq!(karin.ended(), Some(0));
    maja.say("leave");
    assert_eq!(maja.ended(), Some(0));
    server.stop();
}

#[test]
fn a_guest_in_a_browser_gives_and_takes_files_and_writes_in_real_time() {
    let folder = tempfile::tempdir().unwrap();
    let [data, downloads, saved] = ["data", "downloads", "saved"].map(|name| folder.path().join(name));
    std::fs::create_dir(&saved).unwrap();
    for (name, size) in [("from karin.pdf", 700_000), ("from maja.bin", 900_000)] {
        std::fs::write(folder.path().join(name), content(size)).unwrap();
    }
    let server = Server::start(&data, &[]);
    let meeting = Room::open(&server, &[]);
    let mut karin = sit(&meeting.link, "Karin", &NO_MEDIA, &downloads, &[]);
    let mut maja = Guest::open(&meeting.link, &Way::default());
    maja.save_downloads_in(&saved);
    maja.introduce("Maja");
    maja.press("join-now");
    maja.until_phase("inCall");
    connected(&mut karin);

    karin.say(&format!("send all {}", folder.path().join("from karin.pdf").display()));
    maja.press("chat");
    maja.until_reads("file", "from karin.pdf");
    maja.press("file-take");
    maja.until("document.querySelector('[data-testid=file][data-state=done]') !== null");
    karin.file("from karin.pdf", |file| file["state"] == "done");
    maja.until_saved(&saved.join("from karin.pdf"), &content(700_000));

    maja.pick_file("send-file", &folder.path().join("from maja.bin"));
    let offered = karin.file("from maja.bin", |file| file["state"] == "offered");
    assert_eq!((offered["person"].as_str(), offered["size"].as_u64()), (Some("Maja"), Some(900_000)));
    karin.say(&format!("accept {}", key(&offered)));
    karin.file("from maja.bin", |file| file["state"] == "done");
    assert_eq!(std::fs::read(downloads.join("from maja.bin")).unwrap(), content(900_000));
    maja.until("document.querySelectorAll('[data-testid=file][data-state=done]').length === 2");

    // Letter by letter, both ways.
    karin.say("text on");
    karin.say("type Hej på");
    maja.until_reads("rtt-line", "Hej på");
    karin.say("type Hej");
    maja.until("document.querySelector('[data-testid=rtt-line] bdi')?.textContent === 'Hej'");
    maja.press("rtt");
    maja.write("rtt-input", "Hallå 🙂");
    karin.text("her line", |lines| lines.iter().any(|line| line["text"] == "Hallå 🙂" && line["done"] == false));
    maja.write("rtt-input", "Hal");
    karin.text("erased", |lines| lines.iter().any(|line| line["text"] == "Hal"));

    maja.press("leave");
    maja.until_ended("left");
    karin.say("leave");
    assert_eq!(karin.ended(), Some(0));
    server.stop();
}
