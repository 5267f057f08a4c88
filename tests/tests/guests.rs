//! Meetings with guests in browsers, as people have them: fika-server with TLS, hosts and others by `fika-cli`, a laptop and
//! a phone.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::path::Path;

use fika_tests::cli::NO_MEDIA;
use fika_tests::guest::{Guest, MY_PICTURE, NOTHING_IS_LEFT, THEIR_PICTURE, Way, shows};
use fika_tests::house::House;
use fika_tests::rooms::in_room;
use serde_json::{Value, json};

/// Statistics come once a second, and who was put out is in no more of them than this.
const GONE_WITHIN: usize = 5;

fn person<'a>(view: &'a Value, name: &str) -> &'a Value {
    let people = view["participants"].as_array().unwrap();
    people.iter().find(|person| person["name"] == name).unwrap_or(&Value::Null)
}

/// Lines of statistics that are there, and whether this participant is connected in them.
fn connected(stats: &Path, who: &str) -> Vec<bool> {
    let text = std::fs::read_to_string(stats).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.map(|line| line["connections"].as_array().unwrap().iter().any(|each| each["participant"] == who)).collect()
}

fn write_in_chat(guest: &mut Guest, text: &str) {
    guest.write("chat-input", text);
    guest.press("chat-send");
}

fn knock(guest: &mut Guest, name: &str, passcode: &str) {
    guest.introduce(name);
    guest.write("passcode", passcode);
    guest.press("join-now");
}

#[test]
fn a_host_meets_a_laptop_and_a_phone() {
    let house = House::open(&["--waiting-room", "--passcode", "1234"]);
    let stats = house.file("stats.jsonl");
    let stats_file = stats.display().to_string();
    let media = ["--camera", "test", "--microphone", "test", "--speaker", "none", "--video", "160x120@5"];
    let more = ["--host-key", &house.meeting.key, "--stats", &stats_file];
    let mut karin = house.seat("Karin", &media, &more);
    karin.view("host", |view| view["room"]["isHost"] == true);

    // The door.
    let mut maja = house.guest(Way::default());
    knock(&mut maja, "Maja", "4321");
    maja.until_ended("roomNotFound");
    maja.press("rejoin");
    knock(&mut maja, "Maja", "1234");
    maja.until_phase("waiting");
    maja.until("document.body.innerText.includes('Karin')");
    let mut tom = house.guest(Way { phone: true, ..Way::default() });
    knock(&mut tom, "Tom", "1234");
    tom.until_phase("waiting");
    karin.view("both wait", |view| view["room"]["waiting"].as_array().is_some_and(|waiting| waiting.len() == 2));
    karin.say("admit Maja");
    maja.until(THEIR_PICTURE);
    karin.say("deny Tom");
    tom.until_ended("denied");
    tom.until(NOTHING_IS_LEFT);
    karin.view("nobody waits", |view| view["room"]["waiting"].as_array().is_some_and(Vec::is_empty));
    tom.reload(&house.meeting.link);
    knock(&mut tom, "Tom", "1234");
    karin.view("a second knock", |view| view["room"]["waiting"][0]["name"] == "Tom");
    karin.say("admit Tom");
    tom.until(THEIR_PICTURE);
    let view = karin.view("all see each other", |view| {
        let all = ["Maja", "Tom"].map(|name| person(view, name).clone());
        all.iter().all(|person| person["connection"] == "connected" && person["hasVideo"] == true)
    });
    let tom_id = person(&view, "Tom")["id"].as_str().unwrap().to_owned();
    assert_eq!(tom.ask("location.protocol + all.WebSocket.at(-1).url.slice(0, 6)"), json!("https:wss://"));

    // Chat.
    karin.say("chat <img src=x onerror=alert(1)> & https://example.org");
    maja.until(&format!("{}.getAttribute('aria-label').includes('1')", shows("chat")));
    maja.press("chat");
    maja.until_reads("chat-panel", "<img src=x onerror=alert(1)> & https://example.org");
    assert_eq!(maja.ask("document.querySelectorAll('[data-testid=chat-panel] img').length"), json!(0));
    assert_eq!(maja.ask("document.querySelector('[data-testid=chat-panel] a').href"), json!("https://example.org/"));
    write_in_chat(&mut maja, "Hej <b>Karin</b>");
    let chat = karin.read("Hej <b>Karin</b>");
    let id = chat[1]["id"].as_u64().unwrap();
    karin.say(&format!("reply {id} Tack"));
    karin.say(&format!("like {id} heart"));
    maja.until_reads("chat-panel", "Tack");
    maja.until("document.querySelector('[data-testid=chat-panel] button.reaction') !== null");
    karin.say("tell Tom between us");
    karin.say("chat for all");
    tom.press("chat");
    tom.until_reads("chat-panel", "between us");
    write_in_chat(&mut tom, "from the train");
    karin.read("from the train");
    maja.until_reads("chat-panel", "from the train");
    assert_eq!(maja.ask("document.body.textContent.includes('between us')"), json!(false));
    tom.press("chat");

    // Hands and reactions.
    tom.press("more");
    tom.press("hand");
    karin.view("a hand", |view| person(view, "Tom")["hand"] == 1);
    maja.press("hand");
    karin.view("a second hand", |view| person(view, "Maja")["hand"] == 2);
    karin.say("lower-hand Tom");
    karin.view("one hand", |view| person(view, "Maja")["hand"] == 1);
    tom.press("more");
    tom.press("reaction-coffee");
    karin.view("a reaction", |view| person(view, "Tom")["reaction"] == "coffee");

    // What hosts do, and what they only ask for.
    karin.say("mute Tom");
    tom.until_pressed("toggle-mic", false);
    karin.view("silence", |view| person(view, "Tom")["microphoneOn"] == false);
    karin.say("ask Tom microphone");
    tom.until_shown("banner-action");
    tom.until_pressed("toggle-mic", false);
    tom.press("banner-action");
    karin.view("sound", |view| person(view, "Tom")["microphoneOn"] == true);
    karin.say("stop-camera Maja");
    maja.until_pressed("toggle-camera", false);
    karin.say("ask Maja camera");
    maja.press("dismiss-ask");
    maja.until(&format!("{} === null", shows("banner")));
    maja.until_pressed("toggle-camera", false);
    karin.say("mute all");
    maja.until_pressed("toggle-mic", false);
    tom.until_pressed("toggle-mic", false);
    karin.say("spotlight Tom");
    maja.until(&format!("document.querySelector('.tile.big[data-tile=\"{tom_id}/camera\"]') !== null"));
    maja.press("more");
    maja.press("settings");
    maja.press("settings-you");
    maja.write("name-input", "Maja Sund");
    karin.view("another name", |view| in_room(view, "Maja Sund"));
    maja.press("close-settings");

    // Out.
    let before = connected(&stats, &tom_id);
    assert_eq!(before.last(), Some(&true), "his connection is in the statistics");
    karin.say("remove Tom");
    tom.until_ended("removed");
    tom.until(NOTHING_IS_LEFT);
    tom.until(&format!("{MY_PICTURE} === null"));
    karin.view("without him", |view| !in_room(view, "Tom"));
    maja.until(&format!("document.querySelector('[data-tile=\"{tom_id}/camera\"]') === null"));
    maja.until("all.RTCPeerConnection.filter((each) => each.connectionState !== 'closed').length === 1");
    karin.say("chat he is gone");
    maja.until_reads("chat-panel", "he is gone");
    assert_eq!(tom.ask("document.body.textContent.includes('he is gone')"), json!(false));
    while connected(&stats, &tom_id).last() == Some(&true) {
        karin.listen("the next second");
    }
    let after = connected(&stats, &tom_id).into_iter().skip(before.len());
    assert!(after.filter(|connected| *connected).count() <= GONE_WITHIN);

    karin.say("end");
    maja.until_ended("endedByHost");
    maja.until(NOTHING_IS_LEFT);
    assert_eq!(karin.ended(), Some(0));
    house.server.stop();
}

#[test]
fn a_guest_becomes_the_host_and_a_phone_without_camera_joins() {
    let house = House::open(&[]);
    let media = ["--camera", "none", "--microphone", "test", "--speaker", "none"];
    let mut karin = house.seat("Karin", &media, &["--host-key", &house.meeting.key]);
    karin.view("host", |view| view["room"]["isHost"] == true);
    let mut maja = house.guest(Way::default());
    maja.introduce("Maja");
    maja.press("join-now");
    maja.until_phase("inCall");
    maja.open_people();
    assert_eq!(maja.ask(&shows("mute-all")), Value::Null, "not hers yet");
    karin.say("co-host Maja");
    maja.press("waiting-room");
    karin.view("who comes waits", |view| view["room"]["waitingRoom"] == true);
    maja.press("locked");
    karin.view("locked", |view| view["room"]["locked"] == true);

    let mut noor = house.guest(Way { phone: true, no_camera: true, ..Way::default() });
    noor.until_shown("retry-camera");
    noor.write("name-input", "Noor");
    noor.press("join-now");
    noor.until_ended("roomNotFound");
    maja.press("locked");
    karin.view("open again", |view| view["room"]["locked"] == false);
    noor.reload(&house.meeting.link);
    noor.until_shown("retry-camera");
    noor.press("join-now");
    noor.until_phase("waiting");
    maja.until_reads("waiting-list", "Noor");
    maja.press("admit");
    noor.until_phase("inCall");
    let noor_is = |view: &Value, what: &str, is: bool| person(view, "Noor")[what] == is;
    karin.view("sound alone", |view| {
        let connected = person(view, "Noor")["connection"] == "connected";
        connected && noor_is(view, "microphoneOn", true) && noor_is(view, "cameraOn", false)
    });
    karin.view("she is heard", |view| noor_is(view, "speaking", true));
    noor.until(
        "all.RTCPeerConnection.flatMap((each) => each.getReceivers()).some((receiver) => \
         receiver.track.kind === 'audio' && receiver.getSynchronizationSources()[0]?.audioLevel > 0.01)",
    );

    // The host goes, and the co-host has the room.
    karin.say("leave");
    assert_eq!(karin.ended(), Some(0));
    let noor_id = maja.id_of("Noor");
    maja.act(&noor_id, "mute");
    noor.until_pressed("toggle-mic", false);
    maja.act(&noor_id, "ask-mic");
    noor.press("banner-action");
    noor.until_pressed("toggle-mic", true);
    maja.act(&noor_id, "spotlight");
    maja.until(&format!("document.querySelector('.tile.big[data-tile=\"{noor_id}/camera\"]') !== null"));
    let mut lars = house.seat("Lars", &NO_MEDIA, &[]);
    lars.phase("waiting");
    maja.press("admit");
    lars.phase("inCall");
    let lars_id = maja.id_of("Lars");
    maja.act(&lars_id, "remove");
    maja.press("confirm-remove");
    assert_eq!(lars.ended(), Some(3), "put out");

    // Handed on, and ended for all.
    maja.act(&noor_id, "host");
    noor.open_people();
    noor.until_shown("mute-all");
    noor.press("leave");
    noor.press("end-for-all");
    for mut guest in [noor, maja] {
        guest.until_ended("endedByHost");
        guest.until(NOTHING_IS_LEFT);
    }
    house.server.stop();
}
