//! Which packets a path loses: each for itself, or in runs. A plain value.

use super::random::Random;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    None,
    /// Each packet with this probability.
    Random(f64),
    /// Gilbert and Elliott's: `rate` of all packets, in runs of `run` packets in the mean.
    Bursts {
        rate: f64,
        run: f64,
    },
}

#[derive(Debug)]
pub(super) struct Losses {
    loss: Loss,
    bad: bool,
}

impl Losses {
    pub(super) const fn new(loss: Loss) -> Self {
        Self { loss, bad: false }
    }

    /// Whether the next packet is lost.
    pub(super) fn next(&mut self, random: &mut Random) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Random(rate) => random.chance(rate),
            Loss::Bursts { rate, run } => {
                let leave = 1.0 / run;
                // Stationary share of the bad state: enter / (enter + leave) = rate.
                let change = if self.bad { leave } else { leave * rate / (1.0 - rate) };
                self.bad ^= random.chance(change);
                self.bad
            }
        }
    }
}
