//! Encoded frames to RTP packets of one peer. One task for each of sound and picture, so that sound never waits for a
//! keyframe to be written.

use std::sync::Arc;

use bytes::Bytes;
use fika_media::{EncodedFrame, Timestamp};
use fika_rtp::h264::packetize;
use fika_rtp::{MAX_PAYLOAD, opus};
use rtc::rtp;
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::TrackLocal as _;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

use crate::clock::SessionClock;
use crate::hooks::SharedLink;
use crate::random;

/// Numbers the packets of one stream.
struct Stream {
    ssrc: u32,
    payload_type: u8,
    clock_rate: u32,
    sequence: u16,
    /// RTP time of media time zero.
    offset: u32,
}

impl Stream {
    fn new(ssrc: u32, payload_type: u8, clock_rate: u32) -> Self {
        // In the lower half: were the first packets lost around a wrap, the far side could not decrypt (RFC 3711 section 3.3.1).
        Self { ssrc, payload_type, clock_rate, sequence: random::u32() as u16 >> 1, offset: random::u32() }
    }

    /// The true spacing of the frames, whatever the encoder left out.
    fn timestamp(&self, pts: Timestamp) -> u32 {
        let units = i128::from(pts.as_micros()) * i128::from(self.clock_rate) / 1_000_000;
        (units as u32).wrapping_add(self.offset)
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
    ssrc: u32,
    payload_type: u8,
    mut frames: mpsc::Receiver<EncodedFrame>,
) {
    let mut stream = Stream::new(ssrc, payload_type, opus::CLOCK_RATE);
    while let Some(frame) = frames.recv().await {
        let packet = stream.packet(stream.timestamp(frame.pts), false, frame.payload);
        if track.write_rtp(packet).await.is_err() {
            return;
        }
    }
}

/// Ends with the queue or with the connection.
pub(super) async fn video(
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    payload_type: u8,
    link: SharedLink,
    clock: SessionClock,
    mut frames: mpsc::Receiver<EncodedFrame>,
) {
    let mut stream = Stream::new(ssrc, payload_type, 90_000);
    while let Some(frame) = frames.recv().await {
        let timestamp = stream.timestamp(frame.pts);
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
    fn time_follows_the_frames_and_numbers_follow_each_other() {
        let mut stream = Stream { ssrc: 1, payload_type: 102, clock_rate: 90_000, sequence: 65_535, offset: u32::MAX };
        assert_eq!(stream.timestamp(Timestamp::ZERO), u32::MAX);
        assert_eq!(stream.timestamp(Timestamp::from_millis(10)), 899);
        // Far beyond the wrap of 32 bits, and before zero.
        let day = Timestamp::from_micros(86_400_000_000);
        assert_eq!(stream.timestamp(day + std::time::Duration::from_millis(1)).wrapping_sub(stream.timestamp(day)), 90);
        assert_eq!(stream.timestamp(Timestamp::from_millis(-1)), u32::MAX - 90);
        let first = stream.packet(0, true, Bytes::new());
        let second = stream.packet(0, false, Bytes::new());
        assert_eq!((first.header.sequence_number, second.header.sequence_number), (65_535, 0));
        assert!(first.header.marker && first.header.version == 2);
    }
}
