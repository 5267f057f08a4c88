//! What was sent lately, to send it again when it is asked for. One per sent stream, inside the interceptor that sees
//! packets leave. Full: the oldest packet is forgotten.

use std::collections::VecDeque;
use std::time::Duration;

use fika_media::Timestamp;

/// Packets that are kept: 1.5 s at 2.5 Mbit/s and more at less.
pub const HISTORY: usize = 512;
/// Older packets come too late to be shown.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Before a first measurement.
const DEFAULT_RTT: Duration = Duration::from_millis(50);
/// Copies of one packet.
const MAX_COPIES: u8 = 8;

#[derive(Debug)]
struct Sent<T> {
    sequence: u16,
    packet: T,
    at: Timestamp,
    again: Option<Timestamp>,
    copies: u8,
}

/// `T` is the packet, in whatever form the sender has it.
#[derive(Debug)]
pub struct History<T> {
    sent: VecDeque<Sent<T>>,
    rtt: Duration,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self { sent: VecDeque::with_capacity(HISTORY), rtt: DEFAULT_RTT }
    }
}

impl<T> History<T> {
    pub const fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    pub fn on_sent(&mut self, sequence: u16, packet: T, now: Timestamp) {
        if self.sent.len() == HISTORY {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent { sequence, packet, at: now, again: None, copies: 0 });
    }

    /// The packet to send again. `None`: forgotten, too old, or a copy is on its way already (asked for twice within a
    /// round trip).
    pub fn request(&mut self, sequence: u16, now: Timestamp) -> Option<&T> {
        let newest = self.sent.back()?.sequence;
        let back = usize::from(newest.wrapping_sub(sequence));
        let index = self.sent.len().checked_sub(1 + back)?;
        let sent = self.sent.get_mut(index).filter(|sent| sent.sequence == sequence)?;
        let on_its_way = sent.again.is_some_and(|again| now.since(again) < self.rtt * 4 / 5);
        if on_its_way || sent.copies >= MAX_COPIES || now.since(sent.at) > MAX_AGE {
            return None;
        }
        sent.again = Some(now);
        sent.copies += 1;
        Some(&sent.packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn finds_over_the_wrap_and_forgets_the_oldest() {
        let mut history = History::default();
        for i in 0..600u32 {
            history.on_sent((65_300 + i) as u16, i, ms(0));
        }
        assert_eq!(history.request(65_300, ms(0)), None);
        assert_eq!(history.request((65_300 + 88) as u16, ms(0)), Some(&88));
        assert_eq!(history.request((65_300 + 599) as u16, ms(0)), Some(&599));
        assert_eq!(history.request((65_300 + 600) as u16, ms(0)), None);
    }

    #[test]
    fn a_copy_on_its_way_is_not_sent_twice() {
        let mut history = History::default();
        history.set_rtt(Duration::from_millis(100));
        history.on_sent(7, (), ms(0));
        assert!(history.request(7, ms(100)).is_some());
        assert!(history.request(7, ms(150)).is_none());
        assert!(history.request(7, ms(180)).is_some());
        assert!(history.request(7, ms(1001)).is_none());
    }

    #[test]
    fn a_flood_of_requests_gets_few_copies() {
        let mut history = History::default();
        history.set_rtt(Duration::ZERO);
        history.on_sent(7, (), ms(0));
        assert_eq!((0..1000).filter(|i| history.request(7, ms(*i)).is_some()).count(), usize::from(MAX_COPIES));
    }
}
