//! What a connection sends besides sound, between the encoder and the wire: congestion control and pacer of `fika_rtp`, with
//! the numbers that packets get when they leave. Behind the lock of the link; the sender's task drives it and writes what it
//! releases, the stages next to the wire tell it what leaves and what the peer says.
//!
//! A copy travels as the primary stream's packet with the payload type of RTX, because the crate writes no other stream;
//! [`super::repair::Responder`] gives it its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fika_media::Timestamp;
use fika_rtp::congestion::{Config, Control, Feedback, Output, Pacer, Release, Spare, State};
use fika_rtp::fec::{Encoder, Policy, Protected};
use fika_rtp::nack::History;
use fika_rtp::rtx;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::rtp;
use rtc::shared::marshal::{Marshal as _, MarshalSize as _};
use tokio::sync::Notify;

use crate::sdp::VideoPayload;

/// Released packets of trains on their way to the wire. Full: the oldest train is not recognised, and not counted.
const MAX_MARKED: usize = 256;
/// A keyframe that was asked for after a collapse is asked for again after this time.
const KEYFRAME_WAIT: Duration = Duration::from_millis(500);
/// Of the rate that the encoder was told: below it waits for no tick.
const FALLEN: f64 = 0.9;

/// Repairs for each packet of the first picture, when nobody knows yet what the path loses: a copy that is asked for would take
/// a round trip, and this is the picture that somebody waits for. Once, and behind it: three or four packets.
const FIRST: f64 = 0.4;

#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) control: Control,
    feedback: Feedback,
    pacer: Pacer<rtp::Packet>,
    /// Since the last keyframe.
    history: History<rtp::Packet>,
    newest: Option<rtp::Packet>,
    repairs: Encoder,
    policy: Policy,
    /// Repairs for each packet now.
    ratio: f64,
    /// No picture has left yet.
    first: bool,
    last_feedback: Option<Timestamp>,
    /// Number of the next packet of the stream, and of its copies.
    sequence: u16,
    rtx_sequence: u16,
    /// Payload type, RTP number and train of what has been released and has not reached the wire.
    marked: VecDeque<(u8, u16, u32)>,
    /// Since when frames that are no keyframe are worthless.
    stale: Option<Timestamp>,
    asked: Option<Timestamp>,
    /// What the encoder was told last, bits a second.
    told: u32,
    /// What is left for files.
    spare: Spare,
    wake: Arc<Notify>,
}

impl Outlet {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            control: Control::new(config),
            feedback: Feedback::default(),
            pacer: Pacer::default(),
            history: History::default(),
            newest: None,
            repairs: Encoder::default(),
            policy: Policy::default(),
            ratio: 0.0,
            first: true,
            last_feedback: None,
            // In the lower half: were the first packets lost around a wrap, the far side could not decrypt (RFC 3711
            // section 3.3.1).
            sequence: crate::random::u32() as u16 >> 1,
            rtx_sequence: crate::random::u32() as u16 >> 1,
            marked: VecDeque::new(),
            stale: None,
            asked: None,
            told: 0,
            spare: Spare::default(),
            wake: Arc::new(Notify::new()),
        }
    }

    /// Told when something may be released that was not before.
    pub(crate) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// The packets of one frame, without numbers. What refers to something that was dropped is dropped too.
    pub(crate) fn push_frame(&mut self, packets: Vec<rtp::Packet>, keyframe: bool) {
        self.spare.on_frame();
        if self.stale.is_some() && !keyframe {
            return;
        }
        if keyframe {
            (self.stale, self.history) = (None, History::default());
        }
        let sized = packets.into_iter().map(|packet| {
            let size = size(&packet);
            (packet, size)
        });
        self.pacer.push_frame(sized, keyframe);
    }

    /// No frame is taken now.
    pub(crate) fn is_full(&self, now: Timestamp) -> bool {
        self.control.holds(now) || self.pacer.is_full(self.control.pacing_rate())
    }

    /// The next packet to write, and when to ask again if there is none.
    pub(crate) fn poll(&mut self, payload: VideoPayload, now: Timestamp) -> (Option<rtp::Packet>, Timestamp) {
        self.control.handle_timeout(now);
        self.obey(now);
        let (rate, holds) = (self.control.pacing_rate(), self.control.holds(now));
        let released = self.pacer.poll_release(rate, holds, now);
        let packet = released.and_then(|release| self.number(release, payload, now));
        let paced = self.pacer.poll_timeout().filter(|_| !holds);
        (packet, paced.into_iter().fold(self.control.poll_timeout(now), Timestamp::min))
    }

    fn number(&mut self, release: Release<rtp::Packet>, payload: VideoPayload, now: Timestamp) -> Option<rtp::Packet> {
        let (packet, train) = match release {
            Release::Frame { mut packet, train } => {
                packet.header.sequence_number = self.sequence;
                self.history.on_sent(self.sequence, packet.clone(), now);
                self.newest = Some(packet.clone());
                self.sequence = self.sequence.wrapping_add(1);
                if payload.fec {
                    self.protect(&packet, now);
                }
                (packet, train)
            }
            Release::Resend { packet, train } => (self.copy(packet, payload), train),
            // A copy of what has just left: any receiver knows what to do with it.
            Release::Padding { train, .. } => {
                let packet = self.newest.clone().filter(|_| payload.rtx.is_some())?;
                (self.copy(packet, payload), Some(train))
            }
        };
        if let Some(train) = train {
            if self.marked.len() == MAX_MARKED {
                self.marked.pop_front();
            }
            self.marked.push_back((packet.header.payload_type, packet.header.sequence_number, train));
        }
        Some(packet)
    }

    /// Behind the last packet of a frame its repairs wait to leave.
    fn protect(&mut self, packet: &rtp::Packet, now: Timestamp) {
        let rtp::Header { sequence_number: sequence, marker, timestamp, .. } = packet.header;
        self.repairs.on_sent(Protected { sequence, marker, timestamp, payload: packet.payload.clone() });
        if !marker {
            return;
        }
        let ratio = if std::mem::take(&mut self.first) { self.ratio.max(FIRST) } else { self.ratio };
        for _ in 0..self.repairs.end_frame(ratio, self.policy.frames()) {
            let Some((sequence_number, payload)) = self.repairs.repair() else { return };
            let header =
                rtp::Header { sequence_number, extensions: Vec::new(), extension: false, ..packet.header.clone() };
            let repair = rtp::Packet { header, payload };
            let size = size(&repair);
            // Refused: the path is busy with copies.
            self.pacer.push_resend(repair, size, self.control.pacing_rate(), 0.0, now);
        }
    }

    /// The rest of the header, with its extensions, is that of the original (RFC 4588 section 4).
    fn copy(&mut self, mut packet: rtp::Packet, payload: VideoPayload) -> rtp::Packet {
        if let Some(rtx) = payload.rtx {
            packet.payload = rtx::wrap(packet.header.sequence_number, &packet.payload);
            packet.header.payload_type = rtx;
            packet.header.sequence_number = self.rtx_sequence;
            self.rtx_sequence = self.rtx_sequence.wrapping_add(1);
        }
        packet
    }

    /// Packets that the peer has lost. Returns whether a keyframe is the better answer.
    pub(crate) fn on_nack(&mut self, sequences: &[u16], rtt: Option<Duration>, now: Timestamp) -> bool {
        // While a keyframe is on its way, nothing before it is worth a copy.
        if self.stale.is_some() {
            return false;
        }
        let (rate, loss) = (self.control.pacing_rate(), self.control.loss());
        if self.pacer.is_hopeless(sequences.len(), rate) {
            self.pacer.purge();
            self.history = History::default();
            return true;
        }
        if let Some(rtt) = rtt {
            self.history.set_rtt(rtt);
        }
        for sequence in sequences {
            if let Some(packet) = self.history.request(*sequence, now) {
                self.pacer.push_resend(packet.clone(), size(packet), rate, loss, now);
            }
        }
        self.wake.notify_one();
        false
    }

    /// A packet reaches the wire: its train, if it is of one. `number` is the transport-wide one.
    pub(crate) fn on_sent(&mut self, packet: &rtp::Packet, number: u64, now: Timestamp) {
        let (kind, sequence) = (packet.header.payload_type, packet.header.sequence_number);
        let at = self.marked.iter().position(|marked| (marked.0, marked.1) == (kind, sequence));
        let train = at.and_then(|at| self.marked.remove(at)).map(|marked| marked.2);
        self.control.on_sent(number, size(packet), train, now);
    }

    /// `next` is the number of the next packet that leaves.
    pub(crate) fn on_feedback(&mut self, report: &TransportLayerCc, next: u64, rtt: Option<Duration>, now: Timestamp) {
        let Ok(bytes) = report.marshal() else { return };
        let reported = self.feedback.read(&bytes, next);
        self.control.handle_feedback(&reported, now);
        let passed = self.last_feedback.replace(now).map_or(Duration::ZERO, |last| now.since(last));
        self.policy.on_loss(self.control.loss(), passed);
        self.ratio = self.policy.ratio(rtt, self.control.state() == State::Compete);
        self.obey(now);
        self.wake.notify_one();
    }

    fn obey(&mut self, now: Timestamp) {
        while let Some(output) = self.control.poll_output() {
            match output {
                Output::Train(train) => self.pacer.push_train(train, now),
                Output::Collapse => {
                    self.pacer.flush();
                    self.history = History::default();
                    self.repairs.forget();
                    (self.stale, self.asked) = (Some(now), None);
                }
            }
        }
    }

    /// Bits a second for the encoder; `None`: what it was told last still holds. Steps of less than 2 % are not worth its while.
    pub(crate) fn news(&mut self) -> Option<u32> {
        let target = self.media_target();
        let changed = target.abs_diff(self.told) > self.told / 50;
        changed.then(|| {
            self.told = target;
            target
        })
    }

    /// Bytes a second that files may take of this path; `None`: what they find free.
    pub(crate) fn files_budget(&mut self, now: Timestamp) -> Option<u32> {
        self.spare.budget(&self.control, now)
    }

    /// Bits a second for the encoder. Repairs come out of the picture's rate, never on top.
    pub(crate) fn media_target(&self) -> u32 {
        (f64::from(self.control.media_target()) / (1.0 + self.ratio)) as u32
    }

    /// The rate has fallen so far that the next picture must know of it.
    pub(crate) fn has_fallen(&self) -> bool {
        f64::from(self.media_target()) < FALLEN * f64::from(self.told)
    }

    /// Whether to ask the encoder for a keyframe now: what was dropped is missing to all that follows.
    pub(crate) fn wants_keyframe(&mut self, now: Timestamp) -> bool {
        let due = self.stale.is_some() && self.asked.is_none_or(|asked| now.since(asked) > KEYFRAME_WAIT);
        if due {
            self.asked = Some(now);
        }
        due
    }
}

fn size(packet: &rtp::Packet) -> usize {
    packet.header.marshal_size() + packet.payload.len()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fika_rtp::fec::Decoder;

    use super::*;

    fn frame() -> Vec<rtp::Packet> {
        let packet = |at: usize| {
            let header = rtp::Header { version: 2, payload_type: 102, marker: at == 3, ..Default::default() };
            rtp::Packet { header, payload: Bytes::from_static(&[0x41; 50]) }
        };
        (0..4).map(packet).collect()
    }

    /// Original numbers of the repairs that follow a frame.
    fn repairs(fec: bool, ratio: f64, first: bool) -> Vec<u16> {
        let mut outlet = Outlet::new(Config::with_max(2_000_000));
        let payload = VideoPayload { payload_type: 102, rtx: Some(103), main: true, fec };
        (outlet.ratio, outlet.first) = (ratio, first);
        outlet.push_frame(frame(), true);
        let first = outlet.sequence;
        let mut now = Timestamp::from_millis(1);
        let mut found = Vec::new();
        while now < Timestamp::from_millis(500) {
            match outlet.poll(payload, now) {
                (Some(packet), _) if packet.header.payload_type == 103 => {
                    let (sequence, payload) = rtx::unwrap(&packet.payload).unwrap();
                    if Decoder::is_repair(&payload) {
                        found.push(sequence.wrapping_sub(first));
                    }
                }
                (Some(_), _) => {}
                (None, due) => now = due.max(now + Duration::from_millis(1)),
            }
        }
        found
    }

    #[test]
    fn repairs_follow_a_frame_where_the_peer_knows_them() {
        assert_eq!(repairs(true, 0.5, false), [3, 3]);
        assert!(repairs(true, 0.0, false).is_empty());
        assert!(repairs(false, 0.5, true).is_empty());
        assert_eq!(repairs(true, 0.0, true), [3], "the first picture, on whatever path");
    }

    #[test]
    fn repairs_come_out_of_the_pictures_rate() {
        let mut outlet = Outlet::new(Config::with_max(2_000_000));
        let whole = outlet.news().unwrap();
        outlet.ratio = 0.25;
        assert_eq!(outlet.news(), Some((f64::from(whole) / 1.25) as u32));
        assert_eq!(outlet.news(), None, "told already");
        outlet.ratio = 1.0;
        assert!(outlet.has_fallen());
    }
}
