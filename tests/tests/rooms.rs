//! Rooms end to end: `fika-server` and `fika-cli room …` as programs on this machine, with real media.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use fika_tests::cli::{self, NO_MEDIA};
use fika_tests::rooms::{Room, Seat, Server, in_room, json, names, text};

const MEDIA: [&str; 8] = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "160x120@5"];

#[test]
fn a_host_lets_in_talks_mutes_and_puts_out() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let meeting = Room::open(&server, &["--waiting-room", "--passcode", "1234"]);
    let mut karin = Seat::take(&meeting.link, "Karin", &MEDIA, &["--host-key", &meeting.key]);
    karin.view("host", |view| view["room"]["isHost"] == true);

    let wrong = cli::command().args(["join", &meeting.link]).args(NO_MEDIA).output().unwrap();
    assert_eq!(wrong.status.code(), Some(3), "no passcode: {}", String::from_utf8_lossy(&wrong.stderr));
    let right = ["--passcode", "1234"];
    let mut maja = Seat::take(&meeting.link, "Maja", &MEDIA, &right);
    let waiting = maja.phase("waiting");
    assert_eq!((waiting["waitingFor"].as_str(), names(&waiting).len()), (Some("Karin"), 0));
    karin.view("a knock", |view| view["room"]["waiting"][0]["name"] == "Maja");
    karin.say("admit Maja");
    let inside = maja.view("both see each other", |view| view["connection"] == "connected");
    assert_eq!(names(&inside), ["Karin"]);
    karin.view("both see each other", |view| view["connection"] == "connected" && in_room(view, "Maja"));

    karin.say("chat Welcome! https://example.org");
    let read = maja.read("Welcome! https://example.org");
    assert_eq!(read[0]["mine"], false);
    let id = read[0]["id"].as_u64().unwrap();
    maja.say(&format!("reply {id} Thank you"));
    maja.say(&format!("like {id} heart"));
    let read = karin.read("Thank you");
    assert_eq!(read[1]["replyTo"], id);
    karin.chat("a heart", |chat| chat[0]["reactions"][0]["count"] == 1);
    karin.view("unread", |view| view["unread"] == 1);
    karin.say("read");
    karin.view("read", |view| view["unread"] == 0);

    maja.say("hand up");
    karin.view("a hand", |view| view["participants"][0]["hand"] == 1);
    maja.say("react coffee");
    karin.view("a reaction", |view| view["participants"][0]["reaction"] == "coffee");
    maja.say("name Maja Sund");
    karin.view("another name", |view| in_room(view, "Maja Sund"));

    karin.say("mute Maja_Sund");
    assert_eq!(maja.notified("muted")["by"], "Karin");
    karin.view("silence", |view| view["participants"][0]["microphoneOn"] == false);
    karin.say("ask Maja_Sund microphone");
    let asked = maja.view("asked", |view| view["ask"]["what"] == "microphone");
    assert_eq!(asked["me"]["microphone"]["wanted"], false, "only asked");
    maja.say("mic on");
    karin.view("sound", |view| view["participants"][0]["microphoneOn"] == true);
    karin.say("stop-camera Maja_Sund");
    maja.view("no camera", |view| view["me"]["camera"]["wanted"] == false);
    karin.say("spotlight Maja_Sund");
    maja.view("large for all", |view| view["room"]["spotlight"] == "me");

    karin.say("lock");
    maja.view("locked", |view| view["room"]["locked"] == true);
    let locked = cli::command().args(["room", "sit", &meeting.link]).args(NO_MEDIA).args(right).output().unwrap();
    assert_eq!(locked.status.code(), Some(3));
    karin.say("unlock");
    karin.say("remove Maja_Sund");
    karin.view("alone", |view| names(view).is_empty());
    assert_eq!(maja.ended(), Some(3), "put out");

    karin.say("leave");
    assert_eq!(karin.ended(), Some(0));
    server.stop();
}

#[test]
fn the_meeting_is_handed_over_and_ends_for_all() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let meeting = Room::open(&server, &[]);
    let mut karin = Seat::take(&meeting.link, "Karin", &NO_MEDIA, &["--host-key", &meeting.key]);
    karin.view("host", |view| view["room"]["isHost"] == true);
    let mut lars = Seat::take(&meeting.link, "Lars", &NO_MEDIA, &[]);
    karin.view("Lars", |view| in_room(view, "Lars"));
    let mut noor = Seat::take(&meeting.link, "Noor", &NO_MEDIA, &[]);
    karin.view("Noor", |view| in_room(view, "Noor"));
    karin.say("co-host Noor");
    assert_eq!(noor.notified("roleChanged")["role"], "coHost");

    karin.say("tell Lars between us");
    assert_eq!(lars.read("between us")[0]["to"]["id"], "me");
    karin.say("wait Lars");
    lars.phase("waiting");
    noor.view("a knock", |view| view["room"]["waiting"][0]["name"] == "Lars");
    noor.say("admit Lars");
    let chat = lars.phase("inCall");
    assert_eq!(chat["unread"], 0);

    karin.say("leave");
    assert_eq!(karin.ended(), Some(0));
    assert_eq!(noor.notified("roleChanged")["role"], "host", "a co-host before who is here longer");
    lars.say("end");
    lars.notified("notDone");
    noor.say("end");
    assert_eq!((noor.ended(), lars.ended()), (Some(0), Some(0)));
    let over = cli::command().args(["join", &meeting.link]).args(NO_MEDIA).output().unwrap();
    assert_eq!(over.status.code(), Some(3), "the room is no more");
    server.stop();
}

#[test]
fn the_owner_needs_no_seat_and_invites_outlive_the_server() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let meeting = Room::open(&server, &["--preset", "interview", "--until", "2h"]);
    let made = json(&meeting.ask("invite", &["--label", "Maja", "--single-use"]));
    let invite = text(&made["link"]);
    let bare = cli::command().args(["join", &meeting.link]).args(NO_MEDIA).output().unwrap();
    assert_eq!(bare.status.code(), Some(3), "the link alone opens nothing");

    let mut maja = Seat::take(&invite, "Maja", &NO_MEDIA, &[]);
    maja.phase("waiting");
    let shown = meeting.show();
    assert_eq!((&shown["waiting"][0]["name"], &shown["waiting"][0]["label"]), (&"Maja".into(), &"Maja".into()));
    assert_eq!(meeting.ask("admit", &["nobody"]).status.code(), Some(3));
    json(&meeting.ask("admit", &["Maja"]));
    maja.phase("inCall");
    for (command, more) in [
        ("mute", vec!["--all"]),
        ("ask", vec!["Maja", "camera"]),
        ("stop-camera", vec!["Maja"]),
        ("spotlight", vec!["Maja"]),
        ("spotlight", vec![]),
        ("lower-hand", vec!["Maja"]),
        ("co-host", vec!["Maja"]),
        ("co-host", vec!["Maja", "--off"]),
        ("lock", vec![]),
        ("unlock", vec![]),
        ("waiting-room", vec!["on"]),
        ("wait", vec!["Maja"]),
        ("deny", vec!["Maja"]),
    ] {
        let shown = json(&meeting.ask(command, &more));
        assert!(shown["state"]["locked"].is_boolean(), "{command}: {shown}");
    }
    assert_eq!(maja.ended(), Some(3), "not let in");
    let second = json(&meeting.ask("invite", &["--label", "Tom"]));
    server.stop();

    // Where it was, with everything that was made.
    let server = Server::start(data.path(), &[]);
    let elsewhere = |link: &str| {
        let (_, rest) = link.split_once("/j/").unwrap();
        format!("{}j/{rest}", server.address)
    };
    let link = elsewhere(&meeting.link);
    let meeting = meeting.moved(link);
    let used_up = cli::command().args(["join", &elsewhere(&invite)]).args(NO_MEDIA).output().unwrap();
    assert_eq!(used_up.status.code(), Some(3));
    let invites = json(&meeting.ask("invites", &[]));
    assert_eq!((&invites["invites"][0]["used"], &invites["invites"][1]["label"]), (&1.into(), &"Tom".into()));
    let mut tom = Seat::take(&elsewhere(&text(&second["link"])), "Tom", &NO_MEDIA, &[]);
    tom.phase("waiting");
    let revoked = json(&meeting.ask("revoke", &[second["invite"]["id"].as_str().unwrap()]));
    assert_eq!(revoked["invites"][1]["revoked"], true);
    json(&meeting.ask("admit", &["--all"]));
    tom.phase("inCall");
    json(&meeting.ask("end", &[]));
    assert_eq!(tom.ended(), Some(0));
    server.stop();
}

#[test]
fn a_server_that_stops_lets_people_finish() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--metrics", "127.0.0.1:0", "--drain", "600"]);
    let meeting = Room::open(&server, &[]);
    let mut karin = Seat::take(&meeting.link, "Karin", &NO_MEDIA, &["--host-key", &meeting.key]);
    karin.phase("inCall");
    let health = format!("{}healthz", server.address);
    let status = || match ureq::get(&health).call() {
        Ok(answer) => answer.status().as_u16(),
        Err(ureq::Error::StatusCode(code)) => code,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(status(), 200);
    server.program.interrupt();
    while status() != 503 {
        std::thread::yield_now();
    }
    let late = cli::command().args(["join", &meeting.link]).args(NO_MEDIA).output().unwrap();
    assert_eq!(late.status.code(), Some(3), "nobody new comes in");
    karin.say("chat still here");
    karin.read("still here");
    karin.say("leave");
    assert_eq!(karin.ended(), Some(0));
    assert_eq!(server.program.code(), Some(0));
}

#[test]
fn a_meeting_outlives_its_server() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let meeting = Room::open(&server, &[]);
    let mut karin = Seat::take(&meeting.link, "Karin", &NO_MEDIA, &["--host-key", &meeting.key]);
    karin.view("host", |view| view["room"]["isHost"] == true);
    let mut maja = Seat::take(&meeting.link, "Maja", &NO_MEDIA, &[]);
    let before = karin.view("connected", |view| in_room(view, "Maja") && view["connection"] == "connected");
    karin.say("co-host Maja");
    maja.view("co-host", |view| view["me"]["role"] == "coHost");
    maja.say("hand up");
    maja.say("chat before");
    karin.read("before");

    // Killed, and started again with nothing of this room: the owner's program opens it anew.
    let port = server.socket().port();
    server.program.kill();
    drop(server);
    let server = Server::at(data.path(), port);
    maja.say("chat after");
    maja.until_sent(2);
    karin.read("after");
    let view = karin.view("as before", |view| in_room(view, "Maja"));
    let same = |view: &serde_json::Value| view["participants"][0]["id"].clone();
    assert_eq!((names(&view), same(&view)), (vec!["Maja".to_owned()], same(&before)), "the same seat");
    assert_eq!(view["connection"], "connected", "sound and picture never noticed");
    assert_eq!((&view["room"]["isHost"], &view["participants"][0]["hand"]), (&true.into(), &1.into()));
    assert_eq!(view["participants"][0]["role"], "coHost");

    let mut noor = Seat::take(&meeting.link, "Noor", &NO_MEDIA, &[]);
    noor.phase("waiting");
    maja.view("a knock", |view| view["room"]["waiting"][0]["name"] == "Noor");
    maja.say("admit Noor");
    noor.phase("inCall");
    karin.view("all", |view| in_room(view, "Noor"));
    karin.say("end");
    assert_eq!((karin.ended(), maja.ended(), noor.ended()), (Some(0), Some(0), Some(0)));
    server.stop();
}
