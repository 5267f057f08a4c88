//! One participant: negotiates the connection, keeps it alive, begins again when it is lost.
//!
//! One tokio task for each peer, with a bounded inbox. Of the two, the participant with the smaller id offers. A lost
//! connection is replaced by a fresh one, not restarted: that mends whatever broke, also a DTLS session that one side has
//! forgotten.

mod active;
mod channel;
mod connection;
mod receiver;
mod sender;
mod stats;

use std::time::Duration;

use fika_call::ParticipantId;
use fika_call::session::{PeerState, PeerStats};
use fika_call::signal::{IceServer, PeerBody, Sealed};
use fika_media::EncodedFrame;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use webrtc::peer_connection::RTCPeerConnectionState;

use active::Active;
pub(crate) use channel::Channel;
use channel::Opened;
use connection::News;
pub(crate) use connection::Settings;

use crate::hooks::Hint;
use crate::session::IncomingTrack;
use crate::{random, sdp};

/// Messages to one peer's task. Full: the message is lost; the peers begin again after [`CONNECT_TIMEOUT`].
pub(crate) const INBOX: usize = 128;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may recover by itself.
const DISCONNECTED_GRACE: Duration = Duration::from_secs(3);
/// A link with a typo stays one; but who relays may have sent rubbish once.
const UNTRUSTED_RETRY: Duration = Duration::from_secs(30);
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// A wish to begin again is ignored when we have just begun.
const FRESH: Duration = Duration::from_secs(3);
const TICK: Duration = Duration::from_millis(100);
const TICKS_OF_STATS: u32 = 10;

#[derive(Debug)]
pub(crate) enum ToPeer {
    Payload(Sealed),
    RequestKeyframe,
    /// For the connections to come.
    IceServers(Vec<IceServer>),
}

#[derive(Debug)]
pub(crate) struct FromPeer {
    pub(crate) participant: ParticipantId,
    /// Of the seat that we held when the peer's task began.
    pub(crate) epoch: u32,
    pub(crate) what: PeerNews,
}

#[derive(Debug)]
pub(crate) enum PeerNews {
    Send(Sealed),
    State(PeerState),
    KeyframeRequested,
    /// Whether the peer takes Main profile; `None`: it takes no H.264, or is gone.
    Profile(Option<bool>),
    /// Bits a second for video.
    Bitrate(u32),
    Stats(PeerStats),
}

/// Where our frames for one connection go in.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) video: Option<mpsc::Sender<EncodedFrame>>,
    pub(crate) audio: Option<mpsc::Sender<EncodedFrame>>,
}

/// What the task of a peer needs.
pub(crate) struct Context {
    pub(crate) participant: ParticipantId,
    pub(crate) epoch: u32,
    pub(crate) offers: bool,
    pub(crate) channel: Channel,
    pub(crate) settings: Settings,
    pub(crate) news: mpsc::Sender<FromPeer>,
    pub(crate) tracks: mpsc::Sender<IncomingTrack>,
    pub(crate) sinks: mpsc::Sender<Sink>,
}

/// Runs until `inbox` is closed.
pub(crate) async fn run(context: Context, inbox: mpsc::Receiver<ToPeer>) {
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let mut peer =
        Peer { context, active: None, deadline: Some(deadline), began: Instant::now(), bitrate: 0, untrusted: false };
    if peer.context.offers {
        peer.offer().await;
    }
    peer.run(inbox).await;
    peer.close().await;
}

struct Peer {
    context: Context,
    active: Option<Active>,
    /// When to begin again.
    deadline: Option<Instant>,
    /// When the current attempt began.
    began: Instant,
    bitrate: u32,
    /// Told already.
    untrusted: bool,
}

impl Peer {
    async fn run(&mut self, mut inbox: mpsc::Receiver<ToPeer>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticks = 0u32;
        loop {
            let deadline = self.deadline;
            let connected = self.active.as_ref().is_some_and(|active| active.connected);
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => self.on_message(message).await,
                    None => return,
                },
                event = next_event(&mut self.active) => match event {
                    Event::News(news) => self.on_news(news).await,
                    Event::Hint(Hint::KeyframeRequested) => self.tell(PeerNews::KeyframeRequested).await,
                    Event::Hint(Hint::KeyframeNeeded) => self.wish_keyframe(),
                    Event::Pli => self.send_pli().await,
                },
                () = async { sleep_until(deadline.unwrap_or_else(Instant::now)).await }, if deadline.is_some() => {
                    self.begin_again().await;
                }
                _ = tick.tick(), if connected => {
                    ticks += 1;
                    self.measure(ticks % TICKS_OF_STATS == 0).await;
                }
            }
        }
    }

    async fn on_message(&mut self, message: ToPeer) {
        match message {
            ToPeer::Payload(payload) => match self.context.channel.open(&payload) {
                Opened::Message(body) => self.on_body(body).await,
                Opened::NewSession(body) => self.on_new_session(body).await,
                Opened::Stale => tracing::debug!("a stale message of a peer is dropped"),
                Opened::Untrusted => {
                    tracing::warn!("a message of a peer is not sealed with the secret of this link");
                    // Who relays the messages may always send rubbish; it does not undo what was proven before.
                    if !self.active.as_ref().is_some_and(|active| active.connected) {
                        self.on_untrusted().await;
                    }
                }
            },
            ToPeer::RequestKeyframe => self.wish_keyframe(),
            ToPeer::IceServers(servers) => self.context.settings.ice_servers = servers,
        }
    }

    async fn on_untrusted(&mut self) {
        if self.untrusted {
            return;
        }
        self.untrusted = true;
        self.deadline = Some(Instant::now() + UNTRUSTED_RETRY);
        self.tell(PeerNews::State(PeerState::Untrusted)).await;
        // The far side learns it from our words, which it cannot open either.
        if !self.context.offers {
            self.send_restart().await;
        }
    }

    async fn on_new_session(&mut self, body: PeerBody) {
        match body {
            // Both cannot offer: ids decide.
            PeerBody::Offer { sdp } if !self.context.offers => self.answer(&sdp).await,
            PeerBody::Restart if self.context.offers => self.offer().await,
            _ => tracing::debug!("a peer speaks out of turn"),
        }
    }

    async fn on_body(&mut self, body: PeerBody) {
        match body {
            PeerBody::Answer { sdp } if self.context.offers => {
                let Some(active) = &mut self.active else { return };
                if active.set_answer(&sdp).await.is_err() {
                    self.fail().await;
                }
            }
            PeerBody::Candidate { candidate: Some(candidate), .. } => {
                if let Some(active) = &mut self.active {
                    active.on_candidate(candidate, self.context.settings.loopback).await;
                }
            }
            PeerBody::Restart if self.context.offers && self.began.elapsed() > FRESH => self.offer().await,
            _ => {}
        }
    }

    /// Begins a session and offers it.
    async fn offer(&mut self) {
        self.start().await;
        self.context.channel.begin(random::session_id());
        match Active::offer(&self.context).await {
            Ok((active, sdp)) => {
                self.active = Some(active);
                self.send(PeerBody::Offer { sdp }).await;
            }
            Err(error) => self.on_error(&error).await,
        }
    }

    async fn answer(&mut self, sdp: &str) {
        self.start().await;
        match Active::answer(&self.context, sdp).await {
            Ok((active, sdp)) => {
                self.active = Some(active);
                self.send(PeerBody::Answer { sdp }).await;
            }
            Err(error) => self.on_error(&error).await,
        }
    }

    async fn start(&mut self) {
        self.close().await;
        self.untrusted = false;
        self.began = Instant::now();
        self.deadline = Some(self.began + CONNECT_TIMEOUT);
        self.tell(PeerNews::State(PeerState::Connecting)).await;
    }

    async fn begin_again(&mut self) {
        if self.context.offers {
            self.offer().await;
            return;
        }
        self.deadline = Some(Instant::now() + CONNECT_TIMEOUT);
        self.send_restart().await;
    }

    async fn send_restart(&mut self) {
        let sealed = self.context.channel.seal(PeerBody::Restart).or_else(|| {
            self.context.channel.begin(random::session_id());
            self.context.channel.seal(PeerBody::Restart)
        });
        if let Some(sealed) = sealed {
            self.tell(PeerNews::Send(sealed)).await;
        }
    }

    async fn on_news(&mut self, news: News) {
        match news {
            News::Candidate(candidate) => {
                if let Some(candidate) = sdp::outgoing_candidate(&candidate, self.context.settings.privacy) {
                    let (sdp_mid, sdp_m_line_index) = (Some("0".to_owned()), Some(0));
                    self.send(PeerBody::Candidate { candidate: Some(candidate), sdp_mid, sdp_m_line_index }).await;
                }
            }
            News::State(RTCPeerConnectionState::Connected) => self.on_connected().await,
            News::State(RTCPeerConnectionState::Disconnected) => {
                self.deadline = Some(Instant::now() + DISCONNECTED_GRACE);
                self.tell(PeerNews::State(PeerState::Disconnected)).await;
            }
            News::State(RTCPeerConnectionState::Failed) => self.fail().await,
            News::State(_) => {}
        }
    }

    async fn on_connected(&mut self) {
        self.deadline = None;
        let Some(active) = &mut self.active else { return };
        if let Some(sink) = active.start_sending(&self.context) {
            let main = active.link.lock().video_payload.map(|payload| payload.main);
            let _ = self.context.sinks.send(sink).await;
            self.tell(PeerNews::Profile(main)).await;
            self.tell(PeerNews::KeyframeRequested).await;
        }
        self.tell(PeerNews::State(PeerState::Connected)).await;
    }

    async fn on_error(&mut self, error: &webrtc::error::Error) {
        tracing::debug!(%error, "a connection cannot be built");
        tracing::warn!("a connection to a peer cannot be set up");
        self.fail().await;
    }

    async fn fail(&mut self) {
        self.deadline = Some(Instant::now() + RETRY_DELAY);
        self.tell(PeerNews::State(PeerState::Failed)).await;
    }

    async fn close(&mut self) {
        if let Some(active) = self.active.take() {
            active.close().await;
            self.tell(PeerNews::Profile(None)).await;
        }
    }

    async fn measure(&mut self, stats: bool) {
        let Some(active) = &mut self.active else { return };
        let bitrate = active.link.lock().control.target();
        let report = if stats { Some(active.stats().await) } else { None };
        // Steps of less than 2 % are not worth the encoder's while.
        if bitrate.abs_diff(self.bitrate) > self.bitrate / 50 {
            self.bitrate = bitrate;
            self.tell(PeerNews::Bitrate(bitrate)).await;
        }
        if let Some(report) = report {
            self.tell(PeerNews::Stats(report)).await;
        }
    }

    fn wish_keyframe(&self) {
        if let Some(active) = &self.active {
            active.wish_keyframe();
        }
    }

    async fn send_pli(&self) {
        if let Some(active) = &self.active {
            active.send_pli().await;
        }
    }

    async fn send(&mut self, body: PeerBody) {
        if let Some(sealed) = self.context.channel.seal(body) {
            self.tell(PeerNews::Send(sealed)).await;
        }
    }

    async fn tell(&self, what: PeerNews) {
        let participant = self.context.participant.clone();
        let _ = self.context.news.send(FromPeer { participant, epoch: self.context.epoch, what }).await;
    }
}

enum Event {
    News(News),
    Hint(Hint),
    Pli,
}

/// What the connection reports next; never where there is none.
async fn next_event(active: &mut Option<Active>) -> Event {
    let Some(active) = active else { return std::future::pending().await };
    tokio::select! {
        Some(news) = active.news.recv() => Event::News(news),
        Some(hint) = active.hints.recv() => Event::Hint(hint),
        Some(()) = active.plis.recv() => Event::Pli,
        else => std::future::pending().await,
    }
}
