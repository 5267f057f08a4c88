//! Several calls over one path in virtual time: who gets how much of it.

use std::time::Duration;

use fika_media::Timestamp;
use fika_rtp::congestion;

use super::call::MAX;
use super::gcc::Gcc;
use super::random::Random;
use super::receiver::{Receiver, Reply};
use super::seen::{self, Seen, at};
use super::sender::{FRAME, Packet, Sender};
use super::{Config, Link};

/// One who sends.
pub(super) trait Sends {
    fn on_reply(&mut self, reply: Reply, now: Timestamp);
    /// What leaves now, with its number.
    fn handle_timeout(&mut self, now: Timestamp) -> Vec<(u64, Packet)>;
    /// When something is due.
    fn poll_timeout(&self, now: Timestamp) -> Timestamp;
}

/// Our sender, and the round trip that its repair goes by.
struct Ours {
    sender: Sender,
    rtt: Duration,
}

impl Sends for Ours {
    fn on_reply(&mut self, reply: Reply, now: Timestamp) {
        match reply {
            Reply::Feedback(reported) => self.sender.on_feedback(&reported, now),
            Reply::Nack(sequences) => self.sender.on_nack(&sequences, self.rtt, now),
            Reply::Pli => self.sender.on_keyframe_wanted(),
            Reply::File(_) => {}
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) -> Vec<(u64, Packet)> {
        (self.sender.next_number()..).zip(self.sender.handle_timeout(now)).collect()
    }

    fn poll_timeout(&self, now: Timestamp) -> Timestamp {
        self.sender.poll_timeout(now)
    }
}

struct Flow {
    begins: Timestamp,
    sender: Box<dyn Sends>,
    receiver: Receiver,
    back: Link<Reply>,
}

/// Calls with one queue between them and their receivers.
pub struct Beside {
    config: Config,
    seed: u64,
    phases: Random,
    now: Timestamp,
    flows: Vec<Flow>,
    there: Link<(usize, u64, Packet)>,
}

impl Beside {
    pub fn new(config: Config, seed: u64) -> Self {
        let there = Link::new(config.clone(), seed);
        Self { config, seed, phases: Random::new(seed ^ 0xbe51de), now: Timestamp::ZERO, flows: Vec::new(), there }
    }

    /// A call of ours, from this second on.
    pub fn ours(self, from: f64) -> Self {
        let (seed, rtt) = (self.next_seed(), self.config.delay * 2);
        let sender = Sender::new(congestion::Config::with_max(MAX), seed);
        self.with(from, Box::new(Ours { sender, rtt }))
    }

    /// One of Chromium's.
    pub fn gcc(self, from: f64) -> Self {
        let sender = Gcc::new(f64::from(MAX), self.next_seed());
        self.with(from, Box::new(sender))
    }

    const fn next_seed(&self) -> u64 {
        self.seed + 1000 * self.flows.len() as u64
    }

    fn with(mut self, from: f64, sender: Box<dyn Sends>) -> Self {
        let seed = self.next_seed();
        let back = Config { rates: vec![(Timestamp::ZERO, 1e9)], ..self.config.clone() };
        let mut receiver = Receiver::new(seed);
        receiver.set_rtt(self.config.delay * 2);
        // Cameras do not tick together.
        let begins = at(from) + FRAME.mul_f64(self.phases.unit());
        self.flows.push(Flow { begins, sender, receiver, back: Link::new(back, seed ^ 0xbac4) });
        self
    }

    pub fn run(mut self, seconds: f64) -> Shares {
        let end = at(seconds);
        while self.now < end {
            let now = self.now;
            let flows = self.flows.iter().flat_map(|flow| {
                let sender = if now < flow.begins { flow.begins } else { flow.sender.poll_timeout(now) };
                [Some(sender), flow.receiver.poll_timeout(), flow.back.poll_timeout()]
            });
            let next = flows.chain([self.there.poll_timeout()]).flatten().fold(end, Timestamp::min);
            self.now = next.max(now);
            self.step();
        }
        let received = |flow: Flow| flow.receiver.received.into_iter().map(|(at, size, _)| (at, size)).collect();
        let received: Vec<Vec<(Timestamp, usize)>> = self.flows.into_iter().map(received).collect();
        let seen = Seen {
            passages: self.there.log().copied().collect(),
            rates: self.config.rates,
            end,
            received: received.concat(),
            shown: Vec::new(),
        };
        Shares { received, seen }
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some((_, (flow, number, packet))) = self.there.poll_packet(now) {
            self.flows[flow].receiver.on_packet(number, packet, now);
        }
        for (index, flow) in self.flows.iter_mut().enumerate().filter(|(_, flow)| flow.begins <= now) {
            for reply in flow.receiver.handle_timeout(now) {
                flow.back.handle_packet(reply, 80, now);
            }
            while let Some((_, reply)) = flow.back.poll_packet(now) {
                flow.sender.on_reply(reply, now);
            }
            for (number, packet) in flow.sender.handle_timeout(now) {
                self.there.handle_packet((index, number, packet), packet.size, now);
            }
        }
    }
}

/// What came of it, in the order in which the calls were added.
#[derive(Debug)]
pub struct Shares {
    /// With padding: it takes its place on the path too.
    received: Vec<Vec<(Timestamp, usize)>>,
    /// The path, and what arrived of all.
    pub seen: Seen,
}

impl Shares {
    /// Bits a second of a call.
    pub fn rate(&self, call: usize, from: f64, to: f64) -> f64 {
        seen::rate(&self.received[call], from, to)
    }

    /// Of all that arrived, the part of a call.
    pub fn share(&self, call: usize, from: f64, to: f64) -> f64 {
        self.rate(call, from, to) / self.seen.rate(from, to)
    }
}
