//! How many repairs for the loss and the round trip of a path. A plain value, told of the loss once in a while.
//!
//! The ratios are those at which talking heads froze least in 20 simulated calls each, at 1 to 20 % of random loss. Below a
//! round trip of 60 ms a copy comes in time, so repairs are left out until copies get lost themselves.

use std::time::Duration;

/// Mean over about five seconds: what is lost in one moment says little of the next.
const MEMORY: f64 = 5.0;
/// Less is not worth a repair: a copy now and then is cheaper.
const CLEAN: f64 = 0.004;
/// More would take the picture's own rate.
const MOST: f64 = 0.5;
/// Beside a flow that fills the queue until packets fall out of it: some of ours do each few seconds, in runs that no mean over
/// seconds shows, and a copy takes the whole way through the full queue.
const COMPETING: f64 = 0.25;
/// Frames that a repair covers.
const FRAMES: u64 = 4;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Policy {
    loss: f64,
}

impl Policy {
    /// Packets were lost with this share in the last `passed`.
    pub fn on_loss(&mut self, share: f64, passed: Duration) {
        let part = (passed.as_secs_f64() / MEMORY).min(1.0);
        self.loss += part * (share.clamp(0.0, 1.0) - self.loss);
    }

    /// Share of packets that are lost.
    pub const fn loss(&self) -> f64 {
        self.loss
    }

    /// Repairs for each packet. `competes`: with a flow that keeps the queue full.
    pub fn ratio(&self, rtt: Option<Duration>, competes: bool) -> f64 {
        let least = if competes { COMPETING } else { 0.0 };
        self.against_loss(rtt).max(least)
    }

    fn against_loss(&self, rtt: Option<Duration>) -> f64 {
        let loss = self.loss;
        if loss < CLEAN {
            return 0.0;
        }
        let ratio = match rtt.unwrap_or(Duration::from_millis(100)).as_millis() {
            0..=30 if loss < 0.15 => 0.0,
            0..=30 => 1.2 * loss,
            31..=60 if loss < 0.08 => 0.0,
            31..=60 if loss < 0.15 => 0.6 * loss,
            31..=60 => 1.2 * loss,
            61..=150 if loss < 0.08 => 3.2 * loss,
            61..=150 => 2.6 * loss,
            _ => 0.06 + 3.0 * loss,
        };
        ratio.min(MOST)
    }

    /// Frames that each repair covers.
    pub const fn frames(&self) -> u64 {
        FRAMES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(loss: f64, rtt: u64) -> f64 {
        Policy { loss }.ratio(Some(Duration::from_millis(rtt)), false)
    }

    #[test]
    fn beside_a_flow_that_fills_the_queue_runs_of_losses_are_expected() {
        let policy = Policy { loss: 0.005 };
        let ratio = |competes| policy.ratio(Some(Duration::from_millis(400)), competes);
        assert!(ratio(false) < 0.1 && ratio(true) >= COMPETING);
    }

    #[test]
    fn a_clean_or_short_path_gets_no_repairs() {
        assert_eq!(ratio(0.0, 400), 0.0);
        assert_eq!(ratio(0.05, 20), 0.0);
        assert_eq!(ratio(0.05, 50), 0.0);
        assert!(ratio(0.05, 100) > 0.15 && ratio(0.1, 50) > 0.05);
        assert!(ratio(0.9, 400) <= MOST);
    }

    #[test]
    fn a_loss_is_believed_slowly_and_forgotten_slowly() {
        let mut policy = Policy::default();
        policy.on_loss(1.0, Duration::from_millis(50));
        assert!(policy.loss() < 0.02, "one bad report is none");
        (0..200).for_each(|_| policy.on_loss(0.05, Duration::from_millis(50)));
        assert!((0.04..0.06).contains(&policy.loss()));
        (0..200).for_each(|_| policy.on_loss(0.0, Duration::from_millis(50)));
        assert!(policy.loss() < 0.01, "ten seconds later");
    }
}
