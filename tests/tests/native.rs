//! A call of two real apps that draw their pictures themselves, read from the screen: what moves, what lies over it, and
//! that it goes on after resizing, and after the page's process was killed.
#![cfg(target_os = "linux")]

use std::process::Command;

use fika_tests::accessibility::Bus;
use fika_tests::bench::screen;
use fika_tests::bench::{LEFT, PATIENCE, RIGHT, SCREEN};
use fika_tests::camera::Shim;
use fika_tests::display::Rect;
use fika_tests::look::{changes, moves, until};
use fika_tests::pair::{self, Bed, id};
use fika_tests::webdriver::Window;

/// Where the page has an element, on the screen. The window's corner lies at `window`.
fn place(page: &Window, window: Rect, selector: &str) -> Rect {
    let expression = format!(
        "(() => {{
           const element = document.querySelector(`{selector}`);
           if (!element || document.getAnimations().some((a) => a.playState === 'running' && a.effect?.getTiming().iterations === 1)) return null;
           const {{ x, y, width, height }} = element.getBoundingClientRect();
           return [x, y, width, height];
         }})()"
    );
    let found = page.until(&expression).unwrap_or_else(|error| panic!("{selector}: {error:#}"));
    let [x, y, width, height] = [0, 1, 2, 3].map(|at| found[at].as_f64().expect("a number").round() as u32);
    Rect { left: window.left + x, top: window.top + y, width, height }
}

/// The middle of something, `part` of its width and height.
fn middle(rect: Rect, part: f64) -> Rect {
    let (width, height) = ((f64::from(rect.width) * part) as u32, (f64::from(rect.height) * part) as u32);
    Rect { left: rect.left + (rect.width - width) / 2, top: rect.top + (rect.height - height) / 2, width, height }
}

fn centre(rect: Rect) -> (u32, u32) {
    (rect.left + rect.width / 2, rect.top + rect.height / 2)
}

/// W3C WebDriver's code of the key.
const ESCAPE: char = '\u{e00c}';
const OTHER: &str = "[data-connection=connected] [data-tile]:not([data-tile^=\"me/\"])";

#[test]
fn a_call_is_drawn_by_the_app_under_all_that_the_page_has_over_it() {
    let bed = Bed::start(SCREEN.0, SCREEN.1, vec![0.0; 48_000]).expect("a bed");
    let camera = Shim::new().expect("cameras").devices(&["Webcam", "Desk Camera"]);
    let near = bed.open("near", &camera, LEFT).expect("the app opens");
    let far = bed.open("far", &camera, RIGHT).expect("the app opens");
    let link = pair::start_call(&near, "Near").expect("a call");
    pair::enter_lobby(&far, &link, "Far").expect("the lobby");
    far.click(&id("join-now")).expect("join");
    for window in [&near, &far] {
        pair::sees_other(window).expect("a picture");
        assert_eq!(window.evaluate("document.querySelectorAll('canvas').length").expect("a number"), 0);
    }

    let name = place(&near, LEFT, &format!("{OTHER} figcaption"));
    let (picture, _) = screen::find(&bed.display, LEFT, PATIENCE).expect("the other's picture on the left");
    moves(&bed.display, picture, &[middle(name, 0.8)]);
    let (theirs, _) = screen::find(&bed.display, RIGHT, PATIENCE).expect("the other's picture on the right");
    moves(&bed.display, theirs, &[]);
    let own = place(&near, LEFT, "[data-tile=\"me/camera\"]");
    changes(&bed.display, &[middle(own, 0.4)], &[]);

    // By the pointer itself: what is over pictures is hit and told as ever.
    let toggle = place(&near, LEFT, &id("toggle-mic"));
    bed.point(centre(toggle), false).expect("the pointer moves");
    near.until("document.querySelector('.tip')").expect("what it does is told");
    let chevron = place(&near, LEFT, &id("camera-menu"));
    bed.point(centre(chevron), true).expect("the pointer presses");
    let menu = place(&near, LEFT, "[role=menu]");
    moves(&bed.display, picture, &[middle(menu, 0.9)]);
    bed.key(0, "Escape").expect("a key is pressed");
    near.until("!document.querySelector('[role=menu]')").expect("the menu closes");
    near.until(&format!("document.activeElement?.matches(\"{}\")", id("camera-menu"))).expect("it has the focus again");
    bed.key(0, "Tab").expect("a key is pressed");
    near.until(&format!("document.activeElement?.matches(\"button:not({})\")", id("camera-menu")))
        .expect("the next has it");
    near.evaluate("window.dispatchEvent(new KeyboardEvent('keydown', { code: 'Slash', key: '/', ctrlKey: true }))")
        .expect("help opens");
    let dialog = place(&near, LEFT, "[role=dialog]");
    let beside = Rect { left: picture.left + 40, top: picture.top + picture.height - 140, width: 100, height: 60 };
    changes(&bed.display, &[beside], &[middle(dialog, 0.8)]);
    near.press(ESCAPE).expect("help closes");
    near.until("!document.querySelector('[role=dialog]')").expect("help closes");
    moves(&bed.display, picture, &[]);

    let smaller = Rect { width: 900, height: 700, ..LEFT };
    bed.reshape(0, smaller).expect("the window is resized");
    near.until("innerWidth === 900").expect("the page is resized");
    let tile = place(&near, smaller, OTHER);
    changes(&bed.display, &[middle(tile, 0.3)], &[]);

    let label = place(&far, RIGHT, &format!("{OTHER} figcaption"));
    let killed = pair::page_process(&far).expect("the page has a process");
    let status = Command::new("kill").args(["-KILL", &killed.to_string()]).status().expect("kill starts");
    assert!(status.success());
    until("the page runs again", || pair::page_process(&far).is_some_and(|now| now != killed));
    moves(&bed.display, theirs, &[middle(label, 0.8)]);
}

#[test]
fn the_page_draws_for_a_window_that_fails_its_test() {
    let bed = Bed::start(SCREEN.0, SCREEN.1, vec![0.0; 48_000]).expect("a bed");
    let camera = Shim::new().expect("cameras").devices(&["Webcam"]);
    let mut environment = bed.environment("failing", &camera);
    environment.push(("FIKA_VIDEO", "fail".into()));
    let window = bed.open_with(environment, LEFT).expect("the app opens");
    pair::start_call(&window, "Near").expect("a call");
    window.until("document.querySelector('[data-tile=\"me/camera\"] canvas')").expect("the page draws");
    let own = place(&window, LEFT, "[data-tile=\"me/camera\"]");
    changes(&bed.display, &[middle(own, 0.5)], &[]);
    drop(window);
    let log = bed.log("failing").expect("a log");
    assert!(log.contains("the page draws the pictures") && !log.contains("panicked"), "{log}");
}

/// Whoever draws the pictures, a screen reader is told the same of the page.
#[test]
fn a_screen_reader_finds_the_same_page_over_native_pictures() {
    let camera = Shim::new().expect("cameras").devices(&["Webcam"]);
    let told = ["native", "page"].map(|way| {
        let bed = Bed::start(SCREEN.0, SCREEN.1, vec![0.0; 48_000]).expect("a bed");
        let mut environment = bed.environment(way, &camera);
        let bus = Bus::start(&environment).expect("a bus");
        environment.extend(bus.env());
        environment.push(("FIKA_VIDEO", way.into()));
        let window = bed.open_with(environment, LEFT).expect("the app opens");
        pair::start_call(&window, "Near").expect("a call");
        window
            .until("document.querySelector('[data-tile=\"me/camera\"][data-picture=true]')")
            .expect("the own picture");
        let canvases = window.evaluate("document.querySelectorAll('canvas').length").expect("a number");
        assert_eq!(canvases != 0, way == "page");
        let mut things = bus.page().expect("what is told");
        // Boxes without a name say nothing; links differ from call to call, the clock from second to second.
        things.retain(|thing| !thing.name.is_empty() && !thing.name.contains("http") && !thing.name.contains(':'));
        things
    });
    assert_eq!(told[0], told[1]);
    for name in ["Leave", "Mute", "Stop video"] {
        assert!(told[0].iter().any(|thing| thing.name.contains(name)), "{name}: {:?}", told[0]);
    }
}
