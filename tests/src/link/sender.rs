//! A sender of video and sound in virtual time: an encoder as a model of sizes, and the rules of `fika_rtp` around it. No
//! picture is made; a frame is a number of bytes.

use std::collections::HashMap;
use std::time::Duration;

use fika_media::Timestamp;
use fika_media::budget::Budget;
use fika_rtp::congestion::{Config, Control, Output, Pacer, Release, Reported};
use fika_rtp::nack::History;

use super::files;
use super::random::Random;

pub(super) const FRAME: Duration = Duration::from_micros(33_333);
pub(super) const SOUND: Duration = Duration::from_millis(20);
/// 50 packets of this are 55 kbit/s, headers included.
pub(super) const SOUND_SIZE: usize = 137;
pub(super) const PACKET: usize = 1100;
pub(super) const HEADERS: usize = 50;
/// Of a keyframe beside the frames after it; the one after a collapse is smaller.
const KEYFRAME: (f64, f64) = (4.0, 6.0);
const SMALL: f64 = 0.7;
/// Frames differ in size by this much.
const NOISE: f64 = 0.25;
/// The encoder makes no smaller frames.
const LEAST_FRAME: f64 = 300.0;
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);

/// One packet of a frame, or what else travels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) kind: Kind,
    pub(super) size: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Sound,
    Padding,
    Video(Part),
    File(files::Part),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// RTP number; given when it leaves.
    pub(super) sequence: u16,
    pub(super) frame: u64,
    pub(super) keyframe: bool,
    pub(super) captured: Timestamp,
    pub(super) first: bool,
    pub(super) last: bool,
}

/// When the picture stands still: little is there to encode.
pub(super) type Still = (Timestamp, Timestamp);

pub(super) struct Sender {
    pub(super) control: Control,
    budget: Budget,
    pacer: Pacer<Packet>,
    history: History<Packet>,
    random: Random,
    max: f64,
    pub(super) still: Option<Still>,
    next_frame: Timestamp,
    next_sound: Timestamp,
    pub(super) frame: u64,
    sequence: u16,
    number: u64,
    keyframe: Option<bool>,
    keyframe_at: Option<Timestamp>,
    pub(super) skipped: u64,
    pub(super) collapses: u64,
    pub(super) padding: usize,
    pub(super) resent: usize,
    sizes: HashMap<u64, usize>,
}

impl Sender {
    pub(super) fn new(config: Config, seed: u64) -> Self {
        Self {
            control: Control::new(config),
            budget: Budget::default(),
            pacer: Pacer::default(),
            history: History::default(),
            random: Random::new(seed ^ 0x5e11de5),
            max: f64::from(config.max),
            still: None,
            next_frame: Timestamp::ZERO,
            next_sound: Timestamp::ZERO,
            frame: 0,
            sequence: 65_000,
            number: 1 << 16,
            keyframe: Some(false),
            keyframe_at: None,
            skipped: 0,
            collapses: 0,
            padding: 0,
            resent: 0,
            sizes: HashMap::new(),
        }
    }

    pub(super) fn on_keyframe_wanted(&mut self) {
        self.keyframe.get_or_insert(false);
    }

    pub(super) fn on_nack(&mut self, sequences: &[u16], rtt: Duration, now: Timestamp) {
        if self.keyframe.is_some() {
            return;
        }
        self.history.set_rtt(rtt);
        if self.pacer.is_hopeless(sequences.len(), self.control.pacing_rate()) {
            self.pacer.purge();
            self.keyframe = Some(false);
            return;
        }
        let (rate, loss) = (self.control.pacing_rate(), self.control.loss());
        for sequence in sequences {
            if let Some(packet) = self.history.request(*sequence, now) {
                self.pacer.push_resend(*packet, packet.size, rate, loss, now);
            }
        }
    }

    pub(super) fn on_feedback(&mut self, reported: &[Reported], now: Timestamp) {
        self.control.handle_feedback(reported, now);
        self.obey(now);
    }

    fn obey(&mut self, now: Timestamp) {
        while let Some(output) = self.control.poll_output() {
            match output {
                Output::Train(train) => self.pacer.push_train(train, now),
                Output::Collapse => {
                    self.pacer.flush();
                    self.collapses += 1;
                    self.keyframe = Some(true);
                }
            }
        }
    }

    /// What leaves now.
    pub(super) fn handle_timeout(&mut self, now: Timestamp) -> Vec<Packet> {
        let mut leaves = Vec::new();
        self.control.handle_timeout(now);
        self.obey(now);
        if self.next_sound <= now {
            self.next_sound = self.next_sound.max(now - SOUND) + SOUND;
            leaves.push(self.leave(Packet { kind: Kind::Sound, size: SOUND_SIZE }, None, now));
        }
        if self.next_frame <= now {
            // A process that slept makes one picture, not those of the whole night.
            self.next_frame = self.next_frame.max(now - FRAME) + FRAME;
            self.picture(now);
        }
        let (rate, holds) = (self.control.pacing_rate(), self.control.holds(now));
        while let Some(release) = self.pacer.poll_release(rate, holds, now) {
            let (packet, train) = match release {
                Release::Frame { mut packet, train } => {
                    if let Kind::Video(part) = &mut packet.kind {
                        part.sequence = self.sequence;
                        if part.keyframe && part.first {
                            self.history = History::default();
                        }
                        self.history.on_sent(part.sequence, packet, now);
                    }
                    self.sequence = self.sequence.wrapping_add(1);
                    (packet, train)
                }
                Release::Resend { packet, train } => {
                    self.resent += packet.size;
                    (packet, train)
                }
                Release::Padding { size, train } => {
                    self.padding += size;
                    (Packet { kind: Kind::Padding, size }, Some(train))
                }
            };
            leaves.push(self.leave(packet, train, now));
        }
        leaves
    }

    fn leave(&mut self, packet: Packet, train: Option<u32>, now: Timestamp) -> Packet {
        self.control.on_sent(self.number, packet.size, train, now);
        self.number += 1;
        packet
    }

    /// The number of the packet that leaves next.
    pub(super) const fn next_number(&self) -> u64 {
        self.number
    }

    fn picture(&mut self, now: Timestamp) {
        if self.control.holds(now) || self.pacer.is_full(self.control.pacing_rate()) {
            self.skipped += 1;
            return;
        }
        let recently = self.keyframe_at.is_some_and(|at| now.since(at) < KEYFRAME_INTERVAL);
        let keyframe = self.keyframe.take_if(|_| !recently);
        let rate = f64::from(self.control.media_target()).min(self.max);
        let mut size = self.budget.bytes(rate, FRAME, self.pacer.backlog());
        size *= (1.0 + NOISE * self.random.normal()).max(0.2);
        if self.still.is_some_and(|(from, to)| (from..to).contains(&now)) {
            size = size.min(150e3 / 8.0 * FRAME.as_secs_f64());
        }
        if let Some(small) = keyframe {
            let usual = rate / 8.0 * FRAME.as_secs_f64();
            let factor = KEYFRAME.0 + (KEYFRAME.1 - KEYFRAME.0) * self.random.unit();
            size = usual * factor * if small { SMALL } else { 1.0 };
            self.keyframe_at = Some(now);
        }
        let size = size.max(LEAST_FRAME) as usize;
        self.budget.on_frame(size, rate, FRAME);
        self.sizes.insert(self.frame, size);
        let count = size.div_ceil(PACKET);
        let packets = (0..count).map(|index| {
            let part = Part {
                sequence: 0,
                frame: self.frame,
                keyframe: keyframe.is_some(),
                captured: now,
                first: index == 0,
                last: index + 1 == count,
            };
            let size = size / count + HEADERS;
            (Packet { kind: Kind::Video(part), size }, size)
        });
        self.pacer.push_frame(packets, keyframe.is_some());
        self.frame += 1;
    }

    /// When something is due.
    pub(super) fn poll_timeout(&self, now: Timestamp) -> Timestamp {
        // As the tokio timer: a millisecond.
        let paced = self.pacer.poll_timeout().map(|at| at.max(now + Duration::from_millis(1)));
        let held = self.control.holds(now).then(|| now + Duration::from_millis(5));
        let control = self.control.poll_timeout(now);
        let own = control.min(self.next_frame).min(self.next_sound);
        [held.or(paced), Some(own)].into_iter().flatten().min().unwrap_or(own)
    }
}
