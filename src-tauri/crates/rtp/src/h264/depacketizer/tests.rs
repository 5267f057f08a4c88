use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::h264::{MAX_ACCESS_UNIT, packetize};

const NOW: Timestamp = Timestamp::from_millis(1000);

fn packet(sequence: u16, timestamp: u32, marker: bool, payload: &[u8]) -> Packet {
    let payload = Bytes::copy_from_slice(payload);
    Packet { sequence, timestamp, marker, payload, arrived: NOW, captured: None, sender_time: None }
}

fn access_unit(units: &[&[u8]]) -> Bytes {
    units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
}

fn packets(first: u16, timestamp: u32, access_unit: &Bytes, max: usize) -> Vec<Packet> {
    let payloads = packetize(access_unit, max);
    let last = payloads.len() - 1;
    let each = payloads.iter().enumerate();
    each.map(|(i, p)| packet(first.wrapping_add(i as u16), timestamp, i == last, p)).collect()
}

fn drain(depacketizer: &mut Depacketizer) -> Vec<VideoUnit> {
    std::iter::from_fn(|| depacketizer.poll_unit()).collect()
}

fn run(all: &[Packet]) -> Vec<VideoUnit> {
    let mut depacketizer = Depacketizer::new(Config::default());
    for packet in all {
        depacketizer.handle_packet(packet.clone(), NOW);
    }
    drain(&mut depacketizer)
}

fn keyframe() -> Bytes {
    let slice: Vec<u8> = [0x65, 0x88].into_iter().chain((0..300).map(|i| i as u8 | 1)).collect();
    access_unit(&[&[0x67, 1, 2], &[0x68, 3], &slice])
}

fn delta(fill: u8) -> Bytes {
    let slice: Vec<u8> = [0x41, 0x9a].into_iter().chain(std::iter::repeat_n(fill | 1, 250)).collect();
    access_unit(&[&slice])
}

#[test]
fn a_frame_in_order() {
    let units = run(&packets(10, 90_000, &keyframe(), 100));
    assert_eq!(units.len(), 1);
    assert_eq!(units[0].frame.payload, keyframe());
    assert!(units[0].frame.keyframe && units[0].after_gap);
}

#[test]
fn several_slices_and_units_of_one_picture_stay_together() {
    let picture = access_unit(&[&[0x67, 1], &[0x68, 2], &[0x65, 0x88, 1], &[0x65, 0x40, 2], &[0x65, 0x20, 3]]);
    let units = run(&packets(1, 0, &picture, 1150));
    assert_eq!(units.len(), 1);
    assert_eq!(units[0].frame.payload, picture);
}

#[test]
fn spacing_is_kept_in_microseconds() {
    let mut all = packets(1, u32::MAX - 1499, &keyframe(), 100);
    let next = 1 + all.len() as u16;
    all.extend(packets(next, 1500, &delta(7), 100));
    let units = run(&all);
    assert_eq!(units[1].frame.pts.as_micros() - units[0].frame.pts.as_micros(), 33_333);
    assert!(!units[1].after_gap);
}

#[test]
fn a_unit_without_marker_ends_at_the_next_timestamp() {
    let mut all = packets(1, 0, &keyframe(), 1150);
    all.last_mut().unwrap().marker = false;
    let next = 1 + all.len() as u16;
    all.extend(packets(next, 3000, &delta(9), 1150));
    assert_eq!(run(&all).len(), 2);
}

#[test]
fn a_lost_fragment_costs_its_frame_and_marks_all_until_a_keyframe() {
    let mut all = packets(1, 0, &keyframe(), 100);
    let mut next = 1 + all.len() as u16;
    for i in 1..4u32 {
        let frame = packets(next, 3000 * i, &delta(i as u8), 100);
        next += frame.len() as u16;
        // The middle fragment of the first delta frame is lost.
        all.extend(frame.into_iter().enumerate().filter(|(n, _)| i != 1 || *n != 1).map(|(_, p)| p));
    }
    all.extend(packets(next, 12_000, &keyframe(), 100));
    let mut depacketizer = Depacketizer::new(Config { wait: Duration::from_millis(50) });
    for packet in &all {
        depacketizer.handle_packet(packet.clone(), NOW);
    }
    assert_eq!(drain(&mut depacketizer).len(), 1, "the missing packet may still come");
    let due = depacketizer.poll_timeout().unwrap();
    assert_eq!(due, NOW + Duration::from_millis(50));
    depacketizer.handle_timeout(due - Duration::from_micros(1));
    assert!(depacketizer.poll_unit().is_none());
    depacketizer.handle_timeout(due);
    let rest = drain(&mut depacketizer);
    assert_eq!(rest.iter().map(|u| u.after_gap).collect::<Vec<_>>(), [true, true, true]);
    assert_eq!(rest.iter().map(|u| u.frame.keyframe).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(rest[0].frame.payload, delta(2));
}

#[test]
fn a_lost_end_fragment_is_not_glued_to_the_next_unit() {
    let all = [
        packet(1, 0, false, &[0x67, 1]),
        packet(2, 0, false, &[0x7c, 0x85, 0x88, 0xaa]),
        // Sequence numbers without a gap, so only the start bit tells.
        packet(3, 0, true, &[0x7c, 0x85, 0x88, 0xbb]),
        packet(4, 3000, true, &[0x41, 0x9a, 1]),
    ];
    let units = run(&all);
    assert_eq!(units.len(), 1);
    assert_eq!(units[0].frame.payload[..], [0, 0, 0, 1, 0x41, 0x9a, 1]);
    assert!(units[0].after_gap);
}

#[test]
fn the_rest_of_a_frame_whose_start_is_lost_is_passed_over() {
    let frame = packets(1, 0, &keyframe(), 100);
    let mut all = frame[2..].to_vec();
    all.extend(packets(1 + frame.len() as u16, 3000, &keyframe(), 100));
    let units = run(&all);
    assert_eq!(units.len(), 1);
    assert_eq!(units[0].frame.payload, keyframe());
}

#[test]
fn padding_packets_change_nothing() {
    let mut all = packets(1, 0, &keyframe(), 100);
    all.insert(2, packet(3, 0, false, &[]));
    for (i, packet) in all.iter_mut().enumerate() {
        packet.sequence = 1 + i as u16;
    }
    assert_eq!(run(&all)[0].frame.payload, keyframe());
}

#[test]
fn malformed_aggregates_are_losses() {
    for payload in [&[0x78, 0, 1, 0x41, 0][..], &[0x78, 0, 0, 0], &[0x78, 0], &[0x78, 0, 9, 1], &[0x78, 0, 1, 0x7c]] {
        assert!(run(&[packet(1, 0, true, payload)]).is_empty(), "{payload:?}");
    }
    for payload in [&[0x7c][..], &[0x7c, 0x85], &[0x79, 1], &[0x00, 1], &[0x1e]] {
        assert!(run(&[packet(1, 0, true, payload)]).is_empty(), "{payload:?}");
    }
}

#[test]
fn endless_fragments_stay_within_the_cap_and_are_dropped() {
    let mut depacketizer = Depacketizer::new(Config::default());
    let body = [1; 1000];
    depacketizer.handle_packet(packet(0, 0, false, &[0x7c, 0x85, 0x88]), NOW);
    for i in 1..=3000u16 {
        depacketizer.handle_packet(packet(i, 0, false, &[&[0x7c, 0x05], &body[..]].concat()), NOW);
    }
    depacketizer.handle_packet(packet(3001, 0, true, &[0x7c, 0x45, 1]), NOW);
    assert!(depacketizer.poll_unit().is_none());
    depacketizer.handle_packet(packet(3002, 3000, true, &[0x65, 0x88, 1]), NOW);
    assert_eq!(drain(&mut depacketizer).len(), 1);
}

#[test]
fn a_full_window_gives_the_missing_packet_up() {
    let mut depacketizer = Depacketizer::new(Config::default());
    depacketizer.handle_packet(packet(0, 0, true, &[0x65, 0x88]), NOW);
    for i in 0..WINDOW as u16 {
        depacketizer.handle_packet(packet(2 + i, 3000 * u32::from(i + 1), true, &[0x41, 0x9a]), NOW);
    }
    assert_eq!(drain(&mut depacketizer).len(), 1 + WINDOW);
}

#[test]
fn capture_time_and_first_arrival_are_kept() {
    let mut frame = packets(1, 0, &keyframe(), 100);
    frame[0].arrived = NOW + Duration::from_millis(2);
    frame[1].arrived = NOW;
    frame[0].captured = Some(Timestamp::from_millis(5));
    let unit = &run(&frame)[0];
    assert_eq!((unit.arrived, unit.captured), (NOW, Some(Timestamp::from_millis(5))));
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        (prop::sample::select(vec![0x78u8, 0x7c, 0x65, 0x41, 0x67]), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(head, mut rest)| {
                rest.insert(0, head);
                rest
            }),
    ];
    (any::<u16>(), 0..40u16, 0..4u32, any::<bool>(), payload).prop_map(|(far, near, time, marker, payload)| {
        let sequence = if far.is_multiple_of(16) { far } else { near };
        packet(sequence, time * 3000, marker, &payload)
    })
}

proptest! {
    #[test]
    fn any_packets_are_survived(all in prop::collection::vec(any_packet(), 0..200), step in 0..20_000i64) {
        let mut depacketizer = Depacketizer::new(Config::default());
        let mut now = NOW;
        for mut packet in all {
            now = now + Duration::from_micros(step as u64);
            packet.arrived = now;
            depacketizer.handle_packet(packet, now);
            prop_assert!(depacketizer.waiting.len() <= WINDOW);
            for unit in drain(&mut depacketizer) {
                prop_assert!(unit.frame.payload.len() <= MAX_ACCESS_UNIT && !unit.frame.payload.is_empty());
            }
        }
    }

    #[test]
    fn what_is_packetised_and_shuffled_comes_out_again(
        frames in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(prop::collection::vec(1..=255u8, 1..600), 1..4)), 1..12),
        first in any::<u16>(),
        max in 40..400usize,
        moves in prop::collection::vec(0..24usize, 0..200),
    ) {
        let sent: Vec<Bytes> = frames.iter().map(|(key, slices)| {
            let header = if *key { 0x65 } else { 0x41 };
            let slices: Vec<Vec<u8>> = slices.iter().enumerate()
                .map(|(i, body)| [&[header, if i == 0 { 0x80 } else { 0x40 }], &body[..]].concat()).collect();
            let mut units: Vec<&[u8]> = if *key { vec![&[0x67, 1], &[0x68, 2]] } else { vec![] };
            units.extend(slices.iter().map(Vec::as_slice));
            access_unit(&units)
        }).collect();
        let mut all = Vec::new();
        for (i, frame) in sent.iter().enumerate() {
            let next = first.wrapping_add(all.len() as u16);
            all.extend(packets(next, 3000 * i as u32, frame, max));
        }
        // The very first packet sets the start of the stream and stays where it is.
        for (at, distance) in moves.iter().enumerate() {
            let a = 1 + at % all.len().saturating_sub(1).max(1);
            let b = (a + distance).min(all.len() - 1);
            if a < all.len() {
                all.swap(a, b);
            }
        }
        let received: Vec<Bytes> = run(&all).into_iter().map(|unit| unit.frame.payload).collect();
        prop_assert_eq!(received, sent);
    }
}
