//! Two sessions over real UDP on this machine: what goes in on one side comes out on the other.

mod support;

use bytes::Bytes;
use fika_call::session::{PeerState, SessionCommand, SessionEvent};
use fika_call::{TrackSource, VideoWant};
use fika_media::Timestamp;
use support::relay::Relay;
use support::{access_unit, pair, soon};

#[tokio::test]
async fn frames_arrive_whole_and_in_order_both_ways() {
    let relay = Relay::start();
    let (mut a, mut b) = pair(&relay.url).await;
    for turn in 0..2 {
        let mut units = None;
        let mut last: Option<Timestamp> = None;
        for i in 0..30u8 {
            let keyframe = i == 0 || i == 17;
            let frame = access_unit(keyframe, i, if keyframe { 40_000 } else { 3_000 });
            let pts = a.send_video(frame.clone(), keyframe).await;
            let units = match &mut units {
                Some(units) => units,
                None => units.insert(b.video_track().await),
            };
            let unit = soon("unit", units.recv()).await.unwrap();
            assert_eq!(unit.frame.payload, frame, "turn {turn}, frame {i}");
            assert_eq!((unit.frame.keyframe, unit.after_gap), (keyframe, i == 0));
            let captured = unit.captured.expect("the sender says when it captured");
            assert!((captured.as_micros() - pts.as_micros()).abs() < 20_000, "{captured:?} {pts:?}");
            if let Some((before, pts_before)) = last.map(|last| (last, unit.frame.pts)) {
                assert!(pts_before > before);
            }
            last = Some(unit.frame.pts);
        }
        std::mem::swap(&mut a, &mut b);
    }
    a.leave().await;
    b.leave().await;
}

#[tokio::test]
async fn sound_arrives_with_its_spacing() {
    let relay = Relay::start();
    let (a, mut b) = pair(&relay.url).await;
    let mut packets = None;
    let mut first = None;
    for i in 0..50u8 {
        let payload = Bytes::from(vec![i | 1; 60 + usize::from(i)]);
        // A pause of the microphone in the middle: time goes on, numbers do not jump.
        let at = i64::from(i) * 20 + if i >= 25 { 500 } else { 0 };
        a.send_audio(payload.clone(), Timestamp::from_millis(at)).await;
        let packets = match &mut packets {
            Some(packets) => packets,
            None => packets.insert(b.audio_track().await),
        };
        let packet = soon("packet", packets.recv()).await.unwrap();
        assert_eq!(packet.payload, payload);
        let (sequence, timestamp) = *first.get_or_insert((packet.sequence, packet.timestamp));
        assert_eq!(packet.sequence - sequence, u64::from(i));
        assert_eq!(packet.timestamp - timestamp, at as u64 * 48);
    }
}

#[tokio::test]
async fn a_wish_for_a_keyframe_reaches_the_sender() {
    let relay = Relay::start();
    let (mut a, mut b) = pair(&relay.url).await;
    let keyframe_requested =
        |event| matches!(event, SessionEvent::KeyframeRequested { source: TrackSource::Camera }).then_some(());
    a.event("the first keyframe", keyframe_requested).await;
    a.send_video(access_unit(true, 1, 2000), true).await;
    let mut units = b.video_track().await;
    soon("unit", units.recv()).await.unwrap();
    let participant = b.peer.clone().unwrap();
    b.command(SessionCommand::RequestKeyframe { participant, source: TrackSource::Camera }).await;
    a.event("the second keyframe", keyframe_requested).await;
}

#[tokio::test]
async fn who_looks_at_nothing_says_so_and_gets_nothing() {
    let relay = Relay::start();
    let (mut a, mut b) = pair(&relay.url).await;
    a.send_video(access_unit(true, 1, 2000), true).await;
    let mut units = b.video_track().await;
    soon("unit", units.recv()).await.unwrap();
    let (participant, source) = (b.peer.clone().unwrap(), TrackSource::Camera);
    for want in [VideoWant::NONE, VideoWant { lines: 360, frame_rate: 30 }] {
        b.command(SessionCommand::WantVideo { participant: participant.clone(), source, want }).await;
        let wanted = |event| match event {
            SessionEvent::VideoWanted { participant, source: TrackSource::Camera, want } => Some((participant, want)),
            _ => None,
        };
        let (who, what) = a.event("what is wanted", wanted).await;
        assert_eq!((Some(&who), what), (a.peer.as_ref(), want));
        a.command(SessionCommand::ServeVideo { participant: who, on: !want.is_none() }).await;
        // Commands are taken in order: after this one the other has been obeyed.
        a.command(SessionCommand::SetMedia(support::MEDIA)).await;
        while a.session.commands.capacity() < a.session.commands.max_capacity() {
            tokio::task::yield_now().await;
        }
        a.send_video(access_unit(true, 3, 2000), true).await;
    }
    a.send_video(access_unit(false, 5, 500), false).await;
    let first = soon("unit", units.recv()).await.unwrap();
    assert!(first.frame.keyframe, "nothing of the time in between");
    let second = soon("unit", units.recv()).await.unwrap();
    assert!(!second.frame.keyframe && second.frame.payload == access_unit(false, 5, 500));
}

#[tokio::test]
async fn statistics_count_what_went_both_ways() {
    let relay = Relay::start();
    let (mut a, mut b) = pair(&relay.url).await;
    a.send_video(access_unit(true, 1, 20_000), true).await;
    let mut units = b.video_track().await;
    soon("unit", units.recv()).await.unwrap();
    let stats = |source| {
        move |event| match event {
            SessionEvent::Stats { stats, .. } => {
                let sent = stats.outbound.iter().find(|stream| stream.source == source)?.clone();
                let received = stats.inbound.iter().find(|stream| stream.source == source)?.clone();
                (sent.packets_sent + received.packets_received > 0).then_some((stats, sent, received))
            }
            _ => None,
        }
    };
    let (stats_a, sent, _) = a.event("statistics", stats(TrackSource::Camera)).await;
    let (stats_b, _, received) = b.event("statistics", stats(TrackSource::Camera)).await;
    // The first packets are sent again, as a measure of the path, and count; the repairs of the first picture do not.
    let all = sent.packets_sent..=sent.packets_sent + sent.retransmitted_packets_sent;
    assert!(all.contains(&received.packets_received), "{all:?}: {}", received.packets_received);
    assert!(sent.bytes_sent > 20_000 && received.bytes_received > 20_000);
    assert_eq!(received.packets_lost, 0);
    for stats in [stats_a, stats_b] {
        assert!(stats.pair.is_some() && !stats.relayed(), "{:?}", stats.pair);
    }
    // The answer to the first report of the sender comes within two seconds.
    let rtt = a.event("round trip", |event| match event {
        SessionEvent::Stats { stats, .. } => stats.round_trip_time,
        _ => None,
    });
    assert!(rtt.await.as_millis() < 1000);
}

#[tokio::test]
async fn both_take_main_profile_and_hear_of_a_departure() {
    let relay = Relay::start();
    let clock = support::clock();
    let mut a = support::Caller::connect(support::request(&relay.url, "Alice"), &clock);
    a.joined().await;
    let mut b = support::Caller::connect(support::request(&relay.url, "Bob"), &clock);
    let profile = |event| match event {
        SessionEvent::VideoProfile { main } => Some(main),
        _ => None,
    };
    // Before the state, with which the first keyframe is made.
    assert!(a.event("profile", profile).await);
    a.peer_state(PeerState::Connected).await;
    assert!(b.event("profile", profile).await);
    let peer = b.peer_state(PeerState::Connected).await;
    a.send_video(access_unit(true, 1, 2000), true).await;
    let mut units = b.video_track().await;
    soon("unit", units.recv()).await.unwrap();
    a.leave().await;
    let left = b.event("left", |event| match event {
        SessionEvent::ParticipantLeft(id) => Some(id),
        _ => None,
    });
    assert_eq!(left.await, peer);
    assert!(soon("end of the track", units.recv()).await.is_none());
}
