//! The actor's side of one session: its channels, and the decode threads of its remote video tracks.

use std::collections::BTreeMap;

use fika_call::ParticipantId;
use fika_call::session::{DataIn, DataOut, PeerStats, SessionCommand, SessionEvent};
use fika_media::EncodedFrame;
use tokio::sync::mpsc;

use crate::decode::Decode;
use crate::ports::{IncomingTrack, Session};
use crate::sync::Syncs;

pub(crate) struct Running {
    pub(crate) commands: mpsc::Sender<SessionCommand>,
    pub(crate) events: mpsc::Receiver<SessionEvent>,
    pub(crate) tracks: mpsc::Receiver<IncomingTrack>,
    pub(crate) video: mpsc::Sender<EncodedFrame>,
    pub(crate) audio: mpsc::Sender<EncodedFrame>,
    pub(crate) data: mpsc::Sender<DataOut>,
    pub(crate) decoders: Vec<Decode>,
    pub(crate) syncs: Syncs,
    pub(crate) peers: BTreeMap<ParticipantId, PeerStats>,
    /// The session says nothing any more.
    pub(crate) ended: bool,
    /// It brings no more tracks.
    pub(crate) complete: bool,
}

/// What a session does next.
pub(crate) enum Happened {
    Event(SessionEvent),
    Track(IncomingTrack),
    Gone,
}

impl Running {
    /// And what comes over data channels.
    pub(crate) fn new(session: Session) -> (Self, mpsc::Receiver<DataIn>) {
        let Session { commands, events, tracks, video, audio, data, arrived } = session;
        let running = Self {
            commands,
            events,
            tracks,
            video,
            audio,
            data,
            decoders: Vec::new(),
            syncs: Syncs::default(),
            peers: BTreeMap::new(),
            ended: false,
            complete: false,
        };
        (running, arrived)
    }

    /// Whose video the decode thread of this name shows.
    pub(crate) fn decoded_by(&self, thread: &str) -> Option<ParticipantId> {
        self.decoders.iter().find(|decoder| decoder.name == thread).map(|decoder| decoder.track.participant.clone())
    }

    /// Cancel safe. Pends for ever when the session has ended.
    pub(crate) async fn next(&mut self) -> Happened {
        loop {
            tokio::select! {
                event = self.events.recv(), if !self.ended => match event {
                    Some(event) => return Happened::Event(event),
                    None => {
                        self.ended = true;
                        return Happened::Gone;
                    }
                },
                track = self.tracks.recv(), if !self.complete => match track {
                    Some(track) => return Happened::Track(track),
                    None => self.complete = true,
                },
                else => std::future::pending().await,
            }
        }
    }
}
