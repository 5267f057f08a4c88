//! The life of one peer's task: what it does when its inbox, its connection or its deadline has something.

use std::time::Duration;

use fika_call::identity::BindingError;
use fika_call::session::{ConnectionPrivacy, DataChannel, DataEvent, DataIn, PeerState};
use fika_call::signal::{Binding, PeerBody};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use webrtc::peer_connection::RTCPeerConnectionState;

use super::active::Active;
use super::attempt::replaced;
use super::channel::Opened;
use super::connection::News;
use super::{Context, FromPeer, PeerNews, ToPeer};
use crate::hooks::Hint;
use crate::{random, sdp};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may recover by itself.
const DISCONNECTED_GRACE: Duration = Duration::from_secs(2);
/// A link with a typo stays one; but who relays may have sent rubbish once.
const UNTRUSTED_RETRY: Duration = Duration::from_secs(30);
/// How long the offer may take that was asked for: the question or the offer may be lost on a line that breaks. Whoever has it
/// asks no more.
const ASK_AGAIN: Duration = Duration::from_secs(2);
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// A wish to begin again that has crossed our offer is none.
const FRESH: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);
const TICKS_OF_STATS: u32 = 10;

pub(super) struct Peer {
    context: Context,
    active: Option<Active>,
    /// When to begin again.
    deadline: Option<Instant>,
    /// When the current attempt began.
    began: Instant,
    /// Told already.
    untrusted: bool,
    /// The peer has been told where to reach us.
    reachable: bool,
    /// What files may take, as it was told last.
    budget: Option<Option<u32>>,
}

impl Peer {
    pub(super) fn new(context: Context) -> Self {
        let began = Instant::now();
        let deadline = Some(began + CONNECT_TIMEOUT);
        Self { context, active: None, deadline, began, untrusted: false, reachable: false, budget: None }
    }

    pub(super) async fn begin(&mut self) {
        if self.context.offers {
            self.offer().await;
        } else {
            self.tell(PeerNews::State(PeerState::Connecting)).await;
        }
    }

    pub(super) async fn run(&mut self, mut inbox: mpsc::Receiver<ToPeer>) {
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
                    Event::Hint(Hint::RateFallen) => self.measure(false).await,
                    Event::Pli => self.send_pli().await,
                },
                () = async { sleep_until(deadline.unwrap_or_else(Instant::now)).await }, if deadline.is_some() => {
                    self.begin_again().await;
                }
                _ = tick.tick(), if connected => {
                    ticks += 1;
                    self.measure(ticks.is_multiple_of(TICKS_OF_STATS)).await;
                }
            }
        }
    }

    async fn on_message(&mut self, message: ToPeer) {
        match message {
            ToPeer::Payload(payload) => match self.context.channel.open(&payload) {
                Opened::Message(body) => self.on_body(body).await,
                // Both cannot offer: ids decide.
                Opened::Offer(sdp, binding) if !self.context.offers => self.on_offer(&sdp, binding.as_ref()).await,
                Opened::Offer(..) => tracing::debug!("a peer speaks out of turn"),
                Opened::Restart => self.on_restart().await,
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
            ToPeer::WantVideo(source, want) => self.send(PeerBody::WantVideo { source, want }).await,
            ToPeer::IceServers(servers) => self.context.settings.ice_servers = servers,
            // What has not begun yet begins with the new addresses anyway.
            ToPeer::Moved if self.active.is_some() => self.begin_again().await,
            ToPeer::Moved => {}
            // What stands needs no words. What is being built may wait for one that never comes.
            ToPeer::Back if self.deadline.is_some() && !self.untrusted => self.begin_again().await,
            ToPeer::Back => {}
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

    /// Whose certificate it names is known before the connection is.
    async fn on_offer(&mut self, sdp: &str, binding: Option<&Binding>) {
        match self.context.vouching.offered(self.context.channel.session(), sdp, binding) {
            Ok(peer) => {
                self.tell(PeerNews::Identity(peer)).await;
                self.answer(sdp).await;
            }
            // What stands was proven; what comes in its place is not.
            Err(error) if self.active.as_ref().is_some_and(|active| active.connected) => {
                tracing::warn!(%error, "an offer in place of a connection that stands is refused");
            }
            Err(error) => self.refuse(&error).await,
        }
    }

    async fn on_answer(&mut self, sdp: &str, binding: Option<&Binding>) {
        if self.active.as_ref().is_none_or(Active::is_answered) {
            return;
        }
        match self.context.vouching.answered(sdp, binding) {
            Ok((peer, nonce)) => {
                self.tell(PeerNews::Identity(peer)).await;
                if let Some(nonce) = nonce {
                    self.send(PeerBody::Reveal { nonce }).await;
                }
            }
            Err(error) => return self.refuse(&error).await,
        }
        let Some(active) = &mut self.active else { return };
        match active.set_answer(sdp).await {
            // `bench link` counts from here to the first picture.
            Ok(()) => tracing::debug!("an answer is applied"),
            Err(_) => self.fail(PeerState::Failed).await,
        }
    }

    /// Somebody with the link's secret says what they cannot vouch for.
    async fn refuse(&mut self, error: &BindingError) {
        tracing::warn!(%error, "the certificate of a peer is refused");
        self.close().await;
        self.on_untrusted().await;
    }

    async fn on_restart(&mut self) {
        if self.context.offers && self.began.elapsed() > FRESH {
            self.offer().await;
        }
    }

    async fn on_body(&mut self, body: PeerBody) {
        match body {
            PeerBody::Answer { sdp, binding } if self.context.offers => self.on_answer(&sdp, binding.as_ref()).await,
            PeerBody::Reveal { nonce } if !self.context.offers => match self.context.vouching.revealed(&nonce) {
                Ok(peer) => self.tell(PeerNews::Identity(peer)).await,
                Err(error) => self.refuse(&error).await,
            },
            PeerBody::Candidate { candidate: Some(candidate), .. } => {
                if let Some(active) = &mut self.active {
                    active.on_candidate(candidate, self.context.settings.loopback).await;
                }
            }
            PeerBody::WantVideo { source, want } => self.tell(PeerNews::VideoWanted(source, want)).await,
            PeerBody::Restart => self.on_restart().await,
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
                let binding = self.context.vouching.offer(self.context.channel.session(), &sdp);
                self.send(PeerBody::Offer { sdp, binding }).await;
            }
            Err(error) => self.on_error(&error).await,
        }
    }

    async fn answer(&mut self, sdp: &str) {
        self.start().await;
        match Active::answer(&self.context, sdp).await {
            Ok((active, sdp)) => {
                self.active = Some(active);
                let binding = self.context.vouching.answer(&sdp);
                self.send(PeerBody::Answer { sdp, binding }).await;
            }
            Err(error) => self.on_error(&error).await,
        }
    }

    async fn start(&mut self) {
        // What is replaced before it carried anything has failed, whoever found out first.
        let replaced = replaced(
            self.active.as_ref().map(|active| active.connected),
            self.lacks_relay().then(|| self.began.elapsed()),
        );
        self.close().await;
        self.untrusted = false;
        self.reachable = false;
        self.began = Instant::now();
        self.deadline = Some(self.began + CONNECT_TIMEOUT);
        self.tell(PeerNews::State(replaced)).await;
    }

    async fn begin_again(&mut self) {
        if self.lacks_relay() {
            self.tell(PeerNews::State(PeerState::NoRelay)).await;
        }
        if self.context.offers {
            self.offer().await;
            return;
        }
        self.deadline = Some(Instant::now() + ASK_AGAIN);
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
                    self.reachable = true;
                    let (sdp_mid, sdp_m_line_index) = (Some("0".to_owned()), Some(0));
                    self.send(PeerBody::Candidate { candidate: Some(candidate), sdp_mid, sdp_m_line_index }).await;
                }
            }
            News::Gathered => {
                if self.lacks_relay() {
                    self.fail(PeerState::NoRelay).await;
                }
            }
            News::State(RTCPeerConnectionState::Connected) => self.on_connected().await,
            News::State(RTCPeerConnectionState::Disconnected) => {
                self.deadline = Some(Instant::now() + DISCONNECTED_GRACE);
                self.tell(PeerNews::State(PeerState::Disconnected)).await;
            }
            News::State(RTCPeerConnectionState::Failed) => self.fail(PeerState::Failed).await,
            News::State(_) => {}
        }
    }

    async fn on_connected(&mut self) {
        self.deadline = None;
        let Some(active) = &mut self.active else { return };
        let sink = active.start_sending(&self.context);
        let main = active.link.lock().video_payload.map(|payload| payload.main);
        let Some(sink) = sink else { return self.tell(PeerNews::State(PeerState::Connected)).await };
        let _ = self.context.sinks.send(sink).await;
        // The first keyframe, which is made as soon as the state is told, is one for what the path is thought to carry.
        self.tell(PeerNews::Profile(main)).await;
        self.measure(false).await;
        self.tell(PeerNews::State(PeerState::Connected)).await;
        self.tell(PeerNews::KeyframeRequested).await;
    }

    async fn on_error(&mut self, error: &webrtc::error::Error) {
        tracing::debug!(%error, "a connection cannot be built");
        tracing::warn!("a connection to a peer cannot be set up");
        let relays = self.context.settings.has_relay() || !self.lacks_relay();
        self.fail(if relays { PeerState::Failed } else { PeerState::NoRelay }).await;
    }

    async fn fail(&mut self, state: PeerState) {
        self.deadline = Some(Instant::now() + RETRY_DELAY);
        self.tell(PeerNews::State(state)).await;
    }

    /// Only a TURN server may be used, and none has let us in so far.
    fn lacks_relay(&self) -> bool {
        self.context.settings.privacy == ConnectionPrivacy::RelayOnly && !self.reachable
    }

    pub(super) async fn close(&mut self) {
        if let Some(active) = self.active.take() {
            // Only a path that has carried something says what the next one will.
            if active.connected {
                self.context.settings.known_bitrate = Some(active.link.lock().outlet.media_target());
            }
            active.close().await;
            self.tell(PeerNews::Profile(None)).await;
        }
    }

    async fn measure(&mut self, stats: bool) {
        let Some(active) = &mut self.active else { return };
        let (bitrate, budget) = {
            let outlet = &mut active.link.lock().outlet;
            (outlet.news(), outlet.files_budget(self.context.settings.clock.now()))
        };
        let (from, event) = (self.context.participant.clone(), DataEvent::Budget(budget));
        // Full: said again in a moment.
        if self.budget != Some(budget)
            && self.context.post.arrived.try_send(DataIn { from, channel: DataChannel::Files, event }).is_ok()
        {
            self.budget = Some(budget);
        }
        let report = if stats { Some(active.stats().await) } else { None };
        if let Some(bitrate) = bitrate {
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
