//! What was sent and is not yet reported. Full: the oldest packet counts as unknown, neither arrived nor lost.

use std::collections::VecDeque;

use fika_media::Timestamp;

use super::Reported;

/// Packets that are remembered: eight seconds of 2.5 Mbit/s, so that a report after a pause still finds its packets.
const MAX_SENT: usize = 2048;

#[derive(Clone, Copy, Debug)]
struct Sent {
    size: u32,
    at: Timestamp,
    train: Option<u32>,
    arrived: bool,
}

/// A packet of ours in a report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) number: u64,
    pub(super) sent: Timestamp,
    pub(super) size: u32,
    /// Of this train.
    pub(super) train: Option<u32>,
    /// On the receiver's clock; `None`: named as missing.
    pub(super) arrived: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(super) struct History {
    sent: VecDeque<Sent>,
    /// Number of the first in `sent`; the others follow without a gap.
    first: u64,
    /// All before this number have been reported about.
    reported: u64,
    outstanding: u64,
}

impl History {
    pub(super) fn on_sent(&mut self, number: u64, size: u32, train: Option<u32>, at: Timestamp) {
        if number != self.first + self.sent.len() as u64 {
            self.sent.clear();
            (self.first, self.reported, self.outstanding) = (number, number, 0);
        }
        if self.sent.len() == MAX_SENT {
            if self.first >= self.reported {
                self.outstanding -= u64::from(self.sent[0].size);
                self.reported = self.first + 1;
            }
            self.sent.pop_front();
            self.first += 1;
        }
        self.sent.push_back(Sent { size, at, train, arrived: false });
        self.outstanding += u64::from(size);
    }

    /// Bytes that are on their way, as far as is known.
    pub(super) const fn outstanding(&self) -> u64 {
        self.outstanding
    }

    /// When the oldest packet left of which no report knows.
    pub(super) fn waiting_since(&self) -> Option<Timestamp> {
        self.sent.get(self.reported.checked_sub(self.first)? as usize).map(|sent| sent.at)
    }

    /// What is new in a report, in its order.
    pub(super) fn on_reported(&mut self, reported: &[Reported]) -> Vec<Report> {
        let mut reports = Vec::with_capacity(reported.len().min(MAX_SENT));
        for Reported { number, arrived } in reported.iter().copied() {
            let Some(index) = number.checked_sub(self.first) else { continue };
            let Some(sent) = self.sent.get_mut(index as usize).filter(|sent| !sent.arrived) else { continue };
            sent.arrived = arrived.is_some();
            let Sent { size, at, train, .. } = *sent;
            reports.push(Report { number, sent: at, size, train, arrived });
            while self.reported <= number {
                let size = self.sent[(self.reported - self.first) as usize].size;
                self.outstanding -= u64::from(size);
                self.reported += 1;
            }
        }
        reports
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(number: u64) -> Reported {
        Reported { number, arrived: Some(Timestamp::ZERO) }
    }

    fn numbers(reports: &[Report]) -> Vec<u64> {
        reports.iter().map(|report| report.number).collect()
    }

    #[test]
    fn a_packet_arrives_once_and_may_be_missing_before() {
        let mut history = History::default();
        (100..105).for_each(|number| history.on_sent(number, 10, None, Timestamp::ZERO));
        assert_eq!(history.outstanding(), 50);
        let missing = Reported { number: 101, arrived: None };
        assert_eq!(numbers(&history.on_reported(&[arrived(100), missing, arrived(102)])), [100, 101, 102]);
        assert_eq!(history.outstanding(), 20);
        assert_eq!(numbers(&history.on_reported(&[arrived(100), arrived(101), arrived(103)])), [101, 103]);
        assert_eq!(numbers(&history.on_reported(&[missing, arrived(99), arrived(105), arrived(u64::MAX)])), []);
        assert_eq!(history.outstanding(), 10);
    }

    #[test]
    fn it_forgets_the_oldest_and_begins_anew_after_a_gap() {
        let mut history = History::default();
        (0..MAX_SENT as u64 + 10).for_each(|number| history.on_sent(number, 1, None, Timestamp::ZERO));
        assert_eq!(history.outstanding(), MAX_SENT as u64);
        assert!(history.on_reported(&[arrived(9)]).is_empty());
        assert_eq!(history.on_reported(&[arrived(10)]).len(), 1);
        history.on_sent(9000, 1, None, Timestamp::ZERO);
        assert!(history.on_reported(&[arrived(11)]).is_empty());
        assert_eq!((history.on_reported(&[arrived(9000)]).len(), history.outstanding()), (1, 0));
    }
}
