//! Tiles that are seen, small, or hidden, and what the two sides make of it.

use super::*;
use crate::TrackSource;
use crate::view::TileKey;
use crate::want::VideoWant;

const SMALL: VideoWant = VideoWant { lines: 180, frame_rate: 15 };

/// Amir's camera is shown at this size, ours beside it.
fn tiles(width: u32, height: u32) -> Input {
    let amir = TileKey { participant: id("amir"), source: TrackSource::Camera };
    let tile = |tile, width, height| VisibleTile { tile, width, height };
    Input::Visible(vec![tile(amir, width, height), tile(TileKey::me(), 240, 135)])
}

fn hidden() -> Input {
    Input::Visible(Vec::new())
}

fn asked(outputs: &[Output]) -> Vec<VideoWant> {
    let asked = outputs.iter().filter_map(|output| match output {
        Output::Session(SessionCommand::WantVideo { participant, source: TrackSource::Camera, want }) => {
            assert_eq!(*participant, id("amir"));
            Some(*want)
        }
        _ => None,
    });
    asked.collect()
}

/// In a call with Amir, whose picture is shown large.
fn watching() -> Desk {
    let mut desk = Desk::in_call();
    desk.input(Input::Video { participant: id("amir"), shown: true });
    assert_eq!(asked(&desk.input(tiles(2560, 1440))), []);
    assert_eq!(asked(&desk.pass(Duration::from_secs(60))), [], "everything is what holds without a word");
    desk
}

#[test]
fn a_hidden_tile_is_asked_for_nothing_and_a_shown_one_at_once_for_pictures() {
    let mut desk = watching();
    assert_eq!(asked(&desk.input(hidden())), []);
    let outputs = desk.pass(HIDE_AFTER);
    assert_eq!(asked(&outputs), [VideoWant::NONE]);
    assert_eq!(asked(&desk.input(tiles(2560, 1440))), [VideoWant::FULL]);
    assert_eq!(asked(&desk.pass(Duration::from_secs(60))), []);
    // Hidden and shown again within a moment.
    desk.input(hidden());
    desk.pass(HIDE_AFTER - Duration::from_millis(1));
    desk.input(tiles(2560, 1440));
    assert_eq!(asked(&desk.pass(Duration::from_secs(60))), []);
}

#[test]
fn small_tiles_want_small_pictures_after_a_while_and_large_ones_soon() {
    let mut desk = watching();
    desk.input(tiles(240, 135));
    let outputs = desk.pass(SHRINK_AFTER - Duration::from_millis(1));
    assert_eq!(asked(&outputs), []);
    assert_eq!(asked(&desk.pass(Duration::from_millis(1))), [SMALL]);
    assert_eq!(asked(&desk.input(tiles(250, 140))), [], "nearly the same");
    // A window that is dragged larger asks once, for the size at which it stays.
    let mut outputs = Vec::new();
    for step in 0..20 {
        outputs.extend(desk.input(tiles(300 + step * 50, 170 + step * 28)));
        outputs.extend(desk.pass(Duration::from_millis(20)));
    }
    outputs.extend(desk.pass(GROW_AFTER));
    let wants = asked(&outputs);
    assert!(wants.len() <= 2 && wants.last().unwrap().lines == 720, "{wants:?}");
}

#[test]
fn what_is_asked_is_repeated_and_said_again_to_a_new_connection() {
    let mut desk = watching();
    desk.input(hidden());
    desk.pass(HIDE_AFTER);
    assert_eq!(asked(&desk.pass(REPEAT * 3)), [VideoWant::NONE; 3]);
    assert_eq!(asked(&desk.session(SessionEvent::SignalState(SignalState::Reconnecting))), []);
    assert_eq!(asked(&desk.session(SessionEvent::SignalState(SignalState::Connected))), [VideoWant::NONE]);
    desk.peer(PeerState::Disconnected);
    assert_eq!(asked(&desk.pass(REPEAT * 3)), [], "no way to say it");
    assert_eq!(asked(&desk.peer(PeerState::Connected)), [VideoWant::NONE]);
}

#[test]
fn a_picture_that_was_never_seen_is_not_asked_away() {
    let mut desk = Desk::in_call();
    desk.input(hidden());
    assert_eq!(asked(&desk.pass(REPEAT * 3)), [], "its tile may come with it");
    desk.input(Input::Video { participant: id("amir"), shown: true });
    assert_eq!(asked(&desk.pass(HIDE_AFTER)), [VideoWant::NONE]);
}

#[test]
fn who_is_not_looked_at_is_not_missed() {
    let mut desk = watching();
    let camera_only = MediaState { microphone: false, camera: true };
    desk.session(SessionEvent::ParticipantChanged(amir(camera_only)));
    desk.media();
    desk.input(hidden());
    desk.pass(HIDE_AFTER);
    desk.pass(Duration::from_secs(600));
    assert_eq!(desk.connection(), ConnectionState::Connected);
    desk.input(tiles(640, 360));
    assert_eq!(desk.connection(), ConnectionState::Connected, "the first picture has its two seconds");
    desk.pass(UNSTABLE_AFTER);
    assert_eq!(desk.connection(), ConnectionState::Unstable);
}

#[test]
fn our_own_picture_is_made_only_where_it_is_seen() {
    let mut desk = watching();
    let shown = |outputs: Vec<Output>| {
        outputs.into_iter().find_map(|output| match output {
            Output::SetSelfView { shown } => Some(shown),
            _ => None,
        })
    };
    assert_eq!(shown(desk.input(hidden())), Some(false));
    assert_eq!(shown(desk.input(hidden())), None);
    assert_eq!(shown(desk.input(tiles(1, 1))), Some(true));
}

/// What the encoder is told, who is served, and whether a keyframe is made.
fn served(outputs: &[Output]) -> (Option<VideoWant>, Vec<(ParticipantId, bool)>, bool) {
    let total = outputs.iter().rev().find_map(|output| match output {
        Output::SetVideoWant(want) => Some(*want),
        _ => None,
    });
    let people = outputs.iter().filter_map(|output| match output {
        Output::Session(SessionCommand::ServeVideo { participant, on }) => Some((participant.clone(), *on)),
        _ => None,
    });
    (total, people.collect(), outputs.iter().any(|output| matches!(output, Output::ForceKeyframe)))
}

fn wants(who: &str, want: VideoWant) -> SessionEvent {
    SessionEvent::VideoWanted { participant: id(who), source: TrackSource::Camera, want }
}

#[test]
fn nobody_looks_and_nothing_is_encoded_until_somebody_does() {
    let mut desk = Desk::in_call();
    let outputs = desk.session(wants("amir", VideoWant::NONE));
    assert_eq!(served(&outputs), (Some(VideoWant::NONE), vec![(id("amir"), false)], false));
    assert_eq!(served(&desk.session(wants("amir", VideoWant::NONE))), (None, vec![], false));
    let outputs = desk.session(wants("amir", SMALL));
    assert_eq!(served(&outputs), (Some(SMALL), vec![(id("amir"), true)], true), "with a keyframe at once");
}

#[test]
fn one_encoder_serves_the_one_who_wants_most() {
    let mut desk = Desk::in_call();
    let elin = Participant { id: id("elin"), name: "Elin".into(), media: ON };
    desk.session(SessionEvent::ParticipantJoined(elin));
    desk.session(SessionEvent::PeerState { participant: id("elin"), state: PeerState::Connected });
    assert_eq!(served(&desk.session(wants("amir", SMALL))), (None, vec![], false), "Elin wants everything");
    let half = VideoWant { lines: 360, frame_rate: 10 };
    let outputs = desk.session(wants("elin", half));
    assert_eq!(served(&outputs).0, Some(VideoWant { lines: 360, frame_rate: 15 }));
    let outputs = desk.session(wants("elin", VideoWant::NONE));
    assert_eq!(served(&outputs), (Some(SMALL), vec![(id("elin"), false)], false));
    let outputs = desk.session(SessionEvent::ParticipantLeft(id("amir")));
    assert_eq!(served(&outputs).0, Some(VideoWant::NONE));
    assert_eq!(served(&desk.session(wants("stranger", VideoWant::FULL))), (None, vec![], false));
}

#[test]
fn a_wish_that_is_not_repeated_is_forgotten() {
    let mut desk = Desk::in_call();
    desk.session(wants("amir", VideoWant::NONE));
    desk.pass(REPEAT * 2);
    desk.session(wants("amir", VideoWant::NONE));
    assert_eq!(served(&desk.pass(LEASE - Duration::from_millis(1))), (None, vec![], false));
    let outputs = desk.pass(Duration::from_millis(1));
    assert_eq!(served(&outputs), (Some(VideoWant::FULL), vec![(id("amir"), true)], true));
    // A connection that breaks takes it along too.
    desk.pass(LOWER_AFTER);
    desk.session(wants("amir", VideoWant::NONE));
    desk.pass(LOWER_AFTER);
    let outputs = desk.peer(PeerState::Disconnected);
    assert_eq!(served(&outputs), (Some(VideoWant::FULL), vec![(id("amir"), true)], true));
}

#[test]
fn asking_for_more_and_less_in_turn_costs_a_keyframe_a_second_at_most() {
    let mut desk = Desk::in_call();
    let mut changes = 0;
    for _ in 0..100 {
        for want in [SMALL, VideoWant::FULL] {
            changes += usize::from(served(&desk.session(wants("amir", want))).0.is_some());
            let outputs = desk.pass(Duration::from_millis(50));
            changes += usize::from(served(&outputs).0.is_some());
        }
    }
    assert!((2..=20).contains(&changes), "{changes} in ten seconds");
    desk.session(wants("amir", SMALL));
    assert_eq!(served(&desk.pass(LOWER_AFTER)).0, Some(SMALL), "in the end it is as wanted");
}
