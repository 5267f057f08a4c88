//! Cameras through the preloaded library.

use std::sync::mpsc::sync_channel;

use fika_devices::{System, clock};
use fika_media::device::{CameraRequest, DeviceError, DeviceEvent, DeviceId, DeviceInfo, DeviceKind, Devices as _};
use fika_media::marker::{self, Marker};
use fika_media::{Resolution, VideoFrame, VideoSource};
use fika_tests::camera::{self, Fault, Faults, Shim};
use fika_tests::isolated;

use crate::{DEADLINE, until};

const HD: Resolution = Resolution::new(1280, 720);
const CLIP: &str = "bigbuckbunny-720p.mp4";

/// Runs `body` where `shim` says what cameras there are.
fn with_cameras(name: &str, shim: impl FnOnce(Shim) -> Shim, body: impl FnOnce(Faults)) {
    let env = || {
        let shim = shim(Shim::new()?);
        Ok((shim.env(), Box::new(shim) as Box<dyn Send>))
    };
    isolated::run(&format!("cameras::{name}"), env, || body(Faults::from_env().unwrap()));
}

fn cameras(system: &System) -> Vec<DeviceInfo> {
    system.list().into_iter().filter(|device| device.kind == DeviceKind::Camera).collect()
}

fn open(system: &System) -> Result<Box<dyn VideoSource>, DeviceError> {
    system.open_camera(None, CameraRequest::default())
}

fn next(source: &mut dyn VideoSource) -> VideoFrame {
    source.read(DEADLINE).unwrap().expect("a picture comes")
}

fn next_error(source: &mut dyn VideoSource) -> DeviceError {
    until("the error", || source.read(DEADLINE).err())
}

/// Reads `count` pictures and returns their marks.
fn marks(source: &mut dyn VideoSource, size: Resolution, count: usize) -> Vec<(VideoFrame, Marker)> {
    (0..count)
        .map(|_| {
            let frame = next(source);
            assert_eq!(frame.size(), size);
            let mark = marker::read(&frame.image).expect("the mark is readable");
            (frame, mark)
        })
        .collect()
}

fn check_live(source: &mut dyn VideoSource) {
    let marks = marks(source, HD, 21);
    assert!(marks.windows(2).all(|pair| pair[1].1.counter > pair[0].1.counter), "pictures come in order");
    assert!(marks.iter().all(|(frame, _)| frame.pts <= clock::monotonic()));
    // The capture library converts between two clocks; on a busy machine it may be held up in the middle of it.
    let mut off: Vec<i64> = marks.iter().map(|(frame, mark)| (frame.pts.0 - mark.pts.0).abs()).collect();
    off.sort_unstable();
    assert!(off[off.len() / 2] < 1_000, "stamped microseconds away from their capture: {off:?}");
    assert_eq!((source.resolution(), source.frame_rate()), (HD, 30));
}

#[test]
fn yuyv_pictures_arrive() {
    with_cameras(
        "yuyv_pictures_arrive",
        |shim| shim.formats("YUYV"),
        |_| {
            check_live(open(&System::new()).unwrap().as_mut());
        },
    );
}

#[test]
fn nv12_pictures_arrive() {
    with_cameras(
        "nv12_pictures_arrive",
        |shim| shim.formats("NV12"),
        |_| {
            check_live(open(&System::new()).unwrap().as_mut());
        },
    );
}

#[test]
fn a_real_clip_arrives() {
    let shim = |shim: Shim| shim.clip(&camera::clip(CLIP, HD, 50).unwrap());
    with_cameras("a_real_clip_arrives", shim, |_| {
        let mut source = open(&System::new()).unwrap();
        check_live(source.as_mut());
        let frames = [next(source.as_mut()), next(source.as_mut())];
        // Colour below the mark, and motion.
        let (y, u, _) = frames[0].image.planes();
        let spread = |plane: &[u8]| plane.iter().max().unwrap() - plane.iter().min().unwrap();
        assert!(spread(&y[y.len() / 2..]) > 100 && spread(&u[u.len() / 2..]) > 20);
        assert_ne!(frames[0].image.planes().0[y.len() / 2..], frames[1].image.planes().0[y.len() / 2..]);
    });
}

#[test]
fn mjpeg_pictures_arrive() {
    let shim = |shim: Shim| shim.formats("MJPG").mjpeg(&camera::mjpeg(CLIP, HD, 50).unwrap());
    with_cameras("mjpeg_pictures_arrive", shim, |_| {
        let mut source = open(&System::new()).unwrap();
        let marks = marks(source.as_mut(), HD, 20);
        for (_, mark) in &marks {
            assert_eq!(i64::from(mark.counter), mark.pts.as_micros(), "a mark of the file");
        }
        let moved = marks.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
        assert_eq!(moved, marks.len() - 1, "each picture is another one");
    });
}

#[test]
fn the_wanted_size_is_found() {
    with_cameras(
        "the_wanted_size_is_found",
        |shim| shim.sizes("320x240,640x480,1280x720"),
        |_| {
            let request = CameraRequest { resolution: Resolution::new(600, 450), frame_rate: 15 };
            let mut source = System::new().open_camera(None, request).unwrap();
            assert_eq!((source.resolution(), source.frame_rate()), (Resolution::new(640, 480), 15));
            marks(source.as_mut(), Resolution::new(640, 480), 3);
        },
    );
}

#[test]
fn cameras_are_listed_by_name_and_opened_by_id() {
    let shim = |shim: Shim| shim.devices(&["Desk: Desk", "Desk: Desk=metadata", "Door_Cam"]);
    with_cameras("cameras_are_listed_by_name_and_opened_by_id", shim, |_| {
        let system = System::new();
        let cameras = cameras(&system);
        let names: Vec<&str> = cameras.iter().map(|camera| camera.name.as_str()).collect();
        assert_eq!(names, ["Desk", "Door Cam"], "a node without pictures is no camera");
        assert_eq!(cameras.iter().map(|camera| camera.is_default).collect::<Vec<_>>(), [true, false]);
        assert_eq!(cameras[1].id, DeviceId("camera:shim-2:Door_Cam".to_owned()));
        let mut door = system.open_camera(Some(&cameras[1].id), CameraRequest::default()).unwrap();
        let mut desk = system.open_camera(Some(&cameras[0].id), CameraRequest::default()).unwrap();
        marks(door.as_mut(), HD, 2);
        marks(desk.as_mut(), HD, 2);
        let missing = DeviceId("camera:gone".to_owned());
        let error = system.open_camera(Some(&missing), CameraRequest::default()).err();
        assert_eq!(error, Some(DeviceError::NotFound));
    });
}

#[test]
fn a_camera_in_an_unknown_mode_opens() {
    with_cameras("a_camera_in_an_unknown_mode_opens", Shim::odd, |_| {
        check_live(open(&System::new()).unwrap().as_mut());
    });
}

#[test]
fn a_camera_opens_again_at_once() {
    with_cameras(
        "a_camera_opens_again_at_once",
        |shim| shim,
        |_| {
            let system = System::new();
            for _ in 0..5 {
                let mut source = open(&system).unwrap();
                marks(source.as_mut(), HD, 1);
            }
        },
    );
}

#[test]
fn a_camera_in_use_is_busy() {
    with_cameras(
        "a_camera_in_use_is_busy",
        |shim| shim,
        |faults| {
            let system = System::new();
            let first = open(&system).unwrap();
            assert_eq!(open(&system).err(), Some(DeviceError::Busy), "here");
            drop(first);
            faults.set(Fault::Busy).unwrap();
            assert_eq!(open(&system).err(), Some(DeviceError::Busy), "in another app");
            assert_eq!(cameras(&system).len(), 1, "it is there all the same");
            faults.clear(Fault::Busy).unwrap();
            check_live(open(&system).unwrap().as_mut());
        },
    );
}

#[test]
fn a_forbidden_camera_is_denied() {
    with_cameras(
        "a_forbidden_camera_is_denied",
        |shim| shim.devices(&["Desk"]),
        |faults| {
            faults.set(Fault::Deny).unwrap();
            let system = System::new();
            let listed = cameras(&system);
            assert_eq!(listed.len(), 1, "people see which camera it is");
            assert_eq!(listed[0].name, "Desk");
            assert_eq!(open(&system).err(), Some(DeviceError::PermissionDenied));
            faults.clear(Fault::Deny).unwrap();
            check_live(open(&system).unwrap().as_mut());
        },
    );
}

#[test]
fn an_unplugged_camera_is_disconnected_and_comes_back() {
    with_cameras(
        "an_unplugged_camera_is_disconnected_and_comes_back",
        |shim| shim,
        |faults| {
            let system = System::new();
            let (events, event) = sync_channel(4);
            let watch = system.watch(Box::new(move |event| events.send(event).unwrap()));
            let mut source = open(&system).unwrap();
            marks(source.as_mut(), HD, 3);
            faults.set(Fault::Unplug).unwrap();
            assert_eq!(next_error(source.as_mut()), DeviceError::Disconnected);
            let DeviceEvent::Changed(devices) = event.recv_timeout(DEADLINE).unwrap();
            assert!(devices.iter().all(|device| device.kind != DeviceKind::Camera));
            drop(source);
            assert_eq!(open(&system).err(), Some(DeviceError::NotFound));
            faults.clear(Fault::Unplug).unwrap();
            let DeviceEvent::Changed(devices) = event.recv_timeout(DEADLINE).unwrap();
            assert!(devices.iter().any(|device| device.kind == DeviceKind::Camera));
            check_live(open(&system).unwrap().as_mut());
            drop(watch);
        },
    );
}

#[test]
fn a_stalled_camera_is_noticed_and_opens_again() {
    with_cameras(
        "a_stalled_camera_is_noticed_and_opens_again",
        |shim| shim,
        |faults| {
            let system = System::new();
            let mut source = open(&system).unwrap();
            marks(source.as_mut(), HD, 3);
            faults.set(Fault::Stall).unwrap();
            assert_eq!(next_error(source.as_mut()), DeviceError::Stalled);
            drop(source);
            // It stays stalled: opening ends too.
            match open(&system) {
                Ok(mut source) => assert_eq!(next_error(source.as_mut()), DeviceError::Stalled),
                Err(error) => assert_eq!(error, DeviceError::Stalled),
            }
            faults.clear(Fault::Stall).unwrap();
            check_live(open(&system).unwrap().as_mut());
        },
    );
}

#[test]
fn other_programs_do_not_notice_the_cameras() {
    let shim = Shim::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    // Files are made with their mode, read, mapped (sort does) and listed, in children and grandchildren.
    let script = "set -e; umask 022; echo two > b; echo one > a; (sort a b | cat > c); test \"$(cat c)\" = \"one
two\"; test \"$(stat -c %a c)\" = 644; ls /dev/null; ls /dev > d; ! cat /dev/video9 2> e; grep -q 'No such file' e";
    let run = |env: isolated::Env| {
        let command = std::process::Command::new("sh").args(["-c", script]).current_dir(&directory).envs(env).output();
        let output = command.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (output.stdout, output.stderr)
    };
    assert_eq!(run(shim.env()), run(Vec::new()));
}
