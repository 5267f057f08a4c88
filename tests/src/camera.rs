//! Virtual cameras for child processes: the preloaded library `fika-v4l2-shim`, its settings, its faults, and real clips
//! in the formats it plays.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use fika_media::marker::{self, Marker};
use fika_media::{I420, Resolution, Timestamp};
use tempfile::TempDir;

use crate::isolated::Env;

/// Virtual cameras as a test wants them.
pub struct Shim {
    env: Env,
    control: TempDir,
}

/// What a test can do to the cameras while they run. See the crate `fika-v4l2-shim`.
#[derive(Clone, Debug)]
pub struct Faults(PathBuf);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Unplug,
    Busy,
    Deny,
    Stall,
}

impl Shim {
    /// One camera with a moving pattern, in YUYV and NV12.
    pub fn new() -> anyhow::Result<Self> {
        let control = tempfile::Builder::new().prefix("fika-camera-").tempdir()?;
        let library = library()?;
        let env = vec![("LD_PRELOAD", library.into()), ("V4L2_SHIM_CTL", control.path().into())];
        Ok(Self { env, control })
    }

    /// The cameras' names; one that ends in `=metadata` is a node without pictures.
    pub fn devices(self, names: &[&str]) -> Self {
        self.with("V4L2_SHIM_DEVICES", names.join("|"))
    }

    /// Pixel formats offered, such as `YUYV,NV12,MJPG`.
    pub fn formats(self, formats: &str) -> Self {
        self.with("V4L2_SHIM_FORMATS", formats)
    }

    /// Sizes offered for patterns, such as `1280x720,640x480`.
    pub fn sizes(self, sizes: &str) -> Self {
        self.with("V4L2_SHIM_SIZES", sizes)
    }

    /// Plays a [`clip`] in YUYV and NV12.
    pub fn clip(self, y4m: &Path) -> Self {
        self.with("V4L2_SHIM_CLIP", y4m)
    }

    /// Plays [`mjpeg`] pictures in MJPG.
    pub fn mjpeg(self, pictures: &Path) -> Self {
        self.with("V4L2_SHIM_MJPEG", pictures)
    }

    /// The cameras start in a mode that capture libraries do not know.
    pub fn odd(self) -> Self {
        self.with("V4L2_SHIM_INITIAL", "odd")
    }

    /// For programs that shall see these cameras. The settings last as long as the `Shim`.
    pub fn env(&self) -> Env {
        self.env.clone()
    }

    pub fn faults(&self) -> Faults {
        Faults(self.control.path().to_owned())
    }

    fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }
}

impl Faults {
    /// Those of the cameras that this process was given.
    pub fn from_env() -> anyhow::Result<Self> {
        Ok(Self(std::env::var_os("V4L2_SHIM_CTL").context("virtual cameras were given")?.into()))
    }

    pub fn set(&self, fault: Fault) -> anyhow::Result<()> {
        File::create(self.0.join(fault.name()))?;
        Ok(())
    }

    pub fn clear(&self, fault: Fault) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.0.join(fault.name()))?)
    }
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Unplug => "unplug",
            Self::Busy => "busy",
            Self::Deny => "deny",
            Self::Stall => "stall",
        }
    }
}

/// The preloaded library, built if the test's own build has not.
pub fn library() -> anyhow::Result<PathBuf> {
    const NAME: &str = "libfika_v4l2_shim.so";
    // Tests run from `<target>/<profile>/deps`, programs from `<target>/<profile>`.
    let program = std::env::current_exe()?;
    let near = program.ancestors().skip(1).take(2).map(|directory| directory.join(NAME));
    if let Some(found) = near.into_iter().find(|path| path.exists()) {
        return Ok(found);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--package", "fika-v4l2-shim", "--message-format", "json"])
        .current_dir(crate::folder())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the camera library does not build");
    let text = String::from_utf8(output.stdout)?;
    let artifacts = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut files = artifacts.flat_map(|artifact| artifact["filenames"].as_array().cloned().unwrap_or_default());
    let file = files.find_map(|file| Some(file.as_str()?.to_owned()).filter(|file| file.ends_with(NAME)));
    Ok(file.context("the build made the camera library")?.into())
}

/// A recording from `tests/assets`.
pub fn asset(name: &str) -> PathBuf {
    crate::folder().join("assets").join(name)
}

/// The first `frames` pictures of an asset, scaled to `size`, uncompressed (y4m). Made once and kept.
pub fn clip(name: &str, size: Resolution, frames: u32) -> anyhow::Result<PathBuf> {
    let kept = kept(&format!("{name}-{}x{}-{frames}.y4m", size.width, size.height))?;
    if kept.exists() {
        return Ok(kept);
    }
    let scale = format!("scale={}:{}", size.width, size.height);
    let frames = frames.to_string();
    make(&kept, |making| {
        let status = ffmpeg()
            .arg("-i")
            .arg(asset(name))
            .args(["-an", "-vf", &scale, "-pix_fmt", "yuv420p", "-frames:v", &frames, "-f", "yuv4mpegpipe"])
            .arg(making)
            .status()
            .context("ffmpeg runs (Debian: ffmpeg)")?;
        ensure!(status.success(), "ffmpeg does not read {name}");
        Ok(())
    })?;
    Ok(kept)
}

/// The same as JPEG pictures (4:2:2, as webcams send), one behind the other. Each carries a mark with its number, also
/// as its time in microseconds.
pub fn mjpeg(name: &str, size: Resolution, frames: u32) -> anyhow::Result<PathBuf> {
    let kept = kept(&format!("{name}-{}x{}-{frames}.mjpeg", size.width, size.height))?;
    if kept.exists() {
        return Ok(kept);
    }
    let source = clip(name, size, frames)?;
    make(&kept, |making| {
        let mut child = ffmpeg()
            .args([
                "-f",
                "yuv4mpegpipe",
                "-i",
                "-",
                "-c:v",
                "mjpeg",
                "-q:v",
                "4",
                "-pix_fmt",
                "yuvj422p",
                "-f",
                "mjpeg",
            ])
            .arg(making)
            .stdin(Stdio::piped())
            .spawn()
            .context("ffmpeg runs (Debian: ffmpeg)")?;
        let piped = mark(&source, size, child.stdin.take().context("stdin is piped")?);
        ensure!(child.wait()?.success(), "ffmpeg does not encode {name}");
        piped
    })?;
    Ok(kept)
}

/// Copies a y4m file and marks its pictures.
pub fn mark(source: &Path, size: Resolution, out: impl std::io::Write) -> anyhow::Result<()> {
    let (mut input, mut out) = (BufReader::new(File::open(source)?), BufWriter::new(out));
    let mut line = Vec::new();
    std::io::BufRead::read_until(&mut input, b'\n', &mut line)?;
    out.write_all(&line)?;
    for counter in 0.. {
        line.clear();
        if std::io::BufRead::read_until(&mut input, b'\n', &mut line)? == 0 {
            break;
        }
        let mut data = vec![0; I420::len(size)];
        input.read_exact(&mut data)?;
        let mut image = I420::from_data(size, data).context("the clip has the size asked for")?;
        marker::write(&mut image, Marker { counter, pts: Timestamp::from_micros(counter.into()) });
        out.write_all(&line)?;
        out.write_all(image.data())?;
    }
    Ok(out.flush()?)
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).env_remove("LD_PRELOAD");
    command
}

/// Where a converted clip stays for other tests and later runs.
fn kept(name: &str) -> anyhow::Result<PathBuf> {
    let directory = std::env::temp_dir().join("fika-clips");
    std::fs::create_dir_all(&directory)?;
    Ok(directory.join(name))
}

/// Makes a file beside its place and moves it there when it is whole: tests run at the same time.
fn make(kept: &Path, work: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let directory = kept.parent().context("the file is in a directory")?;
    let making = tempfile::NamedTempFile::new_in(directory)?;
    work(making.path())?;
    making.persist(kept)?;
    Ok(())
}
