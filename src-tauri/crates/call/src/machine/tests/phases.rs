//! From home through a call and back, and the people in it.

use super::*;

#[test]
fn a_call_from_home_and_back() {
    let mut desk = Desk::new();
    let outputs = desk.input(Input::NewCall);
    let [Output::OpenRoom { attempt, server: None }, Output::ViewChanged] = outputs[..] else { panic!("{outputs:?}") };
    assert_eq!((desk.phase(), desk.connection()), (Phase::Home, ConnectionState::Connecting));
    assert!(desk.input(Input::NewCall).is_empty(), "one room is enough");

    let outputs = desk.input(Input::RoomOpened { attempt, invite: invite() });
    assert_eq!(desk.phase(), Phase::Lobby);
    let view = desk.call.view().invite.clone().unwrap();
    assert!(view.mine && !view.local_only && view.host == "meet.example.org");
    let kinds: Vec<DeviceKind> = opened(&outputs).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [DeviceKind::Speaker, DeviceKind::Microphone, DeviceKind::Camera]);
    assert_eq!(sending(&desk.open_devices(&outputs)), None, "the preview is for us alone");

    let outputs = desk.input(Input::Join);
    let request = outputs.iter().find_map(|output| match output {
        Output::Connect(request) => Some(request.clone()),
        _ => None,
    });
    let request = request.unwrap();
    assert_eq!((request.server.as_str(), request.media), ("wss://meet.example.org/", ON));
    assert_eq!(sending(&outputs), None, "nobody has let us in yet");

    let outputs = desk.session(SessionEvent::Joined { you: id("me"), participants: Vec::new() });
    assert_eq!(sending(&outputs), Some(ON));
    assert_eq!((desk.phase(), desk.connection()), (Phase::InCall, ConnectionState::Waiting));

    let outputs = desk.input(Input::Leave);
    assert!(left(&outputs) && sending(&outputs) == Some(OFF) && closed(&outputs).len() == 3);
    assert_eq!((desk.phase(), desk.call.view().end), (Phase::Ended, Some(EndReason::Left)));
    assert!(desk.input(Input::Leave).is_empty(), "leaving twice is harmless");
    assert!(disconnected(&desk.session(SessionEvent::Closed(CloseReason::Left))));

    desk.input(Input::Home);
    let view = desk.call.view();
    assert_eq!((view.phase, view.end, view.invite.clone()), (Phase::Home, None, None));
}

#[test]
fn a_session_that_does_not_confirm_is_dropped() {
    let mut desk = Desk::in_call();
    desk.input(Input::Leave);
    assert!(!disconnected(&desk.pass(LEAVE_PATIENCE - Duration::from_millis(1))));
    assert!(disconnected(&desk.pass(Duration::from_millis(1))));
    assert!(!disconnected(&desk.session(SessionEvent::Closed(CloseReason::Left))));
}

#[test]
fn the_answer_to_an_earlier_wish_changes_nothing() {
    let mut desk = Desk::new();
    let outputs = desk.input(Input::NewCall);
    let Output::OpenRoom { attempt, .. } = outputs[0] else { panic!("{outputs:?}") };
    desk.input(Input::Home);
    desk.input(Input::RoomOpened { attempt, invite: invite() });
    assert_eq!(desk.phase(), Phase::Home);
    desk.input(Input::RoomFailed { attempt, reason: EndReason::ServerUnreachable });
    assert_eq!(desk.phase(), Phase::Home);
}

#[test]
fn a_server_that_gives_no_room_is_told() {
    let mut desk = Desk::new();
    let outputs = desk.input(Input::NewCall);
    let Output::OpenRoom { attempt, .. } = outputs[0] else { panic!("{outputs:?}") };
    desk.input(Input::RoomFailed { attempt, reason: EndReason::TooManyRequests });
    assert_eq!((desk.phase(), desk.call.view().end), (Phase::Ended, Some(EndReason::TooManyRequests)));
    assert!(desk.input(Input::Rejoin).is_empty(), "there is no room to go back to");

    let server = Some("not a url".into());
    desk.input(Input::Settings(crate::view::CallSettings { server, ..Default::default() }));
    desk.input(Input::NewCall);
    assert_eq!(desk.call.view().end, Some(EndReason::ServerUnreachable));
}

#[test]
fn a_refused_join_names_its_reason_and_releases_the_devices() {
    let reasons = [
        (CloseReason::RoomNotFound, EndReason::RoomNotFound),
        (CloseReason::RoomFull, EndReason::RoomFull),
        (CloseReason::TooManyRequests, EndReason::TooManyRequests),
        (CloseReason::Version, EndReason::Version),
        (CloseReason::ServerUnreachable, EndReason::ServerUnreachable),
        (CloseReason::Protocol, EndReason::Protocol),
        (CloseReason::Lost, EndReason::Lost),
    ];
    for (reason, expected) in reasons {
        let mut desk = Desk::in_lobby();
        desk.input(Input::Join);
        let outputs = desk.session(SessionEvent::Closed(reason));
        assert!(disconnected(&outputs) && closed(&outputs).len() == 3);
        assert_eq!(desk.call.view().end, Some(expected));
    }
}

#[test]
fn back_soon_everything_is_as_it_was_and_back_late_it_is_off() {
    for (away, expected) in [(OFF_AFTER - Duration::from_secs(1), ON), (OFF_AFTER, OFF)] {
        let mut desk = Desk::in_call();
        desk.input(Input::Leave);
        desk.pass(away);
        let outputs = desk.input(Input::Rejoin);
        assert_eq!(desk.phase(), Phase::Joining);
        desk.open_devices(&outputs);
        let outputs = desk.session(SessionEvent::Joined { you: id("me2"), participants: Vec::new() });
        assert_eq!(sending(&outputs).unwrap_or(OFF), expected);
        let me = &desk.call.view().me;
        assert_eq!((me.microphone.wanted, me.camera.wanted), (expected.microphone, expected.camera));
    }
}

#[test]
fn after_a_long_sleep_nothing_is_sent_before_the_user_says_so() {
    let mut desk = Desk::in_call();
    assert_eq!(
        sending(&desk.input(Input::Slept(OFF_AFTER - Duration::from_secs(1)))),
        None,
        "the lid was closed for a moment"
    );
    let outputs = desk.input(Input::Slept(OFF_AFTER));
    assert_eq!(sending(&outputs), Some(OFF));
    assert!(closed(&outputs).contains(&DeviceKind::Camera), "its light goes out");
    assert!(desk.phase() == Phase::InCall && !desk.call.view().me.microphone.wanted);
    desk.session(SessionEvent::Joined { you: id("me"), participants: vec![amir(ON)] });
    assert!(!desk.call.view().me.camera.wanted);
    let outputs = desk.input(Input::SetMicrophone { on: true });
    assert_eq!(sending(&outputs), Some(MediaState { microphone: true, camera: false }));
}

#[test]
fn rejoining_before_the_old_session_is_gone_drops_it_first() {
    let mut desk = Desk::in_call();
    desk.input(Input::Leave);
    let outputs = desk.input(Input::Rejoin);
    let order: Vec<bool> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Disconnect => Some(false),
            Output::Connect(_) => Some(true),
            _ => None,
        })
        .collect();
    assert_eq!(order, [false, true]);
}

#[test]
fn a_link_during_a_call_does_not_end_it() {
    let mut desk = Desk::in_call();
    assert!(desk.input(Input::OpenInvite(invite())).is_empty());
    assert!(desk.input(Input::NewCall).is_empty());
    assert_eq!(desk.phase(), Phase::InCall);
}

#[test]
fn a_link_from_outside_leads_to_the_lobby_with_the_devices_off_and_no_further() {
    let mut desk = Desk::in_call();
    let before = desk.call.view().clone();
    assert_eq!(notifications(&desk.input(Input::OpenLink(invite()))), [Notification::LinkIgnored]);
    assert_eq!(*desk.call.view(), before, "a call does not notice");
    desk.input(Input::Leave);
    let outputs = desk.input(Input::OpenLink(invite()));
    assert_eq!(desk.phase(), Phase::Lobby);
    let me = desk.call.view().me.clone();
    assert!(!me.camera.wanted && !me.microphone.wanted);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Connect(_))));
}

#[test]
fn people_come_and_go_in_order() {
    let mut desk = Desk::in_call();
    let elin = Participant { id: id("elin"), name: "  El\u{202e}in\n".into(), media: OFF };
    let outputs = desk.session(SessionEvent::ParticipantJoined(elin.clone()));
    assert_eq!(notifications(&outputs), [Notification::Joined { name: "Elin".into() }]);
    assert!(desk.session(SessionEvent::ParticipantJoined(elin)).is_empty(), "she is here already");
    let names = |desk: &Desk| desk.call.view().participants.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&desk), ["Amir", "Elin"]);

    desk.session(SessionEvent::ParticipantChanged(amir(OFF)));
    let view = &desk.call.view().participants[0];
    assert!(!view.microphone_on && !view.camera_on);
    let outputs = desk.session(SessionEvent::ParticipantLeft(id("amir")));
    assert_eq!(notifications(&outputs), [Notification::Left { name: "Amir".into() }]);
    assert_eq!(names(&desk), ["Elin"]);
    let noor = Participant { id: id("noor"), name: "Noor".into(), media: ON };
    desk.session(SessionEvent::Joined { you: id("me"), participants: vec![noor, amir(ON)] });
    assert_eq!(names(&desk), ["Noor", "Amir"], "the list after a resumed connection is the truth");
    for i in 0..100 {
        let crowd = Participant { id: ParticipantId(format!("{i}")), name: String::new(), media: OFF };
        desk.session(SessionEvent::ParticipantJoined(crowd));
    }
    assert_eq!(names(&desk).len(), crate::signal::MAX_PARTICIPANTS);
}

#[test]
fn mute_and_camera_are_told_and_stop_at_once() {
    let mut desk = Desk::in_call();
    let outputs = desk.input(Input::SetMicrophone { on: false });
    let muted = MediaState { microphone: false, camera: true };
    assert_eq!(sending(&outputs), Some(muted));
    assert!(outputs.iter().any(|o| matches!(o, Output::Session(SessionCommand::SetMedia(media)) if *media == muted)));
    assert!(closed(&outputs).is_empty(), "a muted microphone stays open");
    assert_eq!(desk.call.view().me.microphone.state, CaptureState::Off);
    assert_eq!(sending(&desk.input(Input::SetMicrophone { on: true })), Some(ON));

    let outputs = desk.input(Input::SetCamera { on: false });
    assert_eq!(closed(&outputs), [DeviceKind::Camera]);
    let outputs = desk.input(Input::SetCamera { on: true });
    assert_eq!(sending(&outputs), None, "not before there are pictures");
    assert_eq!(sending(&desk.open_devices(&outputs)), Some(ON));
}

#[test]
fn keyframes_bitrate_and_loss_reach_the_encoders() {
    let mut desk = Desk::in_call();
    let asked = SessionEvent::KeyframeRequested { source: crate::TrackSource::Camera };
    assert!(matches!(desk.session(asked.clone())[..], [Output::ForceKeyframe]));
    assert!(matches!(desk.session(SessionEvent::VideoBitrate(u32::MAX))[..], [Output::SetVideoBitrate(2_500_000)]));
    assert!(matches!(desk.session(SessionEvent::AudioLoss(255))[..], [Output::SetAudioLoss(100)]));
    let profile = SessionEvent::VideoProfile { main: true };
    assert!(matches!(desk.session(profile)[..], [Output::SetVideoProfile { main: true }]));
    desk.input(Input::SetCamera { on: false });
    assert!(desk.session(asked).is_empty());
}

#[test]
fn speaking_holds_for_a_moment() {
    let mut desk = Desk::in_call();
    let level = |level| {
        let participants = vec![crate::view::ParticipantLevel { id: id("amir"), level }];
        Input::Levels(crate::view::Levels { microphone: 0, participants })
    };
    let speaking = |desk: &Desk| desk.call.view().participants[0].speaking;
    desk.input(level(SPEAKING_LEVEL - 1));
    assert!(!speaking(&desk));
    desk.input(level(SPEAKING_LEVEL));
    assert!(speaking(&desk));
    desk.pass(SPEAKING_HOLD - Duration::from_millis(1));
    assert!(speaking(&desk));
    desk.pass(Duration::from_millis(1));
    assert!(!speaking(&desk));
}
