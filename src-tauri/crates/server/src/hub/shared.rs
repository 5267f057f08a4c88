//! The hub's side of the log: what has been proposed and is not made yet, which connections are ours, and when a house is so
//! far on that it is worth writing down. In the hub's task.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::{Hub, Number, Private};
use crate::house::{Change, House, Wish};
use crate::log::{Entry, Position, Proposal, Shared, Written};
use crate::moment::Clock;
use crate::rooms::{ConnectionId, Now};

/// Entries after which whoever has read them writes down the house.
const SNAPSHOT: u32 = 2000;
/// A second word that time has passed goes into the log when the first has not come out of it for so long.
const TICK_AGAIN: Duration = Duration::from_secs(1);
/// One event of a connection may lead to so many proposals.
const ROOM: usize = 16;

pub(super) enum Log {
    Alone,
    Shared(Lines),
}

/// To and from the shared log.
pub(super) struct Lines {
    proposals: mpsc::Sender<Proposal>,
    entries: Option<mpsc::Receiver<Entry>>,
    instances: watch::Sender<Vec<u32>>,
    /// Who we are; `None` while the log cannot be reached.
    instance: Option<u32>,
    /// Of the next proposal.
    number: u64,
    /// Of ours that are not made yet, the oldest first.
    pending: VecDeque<(u64, Private)>,
    /// Since the last snapshot that we know of.
    entries_since: u32,
    ticked: Option<Instant>,
}

impl Log {
    pub(super) fn new(shared: Option<Shared>) -> Self {
        let Some(Shared { proposals, entries, instances, .. }) = shared else { return Self::Alone };
        Self::Shared(Lines {
            proposals,
            entries: Some(entries),
            instances,
            instance: None,
            number: 0,
            pending: VecDeque::new(),
            entries_since: 0,
            ticked: None,
        })
    }

    pub(super) fn entries(&mut self) -> Option<mpsc::Receiver<Entry>> {
        match self {
            Self::Alone => None,
            Self::Shared(lines) => lines.entries.take(),
        }
    }

    pub(super) fn is_alone(&self) -> bool {
        matches!(self, Self::Alone)
    }

    pub(super) fn is_away(&self) -> bool {
        matches!(self, Self::Shared(Lines { instance: None, .. }))
    }

    /// For what the next event may lead to.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Alone => true,
            Self::Shared(lines) => lines.proposals.capacity() >= ROOM,
        }
    }

    fn instance(&self) -> Option<u32> {
        match self {
            Self::Alone => Some(0),
            Self::Shared(lines) => lines.instance,
        }
    }

    pub(super) fn connection(&self, number: Number) -> ConnectionId {
        ConnectionId::at(self.instance().unwrap_or_default(), number)
    }

    pub(super) fn is_ours(&self, connection: ConnectionId) -> bool {
        self.instance() == Some(connection.instance())
    }

    /// Gives the change back if it is to be made at once.
    pub(super) fn propose(&mut self, change: Change, private: Private) -> Option<(Change, Private)> {
        let Self::Shared(lines) = self else { return Some((change, private)) };
        lines.instance?;
        let number = lines.number;
        // There is room: events are taken only then. A slow one of many may be lost, and is found by its silence.
        if lines.proposals.try_send(Proposal::Change { number, change: Box::new(change) }).is_ok() {
            lines.number += 1;
            lines.pending.push_back((number, private));
        }
        None
    }
}

impl Hub {
    pub(super) fn on_entry(&mut self, entry: Entry) {
        let Log::Shared(lines) = &mut self.log else { return };
        match entry {
            Entry::Begin { instance, house } => {
                lines.instance = Some(instance);
                lines.entries_since = 0;
                self.clock = Clock::new();
                self.house = house.map_or_else(|| House::new(&self.limits, self.keys.salt()), |house| *house);
                self.let_go();
                self.health.away.store(false, Relaxed);
            }
            Entry::Away => {
                lines.instance = None;
                self.health.away.store(true, Relaxed);
                self.let_go();
            }
            Entry::Change(written) => self.on_written(*written),
        }
    }

    fn on_written(&mut self, written: Written) {
        let Log::Shared(lines) = &mut self.log else { return };
        let Written { position, instance, number, change } = written;
        let number = number.filter(|_| lines.instance == Some(instance));
        let mut private = Private::Nothing;
        // Those before it were lost on their way.
        while lines.pending.front().is_some_and(|(first, _)| number.is_some_and(|number| *first <= number)) {
            if let Some((_, found)) = lines.pending.pop_front() {
                private = found;
            }
        }
        lines.ticked = None;
        lines.entries_since += 1;
        // The log is read from long ago, but its clock may be ahead of ours.
        if position.at > self.clock.now() {
            self.clock = Clock::at(position.at);
        }
        let lost = match &change {
            Change::Lost { instance } => self.log.instance() == Some(*instance),
            _ => false,
        };
        // What is said inside moves nobody.
        let moves = !matches!(change, Change::Wish { wish: Wish::Say(_) | Wish::Show { .. }, .. });
        self.make(change, private, Now { at: position.at, unix: position.at.unix() });
        if lost {
            // The others believe that we are gone, and have told so everybody.
            self.let_go();
        }
        if moves && let Log::Shared(lines) = &self.log {
            lines.instances.send_replace(self.house.instances());
        }
        self.write_down(position);
    }

    /// Where whoever comes later begins, when there is much to read.
    fn write_down(&mut self, position: Position) {
        let Log::Shared(lines) = &mut self.log else { return };
        if lines.entries_since >= SNAPSHOT && lines.proposals.capacity() >= ROOM {
            lines.entries_since = 0;
            let house = serde_json::to_string(&self.house).expect("a house is always JSON");
            // Without room for it the next one does.
            let _ = lines.proposals.try_send(Proposal::Snapshot { after: position, house });
        }
    }

    /// Every connection is closed; whoever has a seat takes it again.
    fn let_go(&mut self) {
        self.connections.clear();
        if let Log::Shared(lines) = &mut self.log {
            lines.pending.clear();
        }
    }

    pub(super) fn wake(&self) -> Option<Instant> {
        let due = self.house.poll_timeout().map(|at| self.clock.instant(at));
        let due = match &self.log {
            Log::Alone => due,
            Log::Shared(lines) if lines.instance.is_none() => None,
            Log::Shared(lines) => due.map(|due| lines.ticked.map_or(due, |ticked| due.max(ticked + TICK_AGAIN))),
        };
        let drain = self.draining.as_ref().and_then(|draining| draining.next);
        due.into_iter().chain(drain).min()
    }

    pub(super) fn on_timer(&mut self, now: Now) {
        self.drain_more(now);
        if self.house.poll_timeout().is_some_and(|at| at <= now.at) {
            if let Log::Shared(lines) = &mut self.log {
                lines.ticked = Some(Instant::now());
            }
            self.propose(Change::Tick, Private::Nothing, now);
        }
    }
}

pub(super) async fn next(entries: &mut Option<mpsc::Receiver<Entry>>) -> Option<Entry> {
    match entries {
        Some(entries) => entries.recv().await,
        None => std::future::pending().await,
    }
}
