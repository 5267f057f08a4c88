//! A Wayland screen of its own: sway without a graphics card or seat, which ends with the [`Compositor`].
//!
//! sway refuses to run as root, so root runs it and its programs as nobody. Everything blocks on the calling thread.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use fika_media::{I420, Resolution};

/// Debian's nobody and nogroup.
const NOBODY: u32 = 65_534;
const SOCKET: &str = "wayland-1";
/// How often the socket is looked for, and how often before it counts as failed.
const POLL: (Duration, u32) = (Duration::from_millis(10), 2_000);

pub struct Compositor {
    child: Child,
    folder: tempfile::TempDir,
}

impl Compositor {
    /// `size` in pixels; programs see a screen that is `scale` times smaller, and are to paint as many pixels.
    pub fn start(size: Resolution, scale: u32) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let settings = format!(
            "output HEADLESS-1 resolution {}x{} scale {scale}\nxwayland disable\ndefault_border none\n",
            size.width, size.height
        );
        let file = folder.path().join("settings");
        std::fs::write(&file, settings)?;
        if is_root(folder.path())? {
            chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
            chown(&file, Some(NOBODY), Some(NOBODY))?;
        }
        let mut command = unprivileged(folder.path(), Path::new("sway"))?;
        command.arg("-c").arg(&file).env("WLR_BACKENDS", "headless").env("WLR_RENDERER", "pixman");
        command.env("WLR_LIBINPUT_NO_DEVICES", "1").env_remove("DISPLAY");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut new = Self { child: child.context("sway starts (Debian: sway)")?, folder };
        for _ in 0..POLL.1 {
            if new.folder.path().join(SOCKET).exists() {
                return Ok(new);
            }
            if let Some(status) = new.child.try_wait()? {
                bail!("sway ended at once: {status}");
            }
            std::thread::sleep(POLL.0);
        }
        bail!("sway opens no socket")
    }

    /// To start `program` on this screen. It is copied to where nobody may read it.
    pub fn command(&self, program: &Path) -> anyhow::Result<Command> {
        let copy: PathBuf = self.folder.path().join(program.file_name().context("a program")?);
        // By another process: a thread of ours that starts a program just then would hold the copy open for writing.
        let copied = Command::new("install").args(["-m", "755"]).arg(program).arg(&copy).status()?;
        ensure!(copied.success(), "{} cannot be copied", program.display());
        let mut command = unprivileged(self.folder.path(), &copy)?;
        command.env("WAYLAND_DISPLAY", SOCKET).env("GDK_BACKEND", "wayland").env_remove("DISPLAY");
        Ok(command)
    }

    /// What the screen shows, grey.
    pub fn grey(&self) -> anyhow::Result<I420> {
        let mut command = unprivileged(self.folder.path(), Path::new("grim"))?;
        let out = command.args(["-t", "ppm", "-"]).env("WAYLAND_DISPLAY", SOCKET).output();
        let out = out.context("grim starts (Debian: grim)")?;
        ensure!(out.status.success(), "grim: {}", String::from_utf8_lossy(&out.stderr));
        grey(&out.stdout).context("a PPM picture")
    }
}

impl Drop for Compositor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whoever made the folder is who we are.
fn is_root(folder: &Path) -> anyhow::Result<bool> {
    let owner = std::fs::metadata(folder)?.uid();
    Ok(owner == 0 || std::fs::metadata("/proc/self")?.uid() == 0)
}

fn unprivileged(folder: &Path, program: &Path) -> anyhow::Result<Command> {
    let mut command = if is_root(folder)? {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.env("XDG_RUNTIME_DIR", folder).env("HOME", folder).current_dir(folder);
    Ok(command)
}

/// `P6 WIDTH HEIGHT 255` and three bytes for each pixel.
fn grey(ppm: &[u8]) -> Option<I420> {
    let mut words = ppm.splitn(4, |byte| byte.is_ascii_whitespace());
    let number = |word: Option<&[u8]>| std::str::from_utf8(word?).ok()?.parse::<u32>().ok();
    (words.next()? == b"P6").then_some(())?;
    let size = Resolution::new(number(words.next())?, number(words.next())?);
    let pixels = words.next()?.strip_prefix(b"255")?.get(1..)?;
    let mut picture = I420::black(size);
    for (out, pixel) in picture.planes_mut().0.iter_mut().zip(pixels.chunks_exact(3)) {
        let sum = u32::from(pixel[0]) + 2 * u32::from(pixel[1]) + u32::from(pixel[2]);
        *out = u8::try_from(16 + sum / 4 * 219 / 255).unwrap_or(u8::MAX);
    }
    Some(picture)
}
