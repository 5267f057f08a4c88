//! Two engines over an in-memory session: what people do, and what goes wrong, from the command to the picture.

#![allow(clippy::unwrap_used)]

mod bed;
mod studio;
mod viewing;

use std::sync::atomic::Ordering;

use fika_call::TrackSource;
use fika_call::invite::LinkError;
use fika_call::session::{CloseReason, PeerState};
use fika_call::view::{CaptureState, ConnectionState, EndReason, Notification, Phase, Problem, TileKey};
use fika_engine::{Command, CommandError};
use fika_media::device::{DeviceError, DeviceId, DeviceKind};

use bed::Bed;

#[tokio::test(flavor = "multi_thread")]
async fn two_people_see_and_hear_each_other() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("they meet", || alice.meets(1250.0) && bob.meets(997.0)).await;
    assert_eq!(alice.view().connection, ConnectionState::Connected);
    assert_eq!(bob.view().participants[0].name, "Alice");
    let mine = TileKey::me();
    assert!(alice.seen.picture(&mine).is_some(), "the self-view shows the camera");
    let (alice_levels, bob_levels) = (alice.engine.levels(), bob.engine.levels());
    bed.until("meters move", || {
        alice_levels.borrow().microphone > 0 && bob_levels.borrow().participants.iter().any(|p| p.level > 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_muted_is_not_heard_and_still_has_a_meter() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("Bob hears Alice", || bob.seen.tone(997.0)).await;
    alice.engine.send(Command::SetMicrophone { on: false }).await.unwrap();
    bed.until("Bob hears nothing", || bob.seen.no_tone(997.0) && !bob.view().participants[0].microphone_on).await;
    let levels = alice.engine.levels();
    bed.until("her meter still moves", || levels.borrow().microphone > 0).await;
    alice.engine.send(Command::SetMicrophone { on: true }).await.unwrap();
    bed.until("Bob hears her again", || bob.seen.tone(997.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_is_off_shows_nothing_and_comes_back() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("Bob sees Alice", || bob.sees()).await;
    alice.engine.send(Command::SetCamera { on: false }).await.unwrap();
    bed.until("no more", || !bob.view().participants[0].has_video).await;
    bed.until("its light is out", || alice.studio.open.load(Ordering::SeqCst) == 2).await;
    alice.engine.send(Command::SetCamera { on: true }).await.unwrap();
    bed.until("Bob sees her again", || bob.view().participants[0].has_video).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_gone_and_may_come_back() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("they meet", || alice.sees() && bob.sees()).await;
    let mut happened = bob.engine.notifications();
    alice.engine.send(Command::Leave).await.unwrap();
    assert_eq!((alice.view().phase, alice.view().end), (Phase::Ended, Some(EndReason::Left)));
    bed.until("Bob is alone", || bob.view().connection == ConnectionState::Waiting).await;
    assert_eq!(happened.recv().await.unwrap(), Notification::Left { name: "Alice".into() });
    alice.engine.send(Command::Rejoin).await.unwrap();
    bed.until("they meet again", || alice.meets(1250.0) && bob.meets(997.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_busy_camera_one_joins_with_sound() {
    let mut bed = Bed::new();
    let (alice, bob) = (bed.person("Alice", 997.0), bed.person("Bob", 1250.0));
    *alice.studio.camera_fault.lock().unwrap() = Some(DeviceError::Busy);
    bed.join(&alice, None).await;
    assert_eq!(alice.view().problem, Some(Problem::CameraBusy));
    bed.join(&bob, alice.view().invite.map(|invite| invite.link)).await;
    bed.until("Bob hears Alice", || bob.seen.tone(997.0)).await;
    assert!(!bob.view().participants[0].camera_on);

    *alice.studio.camera_fault.lock().unwrap() = None;
    alice.engine.send(Command::RetryDevice { kind: DeviceKind::Camera }).await.unwrap();
    bed.until("Bob sees Alice", || bob.sees()).await;
    assert_eq!(alice.view().problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_microphone_that_is_unplugged_is_replaced() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    let second = Some(DeviceId("mic-2".into()));
    alice.engine.send(Command::SelectDevice { kind: DeviceKind::Microphone, id: second }).await.unwrap();
    bed.until("the second is in use", || alice.view().me.microphone.device_id.as_deref() == Some("mic-2")).await;
    bed.until("Bob hears it", || bob.seen.tone(997.0)).await;
    let mut happened = alice.engine.notifications();
    alice.studio.remove("mic-2");
    alice.studio.break_microphone(DeviceError::Disconnected);
    bed.until("the first stands in", || alice.view().me.microphone.device_id.as_deref() == Some("mic-1")).await;
    let name = "MIC-1".to_owned();
    assert_eq!(happened.recv().await.unwrap(), Notification::DeviceReplaced { kind: "microphone".into(), name });
    bed.until("Bob hears Alice again", || bob.seen.tone(997.0)).await;
    assert_eq!(alice.view().phase, Phase::InCall);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_microphone_the_other_side_is_still_heard() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("they meet", || alice.meets(1250.0) && bob.meets(997.0)).await;
    *alice.studio.microphone_fault.lock().unwrap() = Some(DeviceError::PermissionDenied);
    alice.studio.break_microphone(DeviceError::Failed("gone".into()));
    bed.until("it is told", || alice.view().problem == Some(Problem::MicrophoneDenied)).await;
    bed.until("Bob is told", || !bob.view().participants[0].microphone_on && bob.seen.no_tone(997.0)).await;
    let (pictures, sound) = (alice.seen.counter(&tile(&alice)), alice.seen.played.load(Ordering::SeqCst));
    bed.until("she goes on to see and hear Bob", || {
        let later = alice.seen.played.load(Ordering::SeqCst) >= sound + 20;
        later && alice.seen.tone(1250.0) && alice.seen.counter(&tile(&alice)) > pictures
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_fails_once_is_opened_again() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("Bob sees Alice", || bob.sees()).await;
    alice.studio.break_camera(DeviceError::Stalled);
    bed.until("it is open again", || {
        alice.view().me.camera.state == CaptureState::On && alice.studio.open.load(Ordering::SeqCst) == 3
    })
    .await;
    let before = bob.seen.counter(&tile(&bob));
    bed.until("pictures go on", || bob.seen.counter(&tile(&bob)) > before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_camera_keeps_the_call() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("Bob sees Alice", || bob.sees()).await;
    let second = Some(DeviceId("camera-2".into()));
    alice.engine.send(Command::SelectDevice { kind: DeviceKind::Camera, id: second }).await.unwrap();
    bed.until("the second is in use", || alice.view().me.camera.device_id.as_deref() == Some("camera-2")).await;
    let before = bob.seen.counter(&tile(&bob));
    bed.until("pictures go on", || bob.seen.counter(&tile(&bob)) > before).await;
    assert_eq!((alice.view().phase, bob.view().connection), (Phase::InCall, ConnectionState::Connected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decode_thread_that_panics_takes_nothing_with_it() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("they meet", || alice.meets(1250.0) && bob.meets(997.0)).await;
    bob.seen.panic.store(true, Ordering::SeqCst);
    bed.until("the tile is dark", || !bob.view().participants[0].has_video).await;
    assert_eq!(bob.seen.picture(&tile(&bob)), None);
    let before = alice.seen.counter(&tile(&alice));
    bed.until("all else goes on", || bob.seen.tone(997.0) && alice.seen.counter(&tile(&alice)) > before).await;
    assert_eq!(bob.view().connection, ConnectionState::Connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audio_thread_that_panics_ends_the_call_and_the_next_one_is_whole() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("they meet", || alice.meets(1250.0) && bob.meets(997.0)).await;
    bob.seen.panic_when_heard.store(true, Ordering::SeqCst);
    bed.until("it is told", || bob.view().end == Some(EndReason::Lost)).await;
    bed.until("Alice is alone", || alice.view().participants.is_empty()).await;
    bob.engine.send(Command::Rejoin).await.unwrap();
    bed.until("they meet again", || alice.meets(1250.0) && bob.meets(997.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_breaks_and_heals() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("connected", || alice.view().connection == ConnectionState::Connected).await;
    let mut happened = alice.engine.notifications();
    bed.network.set_peer_state(PeerState::Disconnected);
    bed.until("reconnecting", || bob.view().connection == ConnectionState::Reconnecting).await;
    bed.until("reconnecting", || alice.view().connection == ConnectionState::Reconnecting).await;
    bed.network.set_peer_state(PeerState::Connected);
    bed.until("connected again", || alice.view().connection == ConnectionState::Connected).await;
    assert_eq!(happened.recv().await.unwrap(), Notification::Reconnected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_closes_and_a_room_that_is_not_there() {
    let mut bed = Bed::new();
    let (alice, _bob) = bed.call().await;
    let link = alice.view().invite.unwrap().link;
    bed.network.close(CloseReason::ServerUnreachable);
    bed.until("it is told", || alice.view().end == Some(EndReason::ServerUnreachable)).await;
    let carol = bed.person("Carol", 440.0);
    carol.engine.send(Command::OpenInvite { link }).await.unwrap();
    carol.engine.send(Command::Join).await.unwrap();
    bed.until("there is no room", || carol.view().end == Some(EndReason::RoomNotFound)).await;
    bed.network.refuse(Some(EndReason::TooManyRequests));
    carol.engine.send(Command::NewCall).await.unwrap();
    bed.until("refused", || carol.view().end == Some(EndReason::TooManyRequests)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_link_is_answered_and_changes_nothing() {
    let mut bed = Bed::new();
    let alice = bed.person("Alice", 997.0);
    let before = alice.view();
    for (link, error) in [("hello", LinkError::NotALink), ("http://h/j/aaaq-eaye-auda-oceb", LinkError::Incomplete)] {
        let answer = alice.engine.send(Command::OpenInvite { link: link.into() }).await;
        assert_eq!(answer, Err(CommandError::Link(error)));
    }
    assert_eq!(alice.view(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lobby_previews_and_the_test_sound_plays() {
    let mut bed = Bed::new();
    let alice = bed.person("Alice", 997.0);
    alice.engine.send(Command::NewCall).await.unwrap();
    let levels = alice.engine.levels();
    let mine = TileKey::me();
    bed.until("picture and meter", || alice.seen.picture(&mine).is_some() && levels.borrow().microphone > 0).await;
    assert_eq!(alice.view().phase, Phase::Lobby);
    alice.engine.send(Command::PlayTestSound).await.unwrap();
    bed.until("the first note", || alice.seen.amplitude(587.33) > 0.05).await;
    bed.until("the second note", || alice.seen.amplitude(880.0) > 0.05).await;
    bed.until("silence", || alice.seen.no_tone(880.0)).await;
    alice.engine.send(Command::Home).await.unwrap();
    bed.until("everything is closed", || alice.studio.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_have_both_directions() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("they meet", || alice.meets(1250.0) && bob.meets(997.0)).await;
    let stats = alice.engine.stats();
    bed.until("both directions", || {
        let text = serde_json::to_value(&*stats.borrow()).unwrap();
        let tracks = text["tracks"].as_array().unwrap();
        let has = |direction: &str, kind: &str, field: &str| {
            tracks.iter().any(|track| {
                track["direction"] == direction && track["kind"] == kind && track[field].as_u64().is_some_and(|n| n > 0)
            })
        };
        has("outbound", "video", "framesEncoded")
            && has("outbound", "audio", "packetsSent")
            && has("inbound", "video", "framesDecoded")
            && has("inbound", "audio", "totalSamplesReceived")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_leaves_and_releases_everything() {
    let mut bed = Bed::new();
    let (alice, bob) = bed.call().await;
    bed.until("they meet", || alice.sees() && bob.sees()).await;
    alice.engine.shutdown().await;
    assert_eq!(alice.studio.open.load(Ordering::SeqCst), 0);
    assert_eq!(alice.engine.send(Command::NewCall).await, Err(CommandError::Stopped));
    bed.until("Bob is alone", || bob.view().participants.is_empty()).await;
}

/// Of the only other participant.
fn tile(person: &bed::Person) -> TileKey {
    let participant = person.view().participants[0].id.clone();
    TileKey { participant, source: TrackSource::Camera }
}
