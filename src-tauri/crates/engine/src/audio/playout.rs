//! Network to speaker: one jitter buffer for each remote track, mixed every 10 ms. Runs on the audio thread.

use std::collections::VecDeque;
use std::sync::Arc;

use fika_call::session::RemoteTrack;
use fika_call::view::ParticipantLevel;
use fika_media::frame::FRAME_SAMPLES;
use fika_media::jitter::AudioPacket;
use fika_media::opus;
use fika_media::{AudioDecoder, AudioFrame, Timestamp};
use tokio::sync::mpsc;

use super::level::Level;
use super::tones::Tones;
use crate::decode::RECEIVED_INTERVAL;
use crate::event::Event;
use crate::park::{Parker, Polled};
use crate::ports::FrameSink;
use crate::stats::AudioIn;

pub(super) struct Playout {
    frames: Arc<dyn FrameSink>,
    events: mpsc::Sender<Event>,
    tracks: Vec<Track>,
    tones: Option<Tones>,
}

struct Track {
    track: RemoteTrack,
    packets: mpsc::Receiver<AudioPacket>,
    waiting: VecDeque<AudioPacket>,
    decoder: opus::Decoder,
    pcm: VecDeque<f32>,
    level: Level,
    received_at: Option<Timestamp>,
    counted: AudioIn,
    started: bool,
}

impl Playout {
    pub(super) fn new(frames: Arc<dyn FrameSink>, events: mpsc::Sender<Event>) -> Self {
        Self { frames, events, tracks: Vec::new(), tones: None }
    }

    pub(super) fn add(&mut self, track: RemoteTrack, packets: mpsc::Receiver<AudioPacket>) {
        match opus::Decoder::new() {
            Ok(decoder) => self.tracks.push(Track {
                track,
                packets,
                waiting: VecDeque::new(),
                decoder,
                pcm: VecDeque::new(),
                level: Level::default(),
                received_at: None,
                counted: AudioIn::default(),
                started: false,
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
    pub(super) fn receive(&mut self, parker: &Parker, _now: Timestamp) {
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

    /// The next 10 ms for the speaker.
    pub(super) fn mix(&mut self, now: Timestamp) -> AudioFrame {
        let mut mixed = AudioFrame::silence(now);
        for track in &mut self.tracks {
            let mut frame = AudioFrame::silence(now);
            track.pull(&mut frame);
            track.level.add(&frame);
            mixed.samples.iter_mut().zip(frame.samples).for_each(|(sum, sample)| *sum += sample);
        }
        if let Some(tones) = &mut self.tones
            && !tones.add_to(&mut mixed)
        {
            self.tones = None;
        }
        mixed.samples.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
        self.frames.played(&mixed);
        mixed
    }

    /// Since the last look.
    pub(super) fn levels(&mut self) -> Vec<ParticipantLevel> {
        let level = |track: &mut Track| {
            track.counted.level = track.level.take();
            ParticipantLevel { id: track.track.participant.clone(), level: track.counted.level }
        };
        self.tracks.iter_mut().map(level).collect()
    }

    pub(super) fn counted(&self) -> Vec<(RemoteTrack, AudioIn)> {
        self.tracks.iter().map(|track| (track.track.clone(), track.counted.clone())).collect()
    }
}

impl Track {
    fn insert(&mut self, packet: AudioPacket, events: &mpsc::Sender<Event>) {
        if self.received_at.is_none_or(|at| packet.arrived.since(at) >= RECEIVED_INTERVAL) {
            self.received_at = Some(packet.arrived);
            // Full: the next one is as good.
            let _ = events.try_send(Event::Received { participant: self.track.participant.clone() });
        }
        self.waiting.push_back(packet);
    }

    fn pull(&mut self, frame: &mut AudioFrame) {
        if !self.started && self.waiting.len() < 3 {
            return;
        }
        self.started = true;
        while self.waiting.len() > 10 {
            self.waiting.pop_front();
        }
        if self.pcm.len() < FRAME_SAMPLES {
            let mut out = [0.0; opus::MAX_PACKET_SAMPLES];
            let count = match self.waiting.pop_front() {
                Some(packet) => self.decoder.decode(&packet.payload, &mut out),
                None => self.decoder.conceal(&mut out[..opus::PACKET_SAMPLES]),
            };
            if let Ok(count) = count {
                self.pcm.extend(&out[..count]);
            }
        }
        for (sample, value) in frame.samples.iter_mut().zip(self.pcm.drain(..FRAME_SAMPLES.min(self.pcm.len()))) {
            *sample = value;
        }
    }
}
