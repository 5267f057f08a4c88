//! How much of files may be under way to one participant: less than best effort, after LEDBAT (RFC 6817). Sound and picture
//! come first: the window grows only while hardly anything waits on the path, and halves when something does. On top the
//! session says at which rate files may go while it has to hold back the picture.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::wire::MAX_PIECE;

/// Bytes that may be under way at most; also what a receiver has to bear.
pub const MAX_WINDOW: usize = 512 * 1024;
const MIN_WINDOW: f64 = 2048.0;
const FIRST_WINDOW: f64 = 4096.0;
/// Smallest piece, but for the last one of a file.
pub const MIN_PIECE: usize = 1024;
/// So much may wait on the path; the media's own rules tolerate more, so that files give way first.
const TARGET: Duration = Duration::from_millis(20);
/// Waiting beyond this halves the window.
const TOO_MUCH: Duration = Duration::from_millis(60);
/// The shortest way of the last minutes is the way without a queue; routes change.
const BASE_SLOT: Duration = Duration::from_secs(30);
const BASE_SLOTS: usize = 6;

#[derive(Debug)]
pub struct Pace {
    window: f64,
    /// Nothing has waited yet: grows by what arrives.
    opening: bool,
    /// Shortest answer in each of the last slots, newest last.
    base: VecDeque<(Instant, Duration)>,
    halved_at: Option<Instant>,
    /// Bytes a second; `None`: the window alone decides.
    budget: Option<u32>,
    next_at: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        let base = VecDeque::new();
        Self { window: FIRST_WINDOW, opening: true, base, halved_at: None, budget: None, next_at: None }
    }
}

impl Pace {
    /// After a new connection: another path.
    pub fn reset(&mut self) {
        *self = Self { budget: self.budget, ..Self::default() };
    }

    pub fn set_budget(&mut self, budget: Option<u32>) {
        self.budget = budget;
        if budget.is_some() {
            // What the picture needs must not be learned from the queue first.
            self.window = MIN_WINDOW;
            self.opening = false;
        } else {
            self.next_at = None;
        }
    }

    /// How large a piece may leave now; `None`: none.
    pub fn piece(&self, in_flight: usize, now: Instant) -> Option<usize> {
        if self.next_at.is_some_and(|at| now < at) {
            return None;
        }
        let size = ((self.window / 4.0) as usize).clamp(MIN_PIECE, MAX_PIECE);
        (in_flight + size <= self.window as usize).then_some(size)
    }

    /// What the budget held back until now may leave.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.next_at.take_if(|at| *at <= now);
    }

    /// When the budget allows the next piece; later than the last `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_at
    }

    pub fn on_sent(&mut self, bytes: usize, now: Instant) {
        self.next_at = self.budget.map(|budget| now + Duration::from_secs_f64(bytes as f64 / f64::from(budget.max(1))));
    }

    /// `answer`: from sending to the acknowledgement.
    pub fn on_ack(&mut self, bytes: usize, answer: Duration, now: Instant) {
        self.remember(answer, now);
        let base = self.base.iter().map(|(_, least)| *least).min().unwrap_or(answer);
        let queue = answer.saturating_sub(base);
        if self.budget.is_some() {
            return;
        }
        if queue > TOO_MUCH {
            self.opening = false;
            // Once for what was under way.
            if self.halved_at.is_none_or(|at| now.saturating_duration_since(at) > answer) {
                self.halved_at = Some(now);
                self.window /= 2.0;
            }
        } else if self.opening && queue < TARGET / 2 {
            self.window += bytes as f64;
        } else {
            self.opening = false;
            let off = 1.0 - queue.as_secs_f64() / TARGET.as_secs_f64();
            // One small piece more in each round trip while nothing waits.
            self.window += off.max(-1.0) * MIN_PIECE as f64 * bytes as f64 / self.window.max(1.0);
        }
        self.window = self.window.clamp(MIN_WINDOW, MAX_WINDOW as f64);
    }

    fn remember(&mut self, answer: Duration, now: Instant) {
        match self.base.back_mut() {
            Some((since, least)) if now.saturating_duration_since(*since) < BASE_SLOT => *least = answer.min(*least),
            _ => {
                if self.base.len() == BASE_SLOTS {
                    self.base.pop_front();
                }
                self.base.push_back((now, answer));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// After so many round trips on a path of this rate and delay, with everything sent that may be.
    fn settled(rate: f64, trip: Duration, rounds: u32) -> (Pace, f64) {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        let mut queue = 0.0;
        for _ in 0..rounds {
            let window = pace.window;
            // What is more than the path holds waits.
            queue = (window * 8.0 / rate - trip.as_secs_f64()).max(0.0);
            now += trip + Duration::from_secs_f64(queue);
            pace.on_ack(window as usize, trip + Duration::from_secs_f64(queue), now);
        }
        (pace, queue)
    }

    #[test]
    fn an_empty_path_is_filled_and_hardly_anything_waits() {
        let (_, queue) = settled(8e6, 50 * MS, 400);
        assert!(queue < 0.025, "{queue}");
        let (pace, _) = settled(1e9, MS, 2000);
        assert!(pace.window > MAX_WINDOW as f64 * 0.9, "{}", pace.window);
    }

    #[test]
    fn it_gives_way_when_others_fill_the_path() {
        let (mut pace, _) = settled(1e9, 10 * MS, 2000);
        let mut now = Instant::now() + Duration::from_secs(60);
        for _ in 0..40 {
            now += 200 * MS;
            pace.on_ack(pace.window as usize, 150 * MS, now);
        }
        assert!(pace.window <= MIN_WINDOW, "{}", pace.window);
    }

    #[test]
    fn a_budget_holds_at_once() {
        let (mut pace, _) = settled(1e9, 10 * MS, 2000);
        let start = Instant::now() + Duration::from_secs(60);
        pace.set_budget(Some(8000));
        let (mut now, mut sent) = (start, 0);
        while now < start + Duration::from_secs(2) {
            if let Some(size) = pace.piece(0, now) {
                pace.on_sent(size, now);
                sent += size;
            }
            now += MS;
        }
        assert!((15_000..=17_500).contains(&sent), "{sent}");
        pace.set_budget(None);
        assert!(pace.piece(0, now).is_some() && pace.poll_timeout().is_none());
    }

    #[test]
    fn no_more_is_under_way_than_the_window() {
        let (pace, _) = settled(1e9, MS, 2000);
        assert_eq!(pace.piece(MAX_WINDOW, Instant::now()), None);
        assert_eq!(pace.piece(0, Instant::now()), Some(MAX_PIECE));
    }
}
