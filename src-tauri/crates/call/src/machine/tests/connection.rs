//! Connections that fall silent, break and come back.

use super::*;
use crate::TrackSource;
use crate::session::{CandidatePair, CandidateType, InboundStats, OutboundStats, PeerStats};
use crate::view::{Quality, QualityCause};

#[test]
fn two_seconds_of_silence_are_unstable() {
    let mut desk = Desk::in_call();
    assert_eq!(desk.connection(), ConnectionState::Connected);
    desk.pass(UNSTABLE_AFTER - Duration::from_millis(1));
    assert_eq!(desk.connection(), ConnectionState::Connected);
    desk.pass(Duration::from_millis(1));
    assert_eq!(desk.connection(), ConnectionState::Unstable);
    let outputs = desk.media();
    assert_eq!(desk.connection(), ConnectionState::Connected);
    assert!(notifications(&outputs).is_empty(), "a moment is not worth a word");
}

#[test]
fn somebody_who_sends_nothing_is_not_missed() {
    let mut desk = Desk::in_call();
    desk.session(SessionEvent::ParticipantChanged(amir(OFF)));
    desk.pass(Duration::from_secs(3600));
    assert_eq!(desk.connection(), ConnectionState::Connected);
    desk.session(SessionEvent::ParticipantChanged(amir(ON)));
    assert_eq!(desk.connection(), ConnectionState::Connected, "the first packet has its two seconds");
    desk.pass(UNSTABLE_AFTER);
    assert_eq!(desk.connection(), ConnectionState::Unstable);
}

#[test]
fn a_broken_connection_comes_back_as_it_was() {
    let mut desk = Desk::in_call();
    desk.input(Input::SetMicrophone { on: false });
    desk.pass(UNSTABLE_AFTER);
    desk.peer(PeerState::Disconnected);
    assert_eq!(desk.connection(), ConnectionState::Reconnecting);
    assert_eq!(desk.call.view().problem, None, "the other side may be the one without a network");
    desk.session(SessionEvent::SignalState(SignalState::Reconnecting));
    assert_eq!(desk.call.view().problem, Some(Problem::NetworkLost));
    let outputs = desk.input(Input::Rejoin);
    assert!(matches!(outputs[..], [Output::Session(SessionCommand::Reconnect)]));

    desk.pass(Duration::from_secs(50));
    desk.session(SessionEvent::SignalState(SignalState::Connected));
    desk.session(SessionEvent::Joined { you: id("me"), participants: vec![amir(ON)] });
    desk.peer(PeerState::Connecting);
    assert_eq!(desk.connection(), ConnectionState::Reconnecting);
    let outputs = desk.peer(PeerState::Connected);
    assert_eq!(notifications(&outputs), [Notification::Reconnected]);
    assert!(!desk.call.view().me.microphone.wanted, "mute survives");
    assert_eq!(desk.call.view().problem, None);
}

#[test]
fn media_goes_on_while_only_the_signalling_is_gone() {
    let mut desk = Desk::in_call();
    desk.session(SessionEvent::SignalState(SignalState::Reconnecting));
    for _ in 0..300 {
        desk.pass(Duration::from_millis(250));
        desk.media();
    }
    assert_eq!((desk.connection(), desk.call.view().problem), (ConnectionState::Connected, None));
    desk.pass(UNSTABLE_AFTER);
    assert_eq!(desk.connection(), ConnectionState::Reconnecting, "now nothing is left");
}

#[test]
fn after_a_minute_it_is_lost() {
    let mut desk = Desk::in_call();
    desk.peer(PeerState::Disconnected);
    desk.pass(Duration::from_secs(20));
    desk.peer(PeerState::Failed);
    let outputs = desk.pass(Duration::from_secs(39));
    assert_eq!(desk.phase(), Phase::InCall);
    assert!(!left(&outputs));
    let outputs = desk.pass(Duration::from_secs(1));
    assert!(left(&outputs) && closed(&outputs).len() == 3 && sending(&outputs) == Some(OFF));
    let view = desk.call.view();
    assert_eq!((view.phase, view.connection, view.end), (Phase::Ended, ConnectionState::Lost, Some(EndReason::Lost)));
    desk.input(Input::Rejoin);
    assert!(!desk.call.view().me.microphone.wanted && !desk.call.view().me.camera.wanted);
}

#[test]
fn alone_without_signalling_is_lost_too() {
    let mut desk = Desk::in_call();
    desk.session(SessionEvent::ParticipantLeft(id("amir")));
    assert_eq!(desk.connection(), ConnectionState::Waiting);
    desk.pass(Duration::from_secs(3600));
    assert_eq!(desk.connection(), ConnectionState::Waiting);
    desk.session(SessionEvent::SignalState(SignalState::Reconnecting));
    assert_eq!(desk.connection(), ConnectionState::Reconnecting);
    desk.pass(LOST_AFTER);
    assert_eq!(desk.call.view().end, Some(EndReason::Lost));
}

#[test]
fn one_that_hangs_does_not_end_the_call_with_the_others() {
    let mut desk = Desk::in_call();
    let elin = Participant { id: id("elin"), name: "Elin".into(), media: OFF };
    desk.session(SessionEvent::ParticipantJoined(elin));
    assert_eq!(desk.call.view().participants[1].connection, ConnectionState::Connecting);
    for _ in 0..61 {
        desk.pass(Duration::from_secs(1));
        desk.media();
    }
    assert_eq!(desk.connection(), ConnectionState::Connected);
    assert_eq!(desk.call.view().participants[1].connection, ConnectionState::Lost);
}

#[test]
fn an_unsigned_description_is_the_worst_problem_and_no_reason_to_leave() {
    let mut desk = Desk::in_lobby();
    desk.input(Input::Join);
    desk.session(SessionEvent::Joined { you: id("me"), participants: vec![amir(ON)] });
    desk.peer(PeerState::Untrusted);
    desk.session(SessionEvent::SignalState(SignalState::Reconnecting));
    assert_eq!(desk.call.view().problem, Some(Problem::Untrusted));
    desk.session(SessionEvent::SignalState(SignalState::Connected));
    desk.pass(LOST_AFTER * 2);
    assert_eq!((desk.phase(), desk.connection()), (Phase::InCall, ConnectionState::Waiting));
}

#[test]
fn a_relay_that_lets_nobody_in_is_told_until_there_is_one() {
    let mut desk = Desk::in_lobby();
    desk.input(Input::Join);
    desk.session(SessionEvent::Joined { you: id("me"), participants: vec![amir(ON)] });
    desk.peer(PeerState::NoRelay);
    assert_eq!((desk.connection(), desk.call.view().problem), (ConnectionState::Connecting, Some(Problem::NoRelay)));
    desk.peer(PeerState::Connecting);
    assert_eq!(desk.call.view().problem, Some(Problem::NoRelay), "while it is tried again");
    desk.peer(PeerState::Connected);
    assert_eq!((desk.connection(), desk.call.view().problem), (ConnectionState::Connected, None));
    desk.peer(PeerState::NoRelay);
    assert_eq!(desk.connection(), ConnectionState::Reconnecting);
    desk.pass(LOST_AFTER);
    assert_eq!(desk.call.view().end, Some(EndReason::Lost));
}

#[test]
fn the_time_of_the_call_counts_in_seconds_and_stays_afterwards() {
    let mut desk = Desk::in_call();
    assert_eq!(desk.call.view().connected_for_ms, Some(0));
    desk.session(SessionEvent::ParticipantChanged(amir(OFF)));
    let outputs = desk.pass(Duration::from_millis(5_500));
    assert_eq!(outputs.len(), 5, "one view a second");
    assert_eq!(desk.call.view().connected_for_ms, Some(5_000));
    desk.input(Input::Leave);
    desk.pass(Duration::from_secs(60));
    assert_eq!(desk.call.view().connected_for_ms, Some(5_000));
}

fn stats(seconds: u64, packets_lost: i64, round_trip_ms: u64) -> SessionEvent {
    let outbound = OutboundStats {
        source: TrackSource::Camera,
        bytes_sent: 100_000 * seconds,
        packets_sent: 0,
        retransmitted_packets_sent: 0,
        nack_count: 0,
        pli_count: 0,
        fir_count: 0,
        fraction_lost: Some(0.01),
        remote_packets_lost: None,
        remote_jitter: None,
    };
    let inbound = InboundStats {
        source: TrackSource::Camera,
        bytes_received: 50_000 * seconds,
        packets_received: 90 * seconds,
        packets_lost,
        jitter: Duration::ZERO,
        nack_count: 0,
        pli_count: 0,
    };
    let stats = PeerStats {
        round_trip_time: Some(Duration::from_millis(round_trip_ms)),
        available_outgoing_bitrate: None,
        pair: Some(CandidatePair { local: CandidateType::Host, remote: CandidateType::Relay }),
        outbound: vec![outbound],
        inbound: vec![inbound],
    };
    SessionEvent::Stats { participant: id("amir"), stats }
}

#[test]
fn what_holds_the_connection_back_is_named() {
    let mut desk = Desk::in_call();
    let figures = |desk: &mut Desk, limited| {
        let send = VideoFigures { width: 640, height: 360, fps: 30, slowed: false, limited };
        desk.input(Input::Figures { send, receive: send });
    };
    figures(&mut desk, true);
    desk.session(stats(10, 0, 42));
    let mut now = 10;
    let mut told = |desk: &mut Desk, upload, lost, round_trip| {
        now += 1;
        let SessionEvent::Stats { participant, stats } = stats(now, lost, round_trip) else { panic!("statistics") };
        desk.pass(Duration::from_secs(1));
        let stats = PeerStats { available_outgoing_bitrate: upload, ..stats };
        desk.session(SessionEvent::Stats { participant, stats });
        let quality = desk.call.view().quality.clone().unwrap();
        (quality.level, quality.cause)
    };
    assert_eq!(told(&mut desk, Some(2_000_000), 0, 42), (Quality::Good, None));
    let slow = |kbps| Some(QualityCause::SlowUpload { kbps });
    assert_eq!(told(&mut desk, Some(310_000), 0, 42), (Quality::Fair, slow(310)));
    assert_eq!(told(&mut desk, Some(90_000), 0, 300), (Quality::Weak, slow(90)));
    assert_eq!(told(&mut desk, None, 5, 300), (Quality::Fair, Some(QualityCause::Loss)));
    assert_eq!(told(&mut desk, Some(400_000), 5, 600), (Quality::Weak, Some(QualityCause::LongWay)));
    let send = VideoFigures { width: 640, height: 360, fps: 30, slowed: true, limited: true };
    desk.input(Input::Figures { send, receive: send });
    assert_eq!(told(&mut desk, None, 5, 42), (Quality::Fair, Some(QualityCause::Busy)));
    assert_eq!(told(&mut desk, Some(90_000), 5, 42), (Quality::Weak, slow(90)), "which would not help");
    figures(&mut desk, false);
    assert_eq!(told(&mut desk, Some(90_000), 5, 42), (Quality::Good, None), "nobody wants more");
}

#[test]
fn quality_is_the_difference_of_two_reports() {
    let mut desk = Desk::in_call();
    assert_eq!(desk.call.view().quality, None);
    desk.session(stats(10, 0, 42));
    let send = VideoFigures { width: 1280, height: 720, fps: 30, slowed: false, limited: false };
    desk.input(Input::Figures { send, receive: VideoFigures { fps: 25, ..send } });
    desk.pass(Duration::from_secs(1));
    desk.session(stats(11, 10, 42));
    let quality = desk.call.view().quality.clone().unwrap();
    assert_eq!((quality.send_kbps, quality.receive_kbps, quality.round_trip_ms), (800, 400, Some(42)));
    assert_eq!((quality.loss_percent, quality.level, quality.relayed), (10, Quality::Weak, true));
    assert_eq!((quality.send_height, quality.receive_fps), (720, 25));

    desk.pass(Duration::from_secs(1));
    desk.session(stats(12, 10, 300));
    let quality = desk.call.view().quality.clone().unwrap();
    assert_eq!((quality.loss_percent, quality.level), (1, Quality::Fair));
    desk.pass(Duration::from_secs(1));
    desk.session(stats(1, i64::MIN, 42));
    let quality = desk.call.view().quality.clone().unwrap();
    assert_eq!((quality.send_kbps, quality.level), (800, Quality::Good), "counters have begun anew");
}
