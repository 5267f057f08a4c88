//! The seam between the hub and the log that several instances share: every change goes into it, and comes out of it at
//! every instance in the same order. An instance alone makes its changes itself.
//!
//! Two queues. [`PROPOSALS`] full: the hub takes no more from its connections until there is room. [`ENTRIES`] full: the
//! reader of the log waits for the hub.

use tokio::sync::{mpsc, watch};

use crate::house::{Change, House};
use crate::keys::Seed;
use crate::moment::Moment;

pub(crate) const PROPOSALS: usize = 1024;
pub(crate) const ENTRIES: usize = 1024;

/// A log that other instances read and write too.
pub struct Shared {
    pub(crate) seed: Seed,
    pub(crate) proposals: mpsc::Sender<Proposal>,
    pub(crate) entries: mpsc::Receiver<Entry>,
    /// Instances whose connections are in rooms; whoever keeps the log looks after them.
    pub(crate) instances: watch::Sender<Vec<u32>>,
}

/// From the hub to the log.
pub(crate) enum Proposal {
    /// `number`: to know it again.
    Change { number: u64, change: Box<Change> },
    /// The house as it was after this entry: whoever comes later begins there.
    Snapshot { after: Position, house: String },
}

/// From the log to the hub.
pub(crate) enum Entry {
    /// Begin with this house, or an empty one, as this instance. Whatever was before is void.
    Begin {
        instance: u32,
        house: Option<Box<House>>,
    },
    Change(Box<Written>),
    /// The log cannot be reached: nothing can be done until it begins again.
    Away,
}

pub(crate) struct Written {
    pub(crate) position: Position,
    pub(crate) instance: u32,
    /// There, of one that the hub has proposed.
    pub(crate) number: Option<u64>,
    pub(crate) change: Change,
}

/// Of an entry: when it was written by the clock of the log, and its number among those of the same millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) at: Moment,
    pub(crate) number: u64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.at.0, self.number)
    }
}

impl std::str::FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, number) = text.split_once('-').ok_or(())?;
        Ok(Self { at: Moment(at.parse().map_err(|_| ())?), number: number.parse().map_err(|_| ())? })
    }
}
