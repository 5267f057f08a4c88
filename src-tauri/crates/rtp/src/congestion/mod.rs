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

    /// Where another connection of this moment, or the last one to the same peer, carried `known` bits a second of pictures: most paths
    /// share our own uplink. A little less, because the new one needs its share; never less than without knowing.
    pub fn starting_near(self, known: Option<u32>) -> Self {
        let near = known.map_or(0, |known| known / 5 * 4);
        Self { start: near.clamp(self.start, self.max), ..self }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_the_path_makes_a_better_start() {
        let start = |known| Config::with_max(2_500_000).starting_near(known).start;
        assert_eq!([start(None), start(Some(300_000)), start(Some(2_000_000))], [600_000, 600_000, 1_600_000]);
        assert_eq!(start(Some(u32::MAX)), 2_500_000);
    }
}
