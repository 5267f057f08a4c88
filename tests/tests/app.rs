//! The app as its user has it: two windows under a screen, a sound server and cameras of their own, pressed and read over
//! WebDriver. The page's `ui/src/lib/testids.ts` names what is held on to.
#![cfg(target_os = "linux")]

use std::path::PathBuf;

use fika_tests::camera::Shim;
use fika_tests::display::Display;
use fika_tests::program;
use fika_tests::pulse::PulseServer;
use fika_tests::webdriver::Window;

const CAMERAS: [&str; 2] = ["Front Camera", "Desk Camera"];
/// Different pictures on a tile before it counts as moving.
const PICTURES: u32 = 4;

/// What the apps of one test run in. Ends with its owner.
struct Bed {
    display: Display,
    pulse: PulseServer,
    cameras: Shim,
    program: PathBuf,
    profiles: tempfile::TempDir,
}

impl Bed {
    fn start() -> Self {
        Self {
            display: Display::start(1280, 800).expect("a screen"),
            pulse: PulseServer::start().expect("a sound server"),
            cameras: Shim::new().expect("virtual cameras").devices(&CAMERAS),
            program: program::path("fika", "fika").expect("the app is built"),
            profiles: tempfile::tempdir().expect("a folder"),
        }
    }

    fn profile(&self, name: &str) -> PathBuf {
        self.profiles.path().join(name)
    }

    fn app(&self, profile: &str, link: Option<&str>) -> Window {
        let mut env = self.pulse.env();
        env.extend(self.cameras.env());
        env.push(("DISPLAY", self.display.name().into()));
        env.push(("LANG", "en_GB.UTF-8".into()));
        env.push(("FIKA_CONFIG_DIR", self.profile(profile).into()));
        // Windows may lie over each other here, so pictures are read from the page; `native.rs` reads the screen.
        env.push(("FIKA_VIDEO", "page".into()));
        Window::open(&self.program, link.as_slice(), env).expect("the app opens")
    }
}

/// The selector of a thing's test id.
fn id(name: &str) -> String {
    format!("[data-testid='{name}']")
}

fn press(window: &Window, name: &str) {
    window.click(&id(name)).expect(name);
}

fn sees(window: &Window, selector: &str) {
    let expression = format!("document.querySelector({selector:?}) !== null");
    window.until(&expression).unwrap_or_else(|error| panic!("{error:#}"));
}

/// The tile shows one picture after the other, and they are no plain areas.
fn moves(window: &Window, tile: &str) {
    let expression = format!(
        "(() => {{
           const canvas = document.querySelector(`[data-tile={tile:?}][data-picture=true] canvas`);
           if (!canvas?.width) return false;
           const {{ data }} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
           let sum = 0, darkest = 255, brightest = 0;
           for (let i = 1; i < data.length; i += 4 * 101) {{
             sum = (sum * 31 + data[i]) | 0;
             darkest = Math.min(darkest, data[i]);
             brightest = Math.max(brightest, data[i]);
           }}
           if (brightest - darkest < 64) return false;
           window.fikaSeen ??= {{}};
           return (window.fikaSeen[{tile:?}] ??= new Set()).add(sum).size >= {PICTURES};
         }})()"
    );
    window.evaluate("window.fikaSeen = {}").expect("the page runs scripts");
    window.until(&expression).unwrap_or_else(|error| panic!("{tile} does not move: {error:#}"));
}

/// The tile of the only other person.
fn other(window: &Window) -> String {
    let expression =
        "document.querySelector('[data-connection=connected] [data-tile]:not([data-tile^=\"me/\"])')?.dataset.tile";
    let tile = window.until(expression).unwrap_or_else(|error| panic!("{error:#}"));
    tile.as_str().expect("a tile has a name").to_owned()
}

/// Presses Start a call; the link that the lobby shows.
fn start_call(window: &Window) -> String {
    press(window, "start-call");
    sees(window, "[data-phase=lobby]");
    window.text(&id("link-text")).expect("the lobby shows the link")
}

fn paste(window: &Window, link: &str) {
    window.type_into(&id("join-link-input"), link).expect("the link is typed");
    press(window, "join-link-button");
}

#[test]
fn two_people_start_join_mute_change_the_camera_and_leave() {
    let bed = Bed::start();
    let (karin, amir) = (bed.app("karin", None), bed.app("amir", None));

    let link = start_call(&karin);
    assert!(link.contains("/j/") && link.contains('#'), "{link}");
    moves(&karin, "me/camera");
    press(&karin, "join-now");
    sees(&karin, "[data-connection=waiting]");

    paste(&amir, &link);
    sees(&amir, "[data-phase=lobby]");
    amir.type_into(&id("name-input"), "Amir").expect("the name is typed");
    press(&amir, "join-now");

    let (from_amir, from_karin) = (other(&karin), other(&amir));
    moves(&karin, &from_amir);
    moves(&amir, &from_karin);
    moves(&amir, "me/camera");
    assert_eq!(karin.text(&format!("[data-tile='{from_amir}'] .name")).expect("a name"), "Amir");

    press(&karin, "toggle-mic");
    sees(&amir, &format!("[data-tile='{from_karin}'] figcaption [role=img]"));
    press(&karin, "toggle-mic");
    amir.until(&format!("!document.querySelector(\"[data-tile='{from_karin}'] figcaption [role=img]\")"))
        .expect("the mark goes away");

    press(&karin, "camera-menu");
    let desk = "[...document.querySelectorAll('[role=menuitemradio]')].find((item) => item.innerText.trim() === 'Desk Camera')?.dataset.testid";
    let desk = karin.until(desk).expect("the menu lists the cameras");
    press(&karin, desk.as_str().expect("a test id"));
    let chosen = std::fs::read_to_string(bed.profile("karin").join("settings.json"));
    moves(&karin, "me/camera");
    moves(&amir, &from_karin);
    assert!(!chosen.is_ok_and(|settings| settings.contains("\"camera\": null")), "the choice is remembered");

    press(&amir, "leave");
    sees(&amir, "[data-phase=ended][data-end=left]");
    sees(&karin, "[data-connection=waiting]");
    press(&amir, "go-home");
    sees(&amir, "[data-phase=home]");
}

#[test]
fn a_link_on_the_command_line_opens_its_lobby_and_no_more() {
    let bed = Bed::start();
    let karin = bed.app("karin", None);
    let link = start_call(&karin);
    let amir = bed.app("amir", Some(&link));
    sees(&amir, "[data-phase=lobby]");
    sees(&amir, &id("join-now"));
}

#[test]
fn a_bad_link_is_answered_with_a_sentence_and_a_broken_settings_file_is_survived() {
    let bed = Bed::start();
    let profile = bed.profile("karin");
    std::fs::create_dir(&profile).expect("a folder");
    std::fs::write(profile.join("settings.json"), r#"{"version": 1, "call": {"name": "Kar"#).expect("half a file");

    let karin = bed.app("karin", Some("fika"));
    sees(&karin, "[data-phase=home]");
    let sentence = "This is not a Fika link. Paste the whole link.";
    assert_eq!(karin.text(&id("link-error")).expect("the link that it was started with is no link"), sentence);
    assert!(profile.join("settings.json.broken").is_file(), "the broken file is kept");

    for (link, sentence) in [
        ("http://192.168.1.5:7420/j/abcd-efgh-ijkl-mnop", "A part of the link is missing. Copy the whole link."),
        ("http://192.168.1.5:7420/j/abcd-efgh-ijkl-mno0#AAAA", "The link has a typo. Copy it again and paste it here."),
    ] {
        paste(&karin, link);
        assert_eq!(karin.text(&id("link-error")).expect("a sentence"), sentence);
    }
    sees(&karin, "[data-phase=home]");
}

#[test]
fn the_page_may_do_what_its_capability_lists_and_runs_no_text_as_code() {
    let bed = Bed::start();
    let window = bed.app("karin", None);
    sees(&window, "[data-phase=home]");
    let invoke = |command: &str| {
        let call = format!("window.__TAURI_INTERNALS__.invoke({command:?}).then(() => 'done', String)");
        window.evaluate(&call).expect("the page runs scripts").to_string()
    };
    assert_eq!(invoke("surface_stats"), "\"done\"");
    for command in ["plugin:window|close", "plugin:webview|create_webview_window", "plugin:event|emit"] {
        assert!(invoke(command).contains("not allowed"), "{command}: {}", invoke(command));
    }
    let eval = "(() => { try { return new Function('return 1')(); } catch { return 0; } })()";
    assert_eq!(window.evaluate(eval).expect("the page runs scripts"), 0);
    assert_eq!(window.evaluate("window.__TAURI__ === undefined").expect("the page runs scripts"), true);
}

#[test]
fn a_second_start_hands_its_link_to_the_first_and_ends() {
    let bed = Bed::start();
    let karin = bed.app("karin", None);
    sees(&karin, "[data-phase=home]");
    let mut command = std::process::Command::new(&bed.program);
    command.envs(bed.pulse.env()).env("DISPLAY", bed.display.name()).env("FIKA_CONFIG_DIR", bed.profile("karin"));
    let link = "fika://127.0.0.1:9/j/aaaq-cayr-ouyl-sgsl?plain#AAAAAAAAAAAAAAAAAAAAAA";
    let status = command.arg(link).status().expect("the app starts");
    assert_eq!(status.code(), Some(0), "it has nothing more to do");
    sees(&karin, "[data-phase=lobby]");
}
