//! A sender of video and sound as Chromium has it, in virtual time: the delay-based half of `goog_cc` with its probes at the
//! start, a bound by losses, its pacer, and an encoder as a model of sizes. What shares a path with ours.
//!
//! The numbers are those of libwebrtc (modules/congestion_controller/goog_cc, modules/pacing). Left out is what a steady
//! call on one path never needs: repair, probes while little is sent, and a path that nothing is heard of.

mod aimd;
mod throughput;
mod trendline;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fika_media::Timestamp;
use fika_media::budget::Budget;
use fika_rtp::congestion::Reported;

use super::beside::Sends;
use super::random::Random;
use super::receiver::Reply;
use super::sender::{FRAME, HEADERS, Kind, PACKET, Packet, Part, SOUND, SOUND_SIZE};
use aimd::Aimd;
use throughput::Throughput;
use trendline::{Trendline, Usage};

const START: f64 = 300e3;
/// Frames leave at this much of the rate, and what takes so long at once.
const PACE: f64 = 2.5;
const BURST: Duration = Duration::from_millis(5);
/// The probes at the start; each that finds more than this of itself is followed by one of twice what it found.
const PROBES: [f64; 2] = [3.0, 6.0];
const PROBE_FURTHER: f64 = 0.7;
const PROBE_TIME: f64 = 0.015;
const PROBE_PACKETS: usize = 5;
/// A path that delivers less than this of what entered is full, and this is taken of what it delivers.
const SATURATED: f64 = 0.9;
const OF_FULL: f64 = 0.95;
/// Losses below the first share let the bound grow, above the second they cut it by half of the share.
const LOSSES: (f64, f64) = (0.02, 0.1);
const GROWTH: f64 = 1.08;
/// Frames differ in size by this much.
const NOISE: f64 = 0.15;
const KEYFRAME: f64 = 5.0;
const LEAST_FRAME: f64 = 300.0;

struct Departure {
    at: Timestamp,
    size: usize,
    probe: bool,
}

/// A few packets close together.
struct Probe {
    rate: f64,
    left: usize,
    /// Departure and arrival of those that came, and their bytes.
    came: Vec<(Timestamp, Timestamp, usize)>,
}

pub(super) struct Gcc {
    random: Random,
    max: f64,
    aimd: Aimd,
    trendline: Trendline,
    throughput: Throughput,
    rtt: f64,
    /// By losses, bits a second, and when it changed.
    bound: f64,
    bounded: Timestamp,
    budget: Budget,
    waiting: VecDeque<Packet>,
    /// When all that has left would have left at the pacer's rate.
    due: Timestamp,
    probes: VecDeque<Probe>,
    probe_due: Timestamp,
    departures: BTreeMap<u64, Departure>,
    next_frame: Timestamp,
    next_sound: Timestamp,
    keyframe: bool,
    frame: u64,
    sequence: u16,
    number: u64,
}

impl Gcc {
    pub(super) fn new(max: f64, seed: u64) -> Self {
        let probe = |factor: &f64| Probe::new(factor * START);
        Self {
            random: Random::new(seed ^ 0x6cc),
            max,
            aimd: Aimd::new(START),
            trendline: Trendline::default(),
            throughput: Throughput::default(),
            rtt: 0.2,
            bound: max,
            bounded: Timestamp::ZERO,
            budget: Budget::default(),
            waiting: VecDeque::new(),
            due: Timestamp::ZERO,
            probes: PROBES.iter().map(probe).collect(),
            probe_due: Timestamp::ZERO,
            departures: BTreeMap::new(),
            next_frame: Timestamp::ZERO,
            next_sound: Timestamp::ZERO,
            keyframe: true,
            frame: 0,
            sequence: 0,
            number: 0,
        }
    }

    fn target(&self) -> f64 {
        self.aimd.rate.min(self.bound).min(self.max)
    }

    fn on_feedback(&mut self, reported: &[Reported], now: Timestamp) {
        let mut came = Vec::new();
        for report in reported {
            let departure = self.departures.remove(&report.number);
            came.extend(departure.zip(report.arrived));
        }
        came.sort_by_key(|(_, arrived)| *arrived);
        let Some((newest, _)) = came.last() else { return };
        self.rtt += 0.1 * (now.since(newest.at).as_secs_f64() - self.rtt);
        self.on_loss(1.0 - came.len() as f64 / reported.len() as f64, now);
        let mut usage = Usage::Normal;
        for (departure, arrived) in &came {
            usage = self.trendline.on_packet(departure.at, *arrived);
            self.throughput.on_packet(departure.at, *arrived, departure.size);
            if let Some(probe) = self.probes.front_mut().filter(|_| departure.probe) {
                probe.came.push((departure.at, *arrived, departure.size));
            }
        }
        if !self.on_probes(now)
            && let Some(throughput) = self.throughput.rate()
        {
            self.aimd.update(usage, throughput, self.rtt, now);
        }
    }

    /// This share of a report is lost.
    fn on_loss(&mut self, share: f64, now: Timestamp) {
        let passed = now.since(self.bounded);
        let (few, many) = LOSSES;
        if share > many && passed.as_secs_f64() > 0.3 + self.rtt {
            self.bound = self.target() * (1.0 - share / 2.0);
            self.bounded = now;
        } else if share < few {
            self.bound = (self.bound * GROWTH.powf(passed.as_secs_f64().min(1.0))).min(self.max);
            self.bounded = now;
        }
    }

    /// Whether a probe has said what the path carries.
    fn on_probes(&mut self, now: Timestamp) -> bool {
        let done = self.probes.front().filter(|probe| probe.left == 0 && probe.came.len() >= PROBE_PACKETS);
        let Some((found, asked)) = done.and_then(|probe| Some((probe.found()?, probe.rate))) else { return false };
        self.probes.pop_front();
        if found > PROBE_FURTHER * asked && self.probes.is_empty() && found < self.max {
            self.probes.push_back(Probe::new(2.0 * found));
        }
        self.aimd.set(found, now);
        true
    }

    fn picture(&mut self, now: Timestamp) {
        let rate = (self.target() - SOUND_SIZE as f64 * 8.0 / SOUND.as_secs_f64()).max(30e3);
        // Of a packet, headers are no picture.
        let rate = rate * PACKET as f64 / (PACKET + HEADERS) as f64;
        let share = rate / 8.0 * FRAME.as_secs_f64();
        let size = self.budget.bytes(rate, FRAME, 0) * (1.0 + NOISE * self.random.normal()).max(0.2);
        let keyframe = std::mem::take(&mut self.keyframe);
        let size = if keyframe { KEYFRAME * share } else { size }.max(LEAST_FRAME) as usize;
        self.budget.on_frame(size, rate, FRAME);
        let count = size.div_ceil(PACKET);
        for index in 0..count {
            let (first, last) = (index == 0, index + 1 == count);
            let part = Part { sequence: self.sequence, frame: self.frame, keyframe, captured: now, first, last };
            self.sequence = self.sequence.wrapping_add(1);
            self.waiting.push_back(Packet { kind: Kind::Video(part), size: size / count + HEADERS });
        }
        self.frame += 1;
    }

    fn leave(&mut self, packet: Packet, probe: bool, now: Timestamp) -> (u64, Packet) {
        let number = self.number;
        self.departures.insert(number, Departure { at: now, size: packet.size, probe });
        self.number += 1;
        (number, packet)
    }
}

impl Sends for Gcc {
    fn on_reply(&mut self, reply: Reply, now: Timestamp) {
        match reply {
            Reply::Feedback(reported) => self.on_feedback(&reported, now),
            Reply::Pli => self.keyframe = true,
            Reply::Nack(_) | Reply::File(_) => {}
        }
    }

    fn handle_timeout(&mut self, now: Timestamp) -> Vec<(u64, Packet)> {
        let mut leaves = Vec::new();
        if self.next_sound <= now {
            self.next_sound = self.next_sound.max(now - SOUND) + SOUND;
            leaves.push(self.leave(Packet { kind: Kind::Sound, size: SOUND_SIZE }, false, now));
        }
        if self.next_frame <= now {
            self.next_frame = self.next_frame.max(now - FRAME) + FRAME;
            self.picture(now);
        }
        if self.probe_due <= now
            && let Some(probe) = self.probes.iter_mut().find(|probe| probe.left > 0)
        {
            probe.left -= 1;
            self.probe_due = now + time(PACKET, probe.rate);
            leaves.push(self.leave(Packet { kind: Kind::Padding, size: PACKET }, true, now));
        }
        while self.due <= now + BURST
            && let Some(packet) = self.waiting.pop_front()
        {
            self.due = self.due.max(now) + time(packet.size, PACE * self.target());
            leaves.push(self.leave(packet, false, now));
        }
        leaves
    }

    fn poll_timeout(&self, _: Timestamp) -> Timestamp {
        let paced = (!self.waiting.is_empty()).then(|| self.due - BURST);
        let probe = self.probes.iter().any(|probe| probe.left > 0).then_some(self.probe_due);
        [paced, probe].into_iter().flatten().fold(self.next_frame.min(self.next_sound), Timestamp::min)
    }
}

impl Probe {
    fn new(rate: f64) -> Self {
        let packets = (rate * PROBE_TIME / 8.0 / PACKET as f64).ceil() as usize;
        Self { rate, left: packets.max(PROBE_PACKETS), came: Vec::new() }
    }

    fn found(&self) -> Option<f64> {
        let (first, last) = (self.came.first()?, self.came.last()?);
        let bytes: usize = self.came.iter().skip(1).map(|packet| packet.2).sum();
        let rate = |from: Timestamp, to: Timestamp| bytes as f64 * 8.0 / to.since(from).as_secs_f64().max(1e-3);
        let (left, came) = (rate(first.0, last.0), rate(first.1, last.1));
        Some(if came < SATURATED * left { OF_FULL * came } else { came.min(left) })
    }
}

/// What `bytes` take at `rate` bits a second.
fn time(bytes: usize, rate: f64) -> Duration {
    Duration::from_secs_f64(bytes as f64 * 8.0 / rate)
}
