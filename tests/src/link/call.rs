//! A sender and a receiver with a path between them, in virtual time, and what came of it.

use std::collections::HashSet;
use std::ops::Deref;
use std::time::Duration;

use fika_media::Timestamp;
use fika_rtp::congestion::{self, State};

use super::files::{self, Giver};
use super::receiver::{Receiver, Reply};
use super::seen::{Seen, at};
use super::sender::{Kind, Packet, Sender};
use super::{Config, Link};

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
    giver: Option<Giver>,
    /// What of the file is there.
    taken: HashSet<files::Part>,
    file: Vec<(Timestamp, usize)>,
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
            giver: None,
            taken: HashSet::new(),
            file: Vec::new(),
        }
    }

    /// A file without an end is sent beside the call.
    pub fn with_file(mut self, from: f64) -> Self {
        self.giver = Some(Giver::new(at(from)));
        self
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
            let file = self.giver.as_ref().filter(|_| slept.is_none()).map(|giver| giver.poll_timeout(self.now));
            let next = wakes.into_iter().flatten().chain(file).fold(sender, Timestamp::min);
            self.now = next.max(self.now);
            self.step(slept.is_some_and(|until| until > self.now));
        }
        self.report()
    }

    fn step(&mut self, sleeps: bool) {
        let now = self.now;
        while let Some((_, (number, packet))) = self.there.poll_packet(now) {
            match packet.kind {
                Kind::File(part) => {
                    if self.taken.insert(part) {
                        self.file.push((now, part.bytes));
                    }
                    self.back.handle_packet(Reply::File(part), 80, now);
                }
                _ => self.receiver.on_packet(number, packet, now),
            }
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
                Reply::File(part) => self.giver.iter_mut().for_each(|giver| giver.on_answer(part, now)),
            }
        }
        let (first, frame) = (self.sender.next_number(), self.sender.frame);
        for (number, packet) in (first..).zip(self.sender.handle_timeout(now)) {
            self.there.handle_packet((number, packet), packet.size, now);
        }
        let Some(giver) = &mut self.giver else { return };
        if self.sender.frame > frame {
            giver.on_frame();
        }
        for part in giver.handle_timeout(&self.sender.control, now) {
            // Not numbered: the reports are about sound and picture.
            let packet = Packet { kind: Kind::File(part), size: part.size() };
            self.there.handle_packet((u64::MAX, packet), packet.size, now);
        }
    }

    fn report(self) -> Report {
        // Padding fills the path, but nobody asked for it.
        let media = self.receiver.received.iter().filter(|(_, _, media)| *media);
        Report {
            seen: Seen {
                passages: self.there.log().copied().collect(),
                rates: self.there.config.rates.clone(),
                end: self.now,
                received: media.map(|(at, size, _)| (*at, *size)).collect(),
                shown: self.receiver.shown,
            },
            targets: self.targets,
            sounds: self.receiver.sounds.into(),
            skipped: self.sender.skipped,
            collapses: self.sender.collapses,
            padding: self.sender.padding,
            resent: self.sender.resent,
            file: self.file,
        }
    }
}

/// What came of a call.
#[derive(Debug)]
pub struct Report {
    seen: Seen,
    pub targets: Vec<(Timestamp, u32, State)>,
    pub sounds: Vec<Timestamp>,
    /// Pictures that were not encoded.
    pub skipped: u64,
    pub collapses: u64,
    /// Bytes.
    pub padding: usize,
    pub resent: usize,
    /// Of the file, without headers.
    file: Vec<(Timestamp, usize)>,
}

impl Report {
    /// Bytes of the file that arrived, a second.
    pub fn file(&self, from: f64, to: f64) -> f64 {
        let inside = self.file.iter().filter(|(when, _)| (at(from)..at(to)).contains(when));
        inside.map(|(_, bytes)| *bytes as f64).sum::<f64>() / (to - from)
    }

    /// The longest time without sound, seconds.
    pub fn silence(&self, from: f64, to: f64) -> f64 {
        let inside = self.sounds.windows(2).filter(|pair| (at(from)..at(to)).contains(&pair[0]));
        inside.map(|pair| pair[1].since(pair[0]).as_secs_f64()).fold(0.0, f64::max)
    }
}

impl Deref for Report {
    type Target = Seen;

    fn deref(&self) -> &Seen {
        &self.seen
    }
}
