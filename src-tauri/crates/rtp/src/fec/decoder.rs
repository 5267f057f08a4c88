//! Brings back packets of one received stream. Fed with what arrives, in any order.
//!
//! The peer may be hostile: windows are capped by their one byte of count, repairs are few and short, and what comes out was
//! a packet of the peer's anyway. Full: the oldest packet and the oldest repair are forgotten.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::encoder::MAX_WINDOW;
use super::{FIELDS, HEADER, MARK, Protected, coefficient, gf};
use crate::unwrap::Sequence;

/// Packets that are remembered: half a second at 5 Mbit/s, and more than any window.
const MAX_PACKETS: usize = 512;
/// Repairs that wait for others.
const MAX_REPAIRS: usize = 32;
/// Bytes of a sum: more than any packet has.
const MAX_SUM: usize = 1600;
/// Missing packets that are solved for at once. More: the oldest repairs go first.
const MAX_UNKNOWN: usize = 24;

#[derive(Debug)]
struct Repair {
    id: u16,
    first: u64,
    count: u8,
    /// Without the packets of its window that have come.
    sum: Vec<u8>,
    missing: BTreeSet<u64>,
}

#[derive(Debug, Default)]
pub struct Decoder {
    sequence: Sequence,
    packets: BTreeMap<u64, Protected>,
    repairs: VecDeque<Repair>,
}

impl Decoder {
    /// Whether this payload of a retransmission is a repair.
    pub fn is_repair(payload: &[u8]) -> bool {
        payload.first() == Some(&MARK)
    }

    /// A packet has come, by itself or again. Returns what that brings back.
    pub fn on_packet(&mut self, packet: Protected) -> Vec<Protected> {
        let Some(number) = self.sequence.unwrap(packet.sequence) else { return Vec::new() };
        if !self.keep(number, packet) {
            return Vec::new();
        }
        if self.settle(number) { self.solve() } else { Vec::new() }
    }

    /// A repair has come.
    pub fn on_repair(&mut self, payload: &[u8]) -> Vec<Protected> {
        let Some(repair) = self.read(payload) else { return Vec::new() };
        if repair.missing.is_empty() {
            return Vec::new();
        }
        if self.repairs.len() == MAX_REPAIRS {
            self.repairs.pop_front();
        }
        self.repairs.push_back(repair);
        self.solve()
    }

    /// `false`: it is known, or too old.
    fn keep(&mut self, number: u64, packet: Protected) -> bool {
        let oldest = self.packets.first_key_value().map_or(0, |(oldest, _)| *oldest);
        if self.packets.contains_key(&number) || (self.packets.len() == MAX_PACKETS && number < oldest) {
            return false;
        }
        self.packets.insert(number, packet);
        if self.packets.len() > MAX_PACKETS {
            self.packets.pop_first();
            let oldest = self.packets.first_key_value().map_or(0, |(oldest, _)| *oldest);
            self.repairs.retain(|repair| repair.first >= oldest);
        }
        true
    }

    fn read(&mut self, payload: &[u8]) -> Option<Repair> {
        let (header, sum) = payload.split_first_chunk::<HEADER>()?;
        let [mark, id, id_low, first, first_low, count] = *header;
        let (id, first) = (u16::from_be_bytes([id, id_low]), u16::from_be_bytes([first, first_low]));
        let fits = mark == MARK
            && (1..=MAX_WINDOW).contains(&usize::from(count))
            && (FIELDS + 1..=MAX_SUM).contains(&sum.len());
        if !fits || self.repairs.iter().any(|repair| repair.id == id) {
            return None;
        }
        let first = self.sequence.near(first)?;
        let oldest = *self.packets.first_key_value()?.0;
        if self.packets.len() == MAX_PACKETS && first < oldest {
            return None;
        }
        let mut repair = Repair { id, first, count, sum: sum.to_vec(), missing: BTreeSet::new() };
        for number in first..first + u64::from(count) {
            match self.packets.get(&number) {
                Some(packet) => repair.take(number, packet)?,
                None => drop(repair.missing.insert(number)),
            }
        }
        Some(repair)
    }

    /// Takes a packet that came out of the repairs that hold it. Returns whether there were any.
    fn settle(&mut self, number: u64) -> bool {
        let Some(packet) = self.packets.get(&number) else { return false };
        let mut touched = false;
        self.repairs.retain_mut(|repair| {
            if !repair.missing.remove(&number) {
                return true;
            }
            touched = true;
            repair.take(number, packet).is_some() && !repair.missing.is_empty()
        });
        touched
    }

    /// Gauss and Jordan over the missing packets. What a row of one unknown gives is a packet.
    fn solve(&mut self) -> Vec<Protected> {
        let mut unknown = BTreeSet::new();
        let mut rows: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut chosen = Vec::new();
        // The newest first: the older a repair, the less its packets are worth.
        for repair in self.repairs.iter().rev() {
            let more = repair.missing.difference(&unknown).count();
            if unknown.len() + more <= MAX_UNKNOWN {
                unknown.extend(&repair.missing);
                chosen.push(repair);
            }
        }
        let unknown: Vec<u64> = unknown.into_iter().collect();
        let size = chosen.iter().map(|repair| repair.sum.len()).max().unwrap_or_default();
        for repair in chosen {
            let coefficients = unknown
                .iter()
                .map(|number| if repair.missing.contains(number) { coefficient(repair.id, *number as u16) } else { 0 });
            let mut sum = repair.sum.clone();
            sum.resize(size, 0);
            rows.push((coefficients.collect(), sum));
        }
        eliminate(&mut rows, unknown.len());
        let mut back = Vec::new();
        for (coefficients, sum) in &rows {
            let mut used = coefficients.iter().enumerate().filter(|(_, coefficient)| **coefficient != 0);
            if let (Some((at, 1)), None) = (used.next().map(|(at, c)| (at, *c)), used.next()) {
                let number = unknown[at];
                match Protected::read(number as u16, sum) {
                    Some(packet) => back.push((number, packet)),
                    // Nothing of these repairs can be trusted.
                    None => self.repairs.retain(|repair| !repair.missing.contains(&number)),
                }
            }
        }
        for (number, packet) in &back {
            if self.keep(*number, packet.clone()) {
                self.settle(*number);
            }
        }
        back.into_iter().map(|(_, packet)| packet).collect()
    }
}

impl Repair {
    /// Takes a packet out of the sum. `None`: it is longer than the sum, so one of the two is wrong.
    fn take(&mut self, number: u64, packet: &Protected) -> Option<()> {
        if packet.len() > self.sum.len() || number >= self.first + u64::from(self.count) {
            return None;
        }
        packet.add_to(&mut self.sum, coefficient(self.id, packet.sequence));
        Some(())
    }
}

/// To reduced echelon form.
fn eliminate(rows: &mut [(Vec<u8>, Vec<u8>)], columns: usize) {
    let mut done = 0;
    for column in 0..columns {
        let Some(pivot) = (done..rows.len()).find(|row| rows[*row].0[column] != 0) else { continue };
        rows.swap(done, pivot);
        let (coefficients, sum) = &mut rows[done];
        let scale = gf::Row::new(gf::inverse(coefficients[column]));
        scale.scale(coefficients);
        scale.scale(sum);
        let (coefficients, sum) = (coefficients.clone(), sum.clone());
        for (at, row) in rows.iter_mut().enumerate() {
            if at != done && row.0[column] != 0 {
                let factor = gf::Row::new(row.0[column]);
                factor.add(&mut row.0, &coefficients);
                factor.add(&mut row.1, &sum);
            }
        }
        done += 1;
    }
}
