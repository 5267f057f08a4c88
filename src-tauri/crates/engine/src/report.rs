//! What the actor does once a second: it notices that the computer slept, and in a call it puts the statistics together and tells
//! the machine its figures.

use std::time::Duration;

use fika_call::machine::{Input, VideoFigures};
use fika_call::{ParticipantId, TrackKind};

use crate::actor::Actor;
use crate::stats::{Connection, Inbound, Outbound, QualityLimitation, Stats, Track};

/// Seconds come later than this only where nothing ran.
const SLEPT: Duration = Duration::from_secs(10);

impl Actor {
    /// The others have heard nothing of us meanwhile, and the user does not know that the call goes on.
    async fn notice_sleep(&mut self) {
        let now = (self.config.sleepless)();
        let slept = now.since(std::mem::replace(&mut self.awake, now));
        if slept >= SLEPT {
            tracing::info!(seconds = slept.as_secs(), "the computer slept");
            self.input(Input::Slept(slept)).await;
        }
    }

    pub(crate) async fn second(&mut self) {
        self.notice_sleep().await;
        let Some(session) = &self.session else { return };
        let counted = self.threads.audio.counted();
        let video = self.threads.encode.stats();
        let mut stats = Stats { timestamp: (self.config.clock)(), ..Stats::default() };
        for (participant, peer) in &session.peers {
            stats.connections.push(Connection::new(participant, peer));
            for rtp in &peer.outbound {
                let mut track = Outbound::new(participant, rtp, peer);
                match rtp.source.kind() {
                    TrackKind::Video => track.video = Some(video.clone()),
                    TrackKind::Audio => track.audio = Some(counted.microphone.clone()),
                }
                stats.tracks.push(Track::Outbound(Box::new(track)));
            }
            for rtp in &peer.inbound {
                let mut track = Inbound::new(participant, rtp);
                let ours = |of: &ParticipantId, source| of == participant && source == rtp.source;
                let decoder = session.decoders.iter().find(|d| ours(&d.track.participant, d.track.source));
                track.video = decoder.map(|decoder| decoder.stats());
                let sound = counted.tracks.iter().find(|(track, _)| ours(&track.participant, track.source));
                track.audio = sound.map(|(_, audio)| audio.clone());
                track.estimate_playout(stats.timestamp);
                stats.tracks.push(Track::Inbound(Box::new(track)));
            }
        }
        let shown = session.decoders.iter().map(|decoder| decoder.stats()).max_by_key(|stats| stats.frame_height);
        let receive = shown.map(|video| VideoFigures {
            width: video.frame_width,
            height: video.frame_height,
            fps: video.frames_per_second,
            slowed: false,
            limited: false,
        });
        let send = VideoFigures {
            width: video.frame_width,
            height: video.frame_height,
            fps: video.frames_per_second,
            slowed: video.quality_limitation_reason == QualityLimitation::Cpu,
            limited: video.quality_limitation_reason == QualityLimitation::Bandwidth,
        };
        let send = if self.sending.camera { send } else { VideoFigures::default() };
        self.out.stats.send_replace(stats);
        self.input(Input::Figures { send, receive: receive.unwrap_or_default() }).await;
    }
}
