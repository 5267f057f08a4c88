//! RTP of one peer to the units that the engine decodes. One task for each connection; it drains the driver's channel and
//! never waits for the engine.

use std::time::Duration;

use fika_call::session::RemoteTrack;
use fika_call::{ParticipantId, TrackId, TrackKind, TrackSource};
use fika_media::jitter::{AudioPacket, VideoUnit};
use fika_rtp::keyframe::Limiter;
use fika_rtp::{h264, opus};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use crate::clock::SessionClock;
use crate::hooks::{Arrival, SharedLink};
use crate::session::{INCOMING_QUEUE, IncomingMedia, IncomingTrack};

/// Keyframes that we ask for: at most one in this time.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);
/// How long a missing packet is waited for: two tries of repair.
const MIN_WAIT: Duration = Duration::from_millis(60);
const MAX_WAIT: Duration = Duration::from_millis(400);

pub(super) struct Receiver {
    pub(super) participant: ParticipantId,
    pub(super) clock: SessionClock,
    pub(super) link: SharedLink,
    pub(super) arrivals: mpsc::Receiver<Arrival>,
    pub(super) tracks: mpsc::Sender<IncomingTrack>,
    /// Somebody needs a keyframe of the peer.
    pub(super) wishes: mpsc::Receiver<()>,
    /// Send a PLI now.
    pub(super) plis: mpsc::Sender<()>,
}

impl Receiver {
    /// Ends with the connection.
    pub(super) async fn run(mut self) {
        let mut opus = opus::Depacketizer::default();
        let mut h264 = h264::Depacketizer::new(h264::Config::default());
        let mut audio: Option<mpsc::Sender<AudioPacket>> = None;
        let mut video: Option<Video> = None;
        let mut keyframes = Limiter::new(KEYFRAME_INTERVAL);
        loop {
            let due = [h264.poll_timeout(), keyframes.poll_timeout()].into_iter().flatten().min();
            let wanted = tokio::select! {
                arrival = self.arrivals.recv() => match arrival {
                    Some(Arrival { kind: TrackKind::Audio, packet }) => {
                        if let Some(packet) = opus.handle_packet(packet) {
                            let queue = match &audio {
                                Some(queue) => queue,
                                None => audio.insert(self.audio_track().await),
                            };
                            // Full: the engine is not listening; late sound is of no use to it.
                            let _ = queue.try_send(packet);
                        }
                        false
                    }
                    Some(Arrival { kind: TrackKind::Video, packet }) => {
                        if let Some(rtt) = self.link.lock().round_trip.get() {
                            h264.set_wait((rtt * 5 / 2 + Duration::from_millis(30)).clamp(MIN_WAIT, MAX_WAIT));
                        }
                        h264.handle_packet(packet, self.clock.now());
                        false
                    }
                    None => return,
                },
                wish = self.wishes.recv() => wish.is_some(),
                () = async { sleep_until(self.clock.instant(due.unwrap_or_default()).into()).await }, if due.is_some() => {
                    h264.handle_timeout(self.clock.now());
                    false
                }
            };
            let now = self.clock.now();
            let mut ask = wanted && keyframes.request(now);
            while let Some(unit) = h264.poll_unit() {
                let video = match &mut video {
                    Some(video) => video,
                    None => video.insert(self.video_track().await),
                };
                if unit.frame.keyframe {
                    keyframes.satisfied();
                }
                if video.deliver(unit) {
                    ask |= keyframes.request(now);
                }
            }
            if ask | keyframes.handle_timeout(now) {
                self.link.lock().video_received.plis += 1;
                let _ = self.plis.try_send(());
            }
        }
    }

    async fn audio_track(&self) -> mpsc::Sender<AudioPacket> {
        let (sender, receiver) = mpsc::channel(INCOMING_QUEUE);
        self.announce(TrackSource::Microphone, "audio", IncomingMedia::Audio(receiver)).await;
        sender
    }

    async fn video_track(&self) -> Video {
        let (sender, receiver) = mpsc::channel(INCOMING_QUEUE);
        self.announce(TrackSource::Camera, "video", IncomingMedia::Video(receiver)).await;
        Video { queue: sender, dropping: false }
    }

    async fn announce(&self, source: TrackSource, id: &str, media: IncomingMedia) {
        let track = RemoteTrack { participant: self.participant.clone(), id: TrackId(id.to_owned()), source };
        let _ = self.tracks.send(IncomingTrack { track, media }).await;
    }
}

struct Video {
    queue: mpsc::Sender<VideoUnit>,
    /// The queue was full: what depends on the dropped unit is dropped too.
    dropping: bool,
}

impl Video {
    /// Whether a keyframe is needed now.
    fn deliver(&mut self, mut unit: VideoUnit) -> bool {
        if unit.after_gap && !unit.frame.keyframe {
            // The decoder could only refuse it.
            self.dropping = true;
            return true;
        }
        if self.dropping && !unit.frame.keyframe {
            return false;
        }
        unit.after_gap |= self.dropping;
        let keyframe = unit.frame.keyframe;
        match self.queue.try_send(unit) {
            Ok(()) => {
                self.dropping = false;
                false
            }
            Err(mpsc::error::TrySendError::Full(_)) => {
                let ask = keyframe || !self.dropping;
                self.dropping = true;
                ask
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fika_media::{EncodedFrame, Timestamp};

    use super::*;

    fn unit(keyframe: bool, after_gap: bool) -> VideoUnit {
        let frame = EncodedFrame { pts: Timestamp::ZERO, keyframe, payload: Bytes::from_static(b"x") };
        VideoUnit { frame, arrived: Timestamp::ZERO, after_gap, captured: None, sender_time: None }
    }

    #[test]
    fn a_full_queue_drops_up_to_the_next_keyframe_and_asks_once() {
        let (queue, mut received) = mpsc::channel(2);
        let mut video = Video { queue, dropping: false };
        assert!(!video.deliver(unit(true, true)));
        assert!(!video.deliver(unit(false, false)));
        assert!(video.deliver(unit(false, false)), "full: ask");
        assert!(!video.deliver(unit(false, false)), "asked already");
        received.try_recv().unwrap();
        assert!(!video.deliver(unit(false, false)), "depends on what was dropped");
        assert!(!video.deliver(unit(true, false)));
        received.try_recv().unwrap();
        assert!(received.try_recv().unwrap().after_gap);
    }

    #[test]
    fn what_cannot_be_decoded_is_not_delivered() {
        let (queue, mut received) = mpsc::channel(2);
        let mut video = Video { queue, dropping: false };
        assert!(video.deliver(unit(false, true)));
        assert!(received.try_recv().is_err());
    }
}
