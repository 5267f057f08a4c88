//! Encoded frames to RTP packets of one peer. One task for each of sound and picture, so that sound never waits for a
//! keyframe to be written.

use std::sync::Arc;

use bytes::Bytes;
use fika_media::EncodedFrame;
use fika_rtp::MAX_PAYLOAD;
use fika_rtp::h264::packetize;
use rtc::rtp;
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::TrackLocal as _;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

use crate::clock::SessionClock;
use crate::hooks::{SharedLink, Ssrcs};
use crate::random;

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
        let header = rtp::Header {
            version: 2,
            marker,
            payload_type: self.payload_type,
            sequence_number: self.sequence,
            timestamp,
            ssrc: self.ssrc,
            ..Default::default()
        };
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

/// Ends with the queue or with the connection.
pub(super) async fn video(
    track: Arc<TrackLocalStaticRTP>,
    ssrcs: Ssrcs,
    payload_type: u8,
    link: SharedLink,
    clock: SessionClock,
    mut frames: mpsc::Receiver<EncodedFrame>,
) {
    let mut stream = Stream::new(ssrcs.video, payload_type);
    while let Some(frame) = frames.recv().await {
        let timestamp = ssrcs.video_clock.timestamp(frame.pts);
        let captured = Bytes::copy_from_slice(&clock.wall().to_extension(frame.pts));
        let capture_time_id = link.lock().capture_time_id;
        let payloads = packetize(&frame.payload, MAX_PAYLOAD);
        let last = payloads.len().saturating_sub(1);
        for (index, payload) in payloads.into_iter().enumerate() {
            let mut packet = stream.packet(timestamp, index == last, payload);
            if let Some(id) = capture_time_id.filter(|_| index == 0 || index == last) {
                let _ = packet.header.set_extension(id, captured.clone());
            }
            if track.write_rtp(packet).await.is_err() {
                return;
            }
        }
    }
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
