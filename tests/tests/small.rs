//! The small window of a call, of real apps under a window manager, read from the screen: above another window, moving, and
//! big again with the same call, by its own button and by that of the frame.
#![cfg(target_os = "linux")]

use fika_tests::bench::{LEFT, RIGHT, SCREEN};
use fika_tests::camera::Shim;
use fika_tests::display::Rect;
use fika_tests::look::{changes, until};
use fika_tests::manager::Manager;
use fika_tests::pair::{self, Bed, id};
use fika_tests::webdriver::Window;

/// Who is called stays who they are as long as the call is the same.
const OTHER: &str = "[data-connection=connected] [data-picture=true]:not([data-tile^=\"me/\"])";

fn other(window: &Window) -> String {
    let tile = window.until(&format!("document.querySelector('{OTHER}')?.dataset.tile")).expect("the other's picture");
    tile.as_str().expect("a name").to_owned()
}

fn part(window: Rect, x: u32, y: u32, width: u32, height: u32) -> Rect {
    Rect { left: window.left + x, top: window.top + y, width, height }
}

#[test]
fn a_call_goes_on_in_a_small_window_above_all_others_and_comes_back() {
    let bed = Bed::start(SCREEN.0, SCREEN.1, vec![0.0; 48_000]).expect("a bed");
    let _manager = Manager::start(&bed.display).expect("a window manager");
    let camera = Shim::new().expect("cameras").devices(&["Webcam"]);
    let near = bed.open("near", &camera, LEFT).expect("the app opens");
    let far = bed.open("far", &camera, RIGHT).expect("the app opens");
    let link = pair::start_call(&near, "Near").expect("a call");
    pair::enter_lobby(&far, &link, "Far").expect("the lobby");
    far.click(&id("join-now")).expect("join");
    pair::sees_other(&far).expect("a picture");
    let (them, me) = (other(&near), other(&far));

    near.click(&id("small-window")).expect("the window becomes small");
    near.until("innerWidth === 320 && innerHeight === 200").expect("as the design has it");
    let first = bed.geometry(0).expect("it stands somewhere");
    assert!(first.left + first.width <= SCREEN.0 && first.left > SCREEN.0 / 2, "in the corner: {first:?}");
    assert_eq!(other(&near), them);

    // The other app's window takes nearly the whole screen and the keyboard, and the small one stays above it. One that took
    // all of it would count as one in full screen.
    let moved = part(first, 0, 0, 320, 200);
    let moved = Rect { left: 300, top: 200, ..moved };
    bed.reshape(0, moved).expect("it is moved");
    let wide = Rect { left: 0, top: 0, width: SCREEN.0 - 40, height: SCREEN.1 - 12 };
    bed.raise(1, wide).expect("the other window is raised");
    far.until(&format!("innerWidth === {} && document.hasFocus()", wide.width))
        .expect("it has the screen and the keyboard");
    bed.point((moved.left + 150, moved.top + 50), false).expect("the pointer moves");
    near.until("document.querySelector('main.small:hover [role=toolbar]')").expect("it lies under the pointer");
    let place = "(() => { const { x, y, width, height } = document.querySelector('.small > .tile .nm').getBoundingClientRect(); return [x, y, width, height]; })()";
    let name = near.until(place).expect("a name");
    let [x, y, width, height] = [0, 1, 2, 3].map(|at| name[at].as_f64().expect("a number").round() as u32);
    let inner = part(moved, x + 8, y + 2, width - 16, height - 4);
    changes(&bed.display, &[part(moved, 120, 60, 80, 60)], &[inner]);
    if let Some(path) = std::env::var_os("FIKA_SCREENSHOT") {
        bed.display.screenshot(path.as_ref()).expect("a picture of the screen");
    }

    near.click(&id("toggle-mic")).expect("mute");
    near.until("document.querySelector('[data-testid=toggle-mic][aria-pressed=false]')").expect("muted");
    far.until(&format!("document.querySelector(`[data-tile=\"{me}\"] figcaption [role=img]`)")).expect("told");

    near.click(&id("big-window")).expect("the window becomes big");
    near.until(&format!("innerWidth === {} && document.querySelector(\"{}\")", LEFT.width, id("small-window")))
        .expect("as it was");
    until("it stands where it stood", || bed.geometry(0).is_ok_and(|now| now == LEFT));
    near.until(&format!("document.activeElement?.matches(\"{}\")", id("small-window"))).expect("the focus is kept");
    assert_eq!((other(&near), other(&far)), (them.clone(), me.clone()));
    changes(&bed.display, &[part(LEFT, 300, 300, 80, 60)], &[]);

    // Again, where it was left; closing it is coming back.
    near.click(&id("small-window")).expect("the window becomes small");
    until("it stands where it was left", || bed.geometry(0).is_ok_and(|now| now == moved));
    bed.key(0, "alt+F4").expect("it is closed");
    near.until(&format!("innerWidth === {} && document.querySelector(\"{}\")", LEFT.width, id("small-window")))
        .expect("the big window is back");
    assert_eq!((other(&near), other(&far)), (them, me));

    // A host is asked in the big window; the small one of the other becomes big when the call is over.
    far.click(&id("small-window")).expect("the other's window becomes small");
    far.until("innerWidth === 320").expect("small");
    near.click(&id("small-window")).expect("the window becomes small");
    near.until("innerWidth === 320").expect("small");
    near.click(&id("leave")).expect("leave");
    near.click(&id("end-for-all")).expect("the call is ended for all");
    for (window, width) in [(&near, LEFT.width), (&far, wide.width)] {
        window
            .until(&format!("innerWidth === {width} && document.querySelector('[data-phase=ended]')"))
            .expect("big, with the end of the call");
    }
}
