//! One participant: negotiates the connection, keeps it alive, begins again when it is lost.
//!
//! One tokio task for each peer, with a bounded inbox. Of the two, the participant with the smaller id offers. A lost
//! connection is replaced by a fresh one, not restarted: that mends whatever broke, also a DTLS session that one side has
//! forgotten. So is one whose addresses are gone, before it falls silent.

mod active;
mod attempt;
mod channel;
mod connection;
mod data;
mod life;
mod receiver;
mod sender;
mod stats;
mod vouching;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fika_call::identity::PeerIdentity;
use fika_call::session::{PeerState, PeerStats};
use fika_call::signal::{IceServer, Sealed};
use fika_call::{ParticipantId, TrackSource, VideoWant};
use fika_media::EncodedFrame;
use tokio::sync::mpsc;

pub(crate) use channel::Channel;
pub(crate) use connection::Settings;
pub(crate) use data::{Line, Post};
use life::Peer;
pub(crate) use vouching::Vouching;

use crate::session::IncomingTrack;

/// Messages to one peer's task. Full: the message is lost; the peers begin again when they do not connect.
pub(crate) const INBOX: usize = 128;

#[derive(Debug)]
pub(crate) enum ToPeer {
    Payload(Sealed),
    RequestKeyframe,
    /// How much of its video we show.
    WantVideo(TrackSource, VideoWant),
    /// For the connections to come.
    IceServers(Vec<IceServer>),
    /// Our addresses have changed.
    Moved,
    /// One of us was away from the server, and what was said meanwhile is lost.
    Back,
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
    /// Whose certificate the description names; told before it is acted upon.
    Identity(PeerIdentity),
    KeyframeRequested,
    /// How much of our video it shows.
    VideoWanted(TrackSource, VideoWant),
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
    /// The peer shows our video.
    pub(crate) served: Arc<AtomicBool>,
}

/// What the task of a peer needs.
pub(crate) struct Context {
    pub(crate) participant: ParticipantId,
    pub(crate) epoch: u32,
    pub(crate) offers: bool,
    pub(crate) channel: Channel,
    pub(crate) vouching: Vouching,
    pub(crate) settings: Settings,
    /// It gets our video.
    pub(crate) served: Arc<AtomicBool>,
    pub(crate) news: mpsc::Sender<FromPeer>,
    pub(crate) tracks: mpsc::Sender<IncomingTrack>,
    pub(crate) sinks: mpsc::Sender<Sink>,
    pub(crate) post: Post,
}

/// Runs until `inbox` is closed.
pub(crate) async fn run(context: Context, inbox: mpsc::Receiver<ToPeer>) {
    let mut peer = Peer::new(context);
    peer.begin().await;
    peer.run(inbox).await;
    peer.close().await;
}
