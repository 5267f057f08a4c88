//! A sender and a receiver with a path between them, in virtual time, and what came of it.

use std::time::Duration;

use fika_media::Timestamp;
use fika_rtp::congestion::{self, State};

use super::receiver::{Receiver, Reply, Shown};
use super::sender::{Packet, Sender};
use super::{Config, Fate, Link, Passage};

/// What a video call of ours sends at most, in these figures.
pub const MAX: u32 = 3_000_000;

pub struct Call {
    now: Timestamp,
    sender: Sender,
    receiver: Receiver,
    there: Link<(u64, Packet)>,
    back: Link<Reply>,
    rtt: Duration,
    targets: Vec<(Timestamp, u32, State)>,
    /// Times in which the sender's process does not run.
    asleep: Vec<(Timestamp, Timestamp)>,
}

impl Call {
    pub fn new(config: Config, seed: u64) -> Self {
        let back = Config { rates: vec![(Timestamp::ZERO, 1e9)], ..config.clone() };
        let rtt = config.delay * 2;
        let mut receiver = Receiver::new(seed);
        receiver.set_rtt(rtt);
        Self {
            now: Timestamp::ZERO,
            sender: Sender::new(congestion::Config::with_max(MAX), seed),
            receiver,
            there: Link::new(config, seed),
            back: Link::new(back, seed ^ 0xbac4),
            rtt,
            targets: Vec::new(),
            asleep: Vec::new(),
        }
    }

    /// In seconds, like all that follow.
    pub fn asleep(mut self, from: f64, to: f64) -> Self {
        self.asleep.push((at(from), at(to)));
        self
    }

    pub fn still(mut self, from: f64, to: f64) -> Self {
        self.sender.still = Some((at(from), at(to)));
        self
    }

    pub fn run(mut self, seconds: f64) -> Report {
        let end = at(seconds);
        while self.now < end {
            let slept = self.asleep.iter().find(|(from, to)| (*from..*to).contains(&self.now)).map(|sleep| sleep.1);
            let replies = self.back.poll_timeout().filter(|_| slept.is_none());
            let wakes = [self.receiver.poll_timeout(), self.there.poll_timeout(), replies];
            let sender = slept.unwrap_or_else(|| self.sender.poll_timeout(self.now));
            let next = wakes.into_iter().flatten().fold(sender, Timestamp::min);
            self.now = next.max(self.now);
            self.step(slept.is_some_and(|until| until > self.now));
        }
        self.report()
    }

    fn step(&mut self, sleeps: bool) {
        let now = self.now;
        while let Some((_, (number, packet))) = self.there.poll_packet(now) {
            self.receiver.on_packet(number, packet, now);
        }
        for reply in self.receiver.handle_timeout(now) {
            self.back.handle_packet(reply, 80, now);
        }
        // What comes meanwhile waits in the socket.
        if sleeps {
            return;
        }
        while let Some((_, reply)) = self.back.poll_packet(now) {
            match reply {
                Reply::Feedback(reported) => {
                    self.sender.on_feedback(&reported, now);
                    self.targets.push((now, self.sender.control.target(), self.sender.control.state()));
                }
                Reply::Nack(sequences) => self.sender.on_nack(&sequences, self.rtt, now),
                Reply::Pli => self.sender.on_keyframe_wanted(),
            }
        }
        let first = self.sender.next_number();
        for (number, packet) in (first..).zip(self.sender.handle_timeout(now)) {
            self.there.handle_packet((number, packet), packet.size, now);
        }
    }

    fn report(self) -> Report {
        Report {
            passages: self.there.log().copied().collect(),
            rates: self.there.config.rates.clone(),
            end: self.now,
            targets: self.targets,
            shown: self.receiver.shown,
            received: self.receiver.received,
            sounds: self.receiver.sounds.into(),
            skipped: self.sender.skipped,
            collapses: self.sender.collapses,
            padding: self.sender.padding,
            resent: self.sender.resent,
        }
    }
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros((seconds * 1e6) as i64)
}

/// What came of a call. Times in seconds, rates in bits a second.
#[derive(Debug)]
pub struct Report {
    passages: Vec<Passage>,
    rates: Vec<(Timestamp, f64)>,
    end: Timestamp,
    pub targets: Vec<(Timestamp, u32, State)>,
    pub shown: Vec<Shown>,
    received: Vec<(Timestamp, usize, bool)>,
    pub sounds: Vec<Timestamp>,
    /// Pictures that were not encoded.
    pub skipped: u64,
    pub collapses: u64,
    /// Bytes.
    pub padding: usize,
    pub resent: usize,
}

impl Report {
    /// Bits that arrived, without padding, a second.
    pub fn rate(&self, from: f64, to: f64) -> f64 {
        let media = self.received.iter().filter(|(when, _, media)| *media && (at(from)..at(to)).contains(when));
        media.map(|(_, size, _)| *size as f64 * 8.0).sum::<f64>() / (to - from)
    }

    /// Share of what the path carries.
    pub fn used(&self, from: f64, to: f64) -> f64 {
        self.rate(from, to) / self.capacity(from, to)
    }

    fn capacity(&self, from: f64, to: f64) -> f64 {
        let ends = self.rates.iter().skip(1).map(|(at, _)| *at).chain([self.end]);
        let parts = self
            .rates
            .iter()
            .zip(ends)
            .map(|((begin, rate), end)| rate * end.min(at(to)).since((*begin).max(at(from))).as_secs_f64());
        parts.sum::<f64>() / (to - from)
    }

    /// Milliseconds in the queue that this share of packets does not exceed.
    pub fn queue(&self, share: f64, from: f64, to: f64) -> f64 {
        let inside = self.passages.iter().filter(|passage| (at(from)..at(to)).contains(&passage.sent));
        let through = inside.filter(|passage| matches!(passage.fate, Fate::Arrived(_)));
        let mut queued: Vec<f64> = through.map(|passage| passage.queued.as_secs_f64() * 1e3).collect();
        assert!(!queued.is_empty(), "packets left");
        let at = ((queued.len() - 1) as f64 * share) as usize;
        *queued.select_nth_unstable_by(at, f64::total_cmp).1
    }

    /// Until the queue is below `limit` ms for good, up to `to`.
    pub fn queue_below(&self, limit: f64, from: f64, to: f64) -> f64 {
        let above =
            self.passages.iter().rev().find(|passage| {
                (at(from)..at(to)).contains(&passage.sent) && passage.queued.as_secs_f64() * 1e3 > limit
            });
        above.map_or(0.0, |passage| passage.sent.since(at(from)).as_secs_f64())
    }

    pub fn dropped(&self, from: f64, to: f64) -> usize {
        let inside = self.passages.iter().filter(|passage| (at(from)..at(to)).contains(&passage.sent));
        inside.filter(|passage| passage.fate == Fate::Dropped).count()
    }

    /// Until `rate` arrives, over a quarter of a second.
    pub fn reaches(&self, rate: f64, from: f64) -> f64 {
        let steps = (0..).map(|step| f64::from(step) * 0.05 + from);
        let mut steps = steps.take_while(|begin| at(begin + 0.25) < self.end);
        steps.find(|begin| self.rate(*begin, begin + 0.25) >= rate).map_or(f64::INFINITY, |begin| begin + 0.25 - from)
    }

    /// Frames that were shown.
    pub fn frames(&self, from: f64, to: f64) -> usize {
        self.shown.iter().filter(|shown| (at(from)..at(to)).contains(&shown.at)).count()
    }

    /// Seconds in which the picture stood still.
    pub fn frozen(&self, from: f64, to: f64) -> f64 {
        let mut frozen = 0.0;
        let mut gaps: std::collections::VecDeque<f64> = std::collections::VecDeque::new();
        let times = self.shown.iter().map(|shown| shown.at).chain([self.end]);
        for (last, next) in self.shown.iter().map(|shown| shown.at).zip(times.skip(1)) {
            let gap = next.since(last).as_secs_f64();
            let mean = gaps.iter().sum::<f64>() / gaps.len().max(1) as f64;
            let inside = (at(from)..at(to)).contains(&last);
            if gaps.len() >= 5 && gap > (3.0 * mean).max(mean + 0.15) && inside {
                frozen += gap;
            }
            gaps.push_back(gap);
            if gaps.len() > 30 {
                gaps.pop_front();
            }
        }
        frozen
    }

    /// Milliseconds from capture to the screen that this share of frames does not exceed.
    pub fn delay(&self, share: f64, from: f64, to: f64) -> f64 {
        let inside = self.shown.iter().filter(|shown| (at(from)..at(to)).contains(&shown.at));
        let mut delays: Vec<f64> = inside.map(|shown| shown.at.since(shown.captured).as_secs_f64() * 1e3).collect();
        assert!(!delays.is_empty(), "frames were shown");
        let at = ((delays.len() - 1) as f64 * share) as usize;
        *delays.select_nth_unstable_by(at, f64::total_cmp).1
    }

    /// The longest time without sound, seconds.
    pub fn silence(&self, from: f64, to: f64) -> f64 {
        let inside = self.sounds.windows(2).filter(|pair| (at(from)..at(to)).contains(&pair[0]));
        inside.map(|pair| pair[1].since(pair[0]).as_secs_f64()).fold(0.0, f64::max)
    }
}
