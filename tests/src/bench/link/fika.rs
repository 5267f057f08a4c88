//! `fika-cli` at one end of the path.

use std::ffi::CString;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use anyhow::{Context as _, ensure};
use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use super::MAX_BITRATE;
use super::picture::SIZE;
use super::program::{End, Evidence, Picture, Place, Watch};
use crate::bench::hearing::Heard;
use crate::cli::{self, Running, STATS, inbound};

/// What it logs when it has applied an answer.
const ANSWERED: &str = "an answer is applied";

pub(super) struct Cli {
    running: Running,
    times: PathBuf,
    sound: PathBuf,
    answered: Arc<OnceLock<Timestamp>>,
    /// Reads the pictures.
    reader: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Cli {
    pub(super) fn start(place: &Place<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str| folder.path().join(name);
        let (times, sound, pictures) = (file("times.csv"), file("sound.wav"), file("pictures.y4m"));
        let starter = place.right.map(|right| right.starter()).unwrap_or_default();
        let mut command = cli::under(&starter);
        command.args(["join", place.link, "--speaker", "none", "--max-bitrate", &MAX_BITRATE.to_string()]);
        let mut reader = None;
        if place.sends {
            let file = |path: &Path| format!("file:{}", path.display());
            // Of its own tone it knows that it is no speech.
            let microphone = if place.watch == Watch::Sound { "test".to_owned() } else { file(&place.media.speech) };
            command.args(["--camera", &file(place.clip()), "--microphone", &microphone]);
        } else {
            command.args(["--camera", "none", "--microphone", "none", "--record-times"]).arg(&times).args(STATS);
            if place.watch == Watch::Sound {
                command.arg("--record-audio").arg(&sound);
            }
            if let Some(record) = place.record {
                let size = format!("{}x{}", SIZE.width, SIZE.height);
                command.args(["--record-size", &size, "--record-video"]).arg(&pictures);
                let (record, pipe) = (Arc::clone(record), pipe(&pictures)?);
                // Ends with the program, which closes the pipe.
                reader = Some(std::thread::Builder::new().name("pictures".into()).spawn(move || {
                    cli::each_picture(&pipe, |picture| record.lock().expect("nobody panics with it").show(picture));
                })?);
            }
        }
        if place.watch == Watch::Join {
            command.env("FIKA_LOG", "fika_net=debug").stderr(Stdio::piped());
        }
        let mut running = Running::start(&mut command);
        let answered = Arc::new(OnceLock::new());
        if let Some(log) = running.stderr() {
            let answered = Arc::clone(&answered);
            // Reads to the end, which is that of the program.
            std::thread::Builder::new().name("log".into()).spawn(move || {
                for line in BufReader::new(log).lines().map_while(Result::ok) {
                    if line.contains(ANSWERED) {
                        answered.get_or_init(monotonic);
                    }
                }
            })?;
        }
        Ok(Self { running, times, sound, answered, reader, _folder: folder })
    }
}

/// A file that keeps nothing: what is written to it is read at once.
fn pipe(path: &Path) -> anyhow::Result<PathBuf> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the name ends with a zero and lives through the call.
    let made = unsafe { libc::mkfifo(name.as_ptr(), 0o600) };
    ensure!(made == 0, "a pipe is not made: {}", std::io::Error::last_os_error());
    Ok(path.to_owned())
}

impl End for Cli {
    fn pid(&self) -> u32 {
        self.running.pid()
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        self.running.stats("pictures arrive", |stats| inbound(stats, "video", "framesDecoded") > 0.0);
        self.running.ignore();
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Evidence> {
        self.running.interrupt();
        self.running.end();
        if let Some(reader) = self.reader.take() {
            reader.join().ok().context("the pictures are read")?;
        }
        let mut evidence = Evidence { answered: self.answered.get().copied(), ..Evidence::default() };
        if self.sound.exists() {
            evidence.heard = Heard::recorded(&self.sound);
        }
        if self.times.exists() {
            let rows = cli::read_rows(&self.times, "index,presented_us,captured_us,width,height");
            evidence.pictures = rows.iter().map(|row| picture(row)).collect::<anyhow::Result<_>>()?;
        }
        Ok(evidence)
    }
}

fn picture(row: &[String]) -> anyhow::Result<Picture> {
    let time = |field: &str| field.parse().map(Timestamp::from_micros);
    Ok(Picture { at: time(&row[1])?, captured: time(&row[2]).ok(), lines: row[4].parse().context("a height")? })
}
