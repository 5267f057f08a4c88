//! How good what was seen is beside what should have been seen then: VMAF, with pictures that stand still counted as that.
//!
//! The clip that is sent is marked. For each of its pictures the last one counts that was on the screen when it should have
//! been, so one that is left out is compared with the one before it. Two laps of the clip are judged, the same ones for all.
//! Whoever receives shows on its own thread; until the end pictures are kept as they came, at most [`LAPS`] laps.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use fika_media::scale::{Fit, Scaler};
use fika_media::{I420, Resolution, marker};

/// Of the clip.
pub const SIZE: Resolution = Resolution::new(1280, 720);
pub const FRAME_RATE: u32 = 30;
/// Seconds of a lap.
pub const LAP: u32 = 5;
/// The first of the laps that are judged.
const FIRST: u32 = 4;
pub const LAPS: u32 = 5;
/// From the first picture on.
pub const JUDGED: Duration = Duration::from_secs(((FIRST + LAPS) * LAP) as u64);

const LAP_FRAMES: u32 = LAP * FRAME_RATE;
const BEGIN: u32 = FIRST * LAP_FRAMES;
const END: u32 = BEGIN + LAPS * LAP_FRAMES;
/// What the mark covers: three of 40 blocks across.
const MARK_LINES: u32 = SIZE.width / 40 * 3;
/// Names an ffmpeg that has libvmaf: Debian's has none.
const FFMPEG: &str = "FIKA_VMAF_FFMPEG";

/// What was on the screen, from the beginning on.
#[derive(Debug, Default)]
pub struct Record {
    /// Those that count, and for how many of the clip's.
    shown: Vec<(I420, u32)>,
    last: Option<I420>,
    /// The last one's number in the clip, and the number of its lap.
    number: u32,
    lap: u32,
    /// The same counted from the beginning on.
    next: u32,
}

impl Record {
    pub fn show(&mut self, picture: I420) {
        if let Some(mark) = marker::read(&picture) {
            // Decoded pictures come in order, so a lower number is one of the next lap.
            if mark.counter < self.number {
                self.lap += 1;
            }
            self.number = mark.counter;
            self.until(self.lap * LAP_FRAMES + mark.counter);
        }
        self.last = Some(picture);
    }

    /// The last one stays until this one should be there.
    fn until(&mut self, index: u32) {
        let [from, to] = [self.next, index].map(|index| index.clamp(BEGIN, END));
        if let Some(last) = self.last.take().filter(|_| to > from) {
            self.shown.push((last, to - from));
        }
        self.next = self.next.max(index);
    }

    /// From 0 to 100. `clip`: what was sent.
    pub fn judge(mut self, clip: &Path) -> anyhow::Result<f64> {
        self.until(END);
        let count: u32 = self.shown.iter().map(|(_, count)| count).sum();
        ensure!(count == END - BEGIN, "{count} of the clip's pictures were seen or stood in for");
        let Some(program) = std::env::var_os(FFMPEG) else {
            bail!("{FFMPEG} names no ffmpeg with libvmaf: `./dev bench link` installs one and names it");
        };
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("vmaf.json");
        let even = format!("settb=1/{FRAME_RATE},setpts=N,crop=w=iw:h=ih-{MARK_LINES}:x=0:y={MARK_LINES}");
        let filter = format!(
            "[0]{even}[seen];[1]{even}[sent];[seen][sent]libvmaf=n_threads=2:shortest=1:log_fmt=json:log_path={}",
            log.display()
        );
        let mut command = Command::new(program);
        command.args(["-nostdin", "-loglevel", "error", "-f", "yuv4mpegpipe", "-i", "pipe:0"]);
        command.args(["-stream_loop", &(LAPS - 1).to_string(), "-i"]).arg(clip);
        command.args(["-filter_complex", &filter, "-f", "null", "-"]).stdin(Stdio::piped());
        let mut child = command.spawn().context("ffmpeg starts")?;
        let written = self.write(child.stdin.take().context("stdin is piped")?);
        let status = child.wait()?;
        ensure!(status.success(), "ffmpeg: {status}");
        written.context("ffmpeg reads all pictures")?;
        let log: serde_json::Value = serde_json::from_slice(&std::fs::read(log)?)?;
        let frames = log["frames"].as_array().map_or(0, Vec::len);
        ensure!(frames == (END - BEGIN) as usize, "{frames} pictures were judged");
        log["pooled_metrics"]["vmaf"]["mean"].as_f64().context("a score")
    }

    /// As y4m, all of one size: what a window of that size would show.
    fn write(self, to: impl std::io::Write) -> std::io::Result<()> {
        let mut to = BufWriter::with_capacity(1 << 20, to);
        writeln!(to, "YUV4MPEG2 W{} H{} F{FRAME_RATE}:1 Ip A1:1 C420mpeg2", SIZE.width, SIZE.height)?;
        let (mut scaler, mut scaled) = (Scaler::default(), I420::black(SIZE));
        for (picture, count) in self.shown {
            scaler.scale(&picture, &mut scaled, Fit::Stretch);
            for _ in 0..count {
                to.write_all(b"FRAME\n")?;
                to.write_all(scaled.data())?;
            }
        }
        to.flush()
    }
}

#[cfg(test)]
mod tests {
    use fika_media::Timestamp;
    use fika_media::marker::Marker;

    use super::*;

    fn picture(index: u32) -> I420 {
        let mut picture = I420::black(Resolution::new(320, 180));
        marker::write(&mut picture, Marker { counter: index % LAP_FRAMES, pts: Timestamp::ZERO });
        picture
    }

    fn counts(shown: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut record = Record::default();
        shown.into_iter().for_each(|index| record.show(picture(index)));
        record.until(END);
        record.shown.iter().map(|(_, count)| *count).collect()
    }

    #[test]
    fn each_picture_of_the_clip_has_one_that_was_seen_for_it() {
        assert_eq!(counts(0..END + 5), vec![1; (END - BEGIN) as usize]);
    }

    #[test]
    fn a_picture_that_stands_still_counts_for_all_that_are_left_out() {
        // From before what is judged into it, and to its end.
        let shown = (0..=BEGIN - 3).chain(BEGIN + 7..END - 50);
        let counts = counts(shown);
        assert_eq!((counts[0], counts[1], counts.last()), (7, 1, Some(&51)));
        assert_eq!(counts.iter().sum::<u32>(), END - BEGIN);
    }
}
