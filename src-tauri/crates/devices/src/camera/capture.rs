//! An open camera: the thread `camera` that owns the device, and the reader's end.
//!
//! The device's call for the next picture can block for ever (a stalled camera, a driver that never answers), so the
//! thread is never joined without a deadline: it is interrupted where the system can, and abandoned where not. The
//! thread takes every picture as it comes, so the driver's own queue never holds old ones; what the reader does not
//! fetch in time is replaced.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fika_media::device::{CameraRequest, DeviceError};
use fika_media::{Resolution, Timestamp, VideoFrame, VideoSource};
use nokhwa::Camera;
use nokhwa::utils::{CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};

use super::mode::{self, Mode, PixelFormat};
use super::slot::Slot;
use super::{pixels, platform};
use crate::clock;
use crate::thread::{self, Worker};

/// Without a picture for this long the camera counts as stalled.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long negotiating a mode may take before the device counts as stalled.
const OPEN_TIMEOUT: Duration = Duration::from_secs(3);
/// How long opening waits for the first picture; afterwards the watchdog decides.
const FIRST_FRAME: Duration = Duration::from_secs(1);
/// How long closing waits for the thread to let go of the device.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// An interruption may come just before the thread blocks, so it is repeated this often.
const INTERRUPT_EVERY: Duration = Duration::from_millis(20);
/// Modes tried before giving up: drivers list modes that they then refuse.
const ATTEMPTS: usize = 4;
/// A capture time further back than this is a driver's mistake.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Two clocks read within this time are read at one moment.
const SAME_MOMENT: Duration = Duration::from_micros(100);
const CLOCK_ATTEMPTS: usize = 4;

/// The reader's end of an open camera.
pub(super) struct Source {
    slot: Arc<Slot>,
    mode: Mode,
    worker: Worker,
}

/// Opens the camera at `index` in the usable mode nearest to `request`.
pub(super) fn open(index: u32, request: CameraRequest) -> Result<Source, DeviceError> {
    let slot = Arc::new(Slot::new(PATIENCE));
    let (ready, opened) = sync_channel(1);
    let worker = thread::spawn("camera", {
        let slot = slot.clone();
        move || run(index, request, &slot, &ready)
    })
    .map_err(|error| DeviceError::Failed(error.to_string()))?;
    let mode = match wait_open(&opened) {
        Ok(mode) => mode,
        Err(error) => {
            slot.end(error.clone());
            release(&worker);
            return Err(error);
        }
    };
    let source = Source { slot, mode, worker };
    source.slot.started(FIRST_FRAME)?;
    Ok(source)
}

impl VideoSource for Source {
    fn read(&mut self, timeout: Duration) -> Result<Option<VideoFrame>, DeviceError> {
        let read = self.slot.take(timeout);
        if let Err(DeviceError::Stalled) = read {
            platform::interrupt(&self.worker);
        }
        read
    }

    fn resolution(&self) -> Resolution {
        self.mode.size
    }

    fn frame_rate(&self) -> u32 {
        self.mode.frame_rate
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.slot.end(DeviceError::Disconnected);
        release(&self.worker);
    }
}

fn wait_open(opened: &Receiver<Result<Mode, DeviceError>>) -> Result<Mode, DeviceError> {
    // A closed channel is a thread that panicked; a timeout is a driver that does not answer.
    match opened.recv_timeout(OPEN_TIMEOUT) {
        Ok(result) => result,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(DeviceError::Stalled),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
            Err(DeviceError::Failed("the camera could not be opened".to_owned()))
        }
    }
}

/// Gives the thread a bounded time to let go of the device, so that the same camera can be opened again at once.
fn release(worker: &Worker) {
    let turns = CLOSE_TIMEOUT.as_millis() / INTERRUPT_EVERY.as_millis();
    for _ in 0..turns {
        platform::interrupt(worker);
        if worker.wait(INTERRUPT_EVERY) {
            return;
        }
    }
    tracing::warn!("a camera does not answer; its thread is abandoned");
}

/// The camera thread.
fn run(index: u32, request: CameraRequest, slot: &Slot, ready: &SyncSender<Result<Mode, DeviceError>>) {
    let over = EndOnDrop(slot);
    let _entered = platform::enter_camera_thread();
    let started = platform::permitted().and_then(|()| start(index, request));
    let (mut camera, mode) = match started {
        Ok(started) => started,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(mode));
    let reason = capture(index, &mut camera, mode, slot);
    over.0.end(reason);
    close(camera);
}

/// Whatever ends the thread, a panic of the driver's code included, the reader is told.
struct EndOnDrop<'a>(&'a Slot);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end(DeviceError::Failed("the camera thread ended".to_owned()));
    }
}

fn start(index: u32, request: CameraRequest) -> Result<(Camera, Mode), DeviceError> {
    let mut last = DeviceError::Unsupported("no size and pixel format in common".to_owned());
    for mode in mode::ranked(&platform::modes(index)?, request).iter().take(ATTEMPTS) {
        match start_in(index, *mode) {
            Ok(camera) => return Ok((camera, *mode)),
            Err(error @ (DeviceError::Failed(_) | DeviceError::Unsupported(_))) => {
                tracing::debug!(?mode, %error, "the camera refuses a mode");
                last = error;
            }
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

fn start_in(index: u32, mode: Mode) -> Result<Camera, DeviceError> {
    platform::prepare(index, mode)?;
    let format = match mode.format {
        PixelFormat::Yuyv => FrameFormat::YUYV,
        PixelFormat::Nv12 => FrameFormat::NV12,
        PixelFormat::Mjpeg => FrameFormat::MJPEG,
    };
    let wanted = CameraFormat::new_from(mode.size.width, mode.size.height, format, mode.frame_rate);
    let formats = [format];
    let request = RequestedFormat::with_formats(RequestedFormatType::Exact(wanted), &formats);
    let mut camera = Camera::new(CameraIndex::Index(index), request).map_err(|error| platform::fault(&error))?;
    match camera.open_stream() {
        Ok(()) => Ok(camera),
        Err(error) => {
            close(camera);
            Err(platform::fault(&error))
        }
    }
}

/// Captures until the reader has gone or the device fails; returns why it ended.
fn capture(index: u32, camera: &mut Camera, mode: Mode, slot: &Slot) -> DeviceError {
    let mut converter = pixels::Converter::new(mode);
    let mut damaged = 0_u64;
    loop {
        let buffer = camera.frame();
        if slot.has_ended() {
            return DeviceError::Disconnected;
        }
        let buffer = match buffer {
            Ok(buffer) => buffer,
            Err(error) => {
                return match platform::fault(&error) {
                    DeviceError::NotFound => DeviceError::Disconnected,
                    DeviceError::Failed(_) if !platform::is_present(index) => DeviceError::Disconnected,
                    other => other,
                };
            }
        };
        let (now, wall) = clocks();
        let pts = capture_time(now, wall, buffer.capture_timestamp());
        match converter.convert(buffer.buffer()) {
            Some(image) => slot.put(VideoFrame { pts, image }),
            None => {
                // A cut-off picture is normal on a busy bus. When all are, the watchdog ends it.
                damaged += 1;
                if damaged == 1 {
                    tracing::warn!(?mode, "the camera sent a picture that cannot be read");
                }
            }
        }
    }
}

/// The device library panics when the driver refuses to stop.
fn close(camera: Camera) {
    if catch_unwind(AssertUnwindSafe(|| drop(camera))).is_err() {
        tracing::warn!("the camera could not be closed properly");
    }
}

/// Both clocks at one moment; looked at again when the thread was held up in between.
fn clocks() -> (Timestamp, Duration) {
    let mut before = clock::monotonic();
    for _ in 0..CLOCK_ATTEMPTS {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let after = clock::monotonic();
        if after.since(before) <= SAME_MOMENT {
            return (after, wall);
        }
        before = after;
    }
    (before, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The device library reports capture on the wall clock; frames carry the monotonic one.
fn capture_time(now: Timestamp, wall: Duration, captured: Option<Duration>) -> Timestamp {
    match captured.and_then(|captured| wall.checked_sub(captured)) {
        Some(age) if age <= MAX_AGE => now - age,
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capture_time_moves_to_the_monotonic_clock() {
        let now = Timestamp::from_millis(5_000);
        let wall = Duration::from_secs(1_700_000_000);
        let captured = |ago: u64| Some(wall - Duration::from_millis(ago));
        assert_eq!(capture_time(now, wall, captured(33)), Timestamp::from_millis(4_967));
        assert_eq!(capture_time(now, wall, None), now);
    }

    #[test]
    fn impossible_capture_times_become_now() {
        let now = Timestamp::from_millis(5_000);
        let wall = Duration::from_secs(1_700_000_000);
        assert_eq!(capture_time(now, wall, Some(Duration::ZERO)), now, "a stamp of another clock");
        assert_eq!(capture_time(now, wall, Some(wall + Duration::from_millis(40))), now, "the future");
    }
}
