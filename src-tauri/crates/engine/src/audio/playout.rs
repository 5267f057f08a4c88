//! Network to speaker: one jitter buffer for each remote track, mixed every 10 ms. Runs on the audio thread.

use std::sync::Arc;
use std::time::Duration;

use fika_call::session::RemoteTrack;
use fika_call::signal::MAX_PARTICIPANTS;
use fika_call::view::ParticipantLevel;
use fika_media::jitter::AudioPacket;
use fika_media::jitter::audio::Buffer;
use fika_media::mix::Mixer;
use fika_media::opus;
use fika_media::playout::Lag;
use fika_media::voice::Level;
use fika_media::{AudioFrame, Timestamp};
use tokio::sync::mpsc;

use super::tones::Tones;
use crate::decode::RECEIVED_INTERVAL;
use crate::event::Event;
use crate::park::{Parker, Polled};
use crate::ports::FrameSink;
use crate::stats::AudioIn;
use crate::sync::SharedSync;

/// Jitter buffers of one session, two for each participant.
const MAX_TRACKS: usize = 2 * MAX_PARTICIPANTS;

pub(super) struct Playout {
    frames: Arc<dyn FrameSink>,
    events: mpsc::Sender<Event>,
    tracks: Vec<Track>,
    tones: Option<Tones>,
    mixer: Mixer,
}

struct Track {
    track: RemoteTrack,
    packets: mpsc::Receiver<AudioPacket>,
    sync: SharedSync,
    buffer: Buffer,
    decoder: opus::Decoder,
    /// The 10 ms that play now.
    frame: AudioFrame,
    level: Level,
    /// Of what plays now.
    lag: Option<Lag>,
    received_at: Option<Timestamp>,
}

impl Playout {
    pub(super) fn new(frames: Arc<dyn FrameSink>, events: mpsc::Sender<Event>) -> Self {
        Self { frames, events, tracks: Vec::new(), tones: None, mixer: Mixer::default() }
    }

    /// In place of an earlier track of the same source. Beyond [`MAX_TRACKS`] it is not heard.
    pub(super) fn add(&mut self, track: RemoteTrack, packets: mpsc::Receiver<AudioPacket>, sync: SharedSync) {
        let same = |other: &RemoteTrack| (&other.participant, other.source) == (&track.participant, track.source);
        self.tracks.retain(|other| !same(&other.track));
        if self.tracks.len() == MAX_TRACKS {
            tracing::warn!("more audio tracks than are heard");
            return;
        }
        match opus::Decoder::new() {
            Ok(decoder) => self.tracks.push(Track {
                track,
                packets,
                sync,
                buffer: Buffer::default(),
                decoder,
                frame: AudioFrame::silence(Timestamp::ZERO),
                level: Level::default(),
                lag: None,
                received_at: None,
            }),
            Err(error) => tracing::error!(%error, "a track has no Opus decoder and stays silent"),
        }
    }

    pub(super) fn drop_tracks(&mut self) {
        self.tracks.clear();
    }

    pub(super) fn test_sound(&mut self) {
        self.tones = Some(Tones::new());
    }

    /// There is something to play.
    pub(super) fn is_active(&self) -> bool {
        !self.tracks.is_empty() || self.tones.is_some()
    }

    /// Empties the queues from the session. Tracks that have ended are dropped.
    pub(super) fn receive(&mut self, parker: &Parker) {
        let events = &self.events;
        self.tracks.retain_mut(|track| {
            loop {
                match parker.poll(&mut track.packets) {
                    Polled::Value(packet) => track.insert(packet, events),
                    Polled::Empty => return true,
                    Polled::Closed => return false,
                }
            }
        });
    }

    /// The next 10 ms for the speaker, which are heard `latency` later.
    pub(super) fn mix(&mut self, now: Timestamp, latency: Duration) -> AudioFrame {
        for track in &mut self.tracks {
            track.pull(now, latency);
        }
        let mut test = AudioFrame::silence(now);
        if let Some(tones) = &mut self.tones
            && !tones.add_to(&mut test)
        {
            self.tones = None;
        }
        let mut mixed = AudioFrame::silence(now + latency);
        let sounds = self.tracks.iter().map(|track| &track.frame);
        self.mixer.mix(sounds.chain(self.tones.is_some().then_some(&test)), &mut mixed);
        self.frames.played(&mixed);
        mixed
    }

    pub(super) fn levels(&self) -> Vec<ParticipantLevel> {
        let level = |track: &Track| ParticipantLevel { id: track.track.participant.clone(), level: track.level.get() };
        self.tracks.iter().map(level).collect()
    }

    pub(super) fn counted(&self) -> Vec<(RemoteTrack, AudioIn)> {
        let counted = |track: &Track| {
            let audio = AudioIn { buffer: track.buffer.stats(), level: track.level.get(), lag: track.lag };
            (track.track.clone(), audio)
        };
        self.tracks.iter().map(counted).collect()
    }
}

impl Track {
    /// The next 10 ms.
    fn pull(&mut self, now: Timestamp, latency: Duration) {
        let delay = {
            let mut sync = self.sync.lock();
            if let Some((lag, least)) = self.buffer.lags(now, latency) {
                sync.heard(lag, least, now);
            }
            self.lag = sync.audio_lag(now);
            sync.audio_delay(now)
        };
        self.buffer.wait_for_pictures(delay);
        self.buffer.pull(now, &mut self.decoder, &mut self.frame);
        self.level.update(&self.frame.samples);
    }

    fn insert(&mut self, packet: AudioPacket, events: &mpsc::Sender<Event>) {
        if self.received_at.is_none_or(|at| packet.arrived.since(at) >= RECEIVED_INTERVAL) {
            self.received_at = Some(packet.arrived);
            // Full: the next one is as good.
            let _ = events.try_send(Event::Received { participant: self.track.participant.clone() });
        }
        self.buffer.insert(packet);
    }
}
