//! A meeting as people have it: two of them in the app, two in browsers, one of those on a phone, in a room of fika-server over
//! TLS. Pictures are small, as one machine plays everybody; the apps draw in the page, from which they are read.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use fika_tests::camera::Shim;
use fika_tests::display::Rect;
use fika_tests::guest::{Guest, NOTHING_IS_LEFT, Way, shows};
use fika_tests::house::House;
use fika_tests::pair::{self, Bed, id};
use fika_tests::webdriver::Window;

const PLACE: Rect = Rect { left: 0, top: 0, width: 1280, height: 800 };
/// Of each of the three others there is a picture, for the browsers and for the apps.
const ALL_PICTURES: &str =
    "document.querySelectorAll('[data-picture=\"true\"]:not([data-tile=\"me/camera\"])').length >= 3";

/// Somebody in the app.
struct Person {
    window: Window,
}

impl Person {
    /// In the lobby of this link, with a name and a picture.
    fn arrive(bed: &Bed, house: &House, name: &str) -> Self {
        let camera = Shim::new().unwrap().devices(&["Webcam"]).sizes("320x180");
        let mut environment = bed.environment(name, &camera);
        environment.push(("SSL_CERT_FILE", house.certificate.authority().into()));
        environment.push(("FIKA_VIDEO", "page".into()));
        let person = Self { window: bed.open_with(environment, PLACE).unwrap() };
        pair::enter_lobby(&person.window, &house.meeting.link, name).unwrap();
        person
    }

    fn press(&self, name: &str) {
        self.window.click(&id(name)).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }

    fn until(&self, what: &str) {
        self.window.until(what).unwrap_or_else(|error| panic!("{what}: {error:#}"));
    }

    fn until_phase(&self, phase: &str) {
        self.until(&format!("document.querySelector('[data-phase={phase}]') !== null"));
    }

    fn until_reads(&self, id: &str, text: &str) {
        self.until(&format!("{}?.textContent.includes('{text}')", shows(id)));
    }

    /// The panel behind the button of the same name is open then, whether it was before or not.
    fn open(&self, button: &str, panel: &str) {
        if self.window.evaluate(&shows(panel)).unwrap().is_null() {
            self.press(button);
        }
        self.until(&format!("{} !== null", shows(panel)));
    }

    fn write_in_chat(&self, text: &str) {
        self.press("chat-input");
        text.chars().for_each(|letter| self.window.press(letter).unwrap());
        self.press("chat-send");
    }

    /// With the list of people open: what somebody is, whatever they are called.
    fn id_of(&self, name: &str) -> String {
        let rows = "[...document.querySelectorAll('[data-testid=people-panel] li')]";
        let found = format!(
            "{rows}.find((row) => row.textContent.includes('{name}'))?.querySelector('[data-testid^=person-menu-]')\
             ?.dataset.testid.slice('person-menu-'.length)"
        );
        self.window.until(&found).unwrap().as_str().unwrap().to_owned()
    }

    fn act(&self, who: &str, item: &str) {
        self.press(&format!("person-menu-{who}"));
        self.press(&format!("person-{item}"));
    }
}

fn knock(guest: &mut Guest, name: &str) {
    guest.introduce(name);
    guest.press("join-now");
    guest.until_phase("waiting");
}

#[test]
fn two_apps_a_laptop_and_a_phone_meet_over_tls() {
    let house = House::open(&[]);
    let bed = Bed::start(1280, 800, pair::speech().unwrap()).unwrap();

    // Who is there first is the host, and lets the others in.
    let anna = Person::arrive(&bed, &house, "Anna");
    anna.press("join-now");
    anna.until_phase("inCall");
    anna.open("people", "people-panel");
    anna.press("waiting-room");
    let bo = Person::arrive(&bed, &house, "Bo");
    bo.press("join-now");
    bo.until_phase("waiting");
    anna.until_reads("waiting-list", "Bo");
    anna.press("admit");
    bo.until_phase("inCall");
    let mut maja = house.guest(Way::default());
    knock(&mut maja, "Maja");
    let mut tom = house.guest(Way { phone: true, ..Way::default() });
    knock(&mut tom, "Tom");
    anna.until_reads("waiting-list", "Tom");
    anna.press("admit-all");
    for guest in [&mut maja, &mut tom] {
        guest.until_phase("inCall");
    }
    for person in [&anna, &bo] {
        person.until(ALL_PICTURES);
    }
    maja.until(ALL_PICTURES);
    anna.open("people", "people-panel");
    let ids = ["Bo", "Maja", "Tom"].map(|name| anna.id_of(name));
    let [bo_id, maja_id, tom_id] = &ids;

    // Chat, from an app to a phone and back.
    tom.press("chat");
    anna.open("chat", "chat-panel");
    anna.write_in_chat("Welcome all");
    tom.until_reads("chat-panel", "Welcome all");
    tom.write("chat-input", "Hello from the train");
    tom.press("chat-send");
    for person in [&anna, &bo] {
        person.open("chat", "chat-panel");
        person.until_reads("chat-panel", "Hello from the train");
    }
    tom.press("chat");

    // A hand, sound, spotlight.
    maja.press("hand");
    anna.open("people", "people-panel");
    anna.until(&format!(
        "{}?.closest('li').querySelector('.lucide-hand') !== null",
        shows(&format!("person-menu-{maja_id}"))
    ));
    anna.act(bo_id, "mute");
    bo.until(&format!("{}.getAttribute('aria-pressed') === 'false'", shows("toggle-mic")));
    anna.act(maja_id, "spotlight");
    bo.until(&format!("document.querySelector('.tile.big[data-tile=\"{maja_id}/camera\"]') !== null"));

    // Out, and nobody more in.
    anna.act(tom_id, "remove");
    anna.press("confirm-remove");
    tom.until_ended("removed");
    tom.until(NOTHING_IS_LEFT);
    anna.press("locked");
    bo.until(&format!("document.querySelector('[data-tile=\"{tom_id}/camera\"]') === null"));
    tom.reload(&house.meeting.link);
    tom.introduce("Tom");
    tom.press("join-now");
    tom.until_ended("roomNotFound");

    // The host goes, and the co-host has the room.
    anna.act(bo_id, "co-host");
    bo.open("people", "people-panel");
    bo.until(&format!("{} !== null", shows("mute-all")));
    anna.press("leave");
    anna.press("confirm-leave");
    anna.until_phase("ended");
    let people = shows("people-panel");
    bo.until(&format!("!{people}.textContent.includes('Anna') && {people}.textContent.includes('Host')"));
    bo.press("leave");
    bo.press("end-for-all");
    bo.until_phase("ended");
    maja.until_ended("endedByHost");
    maja.until(NOTHING_IS_LEFT);
    house.server.stop();
}
