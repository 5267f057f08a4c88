//! Reads transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1). One per connection.
//!
//! The peer may be hostile: a report that does not hold together is read as far as it does, and names no packet that has
//! not left.

use fika_media::Timestamp;

/// Microseconds of one unit of the reference time, and of a delta.
const REFERENCE: i64 = 64_000;
const DELTA: i64 = 250;
const REFERENCE_BITS: u32 = 24;
const TRANSPORT_FEEDBACK: u8 = 205;
const TRANSPORT_WIDE: u8 = 15;
/// Length of all before the chunks.
const HEADER: usize = 20;

/// One packet in a feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Transport-wide sequence number, without its wrap.
    pub number: u64,
    /// On the receiver's clock; `None`: named as missing.
    pub arrived: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub struct Feedback {
    reference: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Missing,
    Small,
    Large,
}

impl Symbol {
    const fn new(bits: u16) -> Self {
        match bits {
            1 => Self::Small,
            2 => Self::Large,
            // 3 is reserved; older documents: received without a time.
            _ => Self::Missing,
        }
    }
}

impl Feedback {
    /// One RTCP packet. `next` is the number of the next packet that leaves; the numbers lie in the past, so the nearest
    /// ones below it are meant.
    pub fn read(&mut self, packet: &[u8], next: u64) -> Vec<Reported> {
        let Some((header, rest)) = packet.split_first_chunk::<HEADER>() else { return Vec::new() };
        let is_feedback = header[0] >> 6 == 2 && header[0] & 31 == TRANSPORT_WIDE && header[1] == TRANSPORT_FEEDBACK;
        let base_number = u16::from_be_bytes([header[12], header[13]]);
        let count = usize::from(u16::from_be_bytes([header[14], header[15]]));
        let back = (next as u16).wrapping_sub(base_number);
        let Some(base) = next.checked_sub(u64::from(back)).filter(|_| is_feedback) else { return Vec::new() };
        let reference = u32::from_be_bytes([0, header[16], header[17], header[18]]);
        let mut arrival = self.unwrap_reference(reference).saturating_mul(REFERENCE);
        let (symbols, mut deltas) = symbols(rest, count);
        let mut reported = Vec::with_capacity(symbols.len());
        for (number, symbol) in (base..next).zip(symbols) {
            let delta = match symbol {
                Symbol::Missing => None,
                Symbol::Small => {
                    let Some((delta, rest)) = deltas.split_first() else { break };
                    deltas = rest;
                    Some(i64::from(*delta))
                }
                Symbol::Large => {
                    let Some((delta, rest)) = deltas.split_first_chunk::<2>() else { break };
                    deltas = rest;
                    Some(i64::from(i16::from_be_bytes(*delta)))
                }
            };
            arrival = arrival.saturating_add(delta.unwrap_or(0) * DELTA);
            reported.push(Reported { number, arrived: delta.map(|_| Timestamp::from_micros(arrival)) });
        }
        reported
    }

    fn unwrap_reference(&mut self, reference: u32) -> i64 {
        let reference = i64::from(reference);
        let value = self.reference.map_or(reference, |last| {
            let wrap = 1 << REFERENCE_BITS;
            let step = (reference - last).rem_euclid(wrap);
            last + if step >= wrap / 2 { step - wrap } else { step }
        });
        self.reference = Some(value);
        value
    }
}

/// Up to `count` symbols, and what follows the chunks.
fn symbols(mut rest: &[u8], count: usize) -> (Vec<Symbol>, &[u8]) {
    let mut symbols = Vec::new();
    while symbols.len() < count {
        let Some((chunk, after)) = rest.split_first_chunk::<2>() else { break };
        rest = after;
        let chunk = u16::from_be_bytes(*chunk);
        let left = count - symbols.len();
        match chunk >> 14 {
            0 | 1 => {
                let run = usize::from(chunk & 0x1fff).min(left);
                symbols.extend(std::iter::repeat_n(Symbol::new(chunk >> 13 & 3), run));
            }
            2 => symbols.extend((0..14).rev().take(left).map(|bit| Symbol::new(chunk >> bit & 1))),
            _ => symbols.extend((0..7).rev().take(left).map(|pair| Symbol::new(chunk >> (2 * pair) & 3))),
        }
    }
    (symbols, rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(base: u16, count: u16, reference: u32, chunks: &[u16], deltas: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80 | TRANSPORT_WIDE, TRANSPORT_FEEDBACK, 0, 0];
        packet.extend([0; 8]);
        packet.extend(base.to_be_bytes());
        packet.extend(count.to_be_bytes());
        packet.extend(&reference.to_be_bytes()[1..]);
        packet.push(0);
        chunks.iter().for_each(|chunk| packet.extend(chunk.to_be_bytes()));
        packet.extend(deltas);
        packet
    }

    /// Writes what arrived, in units of 250 µs after the reference: the plainest way there is.
    fn write(base: u16, reference: u32, arrived: &[Option<i16>]) -> Vec<u8> {
        let mut chunks = Vec::new();
        for seven in arrived.chunks(7) {
            let symbols = seven.iter().enumerate().map(|(at, delta)| match delta {
                None => 0,
                Some(0..=255) => 1 << (12 - 2 * at),
                Some(_) => 2 << (12 - 2 * at),
            });
            chunks.push(0xc000 | symbols.sum::<u16>());
        }
        let deltas = arrived.iter().flatten().flat_map(|delta| match u8::try_from(*delta) {
            Ok(small) => vec![small],
            Err(_) => delta.to_be_bytes().to_vec(),
        });
        report(base, arrived.len() as u16, reference, &chunks, &deltas.collect::<Vec<u8>>())
    }

    #[test]
    fn arrivals_add_up_over_the_wrap_of_numbers() {
        // A run of two that came, then a vector: missing, and one earlier than its neighbour.
        let packet = report(65_535, 4, 10, &[0x2002, 0xc000 | 2 << 10], &[1, 2, 0xff, 0xff]);
        let read = Feedback::default().read(&packet, (3 << 16) + 5);
        let numbers: Vec<u64> = read.iter().map(|r| r.number).collect();
        assert_eq!(numbers, [(3 << 16) - 1, 3 << 16, (3 << 16) + 1, (3 << 16) + 2]);
        let arrived: Vec<_> = read.iter().map(|r| r.arrived.map(Timestamp::as_micros)).collect();
        assert_eq!(arrived, [Some(640_250), Some(640_750), None, Some(640_500)]);
    }

    #[test]
    fn a_vector_of_single_bits_is_read() {
        let packet = report(0, 5, 0, &[0x8000 | 0b10110 << 9], &[1, 1, 1]);
        let read = Feedback::default().read(&packet, 100);
        let came: Vec<bool> = read.iter().map(|r| r.arrived.is_some()).collect();
        assert_eq!(came, [true, false, true, true, false]);
    }

    #[test]
    fn what_does_not_hold_together_is_read_as_far_as_it_does() {
        let next = (1 << 16) + 100;
        let read = |packet: &[u8], next| Feedback::default().read(packet, next).len();
        assert_eq!(read(&report(0, 10, 0, &[0x200a], &[0, 0]), next), 2);
        assert_eq!(read(&report(95, 60_000, 0, &[0x3fff; 8], &[0; 60_000]), next), 5);
        assert_eq!(read(&report(0, 10, 0, &[], &[]), next), 0);
        assert_eq!(read(&report(5, 10, 0, &[0x200a], &[0; 10]), 3), 0);
        let whole = report(0, 1, 0, &[0x2001], &[0]);
        assert_eq!(read(&whole, next), 1);
        assert_eq!(read(&whole[..HEADER - 1], next), 0);
        for (at, byte) in [(0, 0x8e), (0, 0x4f), (1, 206)] {
            let mut other = whole.clone();
            other[at] = byte;
            assert_eq!(read(&other, next), 0, "another kind of packet");
        }
    }

    #[test]
    fn the_reference_time_goes_on_after_its_wrap() {
        let mut feedback = Feedback::default();
        assert_eq!(feedback.unwrap_reference((1 << 24) - 1), (1 << 24) - 1);
        assert_eq!(feedback.unwrap_reference(1), (1 << 24) + 1);
        assert_eq!(feedback.unwrap_reference((1 << 24) - 2), (1 << 24) - 2);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            base in 0u64..200_000,
            reference in 0u32..1 << 24,
            arrived in prop::collection::vec(prop::option::of(any::<i16>()), 0..300),
        ) {
            let packet = write(base as u16, reference, &arrived);
            let read = Feedback::default().read(&packet, base + arrived.len() as u64);
            prop_assert_eq!(read.len(), arrived.len());
            let mut at = i64::from(reference) * REFERENCE;
            for ((number, delta), read) in (base..).zip(&arrived).zip(&read) {
                at += i64::from(delta.unwrap_or(0)) * DELTA;
                let expected = delta.map(|_| Timestamp::from_micros(at));
                prop_assert_eq!(*read, Reported { number, arrived: expected });
            }
        }

        #[test]
        fn nothing_that_has_not_left_is_named(packet in prop::collection::vec(any::<u8>(), 0..200), next in any::<u64>()) {
            let mut packet = packet;
            packet.splice(0..packet.len().min(2), [0x80 | TRANSPORT_WIDE, TRANSPORT_FEEDBACK]);
            let read = Feedback::default().read(&packet, next);
            prop_assert!(read.iter().all(|reported| reported.number < next));
            prop_assert!(read.windows(2).all(|pair| pair[0].number + 1 == pair[1].number));
        }
    }
}
