//! Scripts in a meeting: each command of `fika-cli room` that takes a seat for one thing, as a program beside people who stay.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output, Stdio};

use fika_tests::cli::{self, NO_MEDIA, Running};
use fika_tests::rooms::{Room, Seat, Server, in_room, json, text};
use serde_json::{Value, json};

fn visit(command: &str, link: &str, more: &[&str]) -> Command {
    let mut program = cli::command();
    program.args(["room", command, link, "--json"]).args(more).stdin(Stdio::null());
    program
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The next object that a program prints.
fn next(program: &mut Running) -> Value {
    let line = program.line();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn a_script_talks_answers_reacts_and_reads() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let meeting = Room::open(&server, &["--waiting-room", "--passcode", "1234"]);
    let mut karin = Seat::take(&meeting.link, "Karin", &NO_MEDIA, &["--host-key", &meeting.key]);
    karin.view("host", |view| view["room"]["isHost"] == true);

    // Past passcode and waiting room.
    let wrong = visit("chat", &meeting.link, &["Hej"]).output().unwrap();
    assert_eq!(said(&wrong).0, Some(3), "no passcode: {}", said(&wrong).1);
    let right = ["--passcode", "1234", "--name", "Build"];
    let spoken =
        visit("chat", &meeting.link, &["The build is done"]).args(right).stdout(Stdio::piped()).spawn().unwrap();
    karin.view("a knock", |view| view["room"]["waiting"][0]["name"] == "Build");
    karin.say("admit Build");
    let message = json(&spoken.wait_with_output().unwrap())["message"].take();
    assert_eq!((message["text"].as_str(), message["state"].as_str()), (Some("The build is done"), Some("sent")));
    karin.read("The build is done");
    karin.say("waiting-room off");
    karin.view("open", |view| view["room"]["waitingRoom"] == false && !in_room(view, "Build"));

    // To one, to a message, with a reaction; what the room remembers is to everybody.
    let id = message["id"].as_u64().unwrap().to_string();
    let private = json(&visit("chat", &meeting.link, &["psst", "--to", "Karin"]).args(right).output().unwrap());
    assert_eq!(private["message"]["to"]["name"], "Karin");
    let reply = ["and it is green", "--reply-to", &id];
    assert_eq!(
        json(&visit("chat", &meeting.link, &reply).args(right).output().unwrap())["message"]["replyTo"],
        message["id"]
    );
    let chat = karin.read("and it is green");
    let psst = chat.as_array().unwrap().iter().find(|each| each["text"] == "psst").unwrap();
    assert_eq!(psst["to"]["id"], "me");
    let liked = json(&visit("react", &meeting.link, &["celebrate", "--message", &id]).args(right).output().unwrap());
    assert_eq!(liked, json!({ "reaction": "celebrate", "message": message["id"] }));
    karin.chat("a reaction", |chat| chat[0]["reactions"][0]["count"] == 1);
    let remembered = json(&visit("messages", &meeting.link, &right).output().unwrap());
    let texts: Vec<String> = remembered["chat"].as_array().unwrap().iter().map(|each| text(&each["text"])).collect();
    assert_eq!(texts, ["The build is done", "and it is green"]);
    let coffee = json(&visit("react", &meeting.link, &["coffee"]).args(right).output().unwrap());
    assert_eq!(coffee, json!({ "reaction": "coffee" }));

    // What does not come about.
    for (command, more) in [
        ("chat", vec!["Hej", "--to", "Bo"]),
        ("react", vec!["heart", "--message", "99"]),
        ("send-file", vec!["/nowhere/at/all.pdf"]),
    ] {
        let output = visit(command, &meeting.link, &more).args(right).output().unwrap();
        assert_eq!(said(&output).0, Some(3), "{command}: {}", said(&output).1);
    }
    for (command, more) in [("chat", vec![" "]), ("react", vec!["dance"])] {
        let output = visit(command, &meeting.link, &more).args(right).output().unwrap();
        assert_eq!(said(&output).0, Some(2), "{command}: {}", said(&output).1);
    }

    // A hand stays up until a host lowers it, in line with the others.
    let mut first = Running::start(&mut visit("hand", &meeting.link, &["--passcode", "1234", "--name", "One"]));
    assert_eq!(next(&mut first), json!({ "hand": 1 }));
    let mut second = Running::start(&mut visit("hand", &meeting.link, &["--passcode", "1234", "--name", "Two"]));
    assert_eq!(next(&mut second), json!({ "hand": 2 }));
    json(&meeting.ask("lower-hand", &["One"]));
    assert_eq!((next(&mut first), first.code()), (json!({ "hand": null }), Some(0)));
    assert_eq!(next(&mut second), json!({ "hand": 1 }));
    json(&meeting.ask("end", &[]));
    assert_eq!(second.code(), Some(3), "ended before it was lowered");
    assert_eq!(karin.ended(), Some(0));
    server.stop();
}

#[test]
fn scripts_hand_a_file_on() {
    let folder = tempfile::tempdir().unwrap();
    let [data, taken, refused] = ["data", "taken", "refused"].map(|name| folder.path().join(name));
    let report = folder.path().join("report.pdf");
    let content: Vec<u8> = (0..700_000_u32).map(|at| (at * 31 % 251) as u8).collect();
    std::fs::write(&report, &content).unwrap();
    let report = report.display().to_string();
    let server = Server::start(&data, &[]);
    let meeting = Room::open(&server, &[]);
    let alone = visit("send-file", &meeting.link, &[&report]).output().unwrap();
    assert_eq!(said(&alone).0, Some(3), "nobody is there: {}", said(&alone).1);

    // One script gives, another one takes.
    let folder_of = |folder: &std::path::Path| folder.display().to_string();
    let mut maja = Seat::take(&meeting.link, "Maja", &NO_MEDIA, &["--downloads", &folder_of(&refused)]);
    maja.phase("inCall");
    let taker = ["--name", "Archive", "--from", "Build_Bot", "--downloads", &folder_of(&taken)].map(str::to_owned);
    let mut taker = Running::start(visit("receive-file", &meeting.link, &[]).args(taker));
    maja.view("a taker", |view| in_room(view, "Archive"));
    let to = [&report, "--to", "Archive", "--name", "Build Bot"];
    let mut giver = Running::start(&mut visit("send-file", &meeting.link, &to));
    let (mut given, mut got) = (Value::Null, Value::Null);
    for (program, last) in [(&mut giver, &mut given), (&mut taker, &mut got)] {
        while last["files"][0]["state"] != "done" {
            *last = next(program);
        }
    }
    assert_eq!((giver.code(), taker.code()), (Some(0), Some(0)));
    assert_eq!((&given["files"][0]["done"], &got["files"][0]["savedAs"]), (&700_000.into(), &"report.pdf".into()));
    assert_eq!(std::fs::read(taken.join("report.pdf")).unwrap(), content);

    // For everybody, who is one and says no.
    maja.view("alone", |view| !in_room(view, "Archive") && !in_room(view, "Build Bot"));
    let giver =
        visit("send-file", &meeting.link, &[&report]).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let offered = maja.file("report.pdf", |file| file["state"] == "offered");
    maja.say(&format!("decline {}", offered["key"]));
    let output = giver.wait_with_output().unwrap();
    assert_eq!((said(&output).0, said(&output).1.contains("declined")), (Some(3), true), "{}", said(&output).1);
    assert!(!refused.exists());
    maja.say("leave");
    assert_eq!(maja.ended(), Some(0));
    server.stop();
}
