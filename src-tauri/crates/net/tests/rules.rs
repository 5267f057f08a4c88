//! Who is believed and what is told: secrets, servers that speak nonsense, privacy, hostile sources, clean ends.

mod support;

use std::net::UdpSocket;

use fika_call::ParticipantId;
use fika_call::door::RoomOptions;
use fika_call::invite::HostKey;
use fika_call::seal::{self, Key};
use fika_call::session::{CloseReason, ConnectionPrivacy, PeerState, SessionCommand, SessionEvent, SignalState};
use fika_call::signal::{IceServer, MAX_MESSAGE, MediaState, PeerBody};
use fika_net::Trust;
use fika_net::signal::{CreateError, create_room};
use support::relay::{Relay, Relayed};
use support::{Caller, access_unit, clock, pair, request, room, secret, soon};
use tokio_tungstenite::tungstenite::Message;

fn open(relayed: &Relayed) -> PeerBody {
    let key = Key::derive(&secret(1), &room());
    seal::open(&key, &relayed.from, &relayed.to, &relayed.payload).expect("sealed with the link's secret").body
}

fn closed(event: SessionEvent) -> Option<CloseReason> {
    match event {
        SessionEvent::Closed(reason) => Some(reason),
        _ => None,
    }
}

#[tokio::test]
async fn another_secret_is_not_trusted_and_brings_no_media() {
    let relay = Relay::start();
    let clock = clock();
    let mut a = Caller::connect(request(&relay.url, "Alice"), &clock);
    a.joined().await;
    let mut other = request(&relay.url, "Mallory");
    other.secret = secret(2);
    let mut b = Caller::connect(other, &clock);
    let unless_connected = |event| match event {
        SessionEvent::PeerState { state: PeerState::Connected, .. } => panic!("connected to a stranger"),
        SessionEvent::PeerState { state: PeerState::Untrusted, .. } => Some(()),
        _ => None,
    };
    b.event("untrusted", unless_connected).await;
    a.event("untrusted", unless_connected).await;
    let Caller { session, .. } = a;
    let mut tracks = session.tracks;
    drop((session.commands, session.events));
    assert!(soon("the end", tracks.recv()).await.is_none(), "media of a stranger");
    assert!(b.session.tracks.try_recv().is_err(), "media for a stranger");
}

#[tokio::test]
async fn nonsense_of_the_server_ends_the_session() {
    let too_long = format!("{{\"type\":\"pong\",\"x\":\"{}\"}}", "x".repeat(MAX_MESSAGE));
    let many: Vec<String> = (0..100)
        .map(|i| format!(r#"{{"id":"p{i}","name":"n","media":{{"microphone":true,"camera":true}},"away":false}}"#))
        .collect();
    let crowd =
        format!(r#"{{"type":"joined","you":"p0","resume":"r","participants":[{}],"iceServers":[]}}"#, many.join(","));
    let welcomes = [
        Message::text("{"),
        Message::text(r#"{"type":"surprise"}"#),
        Message::text(r#"{"type":"participantLeft","participant":"p9"}"#),
        Message::text(r#"{"type":"joined","you":"a\nb","resume":"r","participants":[],"iceServers":[]}"#),
        Message::text(crowd),
        Message::text(too_long),
        Message::binary(vec![1, 2, 3]),
    ];
    for welcome in welcomes {
        let relay = Relay::with_welcome(Some(welcome.clone()));
        let mut caller = Caller::connect(request(&relay.url, "Alice"), &clock());
        assert_eq!(caller.event("closed", closed).await, CloseReason::Protocol, "{welcome:?}");
    }
}

#[tokio::test]
async fn a_room_that_is_not_there_and_a_server_that_is_not_there() {
    let relay = Relay::start();
    let mut elsewhere = request(&relay.url, "Alice");
    elsewhere.room = fika_call::RoomId::from_bytes([9; 10]);
    let mut caller = Caller::connect(elsewhere, &clock());
    assert_eq!(caller.event("closed", closed).await, CloseReason::RoomNotFound);
    assert!(caller.session.events.recv().await.is_none(), "nothing follows the last event");

    let nobody = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", socket.local_addr().unwrap()).parse().unwrap()
    };
    assert_eq!(create_room(&nobody, &Trust::default(), RoomOptions::default()).await, Err(CreateError::Unreachable));
    let created = (fika_call::RoomId::from_bytes([3; 10]), HostKey("key".into()));
    assert_eq!(create_room(&relay.url, &Trust::default(), RoomOptions::default()).await, Ok(created));
}

#[tokio::test]
async fn hidden_addresses_are_not_told() {
    tells_no_address(ConnectionPrivacy::HideLocal).await;
}

#[tokio::test]
async fn without_a_relay_a_relayed_call_tells_nothing() {
    tells_no_address(ConnectionPrivacy::RelayOnly).await;
}

fn ice_server(url: &str) -> IceServer {
    let text = || Some("x".to_owned());
    IceServer { urls: vec![url.to_owned()], username: text(), credential: text() }
}

async fn tells_no_address(privacy: ConnectionPrivacy) {
    let mut relay = Relay::start();
    let clock = clock();
    let mut hidden = request(&relay.url, "Alice");
    hidden.privacy = privacy;
    // Nobody answers there; without any TURN server a relayed call is not even begun. The other entry is a typo.
    hidden.ice_servers = vec![ice_server("turn:127.0.0.1:9?transport=udp"), ice_server("trun:127.0.0.1:9")];
    let mut a = Caller::connect(hidden, &clock);
    let us = a.joined().await;
    let _b = Caller::connect(request(&relay.url, "Bob"), &clock);
    // The hidden one offers and gathers first, so all it ever tells comes before the first address of the other.
    let mut offered = false;
    let others_address = async {
        loop {
            let relayed = relay.relayed().await;
            let body = open(&relayed);
            match body {
                PeerBody::Offer { sdp, .. } | PeerBody::Answer { sdp, .. } => {
                    assert!(!sdp.contains("a=candidate"), "{sdp}");
                    offered |= relayed.from == us;
                }
                PeerBody::Candidate { candidate, .. } => {
                    assert_ne!(relayed.from, us, "told {candidate:?}");
                    return candidate.expect("an address");
                }
                PeerBody::Restart | PeerBody::WantVideo { .. } | PeerBody::Reveal { .. } => {}
            }
        }
    };
    assert!(soon("an address of the other", others_address).await.contains("typ host"));
    assert!(offered);
}

#[tokio::test]
async fn a_flood_from_a_stranger_does_not_keep_peers_apart() {
    let mut relay = Relay::start();
    let clock = clock();
    let mut a = Caller::connect(request(&relay.url, "Alice"), &clock);
    a.joined().await;
    let mut b = Caller::connect(request(&relay.url, "Bob"), &clock);
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    // A DTLS 1.2 record header with a ClientHello of nonsense, and RTP.
    let hello = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 1, 0, 0, 48][..], &[0; 56]].concat();
    let flood = async {
        loop {
            let relayed = relay.relayed().await;
            let PeerBody::Candidate { candidate: Some(candidate), .. } = open(&relayed) else { continue };
            let words: Vec<&str> = candidate.split(' ').collect();
            let target = (words[4], words[5].parse::<u16>().unwrap());
            for _ in 0..300 {
                let _ = stranger.send_to(&hello, target);
                let _ = stranger.send_to(&[0x80, 102, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], target);
            }
        }
    };
    tokio::select! {
        () = flood => {}
        () = async { tokio::join!(a.peer_state(PeerState::Connected), b.peer_state(PeerState::Connected)); } => {}
    }
    a.send_video(access_unit(true, 1, 2000), true).await;
    let mut units = b.video_track().await;
    assert!(soon("unit", units.recv()).await.is_some());
}

#[tokio::test]
async fn media_goes_on_while_the_server_is_away() {
    let relay = Relay::start();
    let (mut a, mut b) = pair(&relay.url).await;
    a.send_video(access_unit(true, 1, 2000), true).await;
    let mut units = b.video_track().await;
    soon("unit", units.recv()).await.unwrap();
    relay.cut();
    let signal = |wanted| {
        move |event| match event {
            SessionEvent::SignalState(state) if state == wanted => Some(()),
            SessionEvent::PeerState { state, .. } => panic!("the media path is {state:?}"),
            SessionEvent::ParticipantLeft(_) => panic!("the seat was not kept"),
            _ => None,
        }
    };
    a.event("reconnecting", signal(SignalState::Reconnecting)).await;
    b.event("reconnecting", signal(SignalState::Reconnecting)).await;
    for i in 0..10 {
        let frame = access_unit(false, i, 2000);
        a.send_video(frame.clone(), false).await;
        assert_eq!(soon("unit", units.recv()).await.unwrap().frame.payload, frame);
    }
    relay.open();
    a.event("connected", signal(SignalState::Connected)).await;
    b.event("connected", signal(SignalState::Connected)).await;
    a.command(SessionCommand::SetMedia(MediaState { microphone: false, camera: true })).await;
    let muted = b.event("muted", |event| match event {
        SessionEvent::ParticipantChanged(participant) => Some(participant),
        _ => None,
    });
    assert!(!muted.await.media.microphone);
}

#[tokio::test]
async fn sessions_leave_nothing_behind() {
    let relay = Relay::start();
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = alive();
    for round in 0..4 {
        let (a, b) = pair(&relay.url).await;
        assert!(alive() > before);
        a.leave().await;
        if round < 2 {
            b.leave().await;
        } else {
            // Dropping the session is leaving too.
            drop(b.session);
        }
        soon("all tasks to end", async {
            while alive() > before {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn three_are_all_connected() {
    let relay = Relay::start();
    let clock = clock();
    let mut callers: Vec<Caller> =
        ["Alice", "Bob", "Carol"].iter().map(|name| Caller::connect(request(&relay.url, name), &clock)).collect();
    for caller in &mut callers {
        let first: ParticipantId = caller.peer_state(PeerState::Connected).await;
        assert_ne!(caller.peer_state(PeerState::Connected).await, first);
    }
    callers[0].send_video(access_unit(true, 5, 9000), true).await;
    for caller in &mut callers[1..] {
        let mut units = caller.video_track().await;
        assert_eq!(soon("unit", units.recv()).await.unwrap().frame.payload, access_unit(true, 5, 9000));
    }
}
