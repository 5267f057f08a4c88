//! From phase to phase, and what a session's events change.

use std::time::{Duration, Instant};

use super::people::{Person, clean_name, passed};
use super::{Attempt, Call, LEAVE_PATIENCE, Link, OFF_AFTER, Output};
use crate::TrackSource;
use crate::invite::Invite;
use crate::session::{
    CloseReason, ConnectionPrivacy, Participant, Request, RoomEvent, SessionCommand, SessionEvent, SignalState,
};
use crate::signal::{MAX_PARTICIPANTS, MediaState};
use crate::view::{ConnectionState, EndReason, Notification, Phase};

impl Call {
    pub(super) fn new_call(&mut self, now: Instant) {
        if self.opening.is_some() || !matches!(self.phase, Phase::Home | Phase::Ended) {
            return;
        }
        self.go_home();
        let server = match self.server.as_deref().filter(|server| !server.is_empty()).map(url::Url::parse) {
            None => None,
            Some(Ok(server)) => Some(server),
            Some(Err(_)) => return self.finish(EndReason::ServerUnreachable, now),
        };
        self.attempt = self.attempt.wrapping_add(1);
        let attempt = Attempt(self.attempt);
        self.opening = Some(attempt);
        self.outputs.push_back(Output::OpenRoom { attempt, server });
    }

    pub(super) fn open_invite(&mut self, invite: Invite) {
        if matches!(self.phase, Phase::Home | Phase::Lobby | Phase::Ended) {
            self.enter_lobby(invite, false);
        }
    }

    pub(super) fn open_link(&mut self, invite: Invite) {
        if matches!(self.phase, Phase::Home | Phase::Lobby | Phase::Ended) {
            self.microphone.wanted = false;
            self.camera.wanted = false;
            self.enter_lobby(invite, false);
        } else {
            self.outputs.push_back(Output::Notify(Notification::LinkIgnored));
        }
    }

    /// Whoever answers has pressed that, so it counts as joining.
    pub(super) fn answer(&mut self, invite: Invite, video: bool, relayed: bool, now: Instant) {
        self.finish(EndReason::Left, now);
        self.enter_lobby(invite, false);
        self.relayed = relayed;
        self.microphone.wanted = true;
        self.camera.wanted = video;
        self.connect();
    }

    /// Nothing is connected or opened by itself: only the user's `Rejoin` does that.
    pub(super) fn offer_rejoin(&mut self, invite: Invite) {
        if self.phase != Phase::Home || self.opening.is_some() {
            return;
        }
        self.microphone.wanted = false;
        self.camera.wanted = false;
        self.phase = Phase::Ended;
        self.invite = Some(invite);
        self.end = Some(EndReason::Interrupted);
        self.away_since = None;
    }

    pub(super) fn enter_lobby(&mut self, invite: Invite, mine: bool) {
        self.go_home();
        self.phase = Phase::Lobby;
        self.invite = Some(invite);
        self.mine = mine;
    }

    pub(super) fn go_home(&mut self) {
        self.phase = Phase::Home;
        self.opening = None;
        self.invite = None;
        self.mine = false;
        self.relayed = false;
        self.passcode = None;
        self.end = None;
        self.connected_for = None;
    }

    /// Only the user's own `Join`, `Answer` and `Rejoin` come here.
    pub(super) fn connect(&mut self) {
        let Some(invite) = &self.invite else { return };
        let mut server = invite.server.clone();
        let scheme = if server.scheme() == "https" { "wss" } else { "ws" };
        // http(s) and ws(s) are all special schemes, between which a URL may change.
        let _ = server.set_scheme(scheme);
        if self.link != Link::None {
            self.outputs.push_back(Output::Disconnect);
        }
        self.told = self.live();
        self.outputs.push_back(Output::Connect(Request {
            server,
            room: invite.room.clone(),
            secret: invite.secret.clone(),
            name: self.name.clone(),
            media: self.told,
            entry: self.entry(),
            ice_servers: self.config.ice_servers.clone(),
            privacy: if self.private || self.relayed { ConnectionPrivacy::RelayOnly } else { self.privacy },
            max_video_bitrate: self.config.max_video_bitrate,
        }));
        self.link = Link::Up;
        self.phase = Phase::Joining;
        self.leave_room();
        self.end = None;
        self.connected_for = None;
    }

    /// Whoever opens their computer again does not know that the others see and hear them.
    pub(super) fn slept(&mut self, time: Duration) {
        if time >= OFF_AFTER && matches!(self.phase, Phase::Lobby | Phase::Joining | Phase::Waiting | Phase::InCall) {
            self.microphone.wanted = false;
            self.camera.wanted = false;
        }
    }

    pub(super) fn rejoin(&mut self, now: Instant) {
        match self.phase {
            Phase::Ended => {
                if self.away_since.is_some_and(|since| passed(since, OFF_AFTER, now)) {
                    self.microphone.wanted = false;
                    self.camera.wanted = false;
                }
                self.connect();
            }
            Phase::InCall if self.connection(now) == ConnectionState::Reconnecting => {
                self.outputs.push_back(Output::Session(SessionCommand::Reconnect));
            }
            _ => {}
        }
    }

    /// Leaves the session, if there is one, and goes to the after-call screen.
    pub(super) fn finish(&mut self, reason: EndReason, now: Instant) {
        if self.link == Link::Up {
            self.outputs.push_back(Output::Session(SessionCommand::Leave));
            self.link = Link::Leaving(now + LEAVE_PATIENCE);
        }
        self.after_call(reason, now);
    }

    pub(super) fn session_closed(&mut self, reason: EndReason, now: Instant) {
        if self.link != Link::None {
            self.outputs.push_back(Output::Disconnect);
        }
        if self.link == Link::Up {
            self.after_call(reason, now);
        }
        self.link = Link::None;
    }

    fn after_call(&mut self, reason: EndReason, now: Instant) {
        self.phase = Phase::Ended;
        self.opening = None;
        self.end = Some(reason);
        self.away_since = Some(self.broken_since.take().unwrap_or(now));
        self.connected_for = self.connected_since.take().map(|since| now.saturating_duration_since(since));
        self.was_broken = false;
        self.signal_down = false;
        self.id = None;
        self.people.clear();
        self.leave_room();
    }

    /// Nothing is left of the room that we were in.
    pub(super) fn leave_room(&mut self) {
        self.together = self.together.left();
    }

    /// What others would see and hear.
    pub(super) fn live(&self) -> MediaState {
        MediaState { microphone: self.microphone.is_live(), camera: self.camera.is_live() }
    }

    pub(super) fn session(&mut self, event: SessionEvent, now: Instant) {
        match (event, self.link, self.phase) {
            (SessionEvent::Closed(reason), ..) => self.session_closed(end_reason(reason), now),
            (SessionEvent::Joined { you, participants }, Link::Up, Phase::Joining | Phase::Waiting | Phase::InCall) => {
                if self.phase == Phase::Waiting {
                    self.outputs.push_back(Output::Notify(Notification::Admitted));
                }
                if self.phase != Phase::InCall || self.id.as_ref() != Some(&you) {
                    self.leave_room();
                }
                self.phase = Phase::InCall;
                self.id = Some(you);
                self.signal_down = false;
                self.reconcile(participants, now);
            }
            (SessionEvent::Room(RoomEvent::Waiting { host }), Link::Up, Phase::Joining | Phase::Waiting) => {
                self.before_the_door(host.as_deref());
            }
            (SessionEvent::SignalState(state), Link::Up, Phase::Waiting) => {
                self.signal_down = state == SignalState::Reconnecting;
            }
            (event, Link::Up, Phase::InCall) => self.in_call(event, now),
            // Of the session that we leave, or before it has a seat: nothing that matters.
            _ => {}
        }
    }

    fn in_call(&mut self, event: SessionEvent, now: Instant) {
        match event {
            SessionEvent::Joined { .. } | SessionEvent::Closed(_) => {}
            SessionEvent::ParticipantJoined(participant) => {
                if self.person(&participant.id).is_none() && self.people.len() < MAX_PARTICIPANTS {
                    let name = clean_name(&participant.name);
                    self.outputs.push_back(Output::Notify(Notification::Joined { name }));
                    self.people.push(Person::new(participant, now));
                }
            }
            SessionEvent::ParticipantChanged(participant) => {
                if let Some(person) = self.person(&participant.id) {
                    person.change(participant, now);
                }
            }
            SessionEvent::ParticipantLeft(id) => {
                if let Some(at) = self.people.iter().position(|person| person.id == id) {
                    let name = self.people.remove(at).name;
                    self.outputs.push_back(Output::Notify(Notification::Left { name }));
                }
            }
            SessionEvent::PeerState { participant, state } => {
                let Some(person) = self.person(&participant) else { return };
                let connects = person.set_state(state, now);
                // Saves the newcomer the time to ask.
                if connects && self.sending.camera {
                    self.outputs.push_back(Output::ForceKeyframe);
                }
            }
            SessionEvent::PeerIdentity { participant, identity } => {
                if let Some(person) = self.person(&participant) {
                    person.identity = Some(identity);
                    self.cut_refused(&participant);
                }
            }
            SessionEvent::SignalState(state) => {
                self.signal_down = state == SignalState::Reconnecting;
                if !self.signal_down {
                    self.people.iter_mut().for_each(|person| person.viewing.repeat(now));
                }
            }
            SessionEvent::Room(event) => self.room_event(event, now),
            SessionEvent::VideoWanted { participant, source, want } => {
                if source == TrackSource::Camera
                    && let Some(person) = self.person(&participant)
                {
                    person.wish.heard(want, now);
                }
            }
            SessionEvent::KeyframeRequested { source } => {
                if source == TrackSource::Camera && self.sending.camera {
                    self.outputs.push_back(Output::ForceKeyframe);
                }
            }
            SessionEvent::VideoProfile { main } => self.outputs.push_back(Output::SetVideoProfile { main }),
            SessionEvent::VideoBitrate(bitrate) => {
                self.outputs.push_back(Output::SetVideoBitrate(bitrate.min(self.config.max_video_bitrate)));
            }
            SessionEvent::AudioLoss(percent) => self.outputs.push_back(Output::SetAudioLoss(percent.min(100))),
            SessionEvent::Stats { participant, stats } => {
                if let Some(person) = self.person(&participant)
                    && person.figures.update(&stats, now)
                {
                    person.received(now);
                }
            }
        }
    }

    /// The complete list, when we get a seat and after a resumed connection: who is still here keeps the place.
    fn reconcile(&mut self, mut participants: Vec<Participant>, now: Instant) {
        self.people.retain(|person| participants.iter().any(|participant| participant.id == person.id));
        participants.truncate(MAX_PARTICIPANTS);
        for participant in participants {
            match self.person(&participant.id) {
                Some(person) => person.change(participant, now),
                None => self.people.push(Person::new(participant, now)),
            }
        }
    }
}

fn end_reason(reason: CloseReason) -> EndReason {
    match reason {
        CloseReason::Left => EndReason::Left,
        CloseReason::RoomNotFound => EndReason::RoomNotFound,
        CloseReason::RoomFull => EndReason::RoomFull,
        CloseReason::TooManyRequests => EndReason::TooManyRequests,
        CloseReason::Version => EndReason::Version,
        CloseReason::ServerUnreachable => EndReason::ServerUnreachable,
        CloseReason::Protocol => EndReason::Protocol,
        CloseReason::Certificate(fault) => fault.into(),
        CloseReason::Lost => EndReason::Lost,
        CloseReason::Denied => EndReason::Denied,
        CloseReason::Removed => EndReason::Removed,
        CloseReason::Ended => EndReason::EndedByHost,
    }
}
