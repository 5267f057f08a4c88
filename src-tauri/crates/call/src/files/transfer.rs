//! One file between us and one participant.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::view::{FileState, FileView};
use super::wire::FileEnd;
use crate::ParticipantId;

#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) key: u32,
    /// On the wire, given by the sender.
    pub(super) id: u32,
    pub(super) peer: ParticipantId,
    pub(super) person: String,
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) media_type: String,
    pub(super) way: Way,
    pub(super) state: State,
    /// Since when it is in this state.
    pub(super) since: Instant,
    pub(super) saved_as: Option<String>,
    pub(super) end: Option<FileEnd>,
    moved: bool,
}

#[derive(Debug)]
pub(super) enum Way {
    Out(Out),
    In(In),
}

/// What leaves.
#[derive(Debug, Default)]
pub(super) struct Out {
    /// The next piece begins here.
    pub(super) sent: u64,
    pub(super) acked: u64,
    /// A piece is being read.
    pub(super) reading: bool,
    /// The disk was sent elsewhere while it read: what it brings is of no use.
    pub(super) skip: bool,
    /// Ends, sizes and times of pieces that were not acknowledged.
    pub(super) under_way: VecDeque<(u64, usize, Instant)>,
    pub(super) digesting: bool,
}

/// What comes.
#[derive(Debug, Default)]
pub(super) struct In {
    /// The next piece begins here.
    pub(super) received: u64,
    pub(super) written: u64,
    pub(super) sha256: Option<String>,
    pub(super) finishing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The disk opens or creates it.
    Preparing,
    Offered,
    Queued,
    Moving,
    /// Accepted before, and the way is gone.
    Interrupted,
    Checking,
    Done,
    Declined,
    Ended,
}

impl Transfer {
    pub(super) fn new(key: u32, id: u32, peer: (ParticipantId, String), way: Way, now: Instant) -> Self {
        let (peer, person) = peer;
        let state = if matches!(way, Way::Out(_)) { State::Preparing } else { State::Offered };
        Self {
            key,
            id,
            peer,
            person,
            name: String::new(),
            size: 0,
            media_type: String::new(),
            way,
            state,
            since: now,
            saved_as: None,
            end: None,
            moved: false,
        }
    }

    pub(super) fn outgoing(&self) -> bool {
        matches!(self.way, Way::Out(_))
    }

    pub(super) fn is_live(&self) -> bool {
        !matches!(self.state, State::Done | State::Declined | State::Ended)
    }

    /// Accepted, and not there yet.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.state, State::Queued | State::Moving | State::Interrupted | State::Checking)
    }

    pub(super) fn set(&mut self, state: State, now: Instant) {
        self.state = state;
        self.since = now;
    }

    pub(super) fn end(&mut self, reason: FileEnd) {
        self.state = State::Ended;
        self.end = Some(reason);
    }

    pub(super) fn is_older(&self, than: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= than
    }

    pub(super) fn deadline(&self, stalled: Duration) -> Option<Instant> {
        let Way::Out(out) = &self.way else { return None };
        (self.state == State::Moving).then(|| out.under_way.front().map(|(_, _, at)| *at + stalled))?
    }

    pub(super) fn is_stalled(&self, stalled: Duration, now: Instant) -> bool {
        self.deadline(stalled).is_some_and(|at| now >= at)
    }

    pub(super) fn has_moved(&mut self) {
        self.moved = true;
    }

    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    pub(super) fn view(&self, reached: bool) -> FileView {
        let state = match self.state {
            State::Preparing if !self.outgoing() => FileState::Moving,
            State::Preparing => FileState::Preparing,
            State::Offered => FileState::Offered,
            State::Queued | State::Moving | State::Checking if !reached => FileState::Interrupted,
            State::Queued => FileState::Queued,
            State::Moving => FileState::Moving,
            State::Interrupted => FileState::Interrupted,
            State::Checking => FileState::Checking,
            State::Done => FileState::Done,
            State::Declined => FileState::Declined,
            State::Ended => FileState::Ended,
        };
        FileView {
            key: self.key,
            with: self.peer.clone(),
            person: self.person.clone(),
            incoming: !self.outgoing(),
            name: self.name.clone(),
            size: self.size,
            media_type: self.media_type.clone(),
            state,
            done: match &self.way {
                Way::Out(out) => out.acked,
                Way::In(come) => come.written,
            },
            saved_as: self.saved_as.clone(),
            end: self.end,
        }
    }
}
