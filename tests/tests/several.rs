//! Several instances of fika-server with one Redis behind nginx, as docs/self-hosting.md tells people to run them: one dies,
//! one is replaced, Redis itself fails, and the people in the room lose and repeat no word.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use fika_tests::cli::NO_MEDIA;
use fika_tests::nginx::{self, Nginx};
use fika_tests::redis::Redis;
use fika_tests::rooms::{Room, Seat, Server, in_room, text};
use fika_tests::tls::Certificate;
use serde_json::Value;

/// Of one person. Whoever writes faster than two a second is held up after ten, and what is lost is said twice.
const WORDS: usize = 5;

fn speak(seat: &mut Seat, words: std::ops::Range<usize>) {
    words.for_each(|number| seat.say(&format!("chat {} {number}", seat.name.clone())));
}

fn words(seat: &mut Seat, all: usize) -> Vec<String> {
    let chat = seat.chat("all words", |chat| chat.as_array().map_or(0, Vec::len) >= all);
    chat.as_array().unwrap().iter().map(|message| text(&message["text"])).collect()
}

/// Until nobody in the room is away.
fn all_here(meeting: &Room) {
    loop {
        let output = meeting.ask("show", &[]);
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let people = shown["participants"].as_array().cloned().unwrap_or_default();
        let here = |name| people.iter().any(|person| person["name"] == name && person["away"] != true);
        if ["Karin", "Maja", "Noor"].into_iter().all(here) {
            return;
        }
    }
}

#[test]
fn people_go_on_when_an_instance_or_redis_fails() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::make();
    let mut redis = Redis::start(folder.path()).unwrap();
    let (first, second) = (Server::beside(&redis, 0), Server::beside(&redis, 0));
    let port = first.socket().port();
    let servers = [("10.0.0.11:7420", first.socket()), ("10.0.0.12:7420", second.socket())];
    let block = |port| nginx::guide("upstream fika {", port, &certificate, &servers);
    let nginx = Nginx::start(folder.path(), block).unwrap();

    let address = format!("https://{}", nginx.address);
    let meeting = Room::open_secure_at(&address, &certificate, &[]);
    let [ca, file] = certificate.trusted();
    let mut karin = Seat::take(&meeting.link, "Karin", &NO_MEDIA, &["--host-key", &meeting.key, &ca, &file]);
    karin.view("host", |view| view["room"]["isHost"] == true);
    let mut maja = Seat::take(&meeting.link, "Maja", &NO_MEDIA, &[&ca, &file]);
    karin.view("Maja", |view| in_room(view, "Maja"));
    let mut noor = Seat::take(&meeting.link, "Noor", &NO_MEDIA, &[&ca, &file]);
    karin.view("all", |view| in_room(view, "Noor") && view["connection"] == "connected");

    // One dies while somebody writes, wherever each of them sits.
    speak(&mut karin, 0..2);
    first.program.kill();
    speak(&mut karin, 2..WORDS);
    all_here(&meeting);
    karin.until_sent(WORDS);

    // Another one comes in its place, and the second one stops: whoever sat there goes on here.
    let third = Server::beside(&redis, port);
    maja.say("hand up");
    karin.view("a hand", |view| view["participants"][0]["hand"] == 1);
    speak(&mut maja, 0..2);
    second.stop();
    speak(&mut maja, 2..WORDS);
    all_here(&meeting);
    maja.until_sent(WORDS);

    speak(&mut noor, 0..2);
    redis.fail(|| speak(&mut noor, 2..WORDS)).unwrap();
    all_here(&meeting);
    noor.until_sent(WORDS);

    let names = ["Karin", "Maja", "Noor"];
    let mut wanted: Vec<String> =
        names.iter().flat_map(|name| (0..WORDS).map(move |number| format!("{name} {number}"))).collect();
    let heard = words(&mut maja, wanted.len());
    assert_eq!(heard, words(&mut karin, wanted.len()), "in the same order for everybody");
    assert_eq!(heard, words(&mut noor, wanted.len()));
    let mut sorted = heard;
    sorted.sort();
    wanted.sort();
    assert_eq!(sorted, wanted, "each once");

    let view = karin.view("as before", |view| in_room(view, "Noor") && view["connection"] == "connected");
    assert_eq!((&view["room"]["isHost"], &view["participants"][0]["hand"]), (&true.into(), &1.into()));
    karin.say("end");
    assert_eq!((karin.ended(), maja.ended(), noor.ended()), (Some(0), Some(0), Some(0)));
    third.stop();
}
