//! Calls that ring, end to end: `fika-server`, `fika-cli listen` and `fika-cli ring` as programs on this machine.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fika_call::identity::Identity;
use fika_call::signal::ClientMessage;
use fika_tests::cli::{self, NO_MEDIA, Running};
use fika_tests::redis::Redis;
use fika_tests::rooms::Server;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

/// A key in a file, as `--identity` has it.
fn key(folder: &Path, seed: u8) -> (PathBuf, String) {
    use std::io::Write as _;
    let path = folder.join(format!("key-{seed}"));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    file.write_all(&[seed; 32]).unwrap();
    (path, Identity::from_seed(&[seed; 32], true).public().to_string())
}

struct Bed {
    server: Server,
    asa: (PathBuf, String),
    amir: (PathBuf, String),
    data: tempfile::TempDir,
}

impl Bed {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path(), &[]);
        Self { server, asa: key(data.path(), 1), amir: key(data.path(), 2), data }
    }

    fn program(&self, words: &[&str], identity: &Path) -> Command {
        program(words, &self.server.address, identity)
    }

    /// Amir waits for a call, and knows Åsa.
    fn listen(&self, more: &[&str]) -> Running {
        let contact = format!("{}=Åsa at work", self.asa.1);
        let mut command = self.program(&["listen", "--contact", &contact], &self.amir.0);
        let mut listening = Running::start(command.args(more));
        assert_eq!(listening.object(), json!({ "event": "listening", "key": self.amir.1 }));
        listening
    }

    /// Åsa calls Amir.
    fn ring(&self, more: &[&str]) -> Running {
        Running::start(self.program(&["ring", &self.amir.1, "--name", "Åsa"], &self.asa.0).args(more))
    }
}

fn program(words: &[&str], server: &str, identity: &Path) -> Command {
    let mut command = cli::command();
    command.args(words).args(["--json", "--bind", "127.0.0.1:0", "--server", server]);
    command.arg("--identity").arg(identity).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// What it says until its end, without the calling that it begins with.
fn events(program: &mut Running) -> Vec<Value> {
    program.objects().into_iter().filter(|event| event["event"] != "calling").collect()
}

#[test]
fn a_call_rings_is_answered_and_they_see_and_hear_each_other() {
    let bed = Bed::start();
    let media = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "320x180@15"];
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard.wav");
    let mut amir = bed.listen(&[&media[..], &["--duration", "3", "--record-audio", heard.to_str().unwrap()]].concat());
    let mut asa = bed.ring(&media);
    assert_eq!(
        amir.object(),
        json!({ "event": "ringing", "from": bed.asa.1, "name": "Åsa at work", "contact": true, "video": true })
    );
    assert_eq!(amir.object(), json!({ "event": "joined" }));
    let said = std::iter::from_fn(|| Some(asa.object())).find(|event| event["event"] == "answered");
    assert!(said.is_some());
    assert_eq!(amir.code(), Some(0));
    assert!(cli::loudest(&heard) > 0.1, "Åsa was heard");
    asa.interrupt();
    assert_eq!(asa.code(), Some(0));
}

#[test]
fn a_call_is_declined_with_a_word_or_goes_by_unheard() {
    let bed = Bed::start();
    let mut amir = bed.listen(&[&NO_MEDIA[..], &["--decline", "I will call you back."]].concat());
    let mut asa = bed.ring(&NO_MEDIA);
    let declined = json!({ "event": "declined", "message": "I will call you back." });
    let said = events(&mut asa);
    assert_eq!(said.last(), Some(&declined), "{said:?}");
    assert_eq!(asa.code(), Some(3));
    assert_eq!(amir.object()["event"], "ringing");
    assert_eq!(amir.object(), json!({ "event": "declined" }));
    assert_eq!(amir.code(), Some(0));

    // Taken back while it rings.
    let mut amir = bed.listen(&[&NO_MEDIA[..], &["--ignore"]].concat());
    let mut asa = bed.ring(&NO_MEDIA);
    assert_eq!(amir.object()["video"], false, "with sound alone");
    while asa.object()["event"] != "ringing" {}
    asa.interrupt();
    assert_eq!(amir.object(), json!({ "event": "missed", "from": bed.asa.1, "name": "Åsa at work", "video": false }));
    assert_eq!((amir.code(), asa.code()), (Some(0), Some(0)));
}

#[test]
fn who_is_not_there_or_wants_no_strangers_cannot_be_called() {
    let bed = Bed::start();
    let mut asa = bed.ring(&NO_MEDIA);
    assert_eq!(events(&mut asa), [json!({ "event": "unreachable" })]);
    assert_eq!(asa.code(), Some(3));

    // A stranger learns nothing, and Amir does not either.
    let mut amir = bed.listen(&[&NO_MEDIA[..], &["--contacts-only", "--ignore"]].concat());
    let (stranger, _) = key(bed.data.path(), 3);
    let mut unheard = Running::start(bed.program(&["ring", &bed.amir.1], &stranger).args(NO_MEDIA));
    assert_eq!(unheard.object(), json!({ "event": "calling" }));
    let asa = bed.ring(&NO_MEDIA);
    assert_eq!(amir.object()["from"], bed.asa.1, "the first that rings is the contact");
    unheard.interrupt();
    assert_eq!(events(&mut unheard), Vec::<Value>::new());
    asa.interrupt();
    assert_eq!(amir.object()["event"], "missed");
}

#[test]
fn whoever_is_in_a_call_is_busy() {
    let bed = Bed::start();
    let mut amir = bed.listen(&NO_MEDIA);
    let mut first = bed.ring(&NO_MEDIA);
    while first.object()["event"] != "answered" {}
    assert_eq!(amir.object()["event"], "ringing");
    assert_eq!(amir.object()["event"], "joined");
    let mut second = bed.ring(&NO_MEDIA);
    assert_eq!(events(&mut second), [json!({ "event": "busy" })]);
    assert_eq!(second.code(), Some(3));
    first.interrupt();
    amir.interrupt();
    assert_eq!((first.code(), amir.code()), (Some(0), Some(0)));
}

/// Waits for a call, shows these contacts that it can, and is there.
fn shows(server: &Server, (identity, own): &(PathBuf, String), contacts: &[(&str, &str)], more: &[&str]) -> Running {
    let mut command = program(&["listen"], &server.address, identity);
    for (key, name) in contacts {
        command.args(["--contact", &format!("{key}={name}")]);
    }
    let mut listening = Running::start(command.args(NO_MEDIA).args(more));
    assert_eq!(listening.object(), json!({ "event": "listening", "key": own }));
    listening
}

fn presence(key: &str, name: &str, here: bool) -> Value {
    json!({ "event": "presence", "key": key, "name": name, "here": here })
}

/// It is stopped, and has said nothing more.
fn silent(mut program: Running) {
    program.interrupt();
    assert_eq!(program.objects(), Vec::<Value>::new());
    assert_eq!(program.code(), Some(0));
}

#[test]
fn contacts_who_both_wish_it_see_that_they_can_be_called() {
    let Bed { server, asa, amir, data } = Bed::start();
    let (maja, noor) = (key(data.path(), 3), key(data.path(), 4));
    let on = ["--presence"];
    // Maja has not switched it on; Noor is nobody's contact.
    let quiet = shows(&server, &maja, &[(&asa.1, "Åsa"), (&amir.1, "Amir")], &[]);
    let stranger = shows(&server, &noor, &[(&asa.1, "Åsa"), (&amir.1, "Amir")], &on);
    let mut his = shows(&server, &amir, &[(&asa.1, "Åsa"), (&maja.1, "Maja")], &on);
    let mut hers = shows(&server, &asa, &[(&amir.1, "Amir"), (&maja.1, "Maja")], &on);
    assert_eq!(hers.object(), presence(&amir.1, "Amir", true));
    assert_eq!(his.object(), presence(&asa.1, "Åsa", true));
    silent(hers);
    assert_eq!(his.object(), presence(&asa.1, "Åsa", false));
    let mut hers = shows(&server, &asa, &[(&amir.1, "Amir")], &on);
    assert_eq!((hers.object(), his.object()), (presence(&amir.1, "Amir", true), presence(&asa.1, "Åsa", true)));
    his.kill();
    assert_eq!(hers.object(), presence(&amir.1, "Amir", false));
    [hers, quiet, stranger].into_iter().for_each(silent);
}

#[test]
fn contacts_at_two_instances_of_one_server_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::start(folder.path()).unwrap();
    let (first, second) = (Server::beside(&redis, 0), Server::beside(&redis, 0));
    let (asa, amir) = (key(folder.path(), 1), key(folder.path(), 2));
    let mut hers = shows(&first, &asa, &[(&amir.1, "Amir")], &["--presence"]);
    let mut his = shows(&second, &amir, &[(&asa.1, "Åsa")], &["--presence"]);
    assert_eq!((hers.object(), his.object()), (presence(&amir.1, "Amir", true), presence(&asa.1, "Åsa", true)));
    his.kill();
    assert_eq!(hers.object(), presence(&amir.1, "Amir", false));
    silent(hers);
}

/// What the program says first when it can be called at a server that says so in these words.
fn first_word(listening: &str, more: &[&str]) -> ClientMessage {
    let folder = tempfile::tempdir().unwrap();
    let (asa, amir) = (key(folder.path(), 1), key(folder.path(), 2));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", server.local_addr().unwrap());
        let mut command = program(&["listen", "--contact", &format!("{}=Amir", amir.1)], &address, &asa.0);
        let _program = Running::start(command.args(NO_MEDIA).args(more));
        let (stream, _) = server.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let mut said = None;
        for answer in [r#"{"type":"challenge","nonce":"AAAA"}"#, listening, ""] {
            let text = socket.next().await.unwrap().unwrap().into_text().unwrap();
            said = Some(ClientMessage::parse(&text).unwrap());
            socket.send(Message::text(answer)).await.unwrap();
        }
        said.unwrap()
    })
}

#[test]
fn nothing_is_said_of_presence_while_it_is_off_or_to_a_server_that_does_not_know_it() {
    let (knows, older) = (r#"{"type":"listening","presence":true}"#, r#"{"type":"listening"}"#);
    let amir = Identity::from_seed(&[2; 32], true).public().to_string();
    assert_eq!(first_word(knows, &["--presence"]), ClientMessage::Show { keys: vec![amir] });
    assert_eq!(first_word(knows, &[]), ClientMessage::Ping);
    assert_eq!(first_word(older, &["--presence"]), ClientMessage::Ping);
}
