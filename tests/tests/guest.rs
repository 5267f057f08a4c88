//! A guest in a browser: the page that fika-server serves, in a call with `fika-cli`. The link is opened as people do it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "also what the tests call is a test")]

use fika_tests::chromium::{Browser, Launch, Page};
use fika_tests::cli::{self, Running, STATS};
use fika_tests::rooms::{Room, Seat, Server, in_room};
use serde_json::json;

/// Resolves when the expression is true; looks again at 20 Hz.
fn until(page: &mut Page, what: &str) {
    let script = format!(
        "new Promise((resolve, reject) => {{
            const end = performance.now() + 50000;
            const timer = setInterval(() => {{
                const late = performance.now() > end;
                if (!({what}) && !late) return;
                clearInterval(timer);
                late ? reject(new Error(document.body.innerText)) : resolve(true);
            }}, 50);
        }})"
    );
    page.evaluate(&script).unwrap_or_else(|error| panic!("{what}: {error:#}"));
}

fn shows(id: &str) -> String {
    format!("document.querySelector('[data-testid=\"{id}\"]')")
}

fn press(page: &mut Page, id: &str) {
    until(page, &format!("{} !== null", shows(id)));
    page.evaluate(&format!("{}.click()", shows(id))).unwrap();
}

fn write(page: &mut Page, id: &str, text: &str) {
    until(page, &format!("{} !== null", shows(id)));
    let field = shows(id);
    page.evaluate(&format!(
        "(() => {{ const field = {field}; field.value = '{text}'; field.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()"
    ))
    .unwrap();
}

/// Of somebody else, and playing.
const THEIR_PICTURE: &str = "[...document.querySelectorAll('[data-picture=\"true\"]:not([data-tile=\"me/camera\"]) video')]\
    .some((video) => video.videoWidth > 0 && video.currentTime > 0.2)";

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

    let browser = Browser::launch(&Launch::default()).unwrap();
    let mut page = browser.open(&link).unwrap();
    until(&mut page, "document.querySelector('[data-tile=\"me/camera\"][data-picture=\"true\"]') !== null");
    write(&mut page, "name-input", "Maja");
    press(&mut page, "join-now");
    until(&mut page, THEIR_PICTURE);

    call.stats("the guest's picture and sound", |stats| {
        cli::inbound(stats, "video", "framesDecoded") > 10.0 && cli::inbound(stats, "audio", "bytesReceived") > 4000.0
    });
    let scripts = page.evaluate("document.querySelectorAll('script:not([src])').length").unwrap();
    assert_eq!(scripts, json!(0));

    press(&mut page, "toggle-mic");
    until(&mut page, &format!("{}.getAttribute('aria-pressed') === 'false'", shows("toggle-mic")));
    press(&mut page, "leave");
    until(&mut page, &format!("{} !== null", shows("ended")));
    call.stats("that the guest has left", |stats| stats["connections"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn a_guest_waits_is_let_in_and_obeys_the_host() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let meeting = Room::open(&server, &["--waiting-room", "--passcode", "1234"]);
    let media = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "320x180@15"];
    let mut karin = Seat::take(&meeting.link, "Karin", &media, &["--host-key", &meeting.key]);
    karin.view("host", |view| view["room"]["isHost"] == true);

    let browser = Browser::launch(&Launch::default()).unwrap();
    let mut page = browser.open(&meeting.link).unwrap();
    until(&mut page, "document.querySelector('[data-tile=\"me/camera\"][data-picture=\"true\"]') !== null");
    write(&mut page, "name-input", "Maja");
    write(&mut page, "passcode", "1234");
    press(&mut page, "join-now");
    until(&mut page, "document.querySelector('[data-phase=waiting]') !== null");
    karin.view("a knock", |view| view["room"]["waiting"][0]["name"] == "Maja");

    karin.say("admit Maja");
    until(&mut page, THEIR_PICTURE);
    karin.view("both see each other", |view| view["connection"] == "connected" && in_room(view, "Maja"));
    let pressed = |id: &str, on: bool| format!("{}.getAttribute('aria-pressed') === '{on}'", shows(id));
    until(&mut page, &pressed("toggle-mic", true));
    karin.say("mute Maja");
    until(&mut page, &pressed("toggle-mic", false));
    karin.say("stop-camera Maja");
    until(&mut page, &pressed("toggle-camera", false));

    karin.say("wait Maja");
    until(&mut page, "document.querySelector('[data-phase=waiting]') !== null");
    karin.view("alone", |view| !in_room(view, "Maja"));
    karin.say("admit Maja");
    until(&mut page, THEIR_PICTURE);
    karin.say("remove Maja");
    until(&mut page, &format!("{} !== null", shows("ended")));
    karin.say("leave");
    assert_eq!(karin.ended(), Some(0));
    server.stop();
}
