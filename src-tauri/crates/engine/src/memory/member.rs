//! One participant of an in-memory room: its seat, which the others write to, and the task that reads what it sends.

use std::collections::VecDeque;
use std::time::Duration;

use fika_call::session::{
    CloseReason, Participant, PeerState, PeerStats, RemoteTrack, Request, SessionCommand, SessionEvent,
};
use fika_call::session::{DataChannel, DataCommand, DataEvent, DataIn, DataOut, InboundStats, OutboundStats};
use fika_call::signal::MAX_PARTICIPANTS;
use fika_call::{ParticipantId, RoomId, TrackId, TrackSource};
use fika_media::EncodedFrame;
use fika_media::jitter::{AudioPacket, VideoUnit};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::Network;
use crate::ports::{INCOMING_QUEUE, IncomingMedia, IncomingTrack};

/// Frames under way, several seconds' worth. Full: the sender waits.
const UNDER_WAY: usize = 512;

/// Where a participant is written to.
pub(super) struct Seat {
    participant: Participant,
    events: mpsc::Sender<SessionEvent>,
    tracks: mpsc::Sender<IncomingTrack>,
    arrived: mpsc::Sender<DataIn>,
    /// What comes from each other participant.
    from: Vec<Lane>,
}

struct Lane {
    participant: ParticipantId,
    video: mpsc::Sender<VideoUnit>,
    audio: mpsc::Sender<AudioPacket>,
    /// Video was dropped.
    gap: bool,
    /// The sender sends video this way.
    served: bool,
    counted: [(u64, u64); 2],
}

impl Seat {
    pub(super) fn new(
        id: ParticipantId,
        request: &Request,
        events: mpsc::Sender<SessionEvent>,
        tracks: mpsc::Sender<IncomingTrack>,
        arrived: mpsc::Sender<DataIn>,
    ) -> Self {
        let participant = Participant { id, name: request.name.clone(), media: request.media };
        Self { participant, events, tracks, arrived, from: Vec::new() }
    }

    pub(super) fn id(&self) -> &ParticipantId {
        &self.participant.id
    }

    pub(super) fn tell(&self, event: SessionEvent) {
        // A full queue belongs to an engine that does not read, a closed one to one that has ended.
        let _ = self.events.try_send(event);
    }

    fn hand(&self, data: DataIn) {
        let _ = self.arrived.try_send(data);
    }

    /// Opens the way from `other` to here.
    fn meet(&mut self, other: &ParticipantId) {
        let (video, units) = mpsc::channel(INCOMING_QUEUE);
        let (audio, packets) = mpsc::channel(INCOMING_QUEUE);
        let track = |id: &str, source| RemoteTrack { participant: other.clone(), id: TrackId(id.into()), source };
        let incoming = [
            IncomingTrack { track: track("video", TrackSource::Camera), media: IncomingMedia::Video(units) },
            IncomingTrack { track: track("audio", TrackSource::Microphone), media: IncomingMedia::Audio(packets) },
        ];
        for track in incoming {
            let _ = self.tracks.try_send(track);
        }
        self.from.push(Lane {
            participant: other.clone(),
            video,
            audio,
            gap: false,
            served: true,
            counted: Default::default(),
        });
        self.tell(SessionEvent::PeerState { participant: other.clone(), state: PeerState::Connected });
        self.tell(SessionEvent::VideoProfile { main: true });
        for channel in DataChannel::ALL {
            self.hand(DataIn { from: other.clone(), channel, event: DataEvent::Open });
        }
    }
}

/// The task of one session.
pub(super) struct Member {
    network: Network,
    room: RoomId,
    commands: mpsc::Receiver<SessionCommand>,
    video: mpsc::Receiver<EncodedFrame>,
    audio: mpsc::Receiver<EncodedFrame>,
    data: mpsc::Receiver<DataOut>,
    /// What has been sent and has not arrived.
    under_way: VecDeque<(Instant, Sent)>,
    packets: u64,
}

enum Sent {
    Video(EncodedFrame),
    Audio(EncodedFrame),
}

impl Member {
    pub(super) fn new(
        network: Network,
        room: RoomId,
        commands: mpsc::Receiver<SessionCommand>,
        video: mpsc::Receiver<EncodedFrame>,
        audio: mpsc::Receiver<EncodedFrame>,
        data: mpsc::Receiver<DataOut>,
    ) -> Self {
        Self { network, room, commands, video, audio, data, under_way: VecDeque::new(), packets: 0 }
    }

    pub(super) async fn run(mut self, seat: Seat) {
        let id = seat.id().clone();
        if let Err((seat, reason)) = self.join(seat) {
            return seat.tell(SessionEvent::Closed(reason));
        }
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let arrival = self.under_way.front().map(|(at, _)| *at);
            let room = self.under_way.len() < UNDER_WAY;
            tokio::select! {
                command = self.commands.recv() => match command {
                    None | Some(SessionCommand::Leave) => break,
                    Some(command) => self.obey(&id, command),
                },
                Some(data) = self.data.recv() => self.pass_on(&id, data),
                Some(frame) = self.video.recv(), if room => self.send(Sent::Video(frame)),
                Some(frame) = self.audio.recv(), if room => self.send(Sent::Audio(frame)),
                () = tokio::time::sleep_until(arrival.unwrap_or_else(Instant::now)), if arrival.is_some() => {
                    if let Some((_, sent)) = self.under_way.pop_front() {
                        self.arrive(&id, sent);
                    }
                }
                _ = second.tick() => self.report(&id),
            }
        }
        self.leave(&id);
    }

    fn join(&self, mut seat: Seat) -> Result<(), (Seat, CloseReason)> {
        let mut state = self.network.lock();
        let Some(room) = state.rooms.get_mut(&self.room) else { return Err((seat, CloseReason::RoomNotFound)) };
        if room.len() == MAX_PARTICIPANTS {
            return Err((seat, CloseReason::RoomFull));
        }
        let participants = room.iter().map(|other| other.participant.clone()).collect();
        seat.tell(SessionEvent::Joined { you: seat.id().clone(), participants });
        for other in room.iter_mut() {
            other.tell(SessionEvent::ParticipantJoined(seat.participant.clone()));
            other.meet(seat.id());
            seat.meet(other.id());
        }
        room.push(seat);
        Ok(())
    }

    fn leave(&self, id: &ParticipantId) {
        let mut state = self.network.lock();
        let Some(room) = state.rooms.get_mut(&self.room) else { return };
        let Some(at) = room.iter().position(|seat| seat.id() == id) else { return };
        room.remove(at).tell(SessionEvent::Closed(CloseReason::Left));
        for other in room {
            other.from.retain(|lane| lane.participant != *id);
            other.tell(SessionEvent::ParticipantLeft(id.clone()));
        }
    }

    fn obey(&self, id: &ParticipantId, command: SessionCommand) {
        let mut state = self.network.lock();
        let Some(room) = state.rooms.get_mut(&self.room) else { return };
        match command {
            SessionCommand::SetMedia(media) => {
                let Some(seat) = room.iter_mut().find(|seat| seat.id() == id) else { return };
                seat.participant.media = media;
                let changed = seat.participant.clone();
                for other in room.iter().filter(|seat| seat.id() != id) {
                    other.tell(SessionEvent::ParticipantChanged(changed.clone()));
                }
            }
            SessionCommand::RequestKeyframe { participant, source } => {
                if let Some(sender) = room.iter().find(|seat| *seat.id() == participant) {
                    sender.tell(SessionEvent::KeyframeRequested { source });
                }
            }
            SessionCommand::WantVideo { participant, source, want } => {
                if let Some(sender) = room.iter().find(|seat| *seat.id() == participant) {
                    sender.tell(SessionEvent::VideoWanted { participant: id.clone(), source, want });
                }
            }
            SessionCommand::ServeVideo { participant, on } => {
                let seat = room.iter_mut().find(|seat| *seat.id() == participant);
                let lanes = seat.into_iter().flat_map(|seat| &mut seat.from);
                lanes.filter(|lane| lane.participant == *id).for_each(|lane| lane.served = on);
            }
            SessionCommand::Cut { participant } => {
                for seat in room.iter_mut() {
                    let other = if seat.id() == id { &participant } else { id };
                    if *seat.id() == participant || seat.id() == id {
                        seat.from.retain(|lane| lane.participant != *other);
                    }
                }
            }
            // There is no server here that would decide.
            SessionCommand::Room(_) | SessionCommand::Reconnect | SessionCommand::Leave => {}
        }
    }

    fn pass_on(&self, id: &ParticipantId, data: DataOut) {
        let DataOut { to, channel, command } = data;
        let event = match command {
            DataCommand::Text(text) => DataEvent::Text(text),
            DataCommand::Binary(bytes) => DataEvent::Binary(bytes),
            DataCommand::Close => DataEvent::Closed,
        };
        let state = self.network.lock();
        let room = state.rooms.get(&self.room);
        if let Some(seat) = room.and_then(|room| room.iter().find(|seat| *seat.id() == to)) {
            seat.hand(DataIn { from: id.clone(), channel, event });
        }
    }

    fn send(&mut self, sent: Sent) {
        self.under_way.push_back((Instant::now() + self.network.latency, sent));
    }

    fn arrive(&mut self, id: &ParticipantId, sent: Sent) {
        let arrived = (self.network.clock)();
        if matches!(sent, Sent::Audio(_)) {
            self.packets += 1;
        }
        let mut state = self.network.lock();
        let Some(room) = state.rooms.get_mut(&self.room) else { return };
        let lanes = room.iter_mut().flat_map(|seat| &mut seat.from).filter(|lane| lane.participant == *id);
        for lane in lanes {
            match &sent {
                Sent::Video(_) if !lane.served => lane.gap = true,
                Sent::Video(frame) => {
                    lane.count(0, frame);
                    let (captured, sender_time) = (Some(frame.pts), Some(frame.pts));
                    let unit = VideoUnit { frame: frame.clone(), arrived, after_gap: lane.gap, captured, sender_time };
                    lane.gap = lane.video.try_send(unit).is_err();
                }
                Sent::Audio(frame) => {
                    lane.count(1, frame);
                    let timestamp = u64::try_from(frame.pts.as_micros() * 48 / 1000).unwrap_or(0);
                    let (sequence, sender_time) = (self.packets, Some(frame.pts));
                    let payload = frame.payload.clone();
                    let _ = lane.audio.try_send(AudioPacket { sequence, timestamp, arrived, sender_time, payload });
                }
            }
        }
    }

    fn report(&self, id: &ParticipantId) {
        let state = self.network.lock();
        let Some(room) = state.rooms.get(&self.room) else { return };
        let Some(seat) = room.iter().find(|seat| seat.id() == id) else { return };
        for lane in &seat.from {
            let back = room.iter().find(|other| *other.id() == lane.participant);
            let out = back.and_then(|other| other.from.iter().find(|lane| lane.participant == *id));
            let stats = PeerStats {
                round_trip_time: Some(self.network.latency * 2),
                outbound: out.map(Lane::outbound).unwrap_or_default(),
                inbound: lane.inbound(),
                ..PeerStats::default()
            };
            seat.tell(SessionEvent::Stats { participant: lane.participant.clone(), stats });
        }
    }
}

const SOURCES: [TrackSource; 2] = [TrackSource::Camera, TrackSource::Microphone];

impl Lane {
    fn count(&mut self, kind: usize, frame: &EncodedFrame) {
        self.counted[kind].0 += 1;
        self.counted[kind].1 += frame.payload.len() as u64;
    }

    fn outbound(&self) -> Vec<OutboundStats> {
        let stats = |(source, (packets, bytes))| OutboundStats {
            source,
            bytes_sent: bytes,
            packets_sent: packets,
            retransmitted_packets_sent: 0,
            nack_count: 0,
            pli_count: 0,
            fir_count: 0,
            fraction_lost: None,
            remote_packets_lost: None,
            remote_jitter: None,
        };
        SOURCES.into_iter().zip(self.counted).map(stats).collect()
    }

    fn inbound(&self) -> Vec<InboundStats> {
        let stats = |(source, (packets, bytes))| InboundStats {
            source,
            bytes_received: bytes,
            packets_received: packets,
            packets_lost: 0,
            jitter: Duration::ZERO,
            nack_count: 0,
            pli_count: 0,
        };
        SOURCES.into_iter().zip(self.counted).map(stats).collect()
    }
}
