use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fika_media::Timestamp;
use fika_rtp::{capture_time, fec, rtx};
use rtc::interceptor::{AttributedPacket, Interceptor, Packet, RTCPFeedback, RTPHeaderExtension, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::sansio::Protocol as _;
use rtc::shared::TransportContext;
use rtc::{rtcp, rtp};

use super::stage::{Adapter, Stage};
use super::*;

const SSRCS: Ssrcs = Ssrcs {
    audio: 1,
    video: 2,
    video_rtx: 3,
    audio_clock: RtpClock { rate: 48_000, offset: 0xffff_ff00 },
    video_clock: RtpClock { rate: 90_000, offset: 1000 },
};
const CAPTURE_ID: u8 = 4;
const NUMBER_ID: u8 = 5;

struct Bench {
    start: Instant,
    clock: SessionClock,
    link: SharedLink,
}

impl Bench {
    fn new() -> Self {
        let clock = SessionClock::new(&(Arc::new(|| Timestamp::from_millis(50_000)) as fika_media::Clock));
        let link = SharedLink::new(Config::with_max(2_000_000));
        link.lock().video_payload = Some(VideoPayload { payload_type: 102, rtx: Some(103), main: true, fec: false });
        Self { start: clock.instant(Timestamp::from_millis(50_000)), clock, link }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }
}

fn info(ssrc: u32, ssrc_rtx: Option<u32>) -> StreamInfo {
    StreamInfo {
        ssrc,
        ssrc_rtx,
        payload_type: 102,
        payload_type_rtx: ssrc_rtx.map(|_| 103),
        mime_type: "video/H264".to_owned(),
        clock_rate: 90_000,
        rtp_header_extensions: vec![
            RTPHeaderExtension { uri: capture_time::URI.to_owned(), id: CAPTURE_ID.into() },
            RTPHeaderExtension { uri: TRANSPORT_CC_URI.to_owned(), id: NUMBER_ID.into() },
        ],
        rtcp_feedback: vec![RTCPFeedback { typ: "nack".to_owned(), parameter: String::new() }],
        ..Default::default()
    }
}

fn media(ssrc: u32, sequence: u16) -> rtp::Packet {
    let header = rtp::Header {
        version: 2,
        ssrc,
        payload_type: 102,
        sequence_number: sequence,
        timestamp: 9000,
        marker: true,
        ..Default::default()
    };
    rtp::Packet { header, payload: Bytes::from(vec![0x41, sequence as u8]) }
}

fn tagged(packet: Packet, now: Instant) -> TaggedPacket {
    TaggedPacket { now, transport: TransportContext::default(), message: AttributedPacket::new(packet) }
}

fn control(packet: impl rtcp::Packet + 'static) -> Packet {
    Packet::Rtcp(vec![Box::new(packet)])
}

fn read<S: Stage>(stage: &mut Adapter<S>, packet: Packet, now: Instant) {
    stage.handle_read(tagged(packet, now)).unwrap();
}

fn written<S: Stage>(stage: &mut Adapter<S>) -> Vec<Packet> {
    std::iter::from_fn(|| stage.poll_write()).map(|packet| packet.message.packet).collect()
}

fn rtp_of(packet: &Packet) -> &rtp::Packet {
    match packet {
        Packet::Rtp(packet) => packet,
        _ => panic!("RTP was expected"),
    }
}

fn report_of(packet: &Packet) -> SenderReport {
    let Packet::Rtcp(packets) = packet else { panic!("RTCP was expected") };
    packets[0].as_any().downcast_ref::<SenderReport>().expect("a sender report").clone()
}

fn nack(sequences: &[u16]) -> Packet {
    let nacks = nack_pairs_from_sequence_numbers(sequences);
    control(TransportLayerNack { sender_ssrc: 9, media_ssrc: SSRCS.video, nacks })
}

/// Releases all that the outlet has until `end`, in ms after the beginning.
fn released(bench: &Bench, end: i64) -> Vec<rtp::Packet> {
    let payload = bench.link.lock().video_payload.unwrap();
    let end = Timestamp::from_millis(50_000 + end);
    let (mut now, mut packets) = (Timestamp::from_millis(50_000), Vec::new());
    while now <= end {
        match bench.link.lock().outlet.poll(payload, now) {
            (Some(packet), _) => packets.push(packet),
            (None, due) => now = due.max(Timestamp(now.0 + 1)),
        }
    }
    packets
}

#[test]
fn a_request_is_answered_once_by_rtx() {
    let bench = Bench::new();
    let (hints, mut hinted) = mpsc::channel(4);
    let mut responder = Adapter::new(repair::Responder::new(bench.link.clone(), bench.clock, SSRCS, hints));
    bench.link.lock().outlet.push_frame((0..30).map(|_| media(SSRCS.video, 0)).collect(), true);
    let sent = released(&bench, 1000);
    let sequences: Vec<u16> =
        sent.iter().filter(|p| p.header.payload_type == 102).map(|p| p.header.sequence_number).collect();
    assert_eq!(sequences.len(), 30);
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    read(&mut responder, nack(&[sequences[12], sequences[13], sequences[29].wrapping_add(60)]), bench.at(30));
    read(&mut responder, nack(&[sequences[12]]), bench.at(31));
    let copies: Vec<rtp::Packet> = released(&bench, 1000);
    assert_eq!(copies.len(), 2, "a copy is on its way");
    for (copy, sequence) in copies.iter().zip(&sequences[12..]) {
        responder.handle_write(tagged(Packet::Rtp(copy.clone()), bench.at(40))).unwrap();
        let copy = written(&mut responder).remove(0);
        let copy = rtp_of(&copy);
        assert_eq!((copy.header.ssrc, copy.header.payload_type, copy.header.version), (SSRCS.video_rtx, 103, 2));
        assert_eq!((copy.header.timestamp, copy.header.marker), (9000, true));
        assert_eq!(rtx::unwrap(&copy.payload), Some((*sequence, media(SSRCS.video, 0).payload)));
    }
    assert_eq!(copies[1].header.sequence_number, copies[0].header.sequence_number.wrapping_add(1));
    assert!(hinted.try_recv().is_err());
}

#[test]
fn what_rtx_brings_is_not_asked_for_again() {
    let bench = Bench::new();
    let (hints, _hints) = mpsc::channel(4);
    let mut requester = Adapter::new(repair::Requester::new(bench.link.clone(), bench.clock, hints));
    requester.bind_remote_stream(&info(77, Some(78)));
    requester.bind_remote_stream(&info(78, None));
    for sequence in [100, 101, 104] {
        read(&mut requester, Packet::Rtp(media(77, sequence)), bench.at(0));
    }
    let due = requester.poll_timeout().expect("two packets are missing");
    requester.handle_timeout(due).unwrap();
    let asked = written(&mut requester);
    let Packet::Rtcp(packets) = &asked[0] else { panic!("RTCP was expected") };
    let request = packets[0].as_any().downcast_ref::<TransportLayerNack>().unwrap();
    assert_eq!(request.media_ssrc, 77);
    assert_eq!(request.nacks.iter().flat_map(|pair| (*pair).into_iter()).collect::<Vec<u16>>(), [102, 103]);
    for sequence in [102u16, 103] {
        let mut copy = media(78, 5000 + sequence);
        copy.payload = rtx::wrap(sequence, &[0x41]);
        read(&mut requester, Packet::Rtp(copy), bench.at(20));
    }
    assert_eq!(requester.poll_timeout(), None);
    requester.handle_timeout(bench.at(400)).unwrap();
    assert!(written(&mut requester).is_empty());
}

#[test]
fn what_a_repair_brings_back_goes_inward_behind_it() {
    let bench = Bench::new();
    let (arrivals, mut arrived) = mpsc::channel(8);
    let mut corrector = Adapter::new(correct::Corrector::default());
    let mut intake = Adapter::new(intake::Intake::new(bench.link.clone(), bench.clock, arrivals));
    for info in [info(77, Some(78)), info(78, None)] {
        corrector.bind_remote_stream(&info);
        intake.bind_remote_stream(&info);
    }
    let mut encoder = fec::Encoder::default();
    let packets = [100, 101, 102, 103].map(|sequence| media(77, sequence));
    for rtp::Packet { header, payload } in &packets {
        let (marker, timestamp) = (header.marker, header.timestamp);
        encoder.on_sent(fec::Protected {
            sequence: header.sequence_number,
            marker,
            timestamp,
            payload: payload.clone(),
        });
    }
    assert_eq!(encoder.end_frame(0.25, 4), 1);
    let (newest, payload) = encoder.repair().unwrap();
    let mut repair = media(78, 5);
    repair.payload = rtx::wrap(newest, &payload);
    for packet in [&packets[0], &packets[1], &packets[3], &repair] {
        read(&mut corrector, Packet::Rtp(packet.clone()), bench.at(0));
    }
    let inward: Vec<Packet> =
        std::iter::from_fn(|| corrector.poll_read()).map(|packet| packet.message.packet).collect();
    assert_eq!(inward.len(), 5, "the repair too, whose number is reported");
    assert_eq!(rtp_of(&inward[4]), &packets[2]);
    for packet in inward {
        read(&mut intake, packet, bench.at(0));
    }
    let sequences: Vec<u16> =
        std::iter::from_fn(|| arrived.try_recv().ok()).map(|arrival| arrival.packet.sequence).collect();
    assert_eq!(sequences, [100, 101, 103, 102]);
}

#[test]
fn media_and_repaired_media_leave_the_chain_alike() {
    let bench = Bench::new();
    let (arrivals, mut arrived) = mpsc::channel(4);
    let mut intake = Adapter::new(intake::Intake::new(bench.link.clone(), bench.clock, arrivals));
    intake.bind_remote_stream(&info(77, Some(78)));
    intake.bind_remote_stream(&info(78, None));
    let mut first = media(77, 100);
    let captured = Timestamp::from_millis(49_990);
    let extension = Bytes::copy_from_slice(&bench.clock.wall().to_extension(captured));
    first.header.set_extension(CAPTURE_ID, extension).unwrap();
    read(&mut intake, Packet::Rtp(first), bench.at(0));
    let mut copy = media(78, 5);
    copy.payload = rtx::wrap(101, &[0x41, 101]);
    read(&mut intake, Packet::Rtp(copy), bench.at(7));
    read(&mut intake, Packet::Rtp(media(1234, 1)), bench.at(8));
    assert!(intake.poll_read().is_none(), "no RTP reaches the crate's own tracks");

    let first = arrived.try_recv().unwrap();
    assert_eq!((first.kind, first.packet.sequence, first.packet.captured), (TrackKind::Video, 100, Some(captured)));
    let second = arrived.try_recv().unwrap().packet;
    assert_eq!((second.sequence, &second.payload[..], second.captured), (101, &[0x41, 101][..], None));
    assert_eq!(second.arrived, Timestamp::from_millis(50_007));
    assert!(arrived.try_recv().is_err(), "of no stream of ours");
    let link = bench.link.lock();
    assert_eq!((link.video_received.packets, link.video_received.packets_lost()), (2, 0));
    assert_eq!(link.remote_video, Some(77));
}

#[test]
fn keyframes_are_asked_for_at_most_every_300_ms() {
    let bench = Bench::new();
    let (hints, mut hinted) = mpsc::channel(16);
    let mut wire = Adapter::new(wire::Wire::new(bench.link.clone(), bench.clock, SSRCS, hints));
    let pli = || control(PictureLossIndication { sender_ssrc: 9, media_ssrc: SSRCS.video });
    let fir = control(FullIntraRequest {
        sender_ssrc: 9,
        media_ssrc: 0,
        fir: vec![FirEntry { ssrc: SSRCS.video, sequence_number: 1 }],
    });
    read(&mut wire, pli(), bench.at(0));
    assert_eq!(hinted.try_recv(), Ok(Hint::KeyframeRequested));
    read(&mut wire, fir, bench.at(100));
    read(&mut wire, pli(), bench.at(200));
    assert!(hinted.try_recv().is_err());
    let due = wire.poll_timeout().expect("the wish is kept");
    assert_eq!(due, bench.at(300));
    wire.handle_timeout(due).unwrap();
    assert_eq!(hinted.try_recv(), Ok(Hint::KeyframeRequested));
    read(&mut wire, control(PictureLossIndication { sender_ssrc: 9, media_ssrc: 555 }), bench.at(900));
    assert!(hinted.try_recv().is_err(), "of another stream");
    let link = bench.link.lock();
    assert_eq!((link.video_sent.plis, link.video_sent.firs), (2, 1));
}

#[test]
fn everything_that_leaves_is_numbered_and_counted() {
    let bench = Bench::new();
    let (hints, _hinted) = mpsc::channel(16);
    let mut wire = Adapter::new(wire::Wire::new(bench.link.clone(), bench.clock, SSRCS, hints));
    wire.bind_local_stream(&info(SSRCS.video, Some(SSRCS.video_rtx)));
    for packet in [media(SSRCS.video, 1), media(SSRCS.video_rtx, 1), media(SSRCS.video, 2)] {
        wire.handle_write(tagged(Packet::Rtp(packet), bench.at(0))).unwrap();
    }
    let numbers: Vec<_> =
        written(&mut wire).iter().map(|packet| rtp_of(packet).header.get_extension(NUMBER_ID).unwrap()).collect();
    assert_eq!(numbers, [&[0, 0][..], &[0, 1], &[0, 2]]);
    let link = bench.link.lock();
    assert_eq!((link.video_sent.packets, link.video_sent.retransmitted_packets), (2, 1));
    assert_eq!(link.capture_time_id, Some(CAPTURE_ID));
}

#[test]
fn reports_give_loss_and_the_round_trip() {
    let bench = Bench::new();
    let (hints, _hinted) = mpsc::channel(16);
    let mut wire = Adapter::new(wire::Wire::new(bench.link.clone(), bench.clock, SSRCS, hints));
    let report = SenderReport { ssrc: SSRCS.audio, ..Default::default() };
    wire.handle_write(tagged(control(report), bench.at(0))).unwrap();
    let ntp_time = report_of(&written(&mut wire)[0]).ntp_time;
    let block = ReceptionReport {
        ssrc: SSRCS.audio,
        fraction_lost: 64,
        last_sender_report: (ntp_time >> 16) as u32,
        delay: 65_536 / 10,
        jitter: 480,
        ..Default::default()
    };
    read(&mut wire, control(ReceiverReport { ssrc: 9, reports: vec![block], ..Default::default() }), bench.at(130));
    let link = bench.link.lock();
    let rtt = link.round_trip.get().unwrap();
    assert!(rtt.abs_diff(Duration::from_millis(30)) < Duration::from_millis(1), "{rtt:?}");
    let remote = link.audio_sent.remote.unwrap();
    assert_eq!((remote.fraction_lost, remote.jitter), (0.25, Duration::from_millis(10)));
}

#[test]
fn sound_and_picture_captured_together_have_one_time_at_the_other_side() {
    let bench = Bench::new();
    let (hints, _hinted) = mpsc::channel(16);
    let mut wire = Adapter::new(wire::Wire::new(bench.link.clone(), bench.clock, SSRCS, hints));
    let (arrivals, mut arrived) = mpsc::channel(4);
    let mut intake = Adapter::new(intake::Intake::new(bench.link.clone(), bench.clock, arrivals));
    let copies = SSRCS.video_rtx;
    let audio = StreamInfo { mime_type: "audio/opus".to_owned(), clock_rate: 48_000, ..info(SSRCS.audio, None) };
    intake.bind_remote_stream(&audio);
    intake.bind_remote_stream(&info(SSRCS.video, Some(copies)));
    intake.bind_remote_stream(&info(copies, None));
    let captured = Timestamp::from_millis(50_040);
    let streams = [(SSRCS.audio, SSRCS.audio_clock), (SSRCS.video, SSRCS.video_clock)];
    // A second apart, and with what the crate believes: that its last packet was captured when it left.
    for ((ssrc, clock), ms) in streams.into_iter().zip([400, 1400]) {
        let rtp_time = clock.timestamp(captured).wrapping_add(77_777);
        wire.handle_write(tagged(control(SenderReport { ssrc, rtp_time, ..Default::default() }), bench.at(ms)))
            .unwrap();
    }
    let mut times = Vec::new();
    for ((ssrc, clock), report) in streams.into_iter().zip(written(&mut wire)) {
        let packet = |sequence| {
            let mut packet = media(ssrc, sequence);
            packet.header.timestamp = clock.timestamp(captured);
            Packet::Rtp(packet)
        };
        read(&mut intake, packet(1), bench.at(1500));
        assert_eq!(arrived.try_recv().unwrap().packet.sender_time, None, "before the first report");
        read(&mut intake, report, bench.at(1500));
        assert!(intake.poll_read().is_some(), "reports go on to the others");
        read(&mut intake, packet(2), bench.at(1500));
        times.push(arrived.try_recv().unwrap().packet.sender_time.expect("after a report").as_micros());
    }
    let mut copy = media(copies, 1);
    copy.header.timestamp = SSRCS.video_clock.timestamp(captured);
    copy.payload = rtx::wrap(3, &[0x41]);
    read(&mut intake, Packet::Rtp(copy), bench.at(1510));
    times.push(arrived.try_recv().unwrap().packet.sender_time.expect("of the stream it repairs").as_micros());
    assert!(times[0].abs_diff(times[1]) < 50 && times[1] == times[2], "{times:?}");
}
