//! The network's share that is ours: packets of pictures, congestion control, signalling.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use fika_call::invite::Secret;
use fika_call::seal::{self, Key};
use fika_call::signal::{ClientMessage, PeerBody, PeerMessage};
use fika_call::{ParticipantId, RoomId};
use fika_media::Timestamp;
use fika_rtp::congestion::{self, Control, Reported};
use fika_rtp::h264::{self, Depacketizer};
use fika_rtp::{MAX_PAYLOAD, Packet};

/// A second of pictures, the first a keyframe.
fn units() -> Vec<Bytes> {
    let unit = |number: usize| {
        let mut unit = Vec::new();
        if number == 0 {
            unit.extend([0, 0, 0, 1, 0x67, 0x4d, 0x00, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80]);
        }
        unit.extend([0, 0, 0, 1, if number == 0 { 0x65 } else { 0x41 }, 0x9a]);
        let size = if number == 0 { 40_000 } else { 5_000 };
        unit.extend((0..size).map(|at: usize| (at * 31 % 255 + 1) as u8));
        Bytes::from(unit)
    };
    (0..30).map(unit).collect()
}

fn packets() -> Vec<Packet> {
    let mut packets = Vec::new();
    for (number, unit) in units().iter().enumerate() {
        let payloads = h264::packetize(unit, MAX_PAYLOAD);
        let last = payloads.len() - 1;
        for (index, payload) in payloads.into_iter().enumerate() {
            let (sequence, timestamp) = (packets.len() as u16, number as u32 * 3_000);
            let arrived = Timestamp::from_micros(number as i64 * 33_333 + index as i64 * 100);
            packets.push(Packet {
                sequence,
                timestamp,
                marker: index == last,
                payload,
                arrived,
                captured: None,
                sender_time: None,
            });
        }
    }
    packets
}

pub(super) fn packetize() -> Box<dyn FnMut()> {
    let units = units();
    Box::new(move || {
        for unit in &units {
            black_box(h264::packetize(unit, MAX_PAYLOAD));
        }
    })
}

pub(super) fn depacketize() -> Box<dyn FnMut()> {
    let packets = packets();
    Box::new(move || {
        let mut depacketizer = Depacketizer::new(h264::Config::default());
        let mut count = 0;
        for packet in &packets {
            depacketizer.handle_packet(packet.clone(), packet.arrived);
            while let Some(unit) = depacketizer.poll_unit() {
                count += 1;
                black_box(unit);
            }
        }
        assert_eq!(count, 30);
    })
}

pub(super) fn congestion() -> Box<dyn FnMut()> {
    let mut control = Control::new(congestion::Config::with_max(2_500_000));
    Box::new(move || {
        // 160 packets, reported every 50 ms, on a path of 20 ms.
        for turn in 0..20u64 {
            let at = Timestamp::from_millis(turn as i64 * 50);
            let numbers = turn * 8..(turn + 1) * 8;
            numbers.clone().for_each(|number| control.on_sent(number, 1_200, None, at));
            let arrived = at + Duration::from_millis(20);
            let reported: Vec<Reported> = numbers.map(|number| Reported { number, arrived: Some(arrived) }).collect();
            control.handle_feedback(&reported, at + Duration::from_millis(40));
            black_box(control.target());
        }
    })
}

pub(super) fn signalling() -> Box<dyn FnMut()> {
    let (alice, bob) = (ParticipantId("alice".into()), ParticipantId("bob".into()));
    let key = Key::derive(&Secret::from_bytes([1; 16]), &RoomId("aaaq-eaye-auda-oceb".into()));
    let candidate = "candidate:1 1 udp 2130706431 192.168.178.24 50000 typ host generation 0";
    let body = PeerBody::Candidate {
        candidate: Some(candidate.to_owned()),
        sdp_mid: Some("0".to_owned()),
        sdp_m_line_index: Some(0),
    };
    let message = PeerMessage { session: "s1".to_owned(), seq: 7, body };
    let payload = seal::seal(&key, &alice, &bob, [3; 12], &message);
    let text = serde_json::to_string(&ClientMessage::Signal { to: bob.clone(), payload }).expect("it is JSON");
    Box::new(move || {
        for _ in 0..50 {
            let Ok(ClientMessage::Signal { payload, .. }) = ClientMessage::parse(&text) else { panic!("it is read") };
            black_box(seal::open(&key, &alice, &bob, &payload).expect("it opens"));
        }
    })
}
