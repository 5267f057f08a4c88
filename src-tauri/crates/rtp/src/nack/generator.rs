//! Which packets to ask for again. One per received stream, inside the interceptor that reads it; fed with original
//! sequence numbers, so RTX is unwrapped before.

use std::collections::BTreeMap;
use std::time::Duration;

use fika_media::Timestamp;

use crate::unwrap::Sequence;

/// Packets that may be missing at a time. More: repair is hopeless, a keyframe is needed instead.
pub const MAX_MISSING: usize = 400;
/// A gap is a loss only after this: packets overtake each other.
const REORDER: Duration = Duration::from_millis(8);
/// Requests for one packet.
const MAX_REQUESTS: u8 = 8;
/// After this a packet comes too late to be shown.
const MAX_AGE: Duration = Duration::from_millis(600);
/// Before a first measurement.
const DEFAULT_RTT: Duration = Duration::from_millis(100);
const MIN_REPEAT: Duration = Duration::from_millis(30);
/// A path that loses packets loses requests too, and each lost one costs a round trip: each is said again after this time.
/// Whoever has got the first one takes the second for what it is.
const ECHO: Duration = Duration::from_millis(15);

#[derive(Clone, Copy, Debug)]
struct Missing {
    since: Timestamp,
    /// When it was asked for last.
    asked: Timestamp,
    due: Timestamp,
    requests: u8,
    /// The last request has been said once.
    echoes: bool,
}

#[derive(Debug, Default)]
pub struct Generator {
    sequence: Sequence,
    missing: BTreeMap<u64, Missing>,
    rtt: Option<Duration>,
    /// From a request to its answer.
    answered: Option<Duration>,
    hopeless: bool,
}

impl Generator {
    pub const fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = Some(rtt);
    }

    /// A copy has come: perhaps what was asked for.
    pub fn on_copy(&mut self, sequence: u16, now: Timestamp) {
        let number = self.sequence.near(sequence);
        // Of several requests nobody knows which one was answered.
        if let Some(missing) =
            number.and_then(|number| self.missing.get(&number)).filter(|missing| missing.requests == 1)
        {
            self.answered = Some(now.since(missing.asked));
        }
        self.on_packet(sequence, now);
    }

    /// A packet has come, or was brought back.
    pub fn on_packet(&mut self, sequence: u16, now: Timestamp) {
        let highest = self.sequence.highest();
        let Some(sequence) = self.sequence.unwrap(sequence) else { return };
        let Some(highest) = highest else { return };
        if sequence <= highest {
            self.missing.remove(&sequence);
            return;
        }
        let gap = sequence - highest - 1;
        if gap as usize + self.missing.len() > MAX_MISSING {
            self.missing.clear();
            self.hopeless = true;
            return;
        }
        let missing = Missing { since: now, asked: now, due: now + REORDER, requests: 0, echoes: false };
        self.missing.extend((highest + 1..sequence).map(|sequence| (sequence, missing)));
    }

    /// Fills `out` with the numbers to ask for now.
    pub fn handle_timeout(&mut self, now: Timestamp, out: &mut Vec<u16>) {
        let repeat = (self.rtt.unwrap_or(DEFAULT_RTT) * 11 / 10 + Duration::from_millis(5)).max(MIN_REPEAT);
        self.missing.retain(|sequence, missing| {
            if now.since(missing.since) > MAX_AGE
                || missing.requests >= MAX_REQUESTS && !missing.echoes && missing.due <= now
            {
                return false;
            }
            if missing.due <= now {
                missing.echoes = !missing.echoes;
                if missing.echoes {
                    missing.requests += 1;
                    missing.asked = now;
                    missing.due = now + ECHO;
                } else {
                    missing.due = missing.asked + repeat;
                }
                out.push(*sequence as u16);
            }
            true
        });
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.missing.values().map(|missing| missing.due).min()
    }

    /// How long the last answer to a request took, with the time that the copy waited at the sender. Told once.
    pub const fn take_answered(&mut self) -> Option<Duration> {
        self.answered.take()
    }

    /// So much was lost that only a keyframe helps. Told once.
    pub const fn take_hopeless(&mut self) -> bool {
        std::mem::replace(&mut self.hopeless, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn ask(generator: &mut Generator, now: Timestamp) -> Vec<u16> {
        let mut out = Vec::new();
        generator.handle_timeout(now, &mut out);
        out
    }

    #[test]
    fn a_late_packet_is_not_asked_for() {
        let mut generator = Generator::default();
        generator.on_packet(1, ms(0));
        generator.on_packet(3, ms(1));
        assert_eq!(generator.poll_timeout(), Some(ms(9)));
        generator.on_packet(2, ms(5));
        assert_eq!(generator.poll_timeout(), None);
        assert!(ask(&mut generator, ms(100)).is_empty());
    }

    #[test]
    fn repeats_follow_the_round_trip_and_end() {
        let mut generator = Generator::default();
        generator.set_rtt(Duration::from_millis(40));
        generator.on_packet(65_534, ms(0));
        generator.on_packet(1, ms(0));
        assert!(ask(&mut generator, ms(7)).is_empty());
        assert_eq!(ask(&mut generator, ms(8)), [65_535, 0]);
        assert_eq!(ask(&mut generator, ms(23)), [65_535, 0], "the echo");
        assert!(ask(&mut generator, ms(56)).is_empty());
        generator.on_packet(0, ms(56));
        let mut asked = 2;
        let mut now = ms(57);
        while let Some(due) = generator.poll_timeout() {
            now = due;
            asked += ask(&mut generator, now).len();
        }
        assert_eq!(asked, 2 * usize::from(MAX_REQUESTS));
        assert!(now.since(ms(0)) <= MAX_AGE);
    }

    #[test]
    fn what_retransmission_brings_is_not_asked_for_again() {
        let mut generator = Generator::default();
        generator.on_packet(10, ms(0));
        generator.on_packet(12, ms(0));
        assert_eq!(ask(&mut generator, ms(10)), [11]);
        generator.on_copy(11, ms(20));
        assert_eq!(generator.take_answered(), Some(Duration::from_millis(10)));
        assert_eq!(generator.take_answered(), None);
        assert!(ask(&mut generator, ms(500)).is_empty());
    }

    #[test]
    fn a_hole_too_large_asks_for_a_keyframe_instead() {
        let mut generator = Generator::default();
        generator.on_packet(0, ms(0));
        generator.on_packet(MAX_MISSING as u16 + 2, ms(0));
        assert!(ask(&mut generator, ms(100)).is_empty());
        assert!(generator.take_hopeless());
        assert!(!generator.take_hopeless());
    }
}
