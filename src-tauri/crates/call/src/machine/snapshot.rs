//! The view: what the page shows of the state.

use std::time::Instant;

use super::device::Slot;
use super::{Call, quality};
use crate::invite::Invite;
use crate::room::Role;
use crate::session::PeerState;
use crate::view::{
    CallView, ConnectionState, DeviceProblem, EndReason, InviteView, MeView, Phase, Problem, QualityView, Trust,
};

impl Call {
    pub(super) fn snapshot(&self, now: Instant) -> CallView {
        let connection = self.shown_connection(now);
        CallView {
            phase: self.phase,
            connection,
            invite: self.invite.as_ref().map(|invite| invite_view(invite, self.mine)),
            me: self.me(),
            participants: self.people.iter().map(|person| person.view(&self.together, &self.trusted, now)).collect(),
            room: self.together.view(self.id.as_ref()).filter(|_| self.phase == Phase::InCall),
            waiting_for: self.together.waiting_for().filter(|_| self.phase == Phase::Waiting),
            ask: self.together.ask(),
            unread: self.together.chat.unread(),
            connected_for_ms: self.connected_ms(now),
            quality: self.quality(connection),
            problem: self.problem(connection),
            end: self.end,
        }
    }

    pub(super) fn me(&self) -> MeView {
        MeView {
            id: self.id.clone(),
            name: self.name.clone(),
            role: self.id.as_ref().map_or(Role::Participant, |me| self.together.role(me)),
            hand: self.id.as_ref().and_then(|me| self.together.hand(me)),
            reaction: self.id.as_ref().and_then(|me| self.together.reaction(me)),
            microphone: self.microphone.view(),
            camera: self.camera.view(),
            speaker: self.speaker.view(),
        }
    }

    fn shown_connection(&self, now: Instant) -> ConnectionState {
        match self.phase {
            Phase::Home if self.opening.is_some() => ConnectionState::Connecting,
            Phase::Home | Phase::Lobby => ConnectionState::Idle,
            Phase::Joining => ConnectionState::Connecting,
            Phase::Waiting if self.signal_down => ConnectionState::Reconnecting,
            Phase::Waiting => ConnectionState::Waiting,
            Phase::InCall => self.connection(now),
            Phase::Ended if self.end == Some(EndReason::Lost) => ConnectionState::Lost,
            Phase::Ended => ConnectionState::Idle,
        }
    }

    /// In whole seconds: a view does not change more often for the clock alone.
    fn connected_ms(&self, now: Instant) -> Option<u32> {
        let since = |since| now.saturating_duration_since(since);
        let time = self.connected_since.map(since).or(self.connected_for)?;
        Some(u32::try_from(time.as_secs().saturating_mul(1000)).unwrap_or(u32::MAX))
    }

    fn quality(&self, connection: ConnectionState) -> Option<QualityView> {
        let steady = connection == ConnectionState::Connected;
        quality::view(self.people.iter().map(|person| &person.figures), steady, self.send, self.receive)
    }

    /// Worst first: danger, then nobody there, then nothing said, heard and seen.
    fn problem(&self, connection: ConnectionState) -> Option<Problem> {
        let untrusted = self.people.iter().any(|person| person.state == PeerState::Untrusted);
        let differs = self.people.iter().any(|person| person.state == PeerState::Cut);
        let changed = self.people.iter().any(|person| self.trusted.of(person) == Trust::Changed);
        let relay = self.people.iter().any(|person| person.lacks_relay);
        let network = self.signal_down && connection == ConnectionState::Reconnecting;
        None.or(differs.then_some(Problem::WordsDiffer))
            .or(untrusted.then_some(Problem::Untrusted))
            .or(changed.then_some(Problem::KeyChanged))
            .or(network.then_some(Problem::NetworkLost))
            .or(relay.then_some(Problem::NoRelay))
            .or(problem_of(&self.microphone, microphone_problem))
            .or(problem_of(&self.speaker, |_| Problem::SpeakerMissing))
            .or(problem_of(&self.camera, camera_problem))
    }
}

fn problem_of(slot: &Slot, name: fn(DeviceProblem) -> Problem) -> Option<Problem> {
    slot.problem().map(name)
}

fn microphone_problem(problem: DeviceProblem) -> Problem {
    match problem {
        DeviceProblem::Busy => Problem::MicrophoneBusy,
        DeviceProblem::PermissionDenied => Problem::MicrophoneDenied,
        DeviceProblem::NotFound => Problem::MicrophoneMissing,
        DeviceProblem::Disconnected | DeviceProblem::Stalled | DeviceProblem::Unsupported | DeviceProblem::Failed => {
            Problem::MicrophoneLost
        }
    }
}

fn camera_problem(problem: DeviceProblem) -> Problem {
    match problem {
        DeviceProblem::Busy => Problem::CameraBusy,
        DeviceProblem::PermissionDenied => Problem::CameraDenied,
        DeviceProblem::NotFound => Problem::CameraMissing,
        DeviceProblem::Disconnected => Problem::CameraLost,
        DeviceProblem::Stalled | DeviceProblem::Unsupported | DeviceProblem::Failed => Problem::CameraFailed,
    }
}

fn invite_view(invite: &Invite, mine: bool) -> InviteView {
    let host = invite.server.host_str().unwrap_or_default();
    let host = match invite.server.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    InviteView { link: invite.link(), local_only: invite.is_local(), host, mine, passcode: invite.passcode }
}
