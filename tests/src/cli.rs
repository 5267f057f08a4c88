//! `fika-cli` as a program: started, listened to, stopped; and its recordings, read back.
//!
//! Everything blocks on the calling thread: what a program says is waited for, never slept for.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use fika_devices::clock::monotonic;
use fika_media::Timestamp;
use fika_media::marker::{self, Marker};
use fika_media::tone::amplitude;
use fika_media::{I420, Resolution};
use serde_json::Value;

use crate::program;

/// What `--microphone test` plays, in Hz.
pub const TONE: f64 = 997.0;
/// No devices.
pub const NO_MEDIA: [&str; 6] = ["--camera", "none", "--microphone", "none", "--speaker", "none"];
/// `--stats` as lines that [`Running::stats`] reads.
pub const STATS: [&str; 2] = ["--stats", "/dev/stdout"];

pub fn command() -> Command {
    under(&[])
}

/// Started by another program, which is given with its arguments.
pub fn under(starter: &[String]) -> Command {
    let program = program::path("fika-cli", "fika-cli").expect("fika-cli is built");
    let mut words = starter.iter().map(std::ffi::OsString::from).chain([program.into_os_string()]);
    let mut command = Command::new(words.next().expect("the program itself is one"));
    command.args(words).stdin(Stdio::null());
    command
}

/// A program that runs and says lines. Stopped when dropped.
///
/// A thread of its own reads what it says, to the end, so that the program never waits for a test that listens to another one.
pub struct Running {
    child: Child,
    /// And when it did.
    said: mpsc::Receiver<(Timestamp, String)>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || {
            // Who does not want it is gone; what is said is read all the same.
            stdout.lines().map_while(Result::ok).for_each(|line| drop(say.send((monotonic(), line))));
        });
        Self { child, said }
    }

    /// One line to its stdin, which has to be a pipe.
    pub fn say(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("stdin is piped");
        writeln!(stdin, "{line}").expect("the program listens");
    }

    /// The next line; empty at the end of the program.
    pub fn line(&mut self) -> String {
        self.said.recv().map(|(_, line)| line.trim().to_owned()).unwrap_or_default()
    }

    /// The next line, as JSON.
    pub fn object(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// All lines until its end, as JSON.
    pub fn objects(&mut self) -> Vec<Value> {
        let lines = std::iter::from_fn(|| Some(self.line()).filter(|line| !line.is_empty()));
        lines.map(|line| serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// The next line within this time, and when it was said; an empty one at the end of the program. `None`: it says nothing.
    pub fn line_within(&mut self, time: Duration) -> Option<(Timestamp, String)> {
        match self.said.recv_timeout(time) {
            Ok((at, line)) => Some((at, line.trim().to_owned())),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => Some((monotonic(), String::new())),
        }
    }

    /// The next statistics for which `wanted` is so. With [`STATS`].
    pub fn stats(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = String::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "the program ended before {what}; its last statistics: {last}");
            let stats = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if wanted(&stats) {
                return stats;
            }
            last = line;
        }
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    /// Does nothing any more, as in a computer that sleeps, until [`Self::thaw`].
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Ends without a word to anybody.
    pub fn kill(&self) {
        self.signal("-KILL");
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill starts");
        assert!(status.success());
    }

    /// Nothing that it says from now on is of interest.
    pub fn ignore(&mut self) {
        self.said = mpsc::channel().1;
    }

    /// What it says on stderr, which has to be a pipe; once.
    pub fn stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end.
    pub fn end(&mut self) {
        self.child.wait().expect("the program is ours");
    }

    /// Waits for the end.
    pub fn code(mut self) -> Option<i32> {
        self.child.wait().expect("the program is ours").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already, if all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A track of one line of statistics.
pub fn track<'a>(stats: &'a Value, direction: &str, kind: &str) -> Option<&'a Value> {
    let tracks = stats["tracks"].as_array()?;
    tracks.iter().find(|track| track["direction"] == direction && track["kind"] == kind)
}

/// A figure of an inbound track; 0 while there is none.
pub fn inbound(stats: &Value, kind: &str, name: &str) -> f64 {
    track(stats, "inbound", kind).and_then(|track| track[name].as_f64()).unwrap_or(0.0)
}

/// Each picture with a readable mark, and its row of the times file: presented, captured.
pub fn markers(path: &Path) -> Vec<(Marker, [Option<i64>; 2])> {
    let rows: Vec<[Option<i64>; 2]> = rows(path, "index,presented_us,captured_us")
        .iter()
        .map(|fields| [fields[1].parse().ok(), fields[2].parse().ok()])
        .collect();
    let pictures = pictures(path);
    assert_eq!(pictures.len(), rows.len(), "a row for each picture");
    pictures.iter().zip(rows).filter_map(|(image, row)| Some((marker::read(image)?, row))).collect()
}

/// When each 10 ms of a recording were heard.
pub fn heard(path: &Path) -> Vec<i64> {
    rows(path, "index,heard_us").iter().map(|fields| fields[1].parse().expect("microseconds")).collect()
}

/// The fields of FILE.csv, below its head.
fn rows(path: &Path, head: &str) -> Vec<Vec<String>> {
    let mut times = path.as_os_str().to_owned();
    times.push(".csv");
    read_rows(times.as_ref(), head)
}

/// The rows of a CSV file whose first column counts them, without its head.
pub fn read_rows(path: &Path, head: &str) -> Vec<Vec<String>> {
    let times = std::fs::read_to_string(path).expect("the times of a recording");
    let mut rows = times.lines();
    assert_eq!(rows.next(), Some(head));
    let rows = rows.enumerate().map(|(index, row)| {
        let fields: Vec<String> = row.split(',').map(str::to_owned).collect();
        assert_eq!(fields[0], index.to_string());
        fields
    });
    rows.collect()
}

pub fn pictures(path: &Path) -> Vec<I420> {
    let mut pictures = Vec::new();
    each_picture(path, |picture| pictures.push(picture));
    pictures
}

/// Each picture of a recording, which may be a pipe.
pub fn each_picture(path: &Path, mut show: impl FnMut(I420)) {
    let mut file = BufReader::new(std::fs::File::open(path).expect("a recording"));
    let mut line = String::new();
    file.read_line(&mut line).expect("a head line");
    let number = |tag: char| line.split_whitespace().find_map(|word| word.strip_prefix(tag)?.parse().ok());
    let (Some(width), Some(height)) = (number('W'), number('H')) else { return assert_eq!(line, "", "a size") };
    let size = Resolution::new(width, height);
    loop {
        let mut frame = String::new();
        if file.read_line(&mut frame).expect("a line") == 0 {
            return;
        }
        assert_eq!(frame, "FRAME\n");
        let mut data = vec![0; I420::len(size)];
        file.read_exact(&mut data).expect("a whole picture");
        show(I420::from_data(size, data).expect("as many bytes as the size needs"));
    }
}

pub fn samples(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).expect("a recording");
    reader.samples::<i16>().map(|sample| f32::from(sample.expect("a sample")) / 32768.0).collect()
}

/// Amplitude of the test tone in the loudest second.
pub fn loudest(path: &Path) -> f32 {
    loudest_at(path, TONE)
}

pub fn loudest_at(path: &Path, frequency: f64) -> f32 {
    samples(path).chunks_exact(48_000).map(|second| amplitude(second, frequency)).fold(0.0, f32::max)
}
