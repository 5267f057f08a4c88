//! Devices that are busy, denied, unplugged and plugged in again.

use super::*;

const MICROPHONE: DeviceKind = DeviceKind::Microphone;
const CAMERA: DeviceKind = DeviceKind::Camera;

fn device(kind: DeviceKind, id: &str, is_default: bool) -> Device {
    Device { kind, id: id.into(), name: id.into(), is_default }
}

/// The attempt of the device that is open now.
fn attempt(desk: &mut Desk, kind: DeviceKind) -> Attempt {
    let (slot, _) = desk.call.slot(kind);
    slot.attempt()
}

fn lose(desk: &mut Desk, kind: DeviceKind, problem: DeviceProblem) -> Vec<Output> {
    let attempt = attempt(desk, kind);
    desk.input(Input::DeviceLost { kind, attempt, problem })
}

fn fail(desk: &mut Desk, kind: DeviceKind, problem: DeviceProblem) -> Vec<Output> {
    let attempt = attempt(desk, kind);
    desk.input(Input::DeviceFailed { kind, attempt, problem })
}

fn in_call_with_headset() -> Desk {
    let mut desk = Desk::in_call();
    let outputs = desk.input(Input::SelectDevice { kind: MICROPHONE, id: Some("headset".into()) });
    assert_eq!(opened(&outputs), [(MICROPHONE, Some("headset".into()))]);
    assert_eq!(sending(&outputs), None, "changing the device is not muting");
    desk.open_devices(&outputs);
    desk
}

#[test]
fn the_default_stands_in_for_an_unplugged_device_until_it_is_back() {
    let mut desk = in_call_with_headset();
    let outputs = lose(&mut desk, MICROPHONE, DeviceProblem::Disconnected);
    assert_eq!(opened(&outputs), [(MICROPHONE, None)]);
    let outputs = desk.open_devices(&outputs);
    let replaced = Notification::DeviceReplaced { kind: "microphone".into(), name: "microphone default".into() };
    assert_eq!(notifications(&outputs), [replaced]);
    assert_eq!(desk.call.view().problem, None);

    let outputs = desk.input(Input::Devices(vec![device(MICROPHONE, "default", true)]));
    assert!(opened(&outputs).is_empty());
    let list = vec![device(MICROPHONE, "default", true), device(MICROPHONE, "headset", false)];
    let outputs = desk.input(Input::Devices(list.clone()));
    assert_eq!(opened(&outputs), [(MICROPHONE, Some("headset".into()))]);
    assert!(notifications(&desk.open_devices(&outputs)).is_empty());
    assert!(opened(&desk.input(Input::Devices(list))).is_empty(), "the same list again changes nothing");
}

#[test]
fn with_nothing_left_the_loss_is_told_and_the_next_device_is_taken() {
    let mut desk = in_call_with_headset();
    lose(&mut desk, MICROPHONE, DeviceProblem::Disconnected);
    let outputs = fail(&mut desk, MICROPHONE, DeviceProblem::NotFound);
    assert_eq!(sending(&outputs), Some(MediaState { microphone: false, camera: true }));
    assert_eq!(desk.call.view().problem, Some(Problem::MicrophoneLost));
    assert_eq!(desk.call.view().me.microphone.state, CaptureState::Failed);
    let outputs = desk.input(Input::Devices(vec![device(MICROPHONE, "webcam", true)]));
    assert_eq!(opened(&outputs), [(MICROPHONE, None)]);
    assert_eq!(sending(&desk.open_devices(&outputs)), Some(ON));
}

#[test]
fn what_was_opened_before_the_first_list_gets_its_name_from_it() {
    let mut desk = Desk::new();
    desk.input(Input::SelectDevice { kind: MICROPHONE, id: Some("headset".into()) });
    desk.input(Input::OpenInvite(invite()));
    for (kind, id) in [(CAMERA, ""), (MICROPHONE, "headset")] {
        let attempt = attempt(&mut desk, kind);
        desk.input(Input::DeviceOpened { kind, attempt, id: id.into(), name: id.into() });
    }
    let named = |kind, id: &str, is_default| Device { name: format!("The {id}"), ..device(kind, id, is_default) };
    let list = vec![
        named(CAMERA, "door", false),
        named(CAMERA, "desk", true),
        named(MICROPHONE, "webcam", true),
        named(MICROPHONE, "headset", false),
    ];
    assert!(opened(&desk.input(Input::Devices(list))).is_empty(), "nothing is opened again");
    let me = &desk.call.view().me;
    for (view, id) in [(&me.camera, "desk"), (&me.microphone, "headset")] {
        assert_eq!((view.device_id.as_deref(), &view.device_name), (Some(id), &Some(format!("The {id}"))));
    }
}

#[test]
fn a_chosen_device_that_is_not_there_is_replaced_at_the_start() {
    let mut desk = Desk::new();
    desk.input(Input::SelectDevice { kind: CAMERA, id: Some("gone".into()) });
    desk.input(Input::OpenInvite(invite()));
    let outputs = fail(&mut desk, CAMERA, DeviceProblem::NotFound);
    assert_eq!(opened(&outputs), [(CAMERA, None)]);
    fail(&mut desk, CAMERA, DeviceProblem::NotFound);
    assert_eq!(desk.call.view().problem, Some(Problem::CameraMissing));
}

#[test]
fn a_stalled_camera_gets_one_more_chance() {
    let mut desk = Desk::in_call();
    let outputs = lose(&mut desk, CAMERA, DeviceProblem::Stalled);
    desk.open_devices(&outputs);
    assert_eq!(desk.call.view().me.camera.state, CaptureState::On);
    desk.pass(Duration::from_secs(5));
    desk.media();
    lose(&mut desk, CAMERA, DeviceProblem::Stalled);
    assert_eq!(desk.call.view().problem, Some(Problem::CameraFailed));

    let outputs = desk.input(Input::RetryDevice { kind: CAMERA });
    desk.open_devices(&outputs);
    assert_eq!(desk.call.view().problem, None);
    assert!(desk.input(Input::RetryDevice { kind: CAMERA }).is_empty(), "it works: nothing to try again");
}

#[test]
fn a_camera_that_fell_silent_is_tried_again_by_itself_until_it_is_back() {
    let mut desk = Desk::in_call();
    lose(&mut desk, CAMERA, DeviceProblem::Stalled);
    // Its last attempt still holds it.
    assert!(opened(&fail(&mut desk, CAMERA, DeviceProblem::Busy)).is_empty());
    assert_eq!(desk.call.view().problem, Some(Problem::CameraFailed));
    for seconds in [2, 5, 15, 30, 30] {
        assert!(opened(&desk.pass(Duration::from_millis(seconds * 1000 - 1))).is_empty());
        assert_eq!(opened(&desk.pass(Duration::from_millis(1))), [(CAMERA, None)]);
        desk.media();
        fail(&mut desk, CAMERA, DeviceProblem::Stalled);
    }
    desk.input(Input::SetCamera { on: false });
    assert!(opened(&desk.pass(Duration::from_secs(60))).is_empty(), "not wanted, not tried");
}

#[test]
fn a_busy_or_denied_camera_explains_itself_and_the_call_goes_on() {
    for (problem, shown) in [
        (DeviceProblem::Busy, Problem::CameraBusy),
        (DeviceProblem::PermissionDenied, Problem::CameraDenied),
        (DeviceProblem::Unsupported, Problem::CameraFailed),
    ] {
        let mut desk = Desk::new();
        desk.input(Input::OpenInvite(invite()));
        assert!(opened(&fail(&mut desk, CAMERA, problem)).is_empty());
        assert_eq!(desk.call.view().problem, Some(shown));
        let outputs = desk.input(Input::Join);
        assert!(outputs.iter().any(|output| matches!(output, Output::Connect(_))));
        desk.input(Input::SetCamera { on: false });
        assert_eq!(desk.call.view().problem, None, "not wanted, not missed");
        assert_eq!(opened(&desk.input(Input::SetCamera { on: true })), [(CAMERA, None)]);
    }
}

#[test]
fn a_failed_microphone_is_tried_again_when_it_is_unmuted() {
    let mut desk = Desk::new();
    desk.input(Input::OpenInvite(invite()));
    fail(&mut desk, MICROPHONE, DeviceProblem::Busy);
    desk.input(Input::SetMicrophone { on: false });
    assert_eq!(opened(&desk.input(Input::SetMicrophone { on: true })), [(MICROPHONE, None)]);
}

#[test]
fn problems_come_worst_first() {
    let mut desk = Desk::new();
    desk.input(Input::OpenInvite(invite()));
    fail(&mut desk, CAMERA, DeviceProblem::Busy);
    assert_eq!(desk.call.view().problem, Some(Problem::CameraBusy));
    fail(&mut desk, DeviceKind::Speaker, DeviceProblem::NotFound);
    assert_eq!(desk.call.view().problem, Some(Problem::SpeakerMissing));
    fail(&mut desk, MICROPHONE, DeviceProblem::PermissionDenied);
    assert_eq!(desk.call.view().problem, Some(Problem::MicrophoneDenied));
}

#[test]
fn the_systems_default_is_followed_when_it_moves() {
    let mut desk = Desk::in_call();
    let list = |default: &str| {
        let device = |id| device(DeviceKind::Speaker, id, id == default);
        Input::Devices(vec![device("hdmi"), device("default")])
    };
    assert!(opened(&desk.input(list("default"))).is_empty());
    let outputs = desk.input(list("hdmi"));
    assert_eq!(opened(&outputs), [(DeviceKind::Speaker, None)]);
}

#[test]
fn a_late_answer_to_an_earlier_attempt_is_dropped() {
    let mut desk = Desk::new();
    desk.input(Input::OpenInvite(invite()));
    let first = attempt(&mut desk, CAMERA);
    desk.input(Input::SelectDevice { kind: CAMERA, id: Some("other".into()) });
    let opened = Input::DeviceOpened { kind: CAMERA, attempt: first, id: "old".into(), name: "Old".into() };
    assert!(desk.input(opened).is_empty());
    let failed = Input::DeviceFailed { kind: CAMERA, attempt: first, problem: DeviceProblem::Busy };
    assert!(desk.input(failed).is_empty());
    assert_eq!(desk.call.view().me.camera.state, CaptureState::Starting);
}

#[test]
fn a_device_that_falls_out_again_and_again_is_given_up() {
    let mut desk = Desk::in_call();
    for _ in 0..3 {
        let outputs = lose(&mut desk, MICROPHONE, DeviceProblem::Disconnected);
        desk.open_devices(&outputs);
        assert_eq!(desk.call.view().me.microphone.state, CaptureState::On);
    }
    assert!(opened(&lose(&mut desk, MICROPHONE, DeviceProblem::Disconnected)).is_empty());
    assert_eq!(desk.call.view().problem, Some(Problem::MicrophoneLost));
}
