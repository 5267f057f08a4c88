//! What the programs write into their logs in a whole call, at `debug` and above: nothing of the link, of names, of addresses or of what
//! is negotiated.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use fika_call::invite::Invite;
use fika_tests::cli::{self, Running};
use fika_tests::program;
use fika_tests::rooms::{Room, text};
use serde_json::Value;

const MEDIA: [&str; 8] = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "160x120@5"];
/// All crates of ours; those of WebRTC are switched off in every program of ours.
const LEVELS: &str = "fika=debug,fika_app=debug,fika_call=debug,fika_cli=debug,fika_devices=debug,fika_engine=debug,\
    fika_media=debug,fika_net=debug,fika_rtp=debug,fika_server=debug";

fn logged(command: &mut Command, log: &Path) -> Running {
    command.env("FIKA_LOG", LEVELS).env("NO_COLOR", "1").stdin(Stdio::piped()).stderr(File::create(log).unwrap());
    Running::start(command)
}

fn sit(link: &str, name: &str, log: &Path) -> Running {
    logged(cli::command().args(["room", "sit", link, "--json", "--name", name]).args(MEDIA), log)
}

fn view(program: &mut Running, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let line = program.line();
        assert!(!line.is_empty(), "the program ended");
        let told: Value = serde_json::from_str(&line).unwrap();
        if wanted(&told["view"]) {
            return told["view"].clone();
        }
    }
}

#[test]
fn a_call_leaves_nothing_of_itself_in_the_logs() {
    let folder = tempfile::tempdir().unwrap();
    let log = |name: &str| folder.path().join(name);
    let mut server = Command::new(program::path("fika-server", "fika-server").unwrap());
    server.args(["--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    let mut server = logged(&mut server, &log("server.log"));
    let room = Room::open_at(&server.line(), &["--passcode", "Geheimwort"]);
    let invite = Invite::parse(&room.link).unwrap();

    let enter = ["--passcode", "Geheimwort"];
    let mut command = cli::command();
    command.args(["room", "sit", &room.link, "--json", "--name", "Amalthea"]).args(MEDIA).args(enter);
    let mut amalthea = logged(&mut command, &log("amalthea.log"));
    view(&mut amalthea, |view| view["phase"] == "inCall");
    let mut command = cli::command();
    command.args(["room", "sit", &room.link, "--json", "--name", "Balthasar"]).args(MEDIA).args(enter);
    let mut balthasar = logged(&mut command, &log("balthasar.log"));
    // One without the right link is distrusted, which is worth a line.
    let mut other = invite.clone();
    other.secret = fika_call::invite::Secret::from_bytes([9; 16]);
    let seen = view(&mut amalthea, |view| {
        let person = &view["participants"][0];
        person["connection"] == "connected" && person["hasVideo"] == true && person["words"].is_array()
    });
    let id = text(&seen["me"]["id"]);
    balthasar.say("chat Verschwiegenes");
    amalthea.say("same Balthasar");
    view(&mut amalthea, |view| view["participants"][0]["trust"] == "verified" && view["unread"] == 1);
    let mut stranger = sit(&other.link(), "Casimir", &log("casimir.log"));
    view(&mut stranger, |view| view["phase"] == "ended" || view["problem"] == "untrusted");
    for program in [&mut stranger, &mut balthasar, &mut amalthea] {
        program.say("leave");
        program.ignore();
        program.end();
    }
    server.interrupt();
    server.ignore();
    server.end();

    let secret = room.link.split_once('#').unwrap().1.to_owned();
    let hidden = [
        secret.as_str(),
        invite.room.0.as_str(),
        room.key.as_str(),
        id.as_str(),
        "Amalthea",
        "Balthasar",
        "Casimir",
        "Geheimwort",
        "Verschwiegenes",
        "a=fingerprint",
        "a=ice-ufrag",
        "candidate:",
        "127.0.0.1",
        "v=0",
    ];
    let mut lines = 0;
    for name in ["server.log", "amalthea.log", "balthasar.log", "casimir.log"] {
        let log = std::fs::read_to_string(log(name)).unwrap();
        for line in log.lines() {
            lines += 1;
            for word in hidden {
                assert!(!line.contains(word), "{name} says {word}: {line}");
            }
        }
    }
    assert!(lines > 3, "nothing was logged at all");
}
