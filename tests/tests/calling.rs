//! Calls that ring in the real app, with `fika-cli` at the other end: it calls, is declined and answered; it is called, and its
//! user answers in the window that rings, which takes nothing away from what they are doing.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Stdio};

use fika_call::identity::Identity;
use fika_tests::camera::Shim;
use fika_tests::cli::{self, NO_MEDIA, Running};
use fika_tests::display::Rect;
use fika_tests::look::until;
use fika_tests::manager::Manager;
use fika_tests::pair::{self, Bed, id};
use fika_tests::rooms::Server;
use serde_json::{Value, json};

const WINDOW: Rect = Rect { left: 0, top: 0, width: 1100, height: 800 };
const MEDIA: [&str; 8] = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "320x180@15"];
/// The middle of Answer, from the corner of the window that rings (design/mock/ringing.html).
const ANSWER: (u32, u32) = (272, 160);

fn program(words: &[&str], server: &Server, key: &Path) -> Command {
    let mut command = cli::command();
    command.args(words).args(["--json", "--bind", "127.0.0.1:0", "--server", &server.address]);
    command.arg("--identity").arg(key).stdin(Stdio::null());
    command
}

/// The next thing of this kind that a program tells.
fn event(program: &mut Running, kind: &str) -> Value {
    loop {
        let line = program.line();
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{kind}: {error}: {line}"));
        if event["event"] == kind {
            return event;
        }
    }
}

#[test]
fn the_app_calls_and_is_called() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let key = data.path().join("asa.key");
    let asa = cli_key(&key);
    let bed = Bed::start(1280, 800, vec![0.0; 48_000]).expect("a bed");
    let _manager = Manager::start(&bed.display).expect("a window manager");
    let profile = bed.profile("amir");
    std::fs::create_dir_all(&profile).unwrap();
    let settings = json!({ "version": 1, "call": { "name": "Amir", "server": server.address, "reachable": true } });
    std::fs::write(profile.join("settings.json"), settings.to_string()).unwrap();
    let contacts = json!([{ "name": "Åsa at work", "key": asa, "verified": false }]);
    std::fs::write(profile.join("contacts.json"), contacts.to_string()).unwrap();
    let camera = Shim::new().expect("cameras").devices(&["Webcam"]);
    let amir = bed.open("amir", &camera, WINDOW).expect("the app opens");

    // Declined, with a word.
    let mut phone = Running::start(program(&["listen", "--decline", "Later"], &server, &key).args(NO_MEDIA));
    event(&mut phone, "listening");
    amir.click(&id("call-contact")).expect("a contact");
    let rings = event(&mut phone, "ringing");
    assert_eq!((rings["name"].as_str(), rings["contact"].as_bool()), (Some("Amir"), Some(false)));
    let own = rings["from"].as_str().unwrap().to_owned();
    amir.until("document.querySelector('[data-outgoing=declined]')").expect("told");
    assert_eq!(amir.text(&id("outgoing-message")).unwrap(), "Later");
    amir.click(&id("cancel-call")).expect("seen");
    amir.until("document.querySelector('[data-phase=home]')").expect("home again");

    // Answered.
    let contact = format!("{own}=Amir");
    let mut phone = Running::start(program(&["listen", "--contact", &contact], &server, &key).args(MEDIA));
    event(&mut phone, "listening");
    amir.click(&id("call-contact")).expect("a contact");
    event(&mut phone, "joined");
    pair::sees_other(&amir).expect("a picture");
    phone.interrupt();
    assert_eq!(phone.code(), Some(0));
    amir.until("document.querySelectorAll('[data-tile]:not([data-tile^=\"me/\"])').length === 0").expect("alone");
    amir.click(&id("leave")).expect("leave");
    amir.until("document.querySelector('[data-phase=ended]')").expect("over");
    amir.click(&id("go-home")).expect("home");
    amir.until("document.querySelector('[data-phase=home]')").expect("home");

    // Called: a window rings that takes no focus, and nothing is opened before Answer.
    let before = bed.windows();
    bed.raise(0, WINDOW).expect("the main window");
    amir.until("document.hasFocus()").expect("it has the keyboard");
    let mut phone = Running::start(program(&["ring", &own, "--name", "Åsa"], &server, &key).args(MEDIA));
    event(&mut phone, "ringing");
    let ringing = bed.appears(&before).expect("a window that rings");
    let place = Rect { left: 1280 - 24 - 360, top: 24, width: 360, height: 200 };
    until("it stands in the corner", || bed.geometry(ringing).is_ok_and(|now| now == place));
    let button = Rect { left: place.left + ANSWER.0 - 50, top: place.top + ANSWER.1 - 12, width: 100, height: 24 };
    until("its buttons are painted", || bed.display.pixels(button).is_ok_and(|pixels| colours(&pixels) > 10));
    if let Some(path) = std::env::var_os("FIKA_SCREENSHOT") {
        bed.display.screenshot(path.as_ref()).expect("a picture of the screen");
    }
    let at_home = "document.hasFocus() && document.querySelector('[data-phase=home]') !== null";
    assert_eq!(amir.evaluate(at_home).unwrap(), json!(true), "the user goes on with what they did");
    bed.point((place.left + ANSWER.0, place.top + ANSWER.1), true).expect("answer");
    event(&mut phone, "answered");
    pair::sees_other(&amir).expect("a picture");
    until("the window that rang is gone", || bed.windows().len() == before.len());
    phone.interrupt();
    assert_eq!(phone.code(), Some(0));

    // Missed.
    amir.click(&id("leave")).expect("leave");
    amir.until("document.querySelector('[data-phase=ended]')").expect("over");
    amir.click(&id("go-home")).expect("home");
    let mut phone = Running::start(program(&["ring", &own], &server, &key).args(NO_MEDIA));
    event(&mut phone, "ringing");
    phone.interrupt();
    amir.until("document.querySelector('[data-testid=missed-call]')").expect("it is told");
    assert!(amir.text(&id("missed-call")).unwrap().contains("Åsa at work"));

    // Closed while it rings: nothing is left that could answer.
    let before = bed.windows();
    let mut phone = Running::start(program(&["ring", &own], &server, &key).args(NO_MEDIA));
    event(&mut phone, "ringing");
    bed.appears(&before).expect("a window that rings");
    bed.key(0, "alt+F4").expect("the main window is closed");
    event(&mut phone, "unreachable");
    until("both windows are gone", || bed.windows().is_empty());
}

fn colours(pixels: &[u8]) -> usize {
    pixels.chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect::<std::collections::BTreeSet<_>>().len()
}

/// A key in a file, as `--identity` has it.
fn cli_key(path: &Path) -> String {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(&[1; 32]).unwrap();
    Identity::from_seed(&[1; 32], true).public().to_string()
}
