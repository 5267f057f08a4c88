//! Two app windows side by side on one screen, with a sound server, cameras and settings of their own, pressed like a
//! person does: for the demo and the measurements.
//!
//! Everything blocks on the calling thread. All that was started ends with the [`Bed`] and its windows.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::camera::Shim;
use crate::display::{Display, Rect};
use crate::isolated::Env;
use crate::pipewire::PipeWire;
use crate::process;
use crate::program;
use crate::pulse::{Playing, PulseServer};
use crate::webdriver::Window;

/// How long a window may take to appear.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);

/// What plays and records sound for the apps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Sound {
    #[default]
    Pulseaudio,
    Pipewire,
}

enum Server {
    Pulse(PulseServer),
    PipeWire(PipeWire),
}

/// Where the apps run.
pub struct Bed {
    pub display: Display,
    program: PathBuf,
    sound: Server,
    profiles: tempfile::TempDir,
    /// Ids of the windows that were placed, in that order.
    placed: RefCell<Vec<String>>,
    _speech: Playing,
}

impl Bed {
    /// `speech`: mono samples of 48 kHz that both microphones hear again and again.
    pub fn start(width: u32, height: u32, speech: Vec<f32>) -> anyhow::Result<Self> {
        Self::start_with(Sound::default(), width, height, speech)
    }

    pub fn start_with(sound: Sound, width: u32, height: u32, speech: Vec<f32>) -> anyhow::Result<Self> {
        let (sound, playing) = match sound {
            Sound::Pulseaudio => {
                let server = PulseServer::start()?;
                let playing = server.pulse().play_loop("vmic_in", speech)?;
                (Server::Pulse(server), playing)
            }
            Sound::Pipewire => {
                let server = PipeWire::start()?;
                let playing = server.play_loop("vmic_in", speech)?;
                (Server::PipeWire(server), playing)
            }
        };
        Ok(Self {
            display: Display::start(width, height)?,
            program: program::path("fika", "fika")?,
            sound,
            profiles: tempfile::tempdir()?,
            placed: RefCell::default(),
            _speech: playing,
        })
    }

    pub fn environment(&self, name: &str, camera: &Shim) -> Env {
        let mut environment = match &self.sound {
            Server::Pulse(server) => server.env(),
            Server::PipeWire(server) => server.env(),
        };
        environment.extend(camera.env());
        environment.push(("DISPLAY", self.display.name().into()));
        environment.push(("LANG", "en_GB.UTF-8".into()));
        environment.push(("FIKA_CONFIG_DIR", self.profile(name).into()));
        environment
    }

    /// What the app of this name has written down since its start.
    pub fn log(&self, name: &str) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.profile(name).join("fika.log"))?)
    }

    pub fn program(&self) -> &PathBuf {
        &self.program
    }

    /// Starts an app for `name`, whose window is then at `place`.
    pub fn open(&self, name: &str, camera: &Shim, place: Rect) -> anyhow::Result<Window> {
        self.open_with(self.environment(name, camera), place)
    }

    /// Starts an app in this environment, whose window is then at `place`.
    pub fn open_with(&self, environment: Env, place: Rect) -> anyhow::Result<Window> {
        let before = self.windows();
        let window = Window::open(&self.program, &[], environment)?;
        self.place(&before, place)?;
        Ok(window)
    }

    /// Ids of the windows that are visible now.
    pub fn windows(&self) -> Vec<String> {
        // It fails when there are none.
        let found = self.xdotool(&["search", "--onlyvisible", "--name", "^Fika$"]).unwrap_or_default();
        found.lines().map(str::to_owned).collect()
    }

    /// Where what the app of this name keeps is.
    pub fn profile(&self, name: &str) -> PathBuf {
        self.profiles.path().join(name)
    }

    /// Moves the window that was not there `before`.
    pub fn place(&self, before: &[String], place: Rect) -> anyhow::Result<()> {
        let number = self.appears(before)?;
        self.reshape(number, place)
    }

    /// Waits for a window that was not there `before`; its number from now on.
    pub fn appears(&self, before: &[String]) -> anyhow::Result<usize> {
        let end = Instant::now() + PATIENCE;
        let window = loop {
            if let Some(new) = self.windows().into_iter().find(|window| !before.contains(window)) {
                break new;
            }
            if Instant::now() > end {
                bail!("no window appears");
            }
            std::thread::sleep(POLL);
        };
        let mut placed = self.placed.borrow_mut();
        placed.push(window);
        Ok(placed.len() - 1)
    }

    /// Moves the window that was opened as the `number`th, from 0 on.
    pub fn reshape(&self, number: usize, place: Rect) -> anyhow::Result<()> {
        let window = self.placed.borrow().get(number).cloned().context("there is such a window")?;
        let [left, top, width, height] = [place.left, place.top, place.width, place.height].map(|n| n.to_string());
        self.xdotool(&["windowmove", &window, &left, &top, "windowsize", &window, &width, &height]).map(drop)
    }

    /// Moves the pointer there, and presses its first button if `press`.
    pub fn point(&self, at: (u32, u32), press: bool) -> anyhow::Result<()> {
        let [x, y] = [at.0, at.1].map(|n| n.to_string());
        let words = ["mousemove", "--sync", &x, &y, "click", "1"];
        self.xdotool(if press { &words } else { &words[..4] }).map(drop)
    }

    /// Gives the window that was opened as the `number`th the keyboard and presses a key, by its name in X.
    pub fn key(&self, number: usize, key: &str) -> anyhow::Result<()> {
        let window = self.placed.borrow().get(number).cloned().context("there is such a window")?;
        self.xdotool(&["windowfocus", "--sync", &window, "key", key]).map(drop)
    }

    /// Where the window that was opened as the `number`th stands.
    pub fn geometry(&self, number: usize) -> anyhow::Result<Rect> {
        let window = self.placed.borrow().get(number).cloned().context("there is such a window")?;
        let told = self.xdotool(&["getwindowgeometry", "--shell", &window])?;
        let value = |name: &str| {
            let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            Ok::<u32, anyhow::Error>(line.with_context(|| format!("{name} in {told}"))?.parse()?)
        };
        Ok(Rect { left: value("X")?, top: value("Y")?, width: value("WIDTH")?, height: value("HEIGHT")? })
    }

    /// Moves the window that was opened as the `number`th and lets the window manager raise it and give it the keyboard.
    pub fn raise(&self, number: usize, place: Rect) -> anyhow::Result<()> {
        self.reshape(number, place)?;
        let window = self.placed.borrow().get(number).cloned().context("there is such a window")?;
        self.xdotool(&["windowactivate", "--sync", &window]).map(drop)
    }

    /// Lets the window manager put the window away that was opened as the `number`th.
    pub fn minimise(&self, number: usize) -> anyhow::Result<()> {
        let window = self.placed.borrow().get(number).cloned().context("there is such a window")?;
        self.xdotool(&["windowminimize", "--sync", &window]).map(drop)
    }

    fn xdotool(&self, words: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new("xdotool");
        command.args(words).env("DISPLAY", self.display.name()).stderr(Stdio::null());
        let out = command.output().context("xdotool starts (Debian: xdotool)")?;
        anyhow::ensure!(out.status.success(), "xdotool {words:?}: {}", out.status);
        Ok(String::from_utf8(out.stdout)?)
    }
}

/// The process that runs the page of a window.
pub fn page_process(window: &Window) -> Option<u32> {
    let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    // The kernel keeps 15 letters of a name.
    process::tree(window.pid()).ok()?.into_iter().find(|pid| name(pid).trim() == "WebKitWebProces")
}

/// The selector of what `ui/src/lib/testids.ts` calls `name`.
pub fn id(name: &str) -> String {
    format!("[data-testid='{name}']")
}

/// Presses Start a call, calls itself `name` and joins; the link.
pub fn start_call(window: &Window, name: &str) -> anyhow::Result<String> {
    window.click(&id("start-call"))?;
    window.type_into(&id("name-input"), name)?;
    let link = window.text(&id("link-text"))?;
    window.until("document.querySelector('[data-tile=\"me/camera\"][data-picture=true]') !== null")?;
    window.click(&id("join-now"))?;
    window.until("document.querySelector('[data-connection]') !== null")?;
    Ok(link)
}

/// Pastes the link, calls itself `name` and waits in the lobby until the own picture is there.
pub fn enter_lobby(window: &Window, link: &str, name: &str) -> anyhow::Result<()> {
    window.type_into(&id("join-link-input"), link)?;
    window.click(&id("join-link-button"))?;
    window.type_into(&id("name-input"), name)?;
    window.until("document.querySelector('[data-tile=\"me/camera\"][data-picture=true]') !== null").map(drop)
}

/// Waits until the picture of the other one is shown.
pub fn sees_other(window: &Window) -> anyhow::Result<()> {
    let tile = "[data-connection=connected] [data-picture=true]:not([data-tile^=\"me/\"])";
    window.until(&format!("document.querySelector('{tile}') !== null")).map(drop)
}

/// The recorded speaker as samples of 48 kHz, made by ffmpeg.
pub fn speech() -> anyhow::Result<Vec<f32>> {
    let asset = crate::camera::asset("arctic_a0007.wav");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(asset).args(["-ar", "48000", "-ac", "1", "-f", "f32le", "-"]);
    let out = command.stdin(Stdio::null()).output().context("ffmpeg starts (Debian: ffmpeg)")?;
    anyhow::ensure!(out.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&out.stderr));
    Ok(out.stdout.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
