//! Pictures drawn natively into a real window of WebKitGTK, read from the screen itself: they move, they lie where the
//! layout says, and what the page has over them stays readable. In both ways to draw, at both scales, in several windows.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use fika_media::{Resolution, marker};
use fika_tests::display::{Display, Rect};
use fika_tests::look::{changes, moves, number, until};
use fika_tests::program;
use fika_tests::wayland::Compositor;

/// Soft: WebKit without its OpenGL compositor.
#[derive(Clone, Copy, PartialEq)]
enum Renderer {
    Soft,
    Accelerated,
}

/// The program `stage` on a screen. Ends with its owner.
struct Stage {
    child: Child,
}

fn stage() -> PathBuf {
    program::path("stage", "fika-tests").expect("it is built")
}

impl Stage {
    fn start(display: &Display, renderer: Renderer, scale: u32, words: &[&str]) -> Self {
        let mut command = Command::new(stage());
        command.env("DISPLAY", display.name()).env("GDK_SCALE", scale.to_string());
        Self::run(command, renderer, words)
    }

    fn run(mut command: Command, renderer: Renderer, words: &[&str]) -> Self {
        command.args(words);
        if renderer == Renderer::Soft {
            command.env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
        }
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        let verdict = said.lines().map_while(Result::ok).find(|line| line.starts_with("tested: "));
        let expected = if words.contains(&"--transparent") { "tested: Err(NeverDrawn)" } else { "tested: Ok(())" };
        assert_eq!(verdict.as_deref(), Some(expected));
        Self { child }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rect(left: u32, top: u32, width: u32, height: u32) -> Rect {
    Rect { left, top, width, height }
}

fn xdotool(display: &Display, words: &[&str]) -> String {
    let out = Command::new("xdotool").args(words).env("DISPLAY", display.name()).output().expect("xdotool starts");
    assert!(out.status.success(), "xdotool {words:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text").trim().to_owned()
}

/// The chip and the menu of a page with one picture of 1280x720.
const CHIP: Rect = Rect { left: 14, top: 686, width: 112, height: 20 };
const MENU: Rect = Rect { left: 534, top: 284, width: 212, height: 152 };
const WHOLE_SIZE: Resolution = Resolution::new(1280, 720);
const WHOLE: Rect = Rect { left: 0, top: 0, width: 1280, height: 720 };

#[test]
fn words_stay_readable_over_moving_pictures() {
    for (renderer, way) in [(Renderer::Soft, "cut"), (Renderer::Accelerated, "blend")] {
        let display = Display::start(1280, 720).expect("a screen");
        let _stage = Stage::start(&display, renderer, 1, &["--way", way, "--menu"]);
        moves(&display, WHOLE, &[CHIP, MENU]);
    }
}

#[test]
fn a_screen_of_twice_the_pixels_shows_twice_as_many() {
    for (renderer, way) in [(Renderer::Soft, "cut"), (Renderer::Accelerated, "blend")] {
        let display = Display::start(1280, 720).expect("a screen");
        let _stage = Stage::start(&display, renderer, 2, &["--way", way, "--window", "640x360"]);
        moves(&display, WHOLE, &[rect(28, 652, 220, 40)]);
    }
}

#[test]
fn pictures_in_the_other_half_of_the_window_keep_their_words() {
    for (renderer, way) in [(Renderer::Soft, "cut"), (Renderer::Accelerated, "blend")] {
        let display = Display::start(1280, 720).expect("a screen");
        let words = ["--way", way, "--menu", "--tiles", "4", "--picture", "622x342"];
        let _stage = Stage::start(&display, renderer, 1, &words);
        // The corners of the tiles are round, so their marks lose blocks: what is over them tells.
        let menu = |left, top| rect(left + 205, top + 95, 210, 150);
        let chips = [(12, 12), (646, 12), (12, 366), (646, 366)];
        let still: Vec<Rect> = chips.iter().flat_map(|&(x, y)| [menu(x, y), rect(x + 14, y + 308, 112, 20)]).collect();
        let band = rect(100, 120, 80, 200);
        changes(&display, &[band, rect(740, 474, 80, 200)], &still);
    }
}

#[test]
fn a_small_picture_covers_the_large_one_and_its_name() {
    let display = Display::start(1280, 720).expect("a screen");
    let words = ["--stacked", "--tiles", "2", "--fps", "15"];
    let _stage = Stage::start(&display, Renderer::Soft, 1, &words);
    // The large tile's name lies at 10, 682; the small one from 12, 528 to 332, 708 covers most of it, its own name not.
    let own_name = rect(26, 674, 112, 20);
    changes(&display, &[rect(200, 560, 80, 60), rect(700, 300, 80, 60)], &[own_name]);
    let covered = display.pixels(rect(136, 698, 40, 6)).expect("it is on the screen");
    assert!(covered.chunks_exact(4).any(|pixel| pixel[..3] != [255, 255, 255]), "the covered name shows through");
}

#[test]
fn each_window_shows_the_picture_and_one_may_close() {
    let display = Display::start(2600, 720).expect("a screen");
    let _stage = Stage::start(&display, Renderer::Soft, 1, &["--windows", "2"]);
    let second = rect(1300, 0, 1280, 720);
    let window = |name: &str| xdotool(&display, &["search", "--sync", "--name", &format!("^{name}$")]);
    xdotool(&display, &["windowmove", "--sync", &window("stage 1"), "1300", "0"]);
    moves(&display, WHOLE, &[]);
    moves(&display, second, &[]);

    xdotool(&display, &["windowunmap", "--sync", &window("stage 0")]);
    moves(&display, second, &[]);
    xdotool(&display, &["windowmap", "--sync", &window("stage 0")]);
    moves(&display, WHOLE, &[]);
}

#[test]
fn wayland_shows_the_same() {
    for (renderer, way) in [(Renderer::Soft, "cut"), (Renderer::Accelerated, "blend")] {
        let screen = Compositor::start(WHOLE_SIZE).expect("a Wayland screen");
        let command = screen.command(&stage()).expect("the program is copied");
        let _stage = Stage::run(command, renderer, &["--way", way, "--menu"]);
        let mut seen = BTreeSet::new();
        until("pictures move under a menu with words", || {
            let picture = screen.grey().expect("the screen is read");
            let (luma, ..) = picture.planes();
            let rows = luma.chunks_exact(WHOLE.width as usize).skip(MENU.top as usize).take(20);
            let words: BTreeSet<u8> =
                rows.flat_map(|row| &row[MENU.left as usize..][..MENU.width as usize]).copied().collect();
            // Dark letters on white, and shades between them.
            if words.contains(&235) && words.iter().any(|level| *level < 60) && words.len() > 8 {
                seen.extend(marker::read(&picture).map(|mark| mark.counter));
            }
            seen.len() >= 3
        });
    }
}

#[test]
fn a_window_that_fails_its_test_leaves_the_page_alone() {
    let display = Display::start(1280, 720).expect("a screen");
    let _stage = Stage::start(&display, Renderer::Soft, 1, &["--transparent", "--menu"]);
    let chip = || display.pixels(CHIP).expect("it is on the screen");
    let words = || chip().chunks_exact(4).any(|pixel| pixel[..3] == [255, 255, 255]);
    until("the page with its words and no picture", || words() && number(&display, WHOLE).is_none());
}

#[test]
fn a_mirrored_picture_is_seen_from_the_other_side() {
    let display = Display::start(1280, 720).expect("a screen");
    let _stage = Stage::start(&display, Renderer::Soft, 1, &["--mirror"]);
    until("the mirrored mark", || {
        let mut picture = display.grey(WHOLE, 100).expect("it is on the screen");
        picture.planes_mut().0.chunks_exact_mut(1280).for_each(<[u8]>::reverse);
        marker::read(&picture).is_some()
    });
    assert_eq!(number(&display, WHOLE), None);
}
