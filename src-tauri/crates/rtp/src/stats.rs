//! What is counted of the streams of one peer, and the round-trip time from reports (RFC 3550 section 6.4.1). Kept where
//! packets enter and leave; a copy of the counters is taken once a second.

use std::collections::VecDeque;
use std::time::Duration;

use fika_media::Timestamp;

use crate::jitter::Jitter;
use crate::unwrap::Sequence;

/// A stream that we send.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// Header and payload, without retransmissions.
    pub bytes: u64,
    pub packets: u64,
    pub retransmitted_packets: u64,
    pub nacks: u64,
    pub plis: u64,
    pub firs: u64,
    pub remote: Option<Report>,
}

/// A report block of the receiver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// 0 to 1, since the report before.
    pub fraction_lost: f64,
    pub packets_lost: i64,
    pub jitter: Duration,
}

impl Report {
    /// From the fields as they are in the packet. `total_lost` is a signed number of 24 bits.
    pub fn from_wire(fraction_lost: u8, total_lost: u32, jitter: u32, clock_rate: u32) -> Self {
        Self {
            fraction_lost: f64::from(fraction_lost) / 256.0,
            packets_lost: i64::from((total_lost << 8) as i32 >> 8),
            jitter: Duration::from_secs_f64(f64::from(jitter) / f64::from(clock_rate.max(1))),
        }
    }
}

/// A stream that we receive.
#[derive(Clone, Debug)]
pub struct Inbound {
    pub bytes: u64,
    pub packets: u64,
    pub nacks: u64,
    pub plis: u64,
    first: Option<u64>,
    sequence: Sequence,
    jitter: Jitter,
}

impl Inbound {
    pub fn new(clock_rate: u32) -> Self {
        Self {
            bytes: 0,
            packets: 0,
            nacks: 0,
            plis: 0,
            first: None,
            sequence: Sequence::default(),
            jitter: Jitter::new(clock_rate),
        }
    }

    /// A packet of the stream itself, or one that a retransmission brought.
    pub fn on_packet(&mut self, sequence: u16, timestamp: u32, size: usize, retransmitted: bool, arrived: Timestamp) {
        self.bytes += size as u64;
        self.packets += 1;
        if let Some(sequence) = self.sequence.unwrap(sequence) {
            self.first.get_or_insert(sequence);
        }
        if !retransmitted {
            self.jitter.on_packet(timestamp, arrived);
        }
    }

    /// Expected less received; zero when more came, because copies are sent without being asked for too.
    pub fn packets_lost(&self) -> i64 {
        match (self.first, self.sequence.highest()) {
            (Some(first), Some(highest)) => ((highest - first + 1) as i64 - self.packets as i64).max(0),
            _ => 0,
        }
    }

    pub fn jitter(&self) -> Duration {
        self.jitter.get()
    }
}

/// Reports that are remembered until they are answered.
const MAX_REPORTS: usize = 16;
/// A round trip longer than this is a mistake of the far side.
const MAX_RTT: Duration = Duration::from_secs(10);

/// Round-trip time from sender reports and their echo in receiver reports.
#[derive(Clone, Debug, Default)]
pub struct RoundTrip {
    sent: VecDeque<(u32, Timestamp)>,
    last: Option<Duration>,
    /// For who sends no media, and so gets no reports.
    answered: Option<Duration>,
}

impl RoundTrip {
    /// A sender report with this NTP time leaves.
    pub fn on_sender_report(&mut self, ntp: u64, now: Timestamp) {
        if self.sent.len() == MAX_REPORTS {
            self.sent.pop_front();
        }
        self.sent.push_back(((ntp >> 16) as u32, now));
    }

    /// `last_report` and `delay` (1/65536 s) as in the report block.
    pub fn on_report(&mut self, last_report: u32, delay: u32, now: Timestamp) {
        if last_report == 0 {
            return;
        }
        let Some((_, at)) = self.sent.iter().find(|(middle, _)| *middle == last_report) else { return };
        let held = Duration::from_micros(u64::from(delay) * 1_000_000 / 65_536);
        let rtt = now.since(*at).saturating_sub(held);
        if rtt <= MAX_RTT {
            self.last = Some(rtt);
        }
    }

    /// A request for a packet was answered within this time.
    pub fn on_answered(&mut self, time: Duration) {
        self.answered =
            Some(self.answered.map_or(time, |before| (before * 7 + time) / 8)).filter(|time| *time <= MAX_RTT);
    }

    pub const fn get(&self) -> Option<Duration> {
        match self.last {
            Some(reported) => Some(reported),
            None => self.answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_counts_gaps_and_repair_fills_them() {
        let mut inbound = Inbound::new(90_000);
        for sequence in [65_534u16, 65_535, 2, 3] {
            inbound.on_packet(sequence, 0, 100, false, Timestamp::ZERO);
        }
        assert_eq!((inbound.packets, inbound.bytes, inbound.packets_lost()), (4, 400, 2));
        inbound.on_packet(0, 0, 100, true, Timestamp::ZERO);
        assert_eq!(inbound.packets_lost(), 1);
    }

    #[test]
    fn negative_loss_of_a_report_is_understood() {
        let report = Report::from_wire(64, 0x00ff_fffe, 480, 48_000);
        assert_eq!(report, Report { fraction_lost: 0.25, packets_lost: -2, jitter: Duration::from_millis(10) });
    }

    #[test]
    fn round_trip_leaves_the_time_held_out() {
        let mut rtt = RoundTrip::default();
        let ntp = 0x1234_5678_9abc_def0;
        rtt.on_sender_report(ntp, Timestamp::from_millis(1000));
        rtt.on_report(0x5678_9abc, 65_536 / 2, Timestamp::from_millis(1540));
        assert_eq!(rtt.get(), Some(Duration::from_millis(40)));
        rtt.on_report(0x1111_1111, 0, Timestamp::from_millis(9000));
        rtt.on_report(0, 0, Timestamp::from_millis(9000));
        assert_eq!(rtt.get(), Some(Duration::from_millis(40)));
        rtt.on_report(0x5678_9abc, u32::MAX, Timestamp::from_millis(1540));
        assert_eq!(rtt.get(), Some(Duration::ZERO));
    }

    #[test]
    fn unanswered_reports_do_not_pile_up() {
        let mut rtt = RoundTrip::default();
        for i in 0..1000u64 {
            rtt.on_sender_report(i << 16, Timestamp::ZERO);
        }
        assert_eq!(rtt.sent.len(), MAX_REPORTS);
    }
}
