//! A screen of its own: Xvfb, which ends with the [`Display`]. What it shows is read from its memory, without asking X.
//!
//! Everything blocks on the calling thread.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};
use fika_media::{I420, Resolution};

/// A part of the screen, in pixels from the top left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

pub struct Display {
    child: Child,
    name: String,
    bounds: Rect,
    memory: Memory,
    _folder: tempfile::TempDir,
}

impl Display {
    /// Takes the first free display number. The screen is `width` x `height` pixels.
    pub fn start(width: u32, height: u32) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0", &format!("{width}x{height}x24")])
            .arg("-fbdir")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Xvfb starts (Debian: xvfb)")?;
        let mut number = String::new();
        // Written when the screen is ready.
        let said = BufReader::new(child.stdout.take().context("stdout is piped")?).read_line(&mut number);
        let memory = Memory::open(&folder.path().join("Xvfb_screen0"), width);
        if !said.as_ref().is_ok_and(|length| *length > 0) || memory.is_err() {
            let _ = child.kill();
            let _ = child.wait();
        }
        ensure!(said? > 0, "Xvfb ended at once");
        let bounds = Rect { left: 0, top: 0, width, height };
        Ok(Self { child, name: format!(":{}", number.trim()), bounds, memory: memory?, _folder: folder })
    }

    /// For the variable `DISPLAY`.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub const fn bounds(&self) -> Rect {
        self.bounds
    }

    /// Writes what the screen shows to a PNG, with imagemagick.
    pub fn screenshot(&self, path: &Path) -> anyhow::Result<()> {
        let status = Command::new("import").args(["-display", &self.name, "-window", "root"]).arg(path).status()?;
        ensure!(status.success(), "import: {status}");
        Ok(())
    }

    /// The pixels of a part of the screen, line by line: blue, green, red and a byte of nothing each.
    pub fn pixels(&self, part: Rect) -> anyhow::Result<Vec<u8>> {
        let Rect { width, height, .. } = self.bounds;
        ensure!(part.left + part.width <= width && part.top + part.height <= height, "{part:?} is not on the screen");
        self.memory.read(part)
    }

    /// A part of the screen as a grey picture, for `fika_media::marker`. Only its first `lines` lines are looked at, the
    /// others stay black.
    pub fn grey(&self, part: Rect, lines: u32) -> anyhow::Result<I420> {
        let pixels = self.pixels(Rect { height: lines.min(part.height), ..part })?;
        let mut picture = I420::black(Resolution::new(part.width, part.height));
        let (luma, _, _) = picture.planes_mut();
        for (out, pixel) in luma.iter_mut().zip(pixels.chunks_exact(4)) {
            let sum = u32::from(pixel[0]) + 2 * u32::from(pixel[1]) + u32::from(pixel[2]);
            *out = u8::try_from(16 + sum / 4 * 219 / 255).unwrap_or(u8::MAX);
        }
        Ok(picture)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The file in which Xvfb keeps the screen: XWD, whose header has big-endian words: [0] its length, [12] the bytes of a
/// line, [19] the number of colours that follow it, 12 bytes each.
struct Memory {
    file: File,
    first_pixel: u64,
    bytes_per_line: u64,
}

impl Memory {
    fn open(path: &Path, width: u32) -> anyhow::Result<Self> {
        let file = File::open(path).context("the memory of the screen")?;
        let word = |index: u64| -> anyhow::Result<u64> {
            let mut bytes = [0; 4];
            file.read_exact_at(&mut bytes, index * 4)?;
            Ok(u64::from(u32::from_be_bytes(bytes)))
        };
        let (first_pixel, bytes_per_line) = (word(0)? + word(19)? * 12, word(12)?);
        ensure!(bytes_per_line >= u64::from(width) * 4, "the screen has 32 bits a pixel");
        Ok(Self { file, first_pixel, bytes_per_line })
    }

    fn read(&self, part: Rect) -> anyhow::Result<Vec<u8>> {
        let line = part.width as usize * 4;
        let mut pixels = vec![0; line * part.height as usize];
        for (y, out) in pixels.chunks_exact_mut(line).enumerate() {
            let at = (u64::from(part.top) + y as u64) * self.bytes_per_line + u64::from(part.left) * 4;
            self.file.read_exact_at(out, self.first_pixel + at)?;
        }
        Ok(pixels)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use fika_media::Timestamp;
    use fika_media::marker::{self, Marker};

    use super::*;

    #[test]
    fn a_mark_on_the_screen_is_read_back() {
        let display = Display::start(1280, 800).unwrap();
        assert_eq!(marker::read(&display.grey(display.bounds(), 200).unwrap()), None);

        let mark = Marker { counter: 77, pts: Timestamp(1_234_567_890) };
        let mut picture = I420::black(Resolution::new(640, 360));
        marker::write(&mut picture, mark);
        let mut file = tempfile::NamedTempFile::with_suffix(".pgm").unwrap();
        writeln!(file, "P5 640 360 255").unwrap();
        file.write_all(picture.planes().0).unwrap();
        // Makes it the background of the root window, repeated from the top left; its exit code says nothing.
        let show =
            Command::new("display").args(["-display", display.name(), "-window", "root"]).arg(file.path()).status();
        assert!(show.is_ok());
        let part = Rect { left: 0, top: 0, width: 640, height: 360 };
        assert_eq!(marker::read(&display.grey(part, 60).unwrap()), Some(mark));
    }
}
