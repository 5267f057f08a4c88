//! RTP packets to access units. Runs in the task that receives a peer's media.
//!
//! Packets may come in any order within [`WINDOW`]; units come out in decoding order. A missing packet is waited for (it
//! may be retransmitted) until the packet behind it is `wait` old or the window is full; then it counts as lost.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fika_media::jitter::VideoUnit;
use fika_media::{EncodedFrame, Timestamp};

use super::assembly::{Assembly, begins_access_unit};
use crate::Packet;
use crate::unwrap::{RtpTime, Sequence};

/// Packets that are kept while one before them is missing. Full: the missing ones are given up.
pub const WINDOW: usize = 1024;
/// Bytes that are kept likewise.
const WINDOW_BYTES: usize = 2 << 20;

#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How long a missing packet is waited for.
    pub wait: Duration,
}

impl Default for Config {
    fn default() -> Self {
        // Two tries of repair on a path of which nothing is known yet.
        Self { wait: Duration::from_millis(300) }
    }
}

#[derive(Debug)]
pub struct Depacketizer {
    wait: Duration,
    sequence: Sequence,
    time: RtpTime,
    /// Packets from `next` on that could not be used yet.
    waiting: BTreeMap<u64, Packet>,
    waiting_bytes: usize,
    next: Option<u64>,
    /// Place in the stream where a packet is missing: what follows must prove to be the start of a unit.
    at_gap: bool,
    /// Something is lost since the last keyframe.
    lost: bool,
    /// Timestamp of a unit that cannot be completed: the rest of it is passed over.
    skipping: Option<u32>,
    assembly: Option<Assembly>,
    ready: VecDeque<VideoUnit>,
}

impl Depacketizer {
    pub fn new(config: Config) -> Self {
        Self {
            wait: config.wait,
            sequence: Sequence::default(),
            time: RtpTime::default(),
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            next: None,
            at_gap: true,
            lost: true,
            skipping: None,
            assembly: None,
            ready: VecDeque::new(),
        }
    }

    pub const fn set_wait(&mut self, wait: Duration) {
        self.wait = wait;
    }

    pub fn handle_packet(&mut self, packet: Packet, now: Timestamp) {
        let Some(sequence) = self.sequence.unwrap(packet.sequence) else { return };
        let next = *self.next.get_or_insert(sequence);
        // Too late, or known already.
        if sequence < next || self.waiting.contains_key(&sequence) {
            return;
        }
        self.waiting_bytes += packet.payload.len();
        self.waiting.insert(sequence, packet);
        self.take_contiguous();
        while self.waiting_bytes > WINDOW_BYTES || self.span() > WINDOW as u64 {
            self.give_up();
        }
        self.handle_timeout(now);
    }

    /// Gives up packets that are missing for too long.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while self.poll_timeout().is_some_and(|due| due <= now) {
            self.give_up();
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.waiting.values().next().map(|packet| packet.arrived + self.wait)
    }

    pub fn poll_unit(&mut self) -> Option<VideoUnit> {
        self.ready.pop_front()
    }

    /// From the first missing number to the last one that is waiting.
    fn span(&self) -> u64 {
        match (self.next, self.waiting.last_key_value()) {
            (Some(next), Some((last, _))) => last - next + 1,
            _ => 0,
        }
    }

    fn take_contiguous(&mut self) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| Some(*entry.key()) == self.next) {
            let (sequence, packet) = entry.remove_entry();
            self.waiting_bytes -= packet.payload.len();
            self.next = Some(sequence + 1);
            self.take(&packet);
        }
    }

    /// Passes over the numbers that are missing before the first waiting packet.
    fn give_up(&mut self) {
        let Some(first) = self.waiting.keys().next().copied() else { return };
        self.next = Some(first);
        self.at_gap = true;
        self.lost = true;
        self.take_contiguous();
    }

    fn take(&mut self, packet: &Packet) {
        let gap = std::mem::take(&mut self.at_gap);
        match &self.assembly {
            // The gap may have swallowed the end of this unit, or its middle.
            Some(open) if gap => {
                self.skipping = Some(open.timestamp);
                self.assembly = None;
            }
            // The sender leaves the marker out: the next timestamp ends the unit.
            Some(open) if open.timestamp != packet.timestamp => self.emit(),
            _ => {}
        }
        if packet.payload.is_empty() {
            // Padding belongs to no unit, and so it does not prove where one begins.
            self.at_gap = gap;
            return;
        }
        if self.skipping == Some(packet.timestamp) {
            return;
        }
        self.skipping = None;
        if gap && !begins_access_unit(&packet.payload) {
            self.skip(packet.timestamp);
            return;
        }
        let assembly = self.assembly.get_or_insert_with(|| Assembly::new(packet));
        if assembly.push(packet).is_err() {
            self.skip(packet.timestamp);
        } else if packet.marker {
            self.emit();
        }
    }

    fn skip(&mut self, timestamp: u32) {
        self.lost = true;
        self.assembly = None;
        self.skipping = Some(timestamp);
    }

    fn emit(&mut self) {
        let Some(assembly) = self.assembly.take() else { return };
        let Assembly { timestamp, arrived, captured, sender_time, .. } = assembly;
        let Some((payload, keyframe)) = assembly.finish() else {
            self.skip(timestamp);
            return;
        };
        let after_gap = self.lost;
        if keyframe {
            self.lost = false;
        }
        // 90 kHz to microseconds.
        let pts = Timestamp::from_micros((self.time.unwrap(timestamp) * 100 / 9) as i64);
        self.ready.push_back(VideoUnit {
            frame: EncodedFrame { pts, keyframe, payload },
            arrived,
            after_gap,
            captured,
            sender_time,
        });
    }
}

#[cfg(test)]
mod tests;
