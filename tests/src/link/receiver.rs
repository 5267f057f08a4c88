//! A receiver in virtual time: reports arrivals, asks for what is missing, and knows which frames could be shown when.
//!
//! A frame can be shown once it and all before it since a keyframe are complete; a keyframe as soon as it is complete. It is
//! shown when it is as late as nine of ten frames of late.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use fika_media::Timestamp;
use fika_rtp::congestion::Reported;
use fika_rtp::nack::Generator;

use super::files;
use super::random::Random;
use super::seen::Shown;
use super::sender::{Kind, Packet, Part};

/// Feedback is sent each 50 to 100 ms, as Chromium does.
const REPORT: (f64, f64) = (0.05, 0.1);
/// A keyframe is asked for when nothing could be shown for this time, and again after it.
const PLI: Duration = Duration::from_millis(1500);

/// Playout: the 90 % quantile of the delay of this many frames, at most this much above the least.
const PLAYOUT_FRAMES: usize = 60;
const PLAYOUT_QUANTILE: usize = 90;
const MAX_PLAYOUT: Duration = Duration::from_millis(150);

/// What goes back.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Feedback(Vec<Reported>),
    Nack(Vec<u16>),
    Pli,
    /// A part of a file is here.
    File(files::Part),
}

/// Packets of one frame that came: how many, first and last RTP number.
#[derive(Debug, Default)]
struct Frame {
    parts: BTreeMap<u16, ()>,
    first: Option<u16>,
    last: Option<u16>,
    keyframe: bool,
    captured: Timestamp,
}

impl Frame {
    fn is_complete(&self) -> bool {
        let Some((first, last)) = self.first.zip(self.last) else { return false };
        self.parts.len() == usize::from(last.wrapping_sub(first)) + 1
    }
}

pub(super) struct Receiver {
    random: Random,
    nacks: Generator,
    /// Numbers that came since the last report, with their arrival.
    arrived: BTreeMap<u64, Timestamp>,
    known: HashMap<u64, Timestamp>,
    reported_to: Option<u64>,
    report_at: Option<Timestamp>,
    frames: BTreeMap<u64, Frame>,
    /// RTP number that follows what was shown; `None`: a keyframe is needed.
    next: Option<u16>,
    progress: Timestamp,
    delays: VecDeque<Duration>,
    pub(super) shown: Vec<Shown>,
    pub(super) received: Vec<(Timestamp, usize, bool)>,
    pub(super) sounds: VecDeque<Timestamp>,
}

impl Receiver {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed ^ 0xeece_17e5),
            nacks: Generator::default(),
            arrived: BTreeMap::new(),
            known: HashMap::new(),
            reported_to: None,
            report_at: None,
            frames: BTreeMap::new(),
            next: None,
            progress: Timestamp::ZERO,
            delays: VecDeque::new(),
            shown: Vec::new(),
            received: Vec::new(),
            sounds: VecDeque::new(),
        }
    }

    pub(super) const fn set_rtt(&mut self, rtt: Duration) {
        self.nacks.set_rtt(rtt);
    }

    pub(super) fn on_packet(&mut self, number: u64, packet: Packet, now: Timestamp) {
        if self.known.contains_key(&number) {
            return;
        }
        // The receiver's clock is another one.
        let arrived = now + Duration::from_secs(1_000_000);
        self.known.insert(number, arrived);
        self.arrived.insert(number, arrived);
        if self.report_at.is_none() {
            self.schedule(now);
        }
        self.received.push((now, packet.size, !matches!(packet.kind, Kind::Padding)));
        match packet.kind {
            Kind::Sound => self.sounds.push_back(now),
            // Files are none of this receiver's.
            Kind::Padding | Kind::File(_) => {}
            Kind::Video(part) => self.on_part(part, now),
        }
    }

    fn on_part(&mut self, part: Part, now: Timestamp) {
        self.nacks.on_packet(part.sequence, now);
        if self.next.is_some_and(|next| part.sequence.wrapping_sub(next) > 1 << 15) {
            return;
        }
        let frame = self.frames.entry(part.frame).or_default();
        (frame.keyframe, frame.captured) = (part.keyframe, part.captured);
        frame.parts.insert(part.sequence, ());
        frame.first = frame.first.or(part.first.then_some(part.sequence));
        frame.last = frame.last.or(part.last.then_some(part.sequence));
        self.show(now);
    }

    fn show(&mut self, now: Timestamp) {
        loop {
            let ready = self.frames.iter().find(|(_, frame)| {
                frame.is_complete() && (frame.keyframe || self.next.is_some() && frame.first == self.next)
            });
            let Some((number, frame)) = ready.map(|(number, frame)| (*number, frame)) else { return };
            self.next = frame.last.map(|last| last.wrapping_add(1));
            self.progress = now;
            let captured = frame.captured;
            self.frames = self.frames.split_off(&(number + 1));
            let at = self.playout(captured, now);
            self.shown.push(Shown { at, captured: Some(captured) });
        }
    }

    /// When a frame that is ready now is on the screen.
    fn playout(&mut self, captured: Timestamp, now: Timestamp) -> Timestamp {
        self.delays.push_back(now.since(captured));
        if self.delays.len() > PLAYOUT_FRAMES {
            self.delays.pop_front();
        }
        let mut delays: Vec<Duration> = self.delays.iter().copied().collect();
        delays.sort_unstable();
        let delay = delays[(delays.len() - 1) * PLAYOUT_QUANTILE / 100].min(delays[0] + MAX_PLAYOUT);
        let last = self.shown.last().map_or(now, |shown| shown.at);
        now.max(captured + delay).max(last)
    }

    fn schedule(&mut self, now: Timestamp) {
        let wait = REPORT.0 + (REPORT.1 - REPORT.0) * self.random.unit();
        self.report_at = Some(now + Duration::from_secs_f64(wait));
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp) -> Vec<Reply> {
        let mut replies = Vec::new();
        if self.report_at.is_some_and(|at| at <= now) {
            self.report_at = None;
            if let Some(report) = self.report() {
                replies.push(Reply::Feedback(report));
                self.schedule(now);
            }
        }
        let mut missing = Vec::new();
        self.nacks.handle_timeout(now, &mut missing);
        if !missing.is_empty() {
            replies.push(Reply::Nack(missing));
        }
        let hopeless = self.nacks.take_hopeless();
        if hopeless || now.since(self.progress) > PLI && !self.frames.is_empty() {
            self.progress = now;
            replies.push(Reply::Pli);
        }
        replies
    }

    fn report(&mut self) -> Option<Vec<Reported>> {
        let (first, last) = (*self.arrived.first_key_value()?.0, *self.arrived.last_key_value()?.0);
        let from = self.reported_to.map_or(first, |to| first.min(to + 1));
        self.reported_to = self.reported_to.max(Some(last));
        self.arrived.clear();
        let report = (from..=last).map(|number| Reported { number, arrived: self.known.get(&number).copied() });
        Some(report.collect())
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        let nacks = self.nacks.poll_timeout();
        let pli = (!self.frames.is_empty()).then(|| self.progress + PLI + Duration::from_millis(1));
        [self.report_at, nacks, pli].into_iter().flatten().min()
    }
}
