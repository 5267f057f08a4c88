//! Adaptive jitter buffer of one sender's speech. Owns the packets that wait and the samples that are decoded; runs on
//! the audio thread, which pulls 10 ms at a time.
//!
//! What is lost is rebuilt from the FEC in the next packet, else concealed. The delay follows the jitter by leaving out
//! or repeating single pitch periods. Full means [`MAX_DELAY`] or [`MAX_PACKETS`]: the oldest packets are dropped.

mod stats;
mod stretch;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::AudioPacket;
use super::delay::{Config, Delays};
use crate::frame::FRAME_SAMPLES;
use crate::opus::{CODEC_DELAY, MAX_PACKET_SAMPLES, PACKET_SAMPLES};
use crate::playout::Lag;
use crate::{AudioDecoder, AudioFrame, Timestamp};

pub use stats::Stats;

/// Speech that waits at most.
pub const MAX_DELAY: Duration = Duration::from_secs(2);
/// Packets that wait at most: [`MAX_DELAY`] of 10 ms packets.
pub const MAX_PACKETS: usize = 200;
/// A packet this far from the others in sequence, or [`MAX_DELAY`] in time, starts the buffer anew.
const MAX_JUMP: u64 = 500;
/// Larger sequence numbers and RTP timestamps are refused; 5,900 years at 48 kHz.
const MAX_COUNT: u64 = 1 << 53;
/// Packets in a row that come too late, half a second of them, show that the line has become longer: start anew.
const MAX_LATE: u32 = 25;
/// Lost packets in a row after which there is silence: 160 ms.
const MAX_CONCEALED: u32 = 8;

const DELAY: Config = Config {
    window: Duration::from_secs(10),
    quantile: 97,
    margin: Duration::from_millis(20),
    least: Duration::from_millis(30),
    most: Duration::from_millis(400),
    fall: None,
};
/// First delay, until the jitter is known.
const FIRST_DELAY_US: i64 = 40_000;
/// Packets concealed in a row after which nothing is said about what is heard.
const MAX_GUESSED: u32 = 2;
/// Above the target by this: speech is shortened.
const SHORTEN_US: i64 = 25_000;
/// Below the target by this: speech is lengthened.
const LENGTHEN_US: i64 = 15_000;

/// See the module.
#[derive(Debug)]
pub struct Buffer {
    packets: BTreeMap<u64, AudioPacket>,
    newest: Option<u64>,
    delays: Delays,
    /// Wait beyond what the jitter calls for, in microseconds.
    extra: i64,
    /// The last decoded packet: RTP timestamp, and the sender's time.
    decoded: Option<(u64, Timestamp)>,
    /// What is decoded next; `None` until enough waits.
    next: Option<Next>,
    late_in_a_row: u32,
    /// Decoded, not yet pulled.
    samples: VecDeque<f32>,
    scratch: Box<[f32; MAX_PACKET_SAMPLES]>,
    /// Samples of the last packet: what a lost one is taken to have had.
    packet_samples: usize,
    concealed_in_a_row: u32,
    stretched_before: bool,
    stats: Stats,
}

/// The time line of playout.
#[derive(Clone, Copy, Debug)]
struct Next {
    /// No packet before this one is wanted.
    sequence: u64,
    /// RTP timestamp of the sample behind the last decoded or concealed one.
    timestamp: u64,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            packets: BTreeMap::new(),
            newest: None,
            delays: Delays::new(DELAY),
            extra: 0,
            decoded: None,
            next: None,
            late_in_a_row: 0,
            samples: VecDeque::new(),
            scratch: Box::new([0.0; MAX_PACKET_SAMPLES]),
            packet_samples: PACKET_SAMPLES,
            concealed_in_a_row: 0,
            stretched_before: false,
            stats: Stats::default(),
        }
    }
}

impl Buffer {
    /// Takes a packet as it arrived. Duplicates and what comes too late are counted and dropped.
    pub fn insert(&mut self, packet: AudioPacket) {
        if packet.timestamp > MAX_COUNT || packet.sequence > MAX_COUNT {
            self.stats.packets_discarded += 1;
            return;
        }
        let media = micros(packet.timestamp);
        let far = self.newest.is_some_and(|newest| packet.sequence.abs_diff(newest) > MAX_JUMP);
        if far || !self.delays.fits(media, packet.arrived, MAX_DELAY) {
            self.restart();
        }
        self.delays.record(media, packet.arrived);
        self.newest = self.newest.max(Some(packet.sequence));
        let wanted = |next: Next| packet.sequence >= next.sequence && packet.timestamp >= next.timestamp;
        let late = !self.next.is_none_or(wanted);
        if late || self.packets.contains_key(&packet.sequence) {
            self.stats.packets_discarded += 1;
            self.late_in_a_row += u32::from(late);
            if self.late_in_a_row > MAX_LATE {
                self.restart();
            }
            return;
        }
        self.late_in_a_row = 0;
        self.packets.insert(packet.sequence, packet);
        self.limit();
    }

    /// Fills `out` with the next 10 ms, to play at `now`. Silence until the first packets have waited long enough.
    pub fn pull(&mut self, now: Timestamp, decoder: &mut dyn AudioDecoder, out: &mut AudioFrame) {
        *out = AudioFrame::silence(now);
        if self.next.is_none() && !self.start(now) && self.samples.is_empty() {
            return;
        }
        while self.samples.len() < FRAME_SAMPLES {
            match self.next {
                Some(next) => self.advance(next, now, decoder),
                None => self.samples.resize(FRAME_SAMPLES, 0.0),
            }
        }
        for (sample, decoded) in out.samples.iter_mut().zip(self.samples.drain(..FRAME_SAMPLES)) {
            *sample = decoded;
        }
        self.stats.total_samples_received += FRAME_SAMPLES as u64;
    }

    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The delay aimed at, from the earliest possible arrival to playout: what the measured jitter calls for, and the
    /// wait for pictures.
    pub fn target_delay(&self) -> Duration {
        Duration::from_micros(self.target().max(0) as u64)
    }

    /// Waits this much beyond what the jitter calls for, so that pictures can keep up. Reached by stretching speech.
    pub fn wait_for_pictures(&mut self, delay: Duration) {
        self.extra = delay.as_micros() as i64;
    }

    /// RTP timestamp of the next sample to be pulled.
    pub fn position(&self) -> Option<u64> {
        self.next.map(|next| next.timestamp.saturating_sub(self.samples.len() as u64))
    }

    /// The lag of the next sample if it is pulled `now` and heard `latency` later, and the least that the jitter allows.
    /// `None`: nothing plays, or the sender has not reported yet.
    pub fn lags(&self, now: Timestamp, latency: Duration) -> Option<(Lag, Lag)> {
        let (timestamp, sender_time) = self.decoded.filter(|_| self.concealed_in_a_row <= MAX_GUESSED)?;
        let ahead = micros(self.position()?).saturating_sub(micros(timestamp));
        let next = Timestamp::from_micros(sender_time.as_micros().saturating_add(ahead));
        let latency = latency + CODEC_DELAY;
        let due = self.delays.due(micros(timestamp));
        Some((Lag::between(next, now + latency), Lag::between(sender_time, due + latency)))
    }

    fn target(&self) -> i64 {
        self.delays.target() + self.extra
    }

    fn restart(&mut self) {
        self.stats.packets_discarded += self.packets.len() as u64;
        self.packets.clear();
        self.delays.reset();
        self.decoded = None;
        self.newest = None;
        self.next = None;
        self.late_in_a_row = 0;
    }

    fn limit(&mut self) {
        let most = MAX_DELAY.as_micros() as u64 * 48 / 1000;
        while let (Some((_, first)), Some((_, last))) = (self.packets.first_key_value(), self.packets.last_key_value())
        {
            if last.timestamp.saturating_sub(first.timestamp) <= most && self.packets.len() <= MAX_PACKETS {
                return;
            }
            self.packets.pop_first();
            self.stats.packets_discarded += 1;
            if let (Some(next), Some((sequence, packet))) = (&mut self.next, self.packets.first_key_value()) {
                *next = Next { sequence: *sequence, timestamp: packet.timestamp };
            }
        }
    }

    fn start(&mut self, now: Timestamp) -> bool {
        let Some((sequence, packet)) = self.packets.first_key_value() else { return false };
        if self.delays.lateness(micros(packet.timestamp), now) < self.target().max(FIRST_DELAY_US) {
            return false;
        }
        self.next = Some(Next { sequence: *sequence, timestamp: packet.timestamp });
        true
    }

    /// Decodes, recovers or conceals one packet into `samples`.
    fn advance(&mut self, next: Next, now: Timestamp, decoder: &mut dyn AudioDecoder) {
        let step = self.packet_samples as u64;
        let delay = self.delay_of(next.timestamp, now);
        while self.packets.first_key_value().is_some_and(|(_, packet)| packet.timestamp < next.timestamp) {
            self.packets.pop_first();
            self.stats.packets_discarded += 1;
        }
        let Some((first, at)) = self.packets.first_key_value().map(|(first, packet)| (*first, packet.timestamp)) else {
            // What is missing may still come, until it is later than it should be.
            self.conceal(decoder);
            let passed = if delay > self.target() { step } else { 0 };
            self.next = Some(Next { timestamp: next.timestamp + passed, ..next });
            return;
        };
        let gap = at - next.timestamp;
        let lost = first > next.sequence;
        if gap == 0 || !lost && self.delay_of(at, now) >= self.target() {
            return self.decode(self.delay_of(at, now), now, decoder);
        }
        if micros(gap) > MAX_DELAY.as_micros() as i64 {
            self.next = Some(Next { sequence: first, timestamp: at });
            return;
        }
        // Without a loss the sender made a pause, and its time line has a hole.
        if !lost || gap > step || !self.recover(first, decoder) {
            self.conceal(decoder);
        }
        let sequence = next.sequence + u64::from(lost);
        self.next = Some(Next { sequence, timestamp: at.min(next.timestamp + step) });
    }

    /// How long after the earliest possible moment the sample of this RTP timestamp plays when it is queued now.
    fn delay_of(&self, timestamp: u64, now: Timestamp) -> i64 {
        self.delays.lateness(micros(timestamp), now).saturating_add(self.samples.len() as i64 * 1000 / 48)
    }

    fn decode(&mut self, delay: i64, now: Timestamp, decoder: &mut dyn AudioDecoder) {
        let Some((sequence, packet)) = self.packets.pop_first() else { return };
        match decoder.decode(&packet.payload, &mut self.scratch[..]) {
            Ok(len) if len > 0 && len <= MAX_PACKET_SAMPLES => {
                self.packet_samples = len;
                self.concealed_in_a_row = 0;
                self.decoded = packet.sender_time.map(|sender_time| (packet.timestamp, sender_time));
                let queued = Duration::from_micros(self.samples.len() as u64 * 1000 / 48);
                let waited = (now + queued).since(packet.arrived);
                self.stats.emitted(len, waited, self.target_delay());
                self.emit(len, delay - self.target());
            }
            _ => {
                self.stats.packets_discarded += 1;
                self.conceal(decoder);
            }
        }
        self.next = Some(Next { sequence: sequence + 1, timestamp: packet.timestamp + self.packet_samples as u64 });
    }

    /// Appends `len` decoded samples, a pitch period shorter or longer when the delay is `off` its target.
    fn emit(&mut self, len: usize, off: i64) {
        let decoded = &self.scratch[..len];
        // Every other packet at most, unless the delay is far too long.
        let rested = !std::mem::take(&mut self.stretched_before) || off > 4 * SHORTEN_US;
        if rested
            && off > SHORTEN_US
            && let Some(removed) = stretch::shorten(decoded, &mut self.samples)
        {
            self.stats.removed_samples_for_acceleration += removed as u64;
            self.stretched_before = true;
        } else if rested
            && off < -LENGTHEN_US
            && let Some(inserted) = stretch::lengthen(decoded, &mut self.samples)
        {
            self.stats.inserted_samples_for_deceleration += inserted as u64;
            self.stretched_before = true;
        } else {
            self.samples.extend(decoded);
        }
    }

    /// Rebuilds the packet before `following`. False: it has no FEC.
    fn recover(&mut self, following: u64, decoder: &mut dyn AudioDecoder) -> bool {
        let Some(packet) = self.packets.get(&following) else { return false };
        let lost = &mut self.scratch[..self.packet_samples];
        match decoder.recover(&packet.payload, lost) {
            Ok(len) if len == lost.len() => {
                self.samples.extend(&*lost);
                self.stats.fec_packets_received += 1;
                self.concealed_in_a_row = 0;
                true
            }
            _ => false,
        }
    }

    /// Appends a packet's worth of continued sound that fades, and silence after [`MAX_CONCEALED`].
    fn conceal(&mut self, decoder: &mut dyn AudioDecoder) {
        let lost = &mut self.scratch[..self.packet_samples];
        let fading = self.concealed_in_a_row < MAX_CONCEALED;
        if !fading || decoder.conceal(lost).is_err() {
            lost.fill(0.0);
        }
        if fading {
            let (run, len) = (self.concealed_in_a_row as f32, lost.len() as f32);
            for (at, sample) in lost.iter_mut().enumerate() {
                *sample *= 1.0 - (run + at as f32 / len) / MAX_CONCEALED as f32;
            }
        }
        self.samples.extend(&*lost);
        self.stats.concealed(self.packet_samples, !fading, self.concealed_in_a_row == 0);
        self.concealed_in_a_row = self.concealed_in_a_row.saturating_add(1);
    }
}

/// 48 kHz samples in microseconds.
fn micros(timestamp: u64) -> i64 {
    (timestamp * 1000 / 48) as i64
}

#[cfg(test)]
mod tests;
