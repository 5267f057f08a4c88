//! Pictures drawn natively into a real window of WebKitGTK, read from the screen itself: they move, they lie where the
//! layout says, and what the page has over them stays readable. In both ways to draw, at both scales, in several windows.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use fika_media::{I420, Resolution, marker};
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

/// With and without, and how pictures and page come together then.
const WAYS: [(Renderer, &str); 2] = [(Renderer::Soft, "cut"), (Renderer::Accelerated, "blend")];

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

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill starts").success());
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
    for (renderer, way) in WAYS {
        let display = Display::start(1280, 720).expect("a screen");
        let _stage = Stage::start(&display, renderer, 1, &["--way", way, "--menu"]);
        moves(&display, WHOLE, &[CHIP, MENU]);
    }
}

#[test]
fn a_screen_of_twice_the_pixels_shows_twice_as_many() {
    for (renderer, way) in WAYS {
        let display = Display::start(1280, 720).expect("a screen");
        let _stage = Stage::start(&display, renderer, 2, &["--way", way, "--window", "640x360"]);
        moves(&display, WHOLE, &[rect(28, 652, 220, 40)]);
    }
}

#[test]
fn pictures_in_the_other_half_of_the_window_keep_their_words() {
    for (renderer, way) in WAYS {
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
fn each_window_shows_the_picture_and_one_may_be_hidden_and_shown_again() {
    for (renderer, way) in WAYS {
        let display = Display::start(2600, 720).expect("a screen");
        let _stage = Stage::start(&display, renderer, 1, &["--way", way, "--windows", "2"]);
        let second = rect(1300, 0, 1280, 720);
        let window = |name: &str| xdotool(&display, &["search", "--sync", "--name", &format!("^{name}$")]);
        xdotool(&display, &["windowmove", "--sync", &window("stage 1"), "1300", "0"]);
        moves(&display, WHOLE, &[CHIP]);
        moves(&display, second, &[]);

        xdotool(&display, &["windowunmap", "--sync", &window("stage 0")]);
        moves(&display, second, &[]);
        xdotool(&display, &["windowmap", "--sync", &window("stage 0")]);
        moves(&display, WHOLE, &[CHIP]);
    }
}

#[test]
fn a_window_of_another_size_shows_all_of_its_pictures() {
    for (renderer, way) in WAYS {
        let display = Display::start(1280, 720).expect("a screen");
        let words = ["--way", way, "--tiles", "4", "--picture", "622x342"];
        let _stage = Stage::start(&display, renderer, 1, &words);
        let window = xdotool(&display, &["search", "--sync", "--name", "^stage 0$"]);
        let (upper, lower) = (rect(100, 120, 80, 200), rect(740, 474, 80, 200));
        changes(&display, &[upper, lower], &[]);
        // Half of the tiles are not seen, and none of their pictures is painted elsewhere.
        xdotool(&display, &["windowsize", "--sync", &window, "1280", "360"]);
        changes(&display, &[upper], &[rect(26, 320, 112, 20)]);
        until("nothing where the window was", || {
            let pixels = display.pixels(rect(0, 361, 1280, 300)).expect("it is on the screen");
            pixels.chunks_exact(4).all(|pixel| pixel[..3] == pixels[..3])
        });
        xdotool(&display, &["windowsize", "--sync", &window, "1280", "720"]);
        changes(&display, &[upper, lower], &[rect(660, 674, 112, 20)]);
    }
}

/// A dialog dims what moves behind it; its own words and those of a toast stand still.
#[test]
fn dialogs_and_toasts_lie_over_moving_pictures() {
    for (renderer, way) in WAYS {
        for scale in [1, 2] {
            let display = Display::start(1280, 720).expect("a screen");
            let window = format!("{}x{}", WHOLE.width / scale, WHOLE.height / scale);
            let words = ["--way", way, "--dialog", "--toast", "--window", &window];
            let _stage = Stage::start(&display, renderer, scale, &words);
            let (dialog, toast) = over(scale);
            changes(&display, &[rect(0, 100, 120, 500)], &[dialog, toast]);
        }
    }
}

/// Where the words of the dialog and of the toast stand in a window that fills the screen, in its pixels.
fn over(scale: u32) -> (Rect, Rect) {
    let (width, height) = (WHOLE.width / scale, WHOLE.height / scale);
    let device = |x: u32, y: u32, w: u32, h: u32| rect(x * scale, y * scale, w * scale, h * scale);
    (
        device((width - 520) / 2 + 12, (height - 260) / 2 + 12, 200, 30),
        device((width - 360) / 2 + 12, height - 68, 200, 30),
    )
}

/// Tiles that change places, the first with the last and so on, are on their way for a while: then each pixel of the screen
/// is the page's or shows one whole picture, and in the end everybody is where the layout says.
#[test]
fn tiles_glide_to_their_new_places() {
    const TILES: usize = 4;
    /// The page of the program.
    const BEHIND: [u8; 3] = [16, 17, 19];
    for (renderer, way) in WAYS {
        let display = Display::start(1280, 720).expect("a screen");
        let words = ["--way", way, "--plain", "--tiles", "4", "--picture", "622x342", "--glide", "500"];
        let stage = Stage::start(&display, renderer, 1, &words);
        let places = [(12, 12), (646, 12), (12, 366), (646, 366)];
        let screen = || display.pixels(WHOLE).expect("it is on the screen");
        let middles = |screen: &[u8]| places.map(|(x, y)| colour(screen, x + 311, y + 171));
        let mut colours = [[0; 3]; TILES];
        until("each tile has its colour", || {
            let now = screen();
            colours = middles(&now);
            let all: BTreeSet<_> = colours.into_iter().chain([BEHIND]).collect();
            all.len() == TILES + 1 && colour(&now, 3, 3) == BEHIND
        });
        let mut on_the_way = BTreeSet::new();
        let mut rounds = 0;
        // Enough steps of the first tile were seen.
        while on_the_way.len() < 3 {
            rounds += 1;
            stage.signal("USR1");
            let expected: Vec<_> =
                if rounds % 2 == 0 { colours.to_vec() } else { colours.iter().rev().copied().collect() };
            until("everybody is there", || {
                let now = screen();
                let pixels = now.as_chunks::<4>().0;
                let mut last = [0; 4];
                for pixel in pixels {
                    // Neighbours mostly are of one colour, and each round shall see many moments.
                    if *pixel != last {
                        last = *pixel;
                        let [b, g, r, _] = last;
                        let known = BEHIND == [b, g, r] || colours.contains(&[b, g, r]);
                        assert!(known, "{last:?} is nobody's: {colours:?}");
                    }
                }
                let [b, g, r] = colours[0];
                let first = pixels.iter().position(|pixel| pixel[0] == b && pixel[1] == g && pixel[2] == r);
                let there = middles(&now)[..] == expected[..];
                if !there {
                    on_the_way.extend(first.filter(|at| *at != corner(places[0]) && *at != corner(places[3])));
                }
                there
            });
        }
    }
}

fn corner((x, y): (u32, u32)) -> usize {
    (y * WHOLE.width + x) as usize
}

/// Blue, green, red.
fn colour(screen: &[u8], x: u32, y: u32) -> [u8; 3] {
    screen[4 * corner((x, y))..][..3].try_into().expect("it is on the screen")
}

#[test]
fn wayland_shows_the_same() {
    for (renderer, way) in WAYS {
        for scale in [1, 2] {
            let screen = Compositor::start(WHOLE_SIZE, scale).expect("a Wayland screen");
            let run = |words: &[&str]| {
                let command = screen.command(&stage()).expect("the program is copied");
                Stage::run(command, renderer, &[&["--way", way][..], words].concat())
            };
            let window = format!("{}x{}", WHOLE.width / scale, WHOLE.height / scale);
            let menu = rect(
                (WHOLE.width - 220 * scale) / 2 + 4 * scale,
                (WHOLE.height - 160 * scale) / 2 + 4 * scale,
                212 * scale,
                20 * scale,
            );
            let running = run(&["--menu", "--window", &window]);
            let mut seen = BTreeSet::new();
            until("pictures move under a menu with words", || {
                let picture = screen.grey().expect("the screen is read");
                if has_words(&picture, menu) {
                    seen.extend(marker::read(&picture).map(|mark| mark.counter));
                }
                seen.len() >= 3
            });
            drop(running);

            let _running = run(&["--dialog", "--toast", "--window", &window]);
            let (dialog, toast) = over(scale);
            let mut seen = BTreeSet::new();
            until("pictures move behind a dialog and a toast with words", || {
                let picture = screen.grey().expect("the screen is read");
                if has_words(&picture, dialog) && has_words(&picture, toast) {
                    seen.insert(part(&picture, rect(0, 100, 120, 500)));
                }
                seen.len() >= 3
            });
        }
    }
}

fn part(picture: &I420, place: Rect) -> Vec<u8> {
    let (luma, ..) = picture.planes();
    let rows = luma.chunks_exact(WHOLE.width as usize).skip(place.top as usize).take(place.height as usize);
    rows.flat_map(|row| &row[place.left as usize..][..place.width as usize]).copied().collect()
}

/// Dark letters on white, and shades between them.
fn has_words(picture: &I420, place: Rect) -> bool {
    let shades: BTreeSet<u8> = part(picture, place).into_iter().collect();
    shades.contains(&235) && shades.iter().any(|level| *level < 60) && shades.len() > 8
}

#[test]
fn a_window_that_fails_its_test_leaves_the_page_alone() {
    for (renderer, _) in WAYS {
        let display = Display::start(1280, 720).expect("a screen");
        let _stage = Stage::start(&display, renderer, 1, &["--transparent", "--menu"]);
        let chip = || display.pixels(CHIP).expect("it is on the screen");
        let words = || chip().chunks_exact(4).any(|pixel| pixel[..3] == [255, 255, 255]);
        until("the page with its words and no picture", || words() && number(&display, WHOLE).is_none());
    }
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
