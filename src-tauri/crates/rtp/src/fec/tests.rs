use proptest::prelude::*;

use super::*;

fn packet(sequence: u16, size: usize) -> Protected {
    let payload: Vec<u8> = (0..size).map(|at| (at * 7) as u8 ^ sequence as u8).collect();
    Protected {
        sequence,
        marker: sequence.is_multiple_of(5),
        timestamp: u32::from(sequence) * 3000,
        payload: payload.into(),
    }
}

/// Frames of these sizes, with the repairs that follow each.
fn stream(first: u16, frames: &[Vec<usize>], ratio: f64) -> Vec<Result<Protected, Bytes>> {
    let (mut encoder, mut sequence, mut out) = (Encoder::default(), first, Vec::new());
    for frame in frames {
        for size in frame {
            let packet = packet(sequence, *size);
            encoder.on_sent(packet.clone());
            out.push(Ok(packet));
            sequence = sequence.wrapping_add(1);
        }
        for _ in 0..encoder.end_frame(ratio, 4) {
            let (newest, repair) = encoder.repair().unwrap();
            assert_eq!(newest, sequence.wrapping_sub(1));
            out.push(Err(repair));
        }
    }
    out
}

fn receive(decoder: &mut Decoder, item: &Result<Protected, Bytes>) -> Vec<Protected> {
    match item {
        Ok(packet) => decoder.on_packet(packet.clone()),
        Err(repair) => {
            assert!(Decoder::is_repair(repair));
            decoder.on_repair(repair)
        }
    }
}

#[test]
fn one_repair_brings_back_any_one_packet_of_its_window() {
    let frames = vec![vec![1000, 1000, 300]; 6];
    for lost in 0..18u16 {
        let mut decoder = Decoder::default();
        // Over the wrap of numbers.
        let all = stream(65_530, &frames, 0.4);
        let back: Vec<Protected> = all
            .iter()
            .filter(|item| item.as_ref().map_or(true, |packet| packet.sequence != 65_530u16.wrapping_add(lost)))
            .flat_map(|item| receive(&mut decoder, item))
            .collect();
        // Of what was lost before anything came nobody knows.
        if lost > 0 {
            assert_eq!(
                back,
                [packet(65_530u16.wrapping_add(lost), [1000, 1000, 300][usize::from(lost % 3)])],
                "{lost}"
            );
        }
    }
}

#[test]
fn several_repairs_bring_back_as_many_packets() {
    let frames = vec![vec![1000; 8]; 4];
    let all = stream(100, &frames, 0.25);
    let mut decoder = Decoder::default();
    // A whole half of the third frame, which its own two repairs and those of the next frame name.
    let lost = 117..121;
    let came = all.iter().filter(|item| item.as_ref().map_or(true, |packet| !lost.contains(&packet.sequence)));
    let mut back: Vec<u16> = came.flat_map(|item| receive(&mut decoder, item)).map(|packet| packet.sequence).collect();
    back.sort_unstable();
    assert_eq!(back, [117, 118, 119, 120]);
}

#[test]
fn nothing_comes_of_too_few_repairs_and_a_copy_helps_them() {
    let all = stream(100, &[vec![500; 8]], 0.125);
    let mut decoder = Decoder::default();
    let came = all.iter().filter(|item| item.as_ref().map_or(true, |packet| ![103, 105].contains(&packet.sequence)));
    assert!(came.flat_map(|item| receive(&mut decoder, item)).next().is_none());
    assert_eq!(decoder.on_packet(packet(103, 500)), [packet(105, 500)]);
}

#[test]
fn without_a_ratio_nothing_is_sent_and_nothing_is_owed() {
    let mut encoder = Encoder::default();
    (0..20).for_each(|sequence| encoder.on_sent(packet(sequence, 100)));
    assert_eq!(encoder.end_frame(0.0, 4), 0);
    let repairs = (0..100).map(|round: u16| {
        (0..10).for_each(|at| encoder.on_sent(packet(round * 10 + at, 100)));
        encoder.end_frame(0.085, 4)
    });
    assert_eq!(repairs.sum::<usize>(), 85);
    encoder.forget();
    assert_eq!(encoder.repair(), None);
}

proptest! {
    #[test]
    fn what_comes_back_is_what_was_sent(
        first in any::<u16>(),
        frames in prop::collection::vec(prop::collection::vec(1usize..1200, 1..12), 1..30),
        lost in prop::collection::vec(0u8..100, 600),
        share in 0u8..40,
        ratio in 0.0f64..0.6,
    ) {
        let mut decoder = Decoder::default();
        let all = stream(first, &frames, ratio);
        let sizes: Vec<usize> = frames.iter().flatten().copied().collect();
        let mut back = std::collections::BTreeSet::new();
        for (item, lost) in all.iter().zip(&lost) {
            if *lost < share && !matches!(item, Ok(packet) if packet.sequence == first) {
                continue;
            }
            for found in receive(&mut decoder, item) {
                let size = sizes[usize::from(found.sequence.wrapping_sub(first))];
                prop_assert_eq!(&found, &packet(found.sequence, size));
                prop_assert!(back.insert(found.sequence), "told once");
            }
        }
    }

    #[test]
    fn a_hostile_peer_gets_nothing_but_its_own_loss(
        input in prop::collection::vec((any::<bool>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..60)), 0..300),
    ) {
        let mut decoder = Decoder::default();
        for (is_repair, sequence, mut bytes) in input {
            if is_repair {
                bytes.insert(0, MARK);
                decoder.on_repair(&bytes);
            } else if !bytes.is_empty() {
                decoder.on_packet(Protected { sequence: sequence % 64, marker: false, timestamp: 0, payload: bytes.into() });
            }
        }
    }
}
