//! Reads transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01). One per connection.

use fika_media::Timestamp;
use fika_rtp::congestion::simple::Reported;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{PacketStatusChunk, SymbolTypeTcc, TransportLayerCc};

/// Microseconds of one unit of the reference time.
const REFERENCE: i64 = 64_000;
const REFERENCE_BITS: u32 = 24;

#[derive(Debug, Default)]
pub(super) struct Feedback {
    reference: Option<i64>,
}

impl Feedback {
    /// What the report names, in order; `next` is the number of the next packet that leaves. A report that does not hold
    /// together is read as far as it does.
    pub(super) fn read(&mut self, report: &TransportLayerCc, next: u64) -> Vec<Reported> {
        // The numbers lie in the past, so the nearest ones below `next` are meant.
        let back = (next as u16).wrapping_sub(report.base_sequence_number);
        let Some(base) = next.checked_sub(u64::from(back)) else { return Vec::new() };
        let mut arrival = self.unwrap_reference(report.reference_time) * REFERENCE;
        let mut deltas = report.recv_deltas.iter();
        let mut reported = Vec::with_capacity(usize::from(report.packet_status_count));
        for symbol in symbols(&report.packet_chunks).take(usize::from(report.packet_status_count)) {
            let arrived = match symbol {
                SymbolTypeTcc::PacketReceivedSmallDelta | SymbolTypeTcc::PacketReceivedLargeDelta => {
                    let Some(delta) = deltas.next() else { break };
                    arrival += delta.delta;
                    Some(Timestamp::from_micros(arrival))
                }
                _ => None,
            };
            let number = base + reported.len() as u64;
            if number >= next {
                break;
            }
            reported.push(Reported { number, arrived });
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

fn symbols(chunks: &[PacketStatusChunk]) -> impl Iterator<Item = SymbolTypeTcc> + '_ {
    chunks.iter().flat_map(|chunk| {
        let (run, list) = match chunk {
            PacketStatusChunk::RunLengthChunk(chunk) => {
                (Some(std::iter::repeat_n(chunk.packet_status_symbol, usize::from(chunk.run_length))), None)
            }
            PacketStatusChunk::StatusVectorChunk(chunk) => (None, Some(chunk.symbol_list.iter().copied())),
        };
        run.into_iter().flatten().chain(list.into_iter().flatten())
    })
}

#[cfg(test)]
mod tests {
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::{RecvDelta, RunLengthChunk, StatusVectorChunk};

    use super::*;

    fn report(base: u16, count: u16, chunks: Vec<PacketStatusChunk>, deltas: &[i64]) -> TransportLayerCc {
        TransportLayerCc {
            base_sequence_number: base,
            packet_status_count: count,
            reference_time: 10,
            packet_chunks: chunks,
            recv_deltas: deltas.iter().map(|delta| RecvDelta { delta: *delta, ..Default::default() }).collect(),
            ..Default::default()
        }
    }

    fn received(count: u16) -> PacketStatusChunk {
        PacketStatusChunk::RunLengthChunk(RunLengthChunk {
            packet_status_symbol: SymbolTypeTcc::PacketReceivedSmallDelta,
            run_length: count,
            ..Default::default()
        })
    }

    #[test]
    fn arrivals_add_up_over_the_wrap_of_numbers() {
        let vector = PacketStatusChunk::StatusVectorChunk(StatusVectorChunk {
            symbol_list: vec![SymbolTypeTcc::PacketNotReceived, SymbolTypeTcc::PacketReceivedLargeDelta],
            ..Default::default()
        });
        let next = (3 << 16) + 5;
        let read = Feedback::default().read(&report(65_535, 4, vec![received(2), vector], &[250, 500, -250]), next);
        let numbers: Vec<u64> = read.iter().map(|r| r.number).collect();
        assert_eq!(numbers, [(3 << 16) - 1, 3 << 16, (3 << 16) + 1, (3 << 16) + 2]);
        let arrived: Vec<_> = read.iter().map(|r| r.arrived.map(Timestamp::as_micros)).collect();
        assert_eq!(arrived, [Some(640_250), Some(640_750), None, Some(640_500)]);
    }

    #[test]
    fn what_does_not_hold_together_is_read_as_far_as_it_does() {
        let next = (1 << 16) + 100;
        assert_eq!(Feedback::default().read(&report(0, 10, vec![received(10)], &[0, 0]), next).len(), 2);
        assert_eq!(Feedback::default().read(&report(95, 60_000, vec![received(60_000)], &[0; 60_000]), next).len(), 5);
        assert!(Feedback::default().read(&report(0, 10, vec![], &[]), next).is_empty());
        assert!(Feedback::default().read(&report(5, 10, vec![received(10)], &[0; 10]), 3).is_empty());
    }

    #[test]
    fn the_reference_time_goes_on_after_its_wrap() {
        let mut feedback = Feedback::default();
        assert_eq!(feedback.unwrap_reference((1 << 24) - 1), (1 << 24) - 1);
        assert_eq!(feedback.unwrap_reference(1), (1 << 24) + 1);
        assert_eq!(feedback.unwrap_reference((1 << 24) - 2), (1 << 24) - 2);
    }
}
