//! Lost packets told from late ones: a hole counts only when the next report does not fill it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fika_media::Timestamp;

use super::history::Report;
use super::signals::forget;

/// The share that is lost is taken over this time.
const WINDOW: Duration = Duration::from_secs(1);
/// Below this many packets a second one loss would be a large share.
const MIN_PACKETS: usize = 20;
/// Packets that are counted. Full: the oldest is forgotten.
const MAX_PACKETS: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Loss {
    /// Holes and the report that showed them first.
    holes: BTreeMap<u64, Timestamp>,
    /// Each reported packet, and whether it, or one before it, turned out to be lost.
    window: VecDeque<(Timestamp, bool)>,
}

impl Loss {
    /// Returns how many packets are lost for good by this report.
    pub(super) fn on_reports(&mut self, reports: &[Report], now: Timestamp) -> usize {
        for report in reports {
            if report.arrived.is_some() {
                self.holes.remove(&report.number);
            } else if self.holes.len() < MAX_PACKETS {
                self.holes.entry(report.number).or_insert(now);
            }
            self.window.push_back((now, false));
        }
        let before = self.holes.len();
        self.holes.retain(|_, since| *since >= now);
        let lost = before - self.holes.len();
        // The newest ones, so that the mark stays for the whole window.
        let unmarked = self.window.iter_mut().rev().filter(|(_, lost)| !lost);
        unmarked.take(lost).for_each(|(_, lost)| *lost = true);
        while self.window.len() > MAX_PACKETS {
            self.window.pop_front();
        }
        forget(&mut self.window, now - WINDOW);
        lost
    }

    /// Share of the packets of the last second.
    pub(super) fn share(&self) -> f64 {
        self.window.iter().filter(|(_, lost)| *lost).count() as f64 / self.window.len().max(MIN_PACKETS) as f64
    }

    pub(super) fn packets(&self) -> usize {
        self.window.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(number: u64, arrived: bool) -> Report {
        let arrived = arrived.then_some(Timestamp::ZERO);
        Report { number, sent: Timestamp::ZERO, size: 1, train: None, arrived }
    }

    #[test]
    fn a_hole_that_the_next_report_fills_is_no_loss() {
        let mut loss = Loss::default();
        let at = Timestamp::from_millis;
        assert_eq!(loss.on_reports(&[report(1, true), report(2, false), report(3, true)], at(0)), 0);
        assert_eq!(loss.on_reports(&[report(2, true), report(4, false), report(5, true)], at(50)), 0);
        assert_eq!(loss.on_reports(&[report(6, true)], at(100)), 1);
        assert_eq!(loss.on_reports(&[report(7, true)], at(150)), 0);
        assert_eq!(loss.share(), 1.0 / 20.0);
    }

    #[test]
    fn the_share_is_that_of_the_last_second() {
        let mut loss = Loss::default();
        for round in 0..100 {
            let reports: Vec<Report> = (0..10).map(|i| report(round * 10 + i, i != 4)).collect();
            loss.on_reports(&reports, Timestamp::from_millis(round as i64 * 50));
            if round > 30 {
                assert!((loss.share() - 0.1).abs() < 0.01, "{}", loss.share());
            }
        }
        loss.on_reports(&[report(9999, true)], Timestamp::from_millis(9000));
        assert_eq!(loss.share(), 1.0 / 20.0, "the last holes are confirmed, all else is forgotten");
    }
}
