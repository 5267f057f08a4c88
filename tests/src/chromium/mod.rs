//! A Chromium that the tests drive over its debugging port: the browser in a room of ours, and what we measure beside.
//!
//! Everything blocks on the calling thread. The browser has a profile of its own and ends with its [`Browser`].

mod devtools;
mod pages;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow};

pub use devtools::Page;
pub use pages::Pages;

use crate::display::Rect;

/// How long a page may take for what it is asked.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to start the browser.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// y4m that the camera plays in a loop; without one it shows Chromium's test picture.
    pub camera: Option<PathBuf>,
    /// 48 kHz wav that the microphone plays in a loop.
    pub microphone: Option<PathBuf>,
    /// X display on which the window appears; without one there is no window.
    pub display: Option<String>,
    /// Where the window is.
    pub window: Option<Rect>,
    /// Shown at once, in a window without tabs and address.
    pub app: Option<String>,
    /// Certificates with this key are as good as those of an authority: SHA-256 of it in base64.
    pub trusted_key: Option<String>,
    /// Devices are given to who has the permission; else to everybody.
    pub asks_for_devices: bool,
}

pub struct Browser {
    child: Child,
    port: u16,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub fn launch(launch: &Launch) -> anyhow::Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut command = Command::new("chromium");
        command
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(clip) = &launch.camera {
            command.arg(format!("--use-file-for-fake-video-capture={}", clip.display()));
        }
        if let Some(sound) = &launch.microphone {
            command.arg(format!("--use-file-for-fake-audio-capture={}", sound.display()));
        }
        if let Some(key) = &launch.trusted_key {
            command.arg(format!("--ignore-certificate-errors-spki-list={key}"));
        }
        if !launch.asks_for_devices {
            command.arg("--use-fake-ui-for-media-stream");
        }
        match &launch.display {
            Some(display) => command.env("DISPLAY", display).arg("--ozone-platform=x11"),
            None => command.arg("--headless"),
        };
        if let Some(Rect { left, top, width, height }) = launch.window {
            command.arg(format!("--window-position={left},{top}")).arg(format!("--window-size={width},{height}"));
        }
        match &launch.app {
            Some(url) => command.arg(format!("--app={url}")),
            None => command.arg("about:blank"),
        };
        let mut child = command.spawn().context("chromium starts")?;
        let port = debugging_port(&mut child);
        let mut browser = Self { child, port: 0, _profile: profile };
        browser.port = port?;
        Ok(browser)
    }

    /// The page that it shows.
    pub fn page(&self) -> anyhow::Result<Page> {
        devtools::first_page(self.port, PATIENCE)
    }

    /// Shows `url`.
    pub fn open(&self, url: &str) -> anyhow::Result<Page> {
        let mut page = self.page()?;
        page.navigate(url)?;
        Ok(page)
    }

    /// Of the process that all others of this browser descend from.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Without its first process the others lose their channel and end by themselves.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const FLAGS: &[&str] = &[
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns,MediaRouter,OptimizationHints",
    // A window behind another one goes on at full speed.
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--remote-debugging-port=0",
];

/// Chromium names the port that it took on stderr; the rest is read away by a thread that ends with the browser.
fn debugging_port(child: &mut Child) -> anyhow::Result<u16> {
    let mut lines = BufReader::new(child.stderr.take().context("stderr is piped")?).lines();
    let mut said = String::new();
    while let Some(Ok(line)) = lines.next() {
        if let Some(address) = line.strip_prefix("DevTools listening on ws://127.0.0.1:") {
            let port = address.split('/').next().and_then(|port| port.parse().ok()).context("a port")?;
            std::thread::Builder::new().name("chromium-stderr".into()).spawn(move || lines.for_each(drop))?;
            return Ok(port);
        }
        said.push_str(&line);
        said.push('\n');
    }
    Err(anyhow!("chromium ended at once:\n{said}"))
}

/// 720p30 test picture that moves, `seconds` long, made by ffmpeg.
pub fn make_clip(path: &Path, seconds: u32) -> anyhow::Result<()> {
    ffmpeg(
        &["-f", "lavfi", "-i", &format!("testsrc2=size=1280x720:rate=30:duration={seconds}"), "-pix_fmt", "yuv420p"],
        path,
    )
}

/// A test picture that a small machine can send to several people, made by ffmpeg.
pub fn make_small_clip(path: &Path) -> anyhow::Result<()> {
    ffmpeg(&["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=2", "-pix_fmt", "yuv420p"], path)
}

/// A sine of `hertz` at 48 kHz, `seconds` long, made by ffmpeg.
pub fn make_tone(path: &Path, hertz: u32, seconds: u32) -> anyhow::Result<()> {
    let source = format!("sine=frequency={hertz}:sample_rate=48000:duration={seconds}");
    ffmpeg(&["-f", "lavfi", "-i", &source, "-af", "volume=4", "-c:a", "pcm_s16le"], path)
}

/// The first `seconds` of any clip as 720p30 y4m, repeated to that length.
pub fn make_y4m(from: &Path, path: &Path, seconds: u32) -> anyhow::Result<()> {
    let (from, seconds) = (from.display().to_string(), seconds.to_string());
    let scale = "fps=30,scale=1280:720:force_original_aspect_ratio=increase,crop=1280:720,format=yuv420p";
    ffmpeg(&["-stream_loop", "-1", "-t", &seconds, "-i", &from, "-an", "-vf", scale, "-t", &seconds], path)
}

fn ffmpeg(arguments: &[&str], path: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-y"]).args(arguments).arg(path);
    let out = command.output().context("ffmpeg starts")?;
    anyhow::ensure!(out.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&out.stderr));
    Ok(())
}
