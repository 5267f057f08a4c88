//! The state of the session's actor: who is in the room, and what holds for all of them together.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fika_call::ParticipantId;
use fika_call::identity::{Identity, Seats};
use fika_call::seal::Key;
use fika_call::session::{Participant, PeerState, PeerStats, Request, RoomEvent, SessionCommand, SessionEvent};
use fika_call::signal::{IceServer, MediaState, ParticipantInfo, Sealed};
use fika_call::{TrackKind, TrackSource};
use fika_rtp::keyframe::Limiter;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};

use super::Network;
use crate::clock::SessionClock;
use crate::peer::{self, Channel, Context, FromPeer, INBOX, PeerNews, Post, Settings, Sink, ToPeer, Vouching};
use crate::session::IncomingTrack;
use crate::signal::{FromServer, ToServer};

/// A keyframe is made for all who ask at most this often.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);

/// Where the actor's words go.
pub(super) struct Outputs {
    pub(super) events: mpsc::Sender<SessionEvent>,
    pub(super) tracks: mpsc::Sender<IncomingTrack>,
    pub(super) sinks: mpsc::Sender<Sink>,
    pub(super) post: Post,
    pub(super) news: mpsc::Sender<FromPeer>,
    pub(super) to_server: mpsc::Sender<ToServer>,
    pub(super) media: watch::Sender<MediaState>,
}

pub(super) struct Room {
    request: Request,
    network: Network,
    identity: Option<Identity>,
    pub(super) key: Key,
    pub(super) clock: SessionClock,
    pub(super) outputs: Outputs,
    pub(super) you: Option<ParticipantId>,
    /// Counts our seats: what peers of an earlier one still say is dropped.
    pub(super) epoch: u32,
    ice_servers: Vec<IceServer>,
    /// Our addresses have changed since the server last welcomed us.
    moved: bool,
    pub(super) peers: HashMap<ParticipantId, Peer>,
    pub(super) tasks: JoinSet<()>,
    pub(super) keyframes: Limiter,
    main: Option<bool>,
    bitrate: Option<u32>,
    audio_loss: Option<u8>,
}

pub(super) struct Peer {
    task: Id,
    /// `None`: cut off for good, its task ends.
    inbox: Option<mpsc::Sender<ToPeer>>,
    participant: Participant,
    /// From the server; its media may go on.
    away: bool,
    /// Gets our video; shared with its connections.
    served: Arc<AtomicBool>,
    /// Takes Main profile; `None` while it takes no video.
    main: Option<bool>,
    bitrate: Option<u32>,
    audio_loss: u8,
}

impl Peer {
    /// `false`: lost, because too much waits already.
    fn ask(&self, what: ToPeer) -> bool {
        self.inbox.as_ref().is_none_or(|inbox| inbox.try_send(what).is_ok())
    }
}

impl Room {
    pub(super) fn new(
        request: Request,
        network: Network,
        identity: Option<Identity>,
        clock: SessionClock,
        outputs: Outputs,
    ) -> Self {
        Self {
            key: Key::derive(&request.secret, &request.room),
            request,
            network,
            identity,
            clock,
            outputs,
            you: None,
            epoch: 0,
            ice_servers: Vec::new(),
            moved: false,
            peers: HashMap::new(),
            tasks: JoinSet::new(),
            keyframes: Limiter::new(KEYFRAME_INTERVAL),
            main: None,
            bitrate: None,
            audio_loss: None,
        }
    }

    pub(super) async fn on_command(&mut self, command: SessionCommand) {
        match command {
            SessionCommand::SetMedia(media) => {
                self.outputs.media.send_replace(media);
            }
            SessionCommand::RequestKeyframe { participant, source } if source.kind() == TrackKind::Video => {
                if let Some(peer) = self.peers.get(&participant) {
                    peer.ask(ToPeer::RequestKeyframe);
                }
            }
            SessionCommand::WantVideo { participant, source, want } => {
                if let Some(peer) = self.peers.get(&participant) {
                    peer.ask(ToPeer::WantVideo(source, want));
                }
            }
            SessionCommand::ServeVideo { participant, on } => {
                if let Some(peer) = self.peers.get(&participant) {
                    peer.served.store(on, Ordering::Relaxed);
                    self.tell_totals().await;
                }
            }
            SessionCommand::Cut { participant } => {
                if let Some(peer) = self.peers.get_mut(&participant) {
                    peer.served.store(false, Ordering::Relaxed);
                    (peer.inbox, peer.main, peer.bitrate) = (None, None, None);
                    self.tell(SessionEvent::PeerState { participant, state: PeerState::Cut }).await;
                    self.tell_totals().await;
                }
            }
            SessionCommand::Room(command) => self.on_room_command(command).await,
            SessionCommand::Reconnect => {
                let _ = self.outputs.to_server.try_send(ToServer::Reconnect);
            }
            SessionCommand::RequestKeyframe { .. } | SessionCommand::Leave => {}
        }
    }

    pub(super) async fn on_server(&mut self, message: FromServer) {
        match message {
            FromServer::Joined { you, participants, ice_servers } => {
                self.on_joined(you, participants, ice_servers).await;
            }
            FromServer::IceServers(ice_servers) => self.on_ice_servers(ice_servers),
            FromServer::ParticipantJoined(info) => {
                if self.you.as_ref().is_none_or(|you| *you == info.id) {
                    return;
                }
                let participant = participant(&info);
                if self.add_peer(participant.clone(), info.away) {
                    self.tell(SessionEvent::ParticipantJoined(participant)).await;
                }
            }
            FromServer::ParticipantChanged(info) => {
                let Some(peer) = self.peers.get_mut(&info.id) else { return };
                if std::mem::replace(&mut peer.away, info.away) && !info.away {
                    peer.ask(ToPeer::Back);
                }
                let changed = participant(&info);
                if peer.participant != changed {
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
                if !peer.ask(ToPeer::Payload(payload)) {
                    tracing::warn!("a peer's messages come faster than they can be read");
                }
            }
            FromServer::State(state) => self.tell(SessionEvent::SignalState(state)).await,
            FromServer::Waiting { host } => self.on_waiting(host).await,
            FromServer::Room(message) => self.on_room_message(message).await,
            FromServer::ChatLost { tag } => self.tell_room(RoomEvent::ChatLost { tag }).await,
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
        let others: Vec<&ParticipantInfo> = infos.iter().filter(|info| info.id != you).collect();
        self.peers.retain(|id, _| others.iter().any(|info| info.id == *id));
        self.on_ice_servers(ice_servers);
        // With the new credentials for relays, which go before.
        let moved = std::mem::take(&mut self.moved);
        for peer in self.peers.values() {
            peer.ask(if moved { ToPeer::Moved } else { ToPeer::Back });
        }
        let participants = others.iter().map(|info| participant(info)).collect();
        self.tell(SessionEvent::Joined { you, participants }).await;
        for info in others {
            self.add_peer(participant(info), info.away);
        }
    }

    /// The signalling comes back through the network of now, and the peers are told then: before, nothing would reach them.
    pub(super) const fn on_network_changed(&mut self) {
        self.moved = true;
    }

    /// For connections that begin from now on.
    fn on_ice_servers(&mut self, ice_servers: Vec<IceServer>) {
        self.ice_servers = ice_servers;
        let servers = self.all_ice_servers();
        for peer in self.peers.values() {
            peer.ask(ToPeer::IceServers(servers.clone()));
        }
    }

    /// `false`: known already.
    fn add_peer(&mut self, participant: Participant, away: bool) -> bool {
        let Some(you) = self.you.clone() else { return false };
        if let Some(peer) = self.peers.get_mut(&participant.id) {
            (peer.participant, peer.away) = (participant, away);
            return false;
        }
        let (inbox, inbox_end) = mpsc::channel(INBOX);
        let served = Arc::new(AtomicBool::new(true));
        let context = Context {
            participant: participant.id.clone(),
            epoch: self.epoch,
            offers: you < participant.id,
            vouching: Vouching::new(
                self.identity.clone(),
                Seats { room: self.request.room.clone(), us: you.clone(), them: participant.id.clone() },
            ),
            channel: Channel::new(self.key.clone(), you, participant.id.clone()),
            settings: Settings {
                ice_servers: self.all_ice_servers(),
                privacy: self.request.privacy,
                loopback: is_loopback(&self.request.server),
                network: self.network.clone(),
                max_video_bitrate: self.request.max_video_bitrate,
                known_bitrate: self.bitrate,
                clock: self.clock,
            },
            served: Arc::clone(&served),
            news: self.outputs.news.clone(),
            tracks: self.outputs.tracks.clone(),
            sinks: self.outputs.sinks.clone(),
            post: self.outputs.post.clone(),
        };
        let task = self.tasks.spawn(peer::run(context, inbox_end)).id();
        let id = participant.id.clone();
        self.peers.insert(
            id,
            Peer { task, inbox: Some(inbox), participant, away, served, main: None, bitrate: None, audio_loss: 0 },
        );
        true
    }

    pub(super) async fn on_peer(&mut self, news: FromPeer) {
        let FromPeer { participant, epoch, what } = news;
        if epoch != self.epoch {
            return;
        }
        let Some(peer) = self.peers.get_mut(&participant).filter(|peer| peer.inbox.is_some()) else { return };
        match what {
            PeerNews::Send(payload) => self.send(participant, payload),
            PeerNews::State(state) => {
                if matches!(state, PeerState::Failed | PeerState::NoRelay) {
                    peer.bitrate = None;
                }
                if state == PeerState::Disconnected {
                    // Full: there is no answer either.
                    let _ = self.outputs.to_server.try_send(ToServer::Doubt);
                }
                self.tell(SessionEvent::PeerState { participant, state }).await;
            }
            PeerNews::Identity(identity) => {
                self.tell(SessionEvent::PeerIdentity { participant, identity }).await;
            }
            PeerNews::KeyframeRequested => self.request_keyframe().await,
            PeerNews::VideoWanted(source, want) => {
                self.tell(SessionEvent::VideoWanted { participant, source, want }).await;
            }
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
                let _ = self.outputs.events.try_send(SessionEvent::Stats { participant, stats });
            }
        }
    }

    /// A peer's task is over; it panics only where a peer has found a way to make a library panic.
    pub(super) async fn on_ended(&mut self, ended: Result<(), JoinError>) {
        let Err(error) = ended else { return };
        let found = self.peers.iter().find(|(_, peer)| peer.task == error.id());
        let Some(participant) = found.map(|(id, _)| id.clone()) else { return };
        tracing::error!("the task of a peer failed");
        self.tell(SessionEvent::PeerState { participant, state: PeerState::Failed }).await;
    }

    fn send(&self, to: ParticipantId, payload: Sealed) {
        if self.outputs.to_server.try_send(ToServer::Signal { to, payload }).is_err() {
            tracing::debug!("a message to a peer is lost: the server is away");
        }
    }

    pub(super) async fn request_keyframe(&mut self) {
        if self.keyframes.request(self.clock.now()) {
            self.tell(SessionEvent::KeyframeRequested { source: TrackSource::Camera }).await;
        }
    }

    pub(super) async fn on_keyframe_due(&mut self) {
        if self.keyframes.handle_timeout(self.clock.now()) {
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
        // A path that carries no picture of ours is never found out to carry more than at first.
        let served = self.peers.values().filter(|peer| peer.served.load(Ordering::Relaxed));
        let bitrate = served.filter_map(|peer| peer.bitrate).min();
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

    pub(super) async fn close_peers(&mut self) {
        self.peers.clear();
        while self.tasks.join_next().await.is_some() {}
    }

    pub(super) async fn tell(&self, event: SessionEvent) {
        let _ = self.outputs.events.send(event).await;
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
