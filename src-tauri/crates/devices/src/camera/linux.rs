//! Cameras on Linux: Video4Linux nodes, their modes and their errors. Runs on the caller's thread.
//!
//! The capture library lists every node, fails on a device whose current mode it does not know, and mixes up sizes
//! of devices with ranges; so nodes and modes are read here, and the wanted mode is set before the library opens.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::panic::catch_unwind;

use fika_media::Resolution;
use fika_media::device::DeviceError;
use nokhwa::NokhwaError;
use v4l::capability::Flags;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::Camera;
pub(super) use super::interrupt::{enter_camera_thread, interrupt};
use super::mode::{Mode, PixelFormat};

const FORMATS: [(&[u8; 4], PixelFormat); 3] =
    [(b"YUYV", PixelFormat::Yuyv), (b"NV12", PixelFormat::Nv12), (b"MJPG", PixelFormat::Mjpeg)];

/// Sizes and rates looked for where a device offers a range.
const SIZES: [(u32, u32); 7] = [(1280, 720), (1920, 1080), (960, 540), (640, 480), (640, 360), (320, 240), (320, 180)];
const RATES: [u32; 5] = [30, 25, 20, 15, 10];

/// What probing has found out about each node, so that it is opened once: opening wakes a sleeping camera.
#[derive(Default)]
pub(super) struct Known(BTreeMap<u32, (Identity, Option<Camera>)>);

/// A node that was unplugged and came back differs in these.
type Identity = (u64, i64, i64);

/// The cameras now, by node number.
pub(super) fn cameras(known: &mut Known) -> Vec<Camera> {
    let mut seen = BTreeMap::new();
    for (index, identity) in nodes() {
        let camera = match known.0.get(&index) {
            Some((same, camera)) if *same == identity => camera.clone(),
            _ => match probe(index) {
                Ok(camera) => camera,
                // Not remembered: the next look may be luckier.
                Err(error) => {
                    if error.raw_os_error().is_some_and(refuses) {
                        seen.insert(index, (Identity::default(), Some(unopened(index))));
                    }
                    continue;
                }
            },
        };
        seen.insert(index, (identity, camera));
    }
    known.0 = seen;
    known.0.values().filter_map(|(_, camera)| camera.clone()).collect()
}

/// Every mode the camera offers in a format that is converted here.
pub(super) fn modes(index: u32) -> Result<Vec<Mode>, DeviceError> {
    guarded(|| {
        let device = Device::new(index as usize)?;
        let mut modes = Vec::new();
        for (code, format) in FORMATS {
            let fourcc = FourCC::new(code);
            for size in device.enum_framesizes(fourcc).unwrap_or_default() {
                for size in sizes(size.size) {
                    let intervals = device.enum_frameintervals(fourcc, size.width, size.height).unwrap_or_default();
                    let rates = intervals.into_iter().flat_map(|interval| rates(interval.interval));
                    modes.extend(rates.map(|frame_rate| Mode { size, frame_rate, format }));
                }
            }
        }
        Ok(modes)
    })
    .map_err(|error| error_of(&error))
}

/// Who may open a camera is a matter of its node: opening tells.
pub(super) fn permitted() -> Result<(), DeviceError> {
    Ok(())
}

/// Puts the device into `mode`, so that the capture library finds a mode that it knows.
pub(super) fn prepare(index: u32, mode: Mode) -> Result<(), DeviceError> {
    guarded(|| {
        let device = Device::new(index as usize)?;
        let code = FORMATS.iter().find(|(_, format)| *format == mode.format).map_or(b"YUYV", |(code, _)| code);
        device.set_format(&Format::new(mode.size.width, mode.size.height, FourCC::new(code)))?;
        device.set_params(&Parameters::with_fps(mode.frame_rate))?;
        Ok(())
    })
    .map_err(|error| error_of(&error))
}

/// Whether the node is still there.
pub(super) fn is_present(index: u32) -> bool {
    nodes().any(|(node, _)| node == index)
}

/// The capture library passes the system's error on as text, which ends in "(os error N)".
pub(super) fn fault(error: &NokhwaError) -> DeviceError {
    let text = error.to_string();
    match os_error(&text) {
        Some(code) => error_of(&io::Error::from_raw_os_error(code)),
        None => DeviceError::Failed(text),
    }
}

fn error_of(error: &io::Error) -> DeviceError {
    match error.raw_os_error() {
        Some(libc::EBUSY) => DeviceError::Busy,
        Some(libc::EACCES | libc::EPERM) => DeviceError::PermissionDenied,
        Some(libc::ENODEV | libc::ENOENT | libc::ENXIO) => DeviceError::NotFound,
        _ => DeviceError::Failed(error.to_string()),
    }
}

fn os_error(text: &str) -> Option<i32> {
    let (_, rest) = text.rsplit_once("(os error ")?;
    rest.split(')').next()?.parse().ok()
}

/// Video4Linux nodes: `/dev/videoN`.
fn nodes() -> impl Iterator<Item = (u32, Identity)> {
    std::fs::read_dir("/dev").into_iter().flatten().filter_map(|entry| {
        let entry = entry.ok()?;
        let index = entry.file_name().to_str()?.strip_prefix("video")?.parse().ok()?;
        let identity = entry.metadata().map(|data| (data.ino(), data.ctime(), data.ctime_nsec())).unwrap_or_default();
        Some((index, identity))
    })
}

/// `None`: a node of another kind (metadata, output, a format that nobody here can read).
fn probe(index: u32) -> io::Result<Option<Camera>> {
    guarded(|| {
        let device = Device::new(index as usize)?;
        let capabilities = device.query_caps()?;
        if !capabilities.capabilities.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING) {
            return Ok(None);
        }
        let formats = device.enum_formats()?;
        let usable = formats.iter().any(|format| FORMATS.iter().any(|(code, _)| format.fourcc.repr == **code));
        Ok(usable.then_some(Camera { index, bus: capabilities.bus, name: capabilities.card }))
    })
}

/// A camera that exists but may not be opened is listed, so that people see why it does not work.
fn refuses(code: i32) -> bool {
    [libc::EACCES, libc::EPERM, libc::EBUSY].contains(&code)
}

fn unopened(index: u32) -> Camera {
    let name = std::fs::read_to_string(format!("/sys/class/video4linux/video{index}/name")).unwrap_or_default();
    Camera { index, bus: String::new(), name: name.trim().to_owned() }
}

fn sizes(size: FrameSizeEnum) -> Vec<Resolution> {
    match size {
        FrameSizeEnum::Discrete(size) => vec![Resolution::new(size.width, size.height)],
        FrameSizeEnum::Stepwise(range) => {
            let fits = |value: u32, min: u32, max: u32, step: u32| {
                (min..=max).contains(&value) && (value - min).is_multiple_of(step.max(1))
            };
            SIZES
                .iter()
                .filter(|(width, height)| {
                    fits(*width, range.min_width, range.max_width, range.step_width)
                        && fits(*height, range.min_height, range.max_height, range.step_height)
                })
                .map(|(width, height)| Resolution::new(*width, *height))
                .collect()
        }
    }
}

/// Only whole rates: the capture library refuses others (30000/1001).
fn rates(interval: FrameIntervalEnum) -> Vec<u32> {
    match interval {
        FrameIntervalEnum::Discrete(interval) if interval.numerator == 1 => vec![interval.denominator],
        FrameIntervalEnum::Discrete(_) => Vec::new(),
        FrameIntervalEnum::Stepwise(range) => {
            let seconds = |numerator: u32, denominator: u32| f64::from(numerator) / f64::from(denominator.max(1));
            let shortest = seconds(range.min.numerator, range.min.denominator);
            let longest = seconds(range.max.numerator, range.max.denominator);
            RATES.into_iter().filter(|rate| (shortest..=longest).contains(&(1.0 / f64::from(*rate)))).collect()
        }
    }
}

/// The device library panics on names that are no UTF-8 and on drivers that report empty steps.
fn guarded<T>(work: impl FnOnce() -> io::Result<T> + std::panic::UnwindSafe) -> io::Result<T> {
    catch_unwind(work).unwrap_or_else(|_| Err(io::Error::other("the driver reports something impossible")))
}

#[cfg(test)]
mod tests {
    use v4l::Fraction;
    use v4l::frameinterval::Stepwise;

    use super::*;

    #[test]
    fn system_errors_are_found_in_the_text() {
        let error = |text: &str| fault(&NokhwaError::OpenDeviceError("0".to_owned(), text.to_owned()));
        assert_eq!(error("V4L2 Error: Device or resource busy (os error 16)"), DeviceError::Busy);
        assert_eq!(error("V4L2 Error: Permission denied (os error 13)"), DeviceError::PermissionDenied);
        assert_eq!(error("V4L2 Error: No such device (os error 19)"), DeviceError::NotFound);
        assert!(matches!(error("Not same/Rejected"), DeviceError::Failed(_)));
        assert!(matches!(error("Input/output error (os error 5)"), DeviceError::Failed(_)));
    }

    #[test]
    fn broken_rates_are_left_out() {
        assert_eq!(rates(FrameIntervalEnum::Discrete(Fraction::new(1, 30))), [30]);
        assert!(rates(FrameIntervalEnum::Discrete(Fraction::new(1001, 30000))).is_empty());
        let range = Stepwise { min: Fraction::new(1, 25), max: Fraction::new(1, 5), step: Fraction::new(1, 1000) };
        assert_eq!(rates(FrameIntervalEnum::Stepwise(range)), [25, 20, 15, 10]);
    }

    #[test]
    fn a_panic_in_the_library_is_an_error() {
        assert!(guarded(|| -> io::Result<()> { panic!("expected by the test") }).is_err());
    }
}
