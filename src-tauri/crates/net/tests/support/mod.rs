//! What the tests share: a relay that speaks the server's side of `fika_call::signal`, and sessions that are easy to await.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod relay;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fika_call::identity::Identity;
use fika_call::invite::Secret;
use fika_call::session::{ConnectionPrivacy, PeerState, Request, SessionCommand, SessionEvent};
use fika_call::signal::MediaState;
use fika_call::{ParticipantId, RoomId};
use fika_media::jitter::{AudioPacket, VideoUnit};
use fika_media::{Clock, EncodedFrame, Timestamp};
use fika_net::mesh::Network;
use fika_net::{IncomingMedia, Session};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Everybody has another key.
static IDENTITIES: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(1);

/// Nothing here takes this long: whoever waits so long is stuck.
const STUCK: Duration = Duration::from_secs(40);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(STUCK, future).await.unwrap_or_else(|_| panic!("stuck: {what}"))
}

pub(crate) fn clock() -> Clock {
    let start = Instant::now();
    // Far from zero, like a machine that has been up for a day.
    Arc::new(move || Timestamp::from_micros(86_400_000_000 + start.elapsed().as_micros() as i64))
}

pub(crate) fn room() -> RoomId {
    RoomId::from_bytes([7; 10])
}

pub(crate) fn secret(fill: u8) -> Secret {
    Secret::from_bytes([fill; 16])
}

pub(crate) const MEDIA: MediaState = MediaState { microphone: true, camera: true };

pub(crate) fn request(server: &url::Url, name: &str) -> Request {
    Request {
        server: server.clone(),
        room: room(),
        secret: secret(1),
        name: name.to_owned(),
        media: MEDIA,
        entry: fika_call::door::Entry::default(),
        ice_servers: Vec::new(),
        privacy: ConnectionPrivacy::Automatic,
        max_video_bitrate: 2_500_000,
    }
}

/// `FIKA_TEST_BIND` names the only addresses to use, where not all of them work: wine has no WebRTC over IPv4.
fn network() -> Network {
    let Ok(addresses) = std::env::var("FIKA_TEST_BIND") else { return Network::default() };
    Network::only(addresses.split(',').map(|address| address.parse().unwrap()).collect())
}

pub(crate) struct Caller {
    pub(crate) session: Session,
    pub(crate) clock: Clock,
    /// The other one of a pair.
    pub(crate) peer: Option<ParticipantId>,
}

impl Caller {
    pub(crate) fn connect(request: Request, clock: &Clock) -> Self {
        let seed = IDENTITIES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self::connect_as(request, Some(Identity::from_seed(&[seed; 32], true)), clock)
    }

    /// `None`: like a client that knows no identities.
    pub(crate) fn connect_as(request: Request, identity: Option<Identity>, clock: &Clock) -> Self {
        let session = fika_net::mesh::connect(request, network(), std::future::ready(identity), Arc::clone(clock));
        Self { session, clock: Arc::clone(clock), peer: None }
    }

    /// Waits for the event that `wanted` takes; the ones before it are passed over.
    pub(crate) async fn event<T>(&mut self, what: &str, mut wanted: impl FnMut(SessionEvent) -> Option<T>) -> T {
        soon(what, async {
            loop {
                let event = self.session.events.recv().await.unwrap_or_else(|| panic!("the session ended: {what}"));
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        })
        .await
    }

    pub(crate) async fn joined(&mut self) -> ParticipantId {
        self.event("joined", |event| match event {
            SessionEvent::Joined { you, .. } => Some(you),
            _ => None,
        })
        .await
    }

    pub(crate) async fn peer_state(&mut self, wanted: PeerState) -> ParticipantId {
        self.event("peer state", |event| match event {
            SessionEvent::PeerState { participant, state } if state == wanted => Some(participant),
            _ => None,
        })
        .await
    }

    pub(crate) async fn command(&self, command: SessionCommand) {
        self.session.commands.send(command).await.unwrap();
    }

    pub(crate) async fn leave(mut self) {
        self.command(SessionCommand::Leave).await;
        let closed = |event| matches!(event, SessionEvent::Closed(_)).then_some(());
        self.event("closed", closed).await;
    }

    pub(crate) async fn send_video(&self, payload: Bytes, keyframe: bool) -> Timestamp {
        let pts = (self.clock)();
        soon("video queue", self.session.video.send(EncodedFrame { pts, keyframe, payload })).await.unwrap();
        pts
    }

    pub(crate) async fn send_audio(&self, payload: Bytes, pts: Timestamp) {
        soon("audio queue", self.session.audio.send(EncodedFrame { pts, keyframe: true, payload })).await.unwrap();
    }

    pub(crate) async fn media(&mut self) -> IncomingMedia {
        soon("track", self.session.tracks.recv()).await.expect("a track").media
    }

    pub(crate) async fn video_track(&mut self) -> mpsc::Receiver<VideoUnit> {
        match self.media().await {
            IncomingMedia::Video(units) => units,
            IncomingMedia::Audio(_) => panic!("video was expected"),
        }
    }

    pub(crate) async fn audio_track(&mut self) -> mpsc::Receiver<AudioPacket> {
        match self.media().await {
            IncomingMedia::Audio(packets) => packets,
            IncomingMedia::Video(_) => panic!("sound was expected"),
        }
    }
}

/// Two connected callers.
pub(crate) async fn pair(server: &url::Url) -> (Caller, Caller) {
    let clock = clock();
    let mut a = Caller::connect(request(server, "Alice"), &clock);
    a.joined().await;
    let mut b = Caller::connect(request(server, "Bob"), &clock);
    a.peer = Some(a.peer_state(PeerState::Connected).await);
    b.peer = Some(b.peer_state(PeerState::Connected).await);
    (a, b)
}

/// An access unit that looks like one of openh264: parameter sets and a large slice, or a small slice.
pub(crate) fn access_unit(keyframe: bool, fill: u8, size: usize) -> Bytes {
    let mut unit = Vec::new();
    if keyframe {
        unit.extend([0, 0, 0, 1, 0x67, 0x4d, 0x00, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80]);
    }
    unit.extend([0, 0, 0, 1, if keyframe { 0x65 } else { 0x41 }, 0x9a]);
    unit.extend(std::iter::repeat_n(fill | 1, size));
    unit.into()
}
