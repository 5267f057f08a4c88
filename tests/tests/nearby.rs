//! Calls that ring on a local network without any server: two `fika-cli` as programs, or one and the app, on a network of the test's own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use fika_call::identity::Identity;
use fika_call::ring::nearby::{self, GROUP};
use fika_tests::camera::Shim;
use fika_tests::cli::{self, NO_MEDIA, Running};
use fika_tests::display::Rect;
use fika_tests::look::until;
use fika_tests::manager::Manager;
use fika_tests::netns::{self, Cable};
use fika_tests::pair::{self, id};
use serde_json::{Value, json};
use socket2::{Domain, Protocol, Socket, Type};

/// Amir is at the left end, Åsa at the right one.
const LEFT: &str = "10.77.0.1";
const RIGHT: &str = "10.77.0.2";
const MEDIA: [&str; 8] = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "320x180@15"];
/// Said when everything else has been said.
const MARK: &[u8] = b"nothing that anybody understands";

/// A key in a file, as `--identity` has it.
fn key(folder: &Path, seed: u8) -> (PathBuf, Identity) {
    use std::io::Write as _;
    let path = folder.join(format!("key-{seed}"));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    file.write_all(&[seed; 32]).unwrap();
    (path, Identity::from_seed(&[seed; 32], true))
}

struct Bed {
    cable: Cable,
    asa: (PathBuf, Identity),
    amir: (PathBuf, Identity),
    data: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let cable = Cable::new(LEFT, RIGHT).unwrap();
        Self { cable, asa: key(data.path(), 1), amir: key(data.path(), 2), data }
    }

    /// Amir waits for a call, and knows Åsa.
    fn listen(&self, more: &[&str]) -> Running {
        let contact = format!("{}=Åsa at work", self.asa.1.public());
        let mut command = told(cli::command(), &["listen", "--contact", &contact], &self.amir.0);
        let mut listening = Running::start(command.args(more));
        assert_eq!(listening.object(), json!({ "event": "listening", "key": self.amir.1.public().to_string() }));
        listening
    }

    /// Whoever has this key calls Amir.
    fn ring(&self, from: &Path, more: &[&str]) -> Running {
        self.call(&self.amir.1, from, more)
    }

    fn call(&self, to: &Identity, from: &Path, more: &[&str]) -> Running {
        let program = cli::under(&self.cable.right());
        Running::start(told(program, &["ring", &to.public().to_string(), "--name", "Åsa"], from).args(more))
    }
}

fn told(mut command: Command, words: &[&str], identity: &Path) -> Command {
    command.args(words).arg("--json").arg("--identity").arg(identity).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// What it says until its end, without the calling that it begins with.
fn events(program: &mut Running) -> Vec<Value> {
    program.objects().into_iter().filter(|event| event["event"] != "calling").collect()
}

/// Hears what is said on the network at one of its ends.
struct Ear(UdpSocket);

impl Ear {
    fn open(at: &str) -> anyhow::Result<Self> {
        let at: Ipv4Addr = at.parse()?;
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::V4(GROUP).into())?;
        socket.join_multicast_v4(GROUP.ip(), &at)?;
        socket.set_multicast_if_v4(&at)?;
        Ok(Self(socket.into()))
    }

    /// Everything up to the mark.
    fn heard(&self) -> Vec<(Vec<u8>, SocketAddr)> {
        let mut packet = [0; nearby::MAX_PACKET];
        std::iter::from_fn(|| {
            let (length, from) = self.0.recv_from(&mut packet).unwrap();
            Some((packet[..length].to_vec(), from)).filter(|(packet, _)| packet != MARK)
        })
        .collect()
    }

    fn mark(&self) -> io::Result<()> {
        self.0.send_to(MARK, SocketAddr::V4(GROUP)).map(drop)
    }
}

fn has(packet: &[u8], what: &[u8]) -> bool {
    packet.windows(what.len()).any(|part| part == what)
}

#[test]
fn two_find_each_other_without_a_server_and_talk() {
    netns::run("two_find_each_other_without_a_server_and_talk", || {
        let bed = Bed::new();
        let ear = bed.cable.within(|| Ear::open(RIGHT)).unwrap();
        let today = nearby::day(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
        let heard = bed.data.path().join("heard.wav");
        let own = ["--lan", "--duration", "3", "--record-audio", heard.to_str().unwrap()];
        let mut amir = bed.listen(&[&MEDIA[..], &own].concat());

        // Somebody else's key is not found here, though Amir is.
        let (stranger, _) = key(bed.data.path(), 3);
        let (_, elsewhere) = key(bed.data.path(), 4);
        let mut vain = bed.call(&elsewhere, &stranger, &[&NO_MEDIA[..], &["--lan"]].concat());
        assert_eq!(events(&mut vain), [json!({ "event": "unreachable" })]);
        assert_eq!(vain.code(), Some(3));

        let mut asa = bed.ring(&bed.asa.0, &[&MEDIA[..], &["--lan"]].concat());
        let from = bed.asa.1.public().to_string();
        let rings = json!({ "event": "ringing", "from": from, "name": "Åsa at work", "contact": true, "video": true });
        assert_eq!(amir.object(), rings);
        assert_eq!(amir.object(), json!({ "event": "joined" }));
        while asa.object()["event"] != "answered" {}
        assert_eq!(amir.code(), Some(0));
        assert!(cli::loudest(&heard) > 0.1, "Åsa was heard");
        asa.interrupt();
        assert_eq!(asa.code(), Some(0));

        // What the network has heard names Amir by a name of the day.
        ear.mark().unwrap();
        let left: Ipv4Addr = LEFT.parse().unwrap();
        let said: Vec<Vec<u8>> =
            ear.heard().into_iter().filter(|(_, from)| from.ip() == left).map(|(packet, _)| packet).collect();
        let said: Vec<&Vec<u8>> = said.iter().filter(|packet| has(packet, b"\x05_fika\x04_tcp")).collect();
        let tomorrow = today + 1;
        let names = [today, tomorrow].map(|day| nearby::name(&bed.amir.1.public(), day));
        // Who looks asks for everybody.
        let answers: Vec<_> = said.iter().filter(|packet| packet[2] & 0x80 != 0).collect();
        assert!(answers.len() >= 2, "it was told, and taken back");
        assert!(answers.iter().all(|packet| names.iter().any(|name| has(packet, name.as_bytes()))));
        let key = bed.amir.1.public();
        assert!(said.iter().all(|packet| !has(packet, &key.0) && !has(packet, key.to_string().as_bytes())));
        assert!(!said.iter().any(|packet| has(packet, "fika-cli".as_bytes())), "nor the name of a program or computer");
    });
}

#[test]
fn strangers_do_not_ring_on_the_network_and_nobody_listens_in_anothers_place() {
    netns::run("strangers_do_not_ring_on_the_network_and_nobody_listens_in_anothers_place", || {
        let bed = Bed::new();
        let ear = bed.cable.within(|| Ear::open(RIGHT)).unwrap();
        let mut amir = bed.listen(&[&NO_MEDIA[..], &["--lan", "--ignore"]].concat());
        let (stranger, _) = key(bed.data.path(), 3);
        let mut unheard = bed.ring(&stranger, &[&NO_MEDIA[..], &["--lan"]].concat());
        assert_eq!(unheard.object(), json!({ "event": "calling" }));

        // His server takes calls for him, and for nobody else: another program there is refused.
        let place = port(&ear);
        let (path, _) = key(bed.data.path(), 5);
        let server = format!("http://{place}/");
        let mut other = told(cli::under(&bed.cable.right()), &["listen", "--server", &server], &path);
        let mut other = Running::start(other.args(NO_MEDIA));
        assert_eq!(other.line(), "", "it is told nothing");
        assert_eq!(other.code(), Some(5));

        let asa = bed.ring(&bed.asa.0, &[&NO_MEDIA[..], &["--lan"]].concat());
        assert_eq!(amir.object()["from"], bed.asa.1.public().to_string(), "the first that rings is the contact");
        unheard.interrupt();
        assert_eq!(events(&mut unheard), Vec::<Value>::new());
        asa.interrupt();
        assert_eq!(amir.object()["event"], "missed");
    });
}

/// Where Amir's server is, as the first answer that is heard says.
fn port(ear: &Ear) -> SocketAddrV4 {
    let mut packet = [0; nearby::MAX_PACKET];
    loop {
        let (length, _) = ear.0.recv_from(&mut packet).unwrap();
        // Of the record SRV, behind its type, class and time: the length, priority and weight, the port.
        let head = [0, 33, 0x80, 1, 0, 0, 0, 120];
        let found = packet[..length].windows(head.len()).position(|part| part == head);
        if let Some(at) = found {
            let at = at + head.len() + 6;
            return SocketAddrV4::new(LEFT.parse().unwrap(), u16::from_be_bytes([packet[at], packet[at + 1]]));
        }
    }
}

#[test]
fn switched_off_nothing_is_said_or_asked() {
    netns::run("switched_off_nothing_is_said_or_asked", || {
        let bed = Bed::new();
        let ears = [Ear::open(LEFT).unwrap(), bed.cable.within(|| Ear::open(RIGHT)).unwrap()];
        let mut server = Running::start(cli::command().args(["serve", "--listen", &format!("{LEFT}:0")]));
        let at = ["--server".to_owned(), server.line()];
        let at = at.each_ref().map(String::as_str);
        // No multicast DNS of media either.
        let quiet = |address: &str| ["--bind".to_owned(), format!("{address}:0")];
        let (left, right) = (quiet(LEFT), quiet(RIGHT));
        let (left, right) = (left.each_ref().map(String::as_str), right.each_ref().map(String::as_str));
        let mut amir = bed.listen(&[&NO_MEDIA[..], &at, &left, &["--decline"]].concat());
        let mut asa = bed.ring(&bed.asa.0, &[&NO_MEDIA[..], &at, &right].concat());
        assert_eq!(events(&mut asa).last(), Some(&json!({ "event": "declined" })));
        assert_eq!(amir.object()["event"], "ringing");
        assert_eq!((amir.code(), asa.code()), (Some(0), Some(3)));
        let mut alone = bed.ring(&bed.asa.0, &[&NO_MEDIA[..], &right].concat());
        assert_eq!(events(&mut alone), [json!({ "event": "unreachable" })], "and nobody is looked for");
        ears[0].mark().unwrap();
        for ear in &ears {
            assert_eq!(ear.heard(), []);
        }
    });
}

#[test]
fn beside_a_server_it_rings_once_whichever_way_it_comes() {
    netns::run("beside_a_server_it_rings_once_whichever_way_it_comes", || {
        let bed = Bed::new();
        let mut server = Running::start(cli::command().args(["serve", "--listen", &format!("{LEFT}:0")]));
        let at = ["--server".to_owned(), server.line()];
        let at = at.each_ref().map(String::as_str);
        let declines: [&[&str]; 3] = [&["--lan", at[0], at[1]], &at, &["--lan"]];
        for there in declines {
            let mut amir = bed.listen(&[&NO_MEDIA[..], there, &["--decline", "Later"]].concat());
            let mut asa = bed.ring(&bed.asa.0, &[&NO_MEDIA[..], &at, &["--lan"]].concat());
            let said = events(&mut asa);
            assert_eq!(said.last(), Some(&json!({ "event": "declined", "message": "Later" })), "{there:?}");
            assert!(said.len() <= 2, "{said:?}");
            let heard = events(&mut amir);
            let kinds: Vec<&str> = heard.iter().filter_map(|event| event["event"].as_str()).collect();
            assert_eq!(kinds, ["ringing", "declined"], "{there:?}");
            assert_eq!((amir.code(), asa.code()), (Some(0), Some(3)));
        }
        // The one way goes on when the other is let go.
        let mut amir = bed.listen(&[&NO_MEDIA[..], &at, &["--lan"]].concat());
        let mut asa = bed.ring(&bed.asa.0, &[&NO_MEDIA[..], &at, &["--lan"]].concat());
        while asa.object()["event"] != "answered" {}
        assert_eq!(amir.object()["event"], "ringing");
        assert_eq!(amir.object(), json!({ "event": "joined" }));
        asa.interrupt();
        amir.interrupt();
        assert_eq!((amir.code(), asa.code()), (Some(0), Some(0)));
    });
}

/// The next thing of this kind that a program tells.
fn event(program: &mut Running, kind: &str) -> Value {
    std::iter::from_fn(|| Some(program.object())).find(|event| event["event"] == kind).unwrap()
}

#[test]
fn the_app_calls_and_is_called_on_the_network() {
    netns::run("the_app_calls_and_is_called_on_the_network", || {
        let bed = Bed::new();
        let mut server = Running::start(cli::command().args(["serve", "--listen", &format!("{LEFT}:0")]));
        let server = server.line();
        let desk = pair::Bed::start(1280, 800, vec![0.0; 48_000]).expect("a bed");
        let _manager = Manager::start(&desk.display).expect("a window manager");
        let profile = desk.profile("amir");
        std::fs::create_dir_all(&profile).unwrap();
        // Not to be called at the server: it is here so that the app tells its key, which is for this run.
        let settings = json!({ "version": 1, "call": { "name": "Amir", "server": server, "nearby": true } });
        std::fs::write(profile.join("settings.json"), settings.to_string()).unwrap();
        let contacts = json!([{ "name": "Åsa at work", "key": bed.asa.1.public().to_string(), "verified": false }]);
        std::fs::write(profile.join("contacts.json"), contacts.to_string()).unwrap();
        let camera = Shim::new().expect("cameras").devices(&["Webcam"]);
        let window = Rect { left: 0, top: 0, width: 1100, height: 800 };
        let amir = desk.open("amir", &camera, window).expect("the app opens");
        let phone = |words: &[&str]| {
            let program = told(cli::under(&bed.cable.right()), words, &bed.asa.0);
            Running::start({ program }.args(NO_MEDIA))
        };

        let mut asa = phone(&["listen", "--server", &server, "--decline", "Later"]);
        event(&mut asa, "listening");
        amir.click(&id("call-contact")).expect("a contact");
        let own = event(&mut asa, "ringing")["from"].as_str().unwrap().to_owned();
        amir.until("document.querySelector('[data-outgoing=declined]')").expect("told");
        amir.click(&id("cancel-call")).expect("seen");
        amir.until("document.querySelector('[data-phase=home]')").expect("home again");

        // Found on the network alone.
        let contact = format!("{own}=Amir");
        let mut asa = phone(&["listen", "--lan", "--contact", &contact, "--decline", "Not now"]);
        event(&mut asa, "listening");
        amir.click(&id("call-contact")).expect("a contact");
        event(&mut asa, "ringing");
        amir.until("document.querySelector('[data-outgoing=declined]')").expect("told");
        assert_eq!(amir.text(&id("outgoing-message")).unwrap(), "Not now");
        amir.click(&id("cancel-call")).expect("seen");
        amir.until("document.querySelector('[data-phase=home]')").expect("home again");

        // And rung there.
        let before = desk.windows();
        let mut asa = phone(&["ring", &own, "--lan"]);
        event(&mut asa, "ringing");
        desk.appears(&before).expect("a window that rings");
        asa.interrupt();
        amir.until("document.querySelector('[data-testid=missed-call]')").expect("it is told");
        until("the window that rang is gone", || desk.windows().len() == before.len());

        // Switched off in the settings, nobody finds it.
        for control in ["settings", "settings-calls", "nearby"] {
            amir.click(&id(control)).expect(control);
        }
        amir.until("document.querySelector('[data-testid=nearby-reach][data-reach=off]')").expect("off");
        let mut asa = phone(&["ring", &own, "--lan"]);
        event(&mut asa, "unreachable");
    });
}
