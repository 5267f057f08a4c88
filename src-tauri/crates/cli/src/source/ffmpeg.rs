//! Files that only ffmpeg reads: a child process turns them into raw pictures or samples on its standard output.
//!
//! The thread `ffmpeg` reads pictures ahead into a queue of [`AHEAD`]. Full: it waits, and ffmpeg with it.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use fika_media::I420;
use fika_media::device::{CameraRequest, DeviceError};

use super::sound::MAX_SAMPLES;

/// Pictures decoded ahead of time.
const AHEAD: usize = 3;
/// How long ffmpeg may take for a picture: the first one of a large file on a busy machine takes seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Pictures of one clip in a loop.
pub(super) struct Pictures {
    child: Child,
    pictures: Option<Receiver<I420>>,
    thread: Option<JoinHandle<()>>,
}

impl Pictures {
    /// An error is a sentence.
    pub(super) fn open(path: &Path, request: CameraRequest) -> Result<Self, String> {
        let CameraRequest { resolution, frame_rate } = request;
        let (w, h) = (resolution.width, resolution.height);
        let filter = format!(
            "scale={w}:{h}:force_original_aspect_ratio=increase:out_color_matrix=bt601:out_range=tv,crop={w}:{h},\
             fps={frame_rate}"
        );
        let mut child = ffmpeg()
            .args(["-stream_loop", "-1", "-i"])
            .arg(path)
            .args(["-an", "-sn", "-vf", &filter, "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"])
            .spawn()
            .map_err(|error| missing(path, &error))?;
        let mut output = child.stdout.take().ok_or("ffmpeg has no output.")?;
        let (ahead, pictures) = sync_channel(AHEAD);
        let read = move || {
            loop {
                let mut data = vec![0; I420::len(resolution)];
                let whole = output.read_exact(&mut data).ok().and_then(|()| I420::from_data(resolution, data));
                let Some(image) = whole else { return };
                if ahead.send(image).is_err() {
                    return;
                }
            }
        };
        let mut reader = Self { child, pictures: Some(pictures), thread: None };
        let thread = std::thread::Builder::new().name("ffmpeg".to_owned()).spawn(read);
        reader.thread = Some(thread.map_err(|error| format!("There are no more threads: {error}."))?);
        Ok(reader)
    }

    pub(super) fn next(&mut self) -> Result<I420, DeviceError> {
        let picture = self.pictures.as_ref().and_then(|pictures| pictures.recv_timeout(PATIENCE).ok());
        picture.ok_or_else(|| DeviceError::Failed("ffmpeg gives no more pictures".to_owned()))
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        // Whoever waits to put a picture in stops; then nothing reads from ffmpeg any more.
        self.pictures = None;
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The sound of a file: mono, 48 kHz, cut at [`MAX_SAMPLES`]. An error is a sentence.
pub(super) fn sound(path: &Path) -> Result<Vec<f32>, String> {
    if !path.is_file() {
        return Err(format!("There is no file {}.", path.display()));
    }
    let mut child = ffmpeg()
        .arg("-i")
        .arg(path)
        .args(["-vn", "-sn", "-ac", "1", "-ar", "48000", "-f", "f32le", "-"])
        .spawn()
        .map_err(|error| missing(path, &error))?;
    let mut bytes = Vec::new();
    let read = match child.stdout.take() {
        Some(output) => output.take(4 * MAX_SAMPLES as u64).read_to_end(&mut bytes),
        None => Ok(0),
    };
    // The rest of a file that is too long is not wanted.
    let _ = child.kill();
    let _ = child.wait();
    if read.is_err() || bytes.is_empty() {
        return Err(format!("{} is no sound that can be played.", path.display()));
    }
    Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn missing(path: &Path, error: &std::io::Error) -> String {
    format!("{} needs ffmpeg, which does not start ({error}): install it, or give a y4m or WAV file.", path.display())
}
