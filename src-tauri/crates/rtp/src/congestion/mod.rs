//! How much the path takes, and when what leaves: congestion control at the sender, and the pacer that obeys it.
//!
//! Pure and told the time. It stands on transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): each
//! packet that leaves has a number, the peer reports when it arrived. From that the controller knows the delay of each
//! packet beyond that of an empty path, which is the queue that we and others have built, and how fast the path serves us.
//!
//! * [`feedback`] reads the reports, [`history`] remembers what was sent.
//! * [`signals`] makes delays out of arrivals, [`loss`] tells lost packets from late ones.
//! * [`control`] keeps the state and [`track`] is the rule of every day; [`train`] asks for more with short bursts,
//!   [`compete`] holds its ground beside others, [`policer`] finds out whether losses are our doing.
//! * [`pacer`] spaces what leaves, [`spare`] says what files may take beside it.
//!
//! Rates are bits a second, delays milliseconds, both `f64`: they are estimates, and only compared with each other.

mod compete;
mod control;
mod feedback;
mod history;
mod loss;
mod pacer;
mod policer;
mod signals;
mod spare;
mod track;
mod train;

pub use control::{Control, State};
pub use feedback::{Feedback, Reported};
pub use pacer::{MAX_BACKLOG, Pacer, RESEND_BUDGET, Release};
pub use spare::Spare;
pub use train::Train;

/// What the rates are bounded by.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Bits a second at the beginning.
    pub start: u32,
    /// At most; what the encoder can use.
    pub max: u32,
    /// What sound takes of the target, with its headers. It leaves beside the pacer.
    pub audio: u32,
}

/// What nobody is asked to send less than: sound and a few small pictures.
pub const MIN_RATE: u32 = 80_000;

impl Config {
    /// 600 kbit/s at first: 360p at once, and even on half of that rate the first seconds are a queue of 300 ms.
    pub fn with_max(max: u32) -> Self {
        let max = max.max(100_000);
        Self { start: max.min(600_000), max, audio: 55_000 }
    }
}

/// What the sender has to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output {
    /// Send these packets close together.
    Train(Train),
    /// What waits to be sent has lost its worth: drop it, and make the next frame a small keyframe of the new rate.
    Collapse,
}
