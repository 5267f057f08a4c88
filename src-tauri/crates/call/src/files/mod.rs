//! Files between two participants: offers, answers, what moves, what is left of it. Told the time and what happened, it says
//! what to send and what the disk has to do; it touches neither. The engine's actor runs it beside the call machine.
//!
//! Bounded: [`MAX_SHOWN`] files in all, [`MAX_OFFERS`] unanswered ones of a participant, one at a time to a participant, and
//! [`MAX_WINDOW`] bytes of it under way. What comes beyond is declined, or ends the way for files to who sent it.

mod moving;
pub mod name;
pub mod pace;
mod peer;
#[cfg(test)]
mod tests;
mod transfer;
mod view;
pub mod wire;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use pace::MAX_WINDOW;
pub use view::{FileState, FileView, FilesView};
pub use wire::{FileEnd, FileMessage};

use self::peer::Peer;
use self::transfer::{State, Transfer};
use crate::ParticipantId;
use crate::session::{DataEvent, PeerState, RoomEvent, SessionEvent};
use crate::view::Notification;

/// Files that are remembered. Full: the oldest that has ended is forgotten; if none has, no more are offered.
pub const MAX_SHOWN: usize = 100;
/// Unanswered offers of one participant. Full: declined.
pub const MAX_OFFERS: usize = 10;
/// What is taken at most, unless the user says otherwise.
pub const DEFAULT_MAX_SIZE: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes that nobody asked for, such as those that were under way to a file that was cancelled. More of them break the rules.
const MAX_STRAY: usize = 4 * MAX_WINDOW;
/// An acknowledgement that does not come for so long; longer than a lost connection is waited for.
const STALLED: Duration = Duration::from_secs(90);
/// How long a way for files may take to open once it is needed.
const NO_CHANNEL: Duration = Duration::from_secs(30);
/// Progress is shown this often.
const PROGRESS: Duration = Duration::from_millis(200);

/// What the user does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileInput {
    /// `to`: one participant; `None`: everybody who is there.
    Offer {
        path: String,
        to: Option<ParticipantId>,
    },
    Accept {
        key: u32,
    },
    Decline {
        key: u32,
    },
    /// Ours or theirs, at any time.
    Cancel {
        key: u32,
    },
    /// The largest file that is taken.
    SetMaxSize(u64),
}

/// What the disk has to do. In order, one file after the other; each but `Forget` is answered by a [`DiskEvent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskTask {
    /// A file to send. Answered by `Opened`.
    Open { key: u32, path: String },
    /// The next pieces come from here on. No answer.
    Seek { key: u32, offset: u64 },
    /// Answered by `Read`.
    Read { key: u32, length: usize },
    /// Of all that was read. Answered by `Digest`.
    Digest { key: u32 },
    /// A file to receive. Answered by `Created`.
    Create { key: u32, name: String },
    /// Answered by `Written`.
    Write { key: u32, bytes: Vec<u8> },
    /// Compare and put in its place. Answered by `Saved`.
    Finish { key: u32, sha256: String },
    /// Close it; what is not finished is deleted.
    Forget { key: u32 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskEvent {
    Opened {
        key: u32,
        name: String,
        size: u64,
    },
    Read {
        key: u32,
        bytes: Vec<u8>,
    },
    Digest {
        key: u32,
        sha256: String,
    },
    Created {
        key: u32,
    },
    /// So much is kept now.
    Written {
        key: u32,
        total: u64,
    },
    Saved {
        key: u32,
        name: String,
    },
    Failed {
        key: u32,
        reason: FileEnd,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Send {
        to: ParticipantId,
        text: String,
    },
    SendPiece {
        to: ParticipantId,
        bytes: Vec<u8>,
    },
    /// This participant breaks the rules: nothing more over this connection.
    Close {
        to: ParticipantId,
    },
    Disk(DiskTask),
    Notify(Notification),
    /// [`Files::view`] is another one now.
    Changed,
}

pub struct Files {
    max_size: u64,
    /// Sound and picture leave so much, bytes a second; by participant, the least counts.
    peers: Vec<Peer>,
    transfers: Vec<Transfer>,
    next_key: u32,
    outputs: VecDeque<Output>,
    /// Shown anew at once, or with the next progress.
    changed: bool,
    progress_at: Option<Instant>,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            max_size: DEFAULT_MAX_SIZE,
            peers: Vec::new(),
            transfers: Vec::new(),
            next_key: 1,
            outputs: VecDeque::new(),
            changed: false,
            progress_at: None,
        }
    }
}

impl Files {
    pub fn handle_input(&mut self, input: FileInput, now: Instant) {
        match input {
            FileInput::Offer { path, to } => self.offer(&path, to, now),
            FileInput::Accept { key } => self.accept(key),
            FileInput::Decline { key } => self.decline(key),
            FileInput::Cancel { key } => self.end(key, FileEnd::Cancelled, true),
            FileInput::SetMaxSize(size) => {
                self.changed |= self.max_size != size;
                self.max_size = size;
            }
        }
        self.settle(now);
    }

    /// Everything that the session says; what is not about files or people is passed over.
    pub fn handle_session(&mut self, event: &SessionEvent, now: Instant) {
        match event {
            SessionEvent::Joined { participants, .. } => {
                let gone: Vec<ParticipantId> = self.peers.iter().map(|peer| peer.id.clone()).collect();
                for id in gone.iter().filter(|id| !participants.iter().any(|participant| participant.id == **id)) {
                    self.left(id);
                }
                participants.iter().for_each(|participant| self.peer(&participant.id, &participant.name));
            }
            SessionEvent::ParticipantJoined(participant) | SessionEvent::ParticipantChanged(participant) => {
                self.peer(&participant.id, &participant.name);
            }
            SessionEvent::ParticipantLeft(id) => self.left(id),
            SessionEvent::PeerState { participant, state: PeerState::Cut } => self.cut(participant),
            SessionEvent::PeerState { participant, state } => {
                if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == *participant) {
                    self.changed |= peer.set_state(*state);
                }
            }
            SessionEvent::Room(RoomEvent::Waiting { .. }) | SessionEvent::Closed(_) => self.leave(),
            _ => return,
        }
        self.settle(now);
    }

    /// What comes over the way for files to this participant.
    pub fn handle_data(&mut self, from: &ParticipantId, event: DataEvent, now: Instant) {
        let Some(at) = self.peers.iter().position(|peer| peer.id == *from) else { return };
        match event {
            DataEvent::Open => self.opened(from, now),
            DataEvent::Closed => {
                self.peers[at].open = false;
                self.interrupt(from);
            }
            DataEvent::Budget(budget) => self.peers[at].budget = budget,
            // Closed by us, and what was under way still comes.
            _ if !self.peers[at].open => return,
            DataEvent::Text(text) => {
                if let Some(message) = FileMessage::parse(&text) {
                    self.message(from, message, now);
                } else {
                    self.stray(from, text.len());
                }
            }
            DataEvent::Binary(data) => self.piece(from, &data),
        }
        self.settle(now);
    }

    pub fn handle_disk(&mut self, event: DiskEvent, now: Instant) {
        self.disk(event, now);
        self.settle(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let late = |transfer: &&Transfer| {
            let open = self.peers.iter().any(|peer| peer.id == transfer.peer && peer.open);
            transfer.outgoing()
                && !open
                && matches!(transfer.state, State::Offered)
                && transfer.is_older(NO_CHANNEL, now)
        };
        let stalled = |transfer: &&Transfer| transfer.is_stalled(STALLED, now);
        let silent: Vec<u32> = self.transfers.iter().filter(late).map(|transfer| transfer.key).collect();
        let stuck: Vec<u32> = self.transfers.iter().filter(stalled).map(|transfer| transfer.key).collect();
        silent.into_iter().for_each(|key| self.end(key, FileEnd::NoChannel, true));
        stuck.into_iter().for_each(|key| self.end(key, FileEnd::Stalled, true));
        self.settle(now);
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let mut next = self.progress_at;
        let mut at = |time: Option<Instant>| next = [next, time].into_iter().flatten().min();
        for transfer in &self.transfers {
            at(transfer.deadline(STALLED));
            if transfer.outgoing() && matches!(transfer.state, State::Offered) {
                let peer = self.peers.iter().find(|peer| peer.id == transfer.peer);
                at(peer.filter(|peer| !peer.open).map(|_| transfer.since + NO_CHANNEL));
            }
        }
        self.peers.iter().for_each(|peer| at(peer.pace.poll_timeout()));
        next
    }

    pub fn view(&self) -> FilesView {
        let shown = |transfer: &Transfer| {
            let peer = self.peers.iter().find(|peer| peer.id == transfer.peer);
            transfer.view(peer.is_some_and(|peer| peer.reached))
        };
        FilesView { files: self.transfers.iter().map(shown).collect(), max_size: self.max_size }
    }

    /// The room is left: nothing goes on, what was received stays.
    pub fn leave(&mut self) {
        let live: Vec<u32> = self.transfers.iter().filter(|each| each.is_live()).map(|each| each.key).collect();
        live.into_iter().for_each(|key| self.end(key, FileEnd::PeerLeft, false));
        self.peers.clear();
        self.changed |= !self.transfers.is_empty();
        self.transfers.clear();
    }

    fn find(&mut self, key: u32) -> Option<&mut Transfer> {
        self.transfers.iter_mut().find(|transfer| transfer.key == key)
    }

    fn send(&mut self, to: &ParticipantId, message: &FileMessage) {
        if self.peers.iter().any(|peer| peer.id == *to && peer.open) {
            self.outputs.push_back(Output::Send { to: to.clone(), text: message.to_text() });
        }
    }

    fn task(&mut self, task: DiskTask) {
        self.outputs.push_back(Output::Disk(task));
    }

    /// `tell`: the other side does not know it yet.
    fn end(&mut self, key: u32, reason: FileEnd, tell: bool) {
        let Some(transfer) = self.find(key).filter(|transfer| transfer.is_live()) else { return };
        let (id, peer, outgoing) = (transfer.id, transfer.peer.clone(), transfer.outgoing());
        let preparing = matches!(transfer.state, State::Preparing);
        transfer.end(reason);
        self.changed = true;
        self.task(DiskTask::Forget { key });
        if tell && !preparing {
            let message =
                if outgoing { FileMessage::Withdraw { id, reason } } else { FileMessage::Stop { id, reason } };
            self.send(&peer, &message);
        }
    }

    /// After each input: starts what may start, sends what may be sent, tells what has changed.
    fn settle(&mut self, now: Instant) {
        self.pump(now);
        let mut moved = false;
        for transfer in &mut self.transfers {
            moved |= transfer.take_moved();
        }
        if moved && self.progress_at.is_none() {
            self.progress_at = Some(now + PROGRESS);
        }
        if self.changed || self.progress_at.is_some_and(|at| now >= at) {
            self.changed = false;
            self.progress_at = None;
            self.outputs.push_back(Output::Changed);
        }
    }
}
