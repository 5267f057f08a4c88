//! A call of everybody with everybody: one connection to each other participant of the room.
//!
//! [`connect`] starts the session's actor, one tokio task that owns the room's state; signalling, the distribution of our
//! frames and each peer have tasks of their own, all reached through bounded queues. The actor never waits for a peer.

mod distribute;

use std::collections::HashMap;
use std::time::Duration;

use fika_call::ParticipantId;
use fika_call::seal::Key;
use fika_call::session::{CloseReason, Participant, PeerState, PeerStats, Request, SessionCommand, SessionEvent};
use fika_call::signal::{IceServer, ParticipantInfo, Sealed};
use fika_call::{TrackKind, TrackSource};
use fika_media::Clock;
use fika_rtp::keyframe::Limiter;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::clock::SessionClock;
use crate::peer::{self, Channel, Context, FromPeer, INBOX, PeerNews, Settings, Sink, ToPeer};
use crate::session::{self, Ends, Session};
use crate::signal::{self, FromServer, ToServer};

/// Between the actor and the signalling task, each way. Full: the actor waits for the server's side; a signal is lost the
/// other way, and its peer begins again.
const SIGNAL_QUEUE: usize = 64;
/// Full: the peers wait.
const NEWS_QUEUE: usize = 256;
/// A keyframe is made for all who ask at most this often.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Takes a seat in the room and connects to everybody in it. Returns at once; must be called inside a tokio runtime.
pub fn connect(request: Request, clock: Clock) -> Session {
    let (session, ends) = session::channels();
    tokio::spawn(run(request, SessionClock::new(&clock), ends));
    session
}

struct Peer {
    inbox: mpsc::Sender<ToPeer>,
    participant: Participant,
    /// Takes Main profile; `None` while it takes no video.
    main: Option<bool>,
    bitrate: Option<u32>,
    audio_loss: u8,
}

struct Mesh {
    request: Request,
    key: Key,
    clock: SessionClock,
    you: Option<ParticipantId>,
    epoch: u32,
    ice_servers: Vec<IceServer>,
    peers: HashMap<ParticipantId, Peer>,
    tasks: JoinSet<()>,
    events: mpsc::Sender<SessionEvent>,
    tracks: mpsc::Sender<session::IncomingTrack>,
    sinks: mpsc::Sender<Sink>,
    news: mpsc::Sender<FromPeer>,
    to_server: mpsc::Sender<ToServer>,
    keyframes: Limiter,
    main: Option<bool>,
    bitrate: Option<u32>,
    audio_loss: Option<u8>,
}

async fn run(request: Request, clock: SessionClock, ends: Ends) {
    let Ends { mut commands, events, tracks, video, audio } = ends;
    let (to_server, server_inbox) = mpsc::channel(SIGNAL_QUEUE);
    let (server_outbox, mut from_server) = mpsc::channel(SIGNAL_QUEUE);
    let (news, mut from_peers) = mpsc::channel(NEWS_QUEUE);
    let (sinks, sinks_end) = mpsc::channel(SIGNAL_QUEUE);
    let (pressed, mut distribution) = mpsc::channel(1);
    let mut services = JoinSet::new();
    services.spawn(signal::run(request.clone(), server_inbox, server_outbox));
    services.spawn(distribute::run(video, audio, sinks_end, pressed));
    let mut mesh = Mesh {
        key: Key::derive(&request.secret, &request.room),
        request,
        clock,
        you: None,
        epoch: 0,
        ice_servers: Vec::new(),
        peers: HashMap::new(),
        tasks: JoinSet::new(),
        events,
        tracks,
        sinks,
        news,
        to_server,
        keyframes: Limiter::new(KEYFRAME_INTERVAL),
        main: None,
        bitrate: None,
        audio_loss: None,
    };
    let reason = loop {
        let due = mesh.keyframes.poll_timeout();
        tokio::select! {
            command = commands.recv() => match command {
                Some(SessionCommand::Leave) | None => break CloseReason::Left,
                Some(command) => mesh.on_command(command).await,
            },
            message = from_server.recv() => match message {
                Some(FromServer::Closed(reason)) => break reason,
                Some(message) => mesh.on_server(message).await,
                None => break CloseReason::Lost,
            },
            Some(news) = from_peers.recv() => mesh.on_peer(news).await,
            Some(()) = distribution.recv() => mesh.request_keyframe().await,
            Some(_) = mesh.tasks.join_next() => {}
            () = async { sleep_until(mesh.clock.instant(due.unwrap_or_default()).into()).await }, if due.is_some() => {
                if mesh.keyframes.handle_timeout(mesh.clock.now()) {
                    mesh.tell(SessionEvent::KeyframeRequested { source: TrackSource::Camera }).await;
                }
            }
        }
        if mesh.events.is_closed() {
            break CloseReason::Left;
        }
    };
    // Peers that have something to say must not wait for this task, which waits for them.
    from_peers.close();
    let to_server = mesh.to_server.clone();
    let closing = async {
        let _ = to_server.send(ToServer::Leave).await;
        mesh.close_peers().await;
        while !matches!(from_server.recv().await, Some(FromServer::Closed(_)) | None) {}
    };
    if timeout(CLOSE_TIMEOUT, closing).await.is_err() {
        tracing::debug!("a session does not close in time");
    }
    mesh.tasks.shutdown().await;
    services.shutdown().await;
    let _ = mesh.events.send(SessionEvent::Closed(reason)).await;
}

impl Mesh {
    async fn on_command(&mut self, command: SessionCommand) {
        match command {
            SessionCommand::SetMedia(media) => {
                self.request.media = media;
                let _ = self.to_server.send(ToServer::SetMedia(media)).await;
            }
            SessionCommand::RequestKeyframe { participant, source } if source.kind() == TrackKind::Video => {
                if let Some(peer) = self.peers.get(&participant) {
                    let _ = peer.inbox.try_send(ToPeer::RequestKeyframe);
                }
            }
            SessionCommand::Reconnect => {
                let _ = self.to_server.try_send(ToServer::Reconnect);
            }
            SessionCommand::RequestKeyframe { .. } | SessionCommand::Leave => {}
        }
    }

    async fn on_server(&mut self, message: FromServer) {
        match message {
            FromServer::Joined { you, participants, ice_servers } => {
                self.on_joined(you, participants, ice_servers).await;
            }
            FromServer::ParticipantJoined(info) => {
                if self.you.as_ref().is_none_or(|you| *you == info.id) {
                    return;
                }
                let participant = participant(&info);
                if self.add_peer(participant.clone()) {
                    self.tell(SessionEvent::ParticipantJoined(participant)).await;
                }
            }
            FromServer::ParticipantChanged(info) => {
                let changed = participant(&info);
                if let Some(peer) = self.peers.get_mut(&info.id).filter(|peer| peer.participant != changed) {
                    peer.participant = changed.clone();
                    self.tell(SessionEvent::ParticipantChanged(changed)).await;
                }
            }
            FromServer::ParticipantLeft(id) => {
                if self.peers.remove(&id).is_some() {
                    self.tell(SessionEvent::ParticipantLeft(id)).await;
                    self.tell_totals().await;
                }
            }
            FromServer::Signal { from, payload } => {
                let Some(peer) = self.peers.get(&from) else { return };
                if peer.inbox.try_send(ToPeer::Payload(payload)).is_err() {
                    tracing::warn!("a peer's messages come faster than they can be read");
                }
            }
            FromServer::State(state) => self.tell(SessionEvent::SignalState(state)).await,
            FromServer::Closed(_) => {}
        }
    }

    async fn on_joined(&mut self, you: ParticipantId, infos: Vec<ParticipantInfo>, ice_servers: Vec<IceServer>) {
        if self.you.as_ref() != Some(&you) {
            // A seat of our own again: nobody knows the old one any more.
            self.peers.clear();
            self.epoch += 1;
            self.you = Some(you.clone());
        }
        self.ice_servers = ice_servers;
        let servers = self.all_ice_servers();
        let participants: Vec<Participant> = infos.iter().filter(|info| info.id != you).map(participant).collect();
        self.peers.retain(|id, _| participants.iter().any(|participant| participant.id == *id));
        for peer in self.peers.values() {
            let _ = peer.inbox.try_send(ToPeer::IceServers(servers.clone()));
        }
        self.tell(SessionEvent::Joined { you, participants: participants.clone() }).await;
        for participant in participants {
            self.add_peer(participant);
        }
    }

    /// `false`: known already.
    fn add_peer(&mut self, participant: Participant) -> bool {
        let Some(you) = self.you.clone() else { return false };
        if let Some(peer) = self.peers.get_mut(&participant.id) {
            peer.participant = participant;
            return false;
        }
        let (inbox, inbox_end) = mpsc::channel(INBOX);
        let context = Context {
            participant: participant.id.clone(),
            epoch: self.epoch,
            offers: you < participant.id,
            channel: Channel::new(self.key.clone(), you, participant.id.clone()),
            settings: Settings {
                ice_servers: self.all_ice_servers(),
                privacy: self.request.privacy,
                loopback: is_loopback(&self.request.server),
                max_video_bitrate: self.request.max_video_bitrate,
                clock: self.clock,
            },
            news: self.news.clone(),
            tracks: self.tracks.clone(),
            sinks: self.sinks.clone(),
        };
        self.tasks.spawn(peer::run(context, inbox_end));
        let id = participant.id.clone();
        self.peers.insert(id, Peer { inbox, participant, main: None, bitrate: None, audio_loss: 0 });
        true
    }

    async fn on_peer(&mut self, news: FromPeer) {
        let FromPeer { participant, epoch, what } = news;
        if epoch != self.epoch {
            return;
        }
        let Some(peer) = self.peers.get_mut(&participant) else { return };
        match what {
            PeerNews::Send(payload) => self.send(participant, payload),
            PeerNews::State(state) => {
                if state == PeerState::Failed {
                    peer.bitrate = None;
                }
                self.tell(SessionEvent::PeerState { participant, state }).await;
            }
            PeerNews::KeyframeRequested => self.request_keyframe().await,
            PeerNews::Profile(main) => {
                peer.main = main;
                self.tell_totals().await;
            }
            PeerNews::Bitrate(bitrate) => {
                peer.bitrate = Some(bitrate);
                self.tell_totals().await;
            }
            PeerNews::Stats(stats) => {
                peer.audio_loss = audio_loss(&stats);
                self.tell_totals().await;
                // Statistics come again in a second.
                let _ = self.events.try_send(SessionEvent::Stats { participant, stats });
            }
        }
    }

    fn send(&self, to: ParticipantId, payload: Sealed) {
        if self.to_server.try_send(ToServer::Signal { to, payload }).is_err() {
            tracing::debug!("a message to a peer is lost: the server is away");
        }
    }

    async fn request_keyframe(&mut self) {
        if self.keyframes.request(self.clock.now()) {
            self.tell(SessionEvent::KeyframeRequested { source: TrackSource::Camera }).await;
        }
    }

    /// What holds for all peers together: one encoder serves everybody.
    async fn tell_totals(&mut self) {
        let main = self.peers.values().filter_map(|peer| peer.main).reduce(|all, one| all && one);
        if main.is_some() && main != self.main {
            self.main = main;
            self.tell(SessionEvent::VideoProfile { main: main == Some(true) }).await;
        }
        let bitrate = self.peers.values().filter_map(|peer| peer.bitrate).min();
        if let Some(bitrate) = bitrate.filter(|_| bitrate != self.bitrate) {
            self.bitrate = Some(bitrate);
            self.tell(SessionEvent::VideoBitrate(bitrate)).await;
        }
        let loss = self.peers.values().map(|peer| peer.audio_loss).max();
        if let Some(loss) = loss.filter(|_| loss != self.audio_loss) {
            self.audio_loss = Some(loss);
            self.tell(SessionEvent::AudioLoss(loss)).await;
        }
    }

    fn all_ice_servers(&self) -> Vec<IceServer> {
        self.request.ice_servers.iter().chain(&self.ice_servers).cloned().collect()
    }

    async fn close_peers(&mut self) {
        self.peers.clear();
        while self.tasks.join_next().await.is_some() {}
    }

    async fn tell(&self, event: SessionEvent) {
        let _ = self.events.send(event).await;
    }
}

fn participant(info: &ParticipantInfo) -> Participant {
    Participant { id: info.id.clone(), name: info.name.clone(), media: info.media }
}

fn audio_loss(stats: &PeerStats) -> u8 {
    let audio = stats.outbound.iter().find(|stream| stream.source == TrackSource::Microphone);
    audio.and_then(|stream| stream.fraction_lost).map_or(0, |fraction| (fraction * 100.0).round() as u8)
}

fn is_loopback(server: &url::Url) -> bool {
    match server.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
