//! A guest in a browser: the page that fika-server serves, in a call with `fika-cli`. The link is opened as people do it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "also what the tests call is a test")]

use fika_tests::cli::{self, Running, STATS};
use fika_tests::guest::{Guest, THEIR_PICTURE, Way};
use fika_tests::rooms::{Room, Seat, Server, in_room};
use serde_json::json;

#[test]
fn a_guest_comes_in_by_link_is_seen_and_heard_mutes_and_leaves() {
    let mut server = Running::start(cli::command().args(["serve", "--listen", "127.0.0.1:0"]));
    let address = server.line();
    let mut call = Running::start(
        cli::command()
            .args(["call", "--server", &address, "--name", "Karin", "--camera", "test", "--microphone", "test"])
            .args(["--speaker", "none", "--video", "640x360@15"])
            .args(STATS),
    );
    let link = call.line();

    let mut guest = Guest::open(&link, &Way::default());
    guest.introduce("Maja");
    guest.press("join-now");
    guest.until(THEIR_PICTURE);

    call.stats("the guest's picture and sound", |stats| {
        cli::inbound(stats, "video", "framesDecoded") > 10.0 && cli::inbound(stats, "audio", "bytesReceived") > 4000.0
    });
    assert_eq!(guest.ask("document.querySelectorAll('script:not([src])').length"), json!(0));

    guest.press("toggle-mic");
    guest.until_pressed("toggle-mic", false);
    guest.press("leave");
    guest.until_ended("left");
    call.stats("that the guest has left", |stats| stats["connections"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn a_browser_without_h264_is_told_before_it_joins() {
    let mut server = Running::start(cli::command().args(["serve", "--listen", "127.0.0.1:0"]));
    let meeting = Room::open_at(&server.line(), &[]);
    let mut guest = Guest::open(&meeting.link, &Way { no_h264: true, ..Way::default() });
    guest.until_phase("h264");
    assert!(guest.ask("document.body.innerText").as_str().unwrap().contains("H.264"));
}

#[test]
fn a_guest_waits_is_let_in_and_obeys_the_host() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let meeting = Room::open(&server, &["--waiting-room", "--passcode", "1234"]);
    let media = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "320x180@15"];
    let mut karin = Seat::take(&meeting.link, "Karin", &media, &["--host-key", &meeting.key]);
    karin.view("host", |view| view["room"]["isHost"] == true);

    let mut guest = Guest::open(&meeting.link, &Way::default());
    guest.introduce("Maja");
    guest.write("passcode", "1234");
    guest.press("join-now");
    guest.until_phase("waiting");
    karin.view("a knock", |view| view["room"]["waiting"][0]["name"] == "Maja");

    karin.say("admit Maja");
    guest.until(THEIR_PICTURE);
    karin.view("both see each other", |view| view["connection"] == "connected" && in_room(view, "Maja"));
    guest.until_pressed("toggle-mic", true);
    karin.say("mute Maja");
    guest.until_pressed("toggle-mic", false);
    karin.say("stop-camera Maja");
    guest.until_pressed("toggle-camera", false);

    karin.say("wait Maja");
    guest.until_phase("waiting");
    karin.view("alone", |view| !in_room(view, "Maja"));
    karin.say("admit Maja");
    guest.until(THEIR_PICTURE);
    karin.say("remove Maja");
    guest.until_ended("removed");
    karin.say("leave");
    assert_eq!(karin.ended(), Some(0));
    server.stop();
}
