//! Encoded frames to RTP packets of one peer. One task for each of sound and picture, so that sound never waits for a
//! keyframe to be written.

use std::sync::Arc;

use bytes::Bytes;
use fika_media::EncodedFrame;
use fika_rtp::MAX_PAYLOAD;
use fika_rtp::h264::packetize;
use rtc::rtp;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use webrtc::media_stream::track_local::TrackLocal as _;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

use crate::clock::SessionClock;
use crate::hooks::{Hint, SharedLink, Ssrcs};
use crate::random;
use crate::sdp::VideoPayload;

/// Numbers the packets of one stream.
struct Stream {
    ssrc: u32,
    payload_type: u8,
    sequence: u16,
}

impl Stream {
    fn new(ssrc: u32, payload_type: u8) -> Self {
        // In the lower half: were the first packets lost around a wrap, the far side could not decrypt (RFC 3711 section 3.3.1).
        Self { ssrc, payload_type, sequence: random::u32() as u16 >> 1 }
    }

    fn packet(&mut self, timestamp: u32, marker: bool, payload: Bytes) -> rtp::Packet {
        let header = header(self.ssrc, self.payload_type, self.sequence, timestamp, marker);
        self.sequence = self.sequence.wrapping_add(1);
        rtp::Packet { header, payload }
    }
}

/// Ends with the queue or with the connection.
pub(super) async fn audio(
    track: Arc<TrackLocalStaticRTP>,
    ssrcs: Ssrcs,
    payload_type: u8,
    mut frames: mpsc::Receiver<EncodedFrame>,
) {
    let mut stream = Stream::new(ssrcs.audio, payload_type);
    while let Some(frame) = frames.recv().await {
        let packet = stream.packet(ssrcs.audio_clock.timestamp(frame.pts), false, frame.payload);
        if track.write_rtp(packet).await.is_err() {
            return;
        }
    }
}

/// Packetises, waits as the pacer says, and writes. Frames wait in their queue while there is no room, so that the encoder
/// leaves out raw pictures.
pub(super) struct Video {
    pub(super) track: Arc<TrackLocalStaticRTP>,
    pub(super) ssrcs: Ssrcs,
    pub(super) payload: VideoPayload,
    pub(super) link: SharedLink,
    pub(super) clock: SessionClock,
    pub(super) hints: mpsc::Sender<Hint>,
}

impl Video {
    /// Ends with the queue or with the connection.
    pub(super) async fn run(self, mut frames: mpsc::Receiver<EncodedFrame>) {
        let wake = self.link.lock().outlet.wake();
        loop {
            let now = self.clock.now();
            let (packet, due, full, fallen, keyframe) = {
                let outlet = &mut self.link.lock().outlet;
                let (packet, due) = outlet.poll(self.payload, now);
                (packet, due, outlet.is_full(now), outlet.has_fallen(), outlet.wants_keyframe(now))
            };
            if fallen {
                // Full: it is told with the next tick.
                let _ = self.hints.try_send(Hint::RateFallen);
            }
            if keyframe {
                // Full: it is asked for again.
                let _ = self.hints.try_send(Hint::KeyframeRequested);
            }
            if let Some(packet) = packet {
                if self.track.write_rtp(packet).await.is_err() {
                    return;
                }
                continue;
            }
            tokio::select! {
                frame = frames.recv(), if !full => match frame {
                    Some(frame) => self.push(&frame),
                    None => return,
                },
                () = wake.notified() => {}
                () = sleep_until(self.clock.instant(due).into()) => {}
            }
        }
    }

    fn push(&self, frame: &EncodedFrame) {
        let timestamp = self.ssrcs.video_clock.timestamp(frame.pts);
        let captured = Bytes::copy_from_slice(&self.clock.wall().to_extension(frame.pts));
        let payloads = packetize(&frame.payload, MAX_PAYLOAD);
        let last = payloads.len().saturating_sub(1);
        let mut link = self.link.lock();
        let capture_time_id = link.capture_time_id;
        let packets = payloads.into_iter().enumerate().map(|(index, payload)| {
            // Its number comes when it leaves.
            let header = header(self.ssrcs.video, self.payload.payload_type, 0, timestamp, index == last);
            let mut packet = rtp::Packet { header, payload };
            if let Some(id) = capture_time_id.filter(|_| index == 0 || index == last) {
                let _ = packet.header.set_extension(id, captured.clone());
            }
            packet
        });
        link.outlet.push_frame(packets.collect(), frame.keyframe);
    }
}

fn header(ssrc: u32, payload_type: u8, sequence_number: u16, timestamp: u32, marker: bool) -> rtp::Header {
    rtp::Header { version: 2, marker, payload_type, sequence_number, timestamp, ssrc, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_each_other_over_their_wrap() {
        let mut stream = Stream { ssrc: 1, payload_type: 102, sequence: 65_535 };
        let first = stream.packet(0, true, Bytes::new());
        let second = stream.packet(0, false, Bytes::new());
        assert_eq!((first.header.sequence_number, second.header.sequence_number), (65_535, 0));
        assert!(first.header.marker && first.header.version == 2);
    }
}
