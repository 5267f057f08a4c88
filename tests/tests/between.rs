//! Who sits between two people: `fika-server` and two `fika-cli` as programs, and between them a signalling server that lies.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use fika_tests::between::{Attack, Between, GHOST};
use fika_tests::cli::NO_MEDIA;
use fika_tests::rooms::{Room, Seat, Server};
use serde_json::Value;

const MEDIA: [&str; 8] = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "160x120@5"];

/// Two people in one room, both through the one in between.
struct Scene {
    _between: Between,
    server: Server,
    alice: Seat,
    bob: Seat,
    _data: tempfile::TempDir,
}

impl Scene {
    fn new(attack: Attack, media: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path(), &[]);
        let between = Between::start(&Room::open(&server, &[]).link, attack);
        let mut alice = Seat::take(&between.link, "Alice", media, &[]);
        alice.phase("inCall");
        let bob = Seat::take(&between.link, "Bob", media, &[]);
        Self { _between: between, server, alice, bob, _data: data }
    }

    fn end(mut self) {
        for seat in [&mut self.alice, &mut self.bob] {
            seat.say("leave");
        }
        assert_eq!((self.alice.ended(), self.bob.ended()), (Some(0), Some(0)));
        self.server.stop();
    }
}

fn person<'a>(view: &'a Value, name: &str) -> &'a Value {
    let people = view["participants"].as_array().unwrap();
    people.iter().find(|person| person["name"] == name).unwrap_or(&Value::Null)
}

fn trust<'a>(view: &'a Value, name: &str) -> &'a str {
    person(view, name)["trust"].as_str().unwrap_or_default()
}

/// Waits until `name` is known as `wanted`; on the way there is never a connection or a picture.
fn without_media(seat: &mut Seat, name: &str, wanted: &str) {
    seat.view(wanted, |view| {
        let them = person(view, name);
        assert_ne!(them["connection"], "connected", "{view}");
        assert_ne!(them["hasVideo"], true, "{view}");
        trust(view, name) == wanted
    });
}

#[test]
fn an_honest_server_and_words_that_are_the_same() {
    let mut scene = Scene::new(Attack::None, &MEDIA);
    let words = |view: &Value, name: &str| person(view, name)["words"].clone();
    let ready = |name: &'static str| {
        move |view: &Value| {
            let them = person(view, name);
            them["connection"] == "connected" && them["words"].is_array() && them["hasVideo"] == true
        }
    };
    let seen = scene.alice.view("words", ready("Bob"));
    let by_bob = scene.bob.view("words", ready("Alice"));
    assert_eq!(words(&seen, "Bob"), words(&by_bob, "Alice"));
    assert_eq!(words(&seen, "Bob").as_array().unwrap().len(), 4);
    assert_eq!((trust(&seen, "Bob"), trust(&by_bob, "Alice")), ("unverified", "unverified"));

    scene.alice.say("same Bob");
    scene.alice.view("verified", |view| trust(view, "Bob") == "verified");

    // Bob hears something else: no media from the next moment on, and Alice's pictures are gone.
    scene.bob.say("differ Alice");
    let cut = scene.bob.view("cut off", |view| trust(view, "Alice") == "differs");
    assert_eq!((&cut["problem"], &person(&cut, "Alice")["hasVideo"]), (&"wordsDiffer".into(), &false.into()));
    scene.alice.view("gone", |view| person(view, "Bob")["connection"] != "connected");
    scene.end();
}

#[test]
fn a_server_without_the_secret_changes_nothing_unseen() {
    let mut scene = Scene::new(Attack::Blind, &NO_MEDIA);
    // Who is offered to sees it first; the offerer hears nothing that could be opened.
    let offered = if scene.alice.phase("inCall")["me"]["id"].as_str() > scene.bob.phase("inCall")["me"]["id"].as_str() {
        (&mut scene.alice, "Bob")
    } else {
        (&mut scene.bob, "Alice")
    };
    without_media(offered.0, offered.1, "refused");
    scene.end();
}

#[test]
fn a_swapped_fingerprint_is_refused() {
    refused_by_whom_is_offered_to(Attack::SwapFingerprint);
}

#[test]
fn an_expired_binding_is_refused() {
    refused_by_whom_is_offered_to(Attack::Expired);
}

fn refused_by_whom_is_offered_to(attack: Attack) {
    let mut scene = Scene::new(attack, &NO_MEDIA);
    let (alice, bob) = (scene.alice.phase("inCall"), scene.bob.phase("inCall"));
    if alice["me"]["id"].as_str() < bob["me"]["id"].as_str() {
        without_media(&mut scene.bob, "Alice", "refused");
    } else {
        without_media(&mut scene.alice, "Bob", "refused");
    }
    scene.end();
}

#[test]
fn a_binding_in_the_wrong_place_is_refused() {
    let mut scene = Scene::new(Attack::Reflect, &NO_MEDIA);
    let (alice, bob) = (scene.alice.phase("inCall"), scene.bob.phase("inCall"));
    // The offerer gets its own binding back as an answer.
    if alice["me"]["id"].as_str() < bob["me"]["id"].as_str() {
        without_media(&mut scene.alice, "Bob", "refused");
    } else {
        without_media(&mut scene.bob, "Alice", "refused");
    }
    scene.end();
}

#[test]
fn a_replayed_offer_changes_nothing() {
    let mut scene = Scene::new(Attack::Replay, &MEDIA);
    for (seat, other) in [(&mut scene.alice, "Bob"), (&mut scene.bob, "Alice")] {
        seat.view("a call", |view| {
            let them = person(view, other);
            assert_ne!(trust(view, other), "refused", "{view}");
            them["connection"] == "connected" && them["hasVideo"] == true && them["words"].is_array()
        });
    }
    scene.end();
}

/// Old clients say nothing of a key: the call works, and both see what it is.
#[test]
fn without_bindings_the_call_works_and_is_shown_as_not_verifiable() {
    let mut scene = Scene::new(Attack::Strip, &MEDIA);
    for (seat, other) in [(&mut scene.alice, "Bob"), (&mut scene.bob, "Alice")] {
        let view = seat.view("a call", |view| {
            let them = person(view, other);
            them["connection"] == "connected" && them["hasVideo"] == true
        });
        assert_eq!((trust(&view, other), &person(&view, other)["words"]), ("notVerifiable", &Value::Null));
        seat.say(&format!("same {other}"));
    }
    scene.alice.say("name Alice A");
    let view = scene.bob.view("another name", |view| !person(view, "Alice A").is_null());
    assert_eq!(trust(&view, "Alice A"), "notVerifiable", "nothing to compare, so nobody is verified");
    scene.end();
}

/// Nothing but the certificate is wrong, so DTLS itself has to refuse it, before there are keys for media.
#[test]
fn a_wrong_certificate_ends_before_there_are_keys() {
    let mut scene = Scene::new(Attack::StripAndSwap, &NO_MEDIA);
    for (seat, name) in [(&mut scene.alice, "Bob"), (&mut scene.bob, "Alice")] {
        seat.view("given up", |view| {
            let them = person(view, name);
            assert_ne!(them["connection"], "connected", "{view}");
            them["connection"] == "reconnecting"
        });
    }
    scene.end();
}

#[test]
fn somebody_who_is_added_is_seen_and_gets_no_key() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let between = Between::start(&Room::open(&server, &[]).link, Attack::Ghost);
    let mut alice = Seat::take(&between.link, "Alice", &MEDIA, &[]);
    without_media(&mut alice, "Ghost", "refused");
    let view = alice.view("told", |view| view["problem"] == "untrusted");
    assert_eq!(person(&view, "Ghost")["id"], GHOST);
    let (said, read) = between.said_to_ghost();
    assert!(said > 0 && !read, "{said} messages, read: {read}");
    alice.say("leave");
    assert_eq!(alice.ended(), Some(0));
    server.stop();
}
