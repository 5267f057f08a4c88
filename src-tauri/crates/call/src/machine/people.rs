//! The other participants and the state of the way to each of them.

use std::time::{Duration, Instant};

use super::quality::Figures;
use super::room::Together;
use super::serving::Wish;
use super::trust::Trusted;
use super::viewing::Viewing;
use crate::ParticipantId;
use crate::identity::PeerIdentity;
use crate::session::{Participant, PeerState};
use crate::signal::{MAX_NAME, MediaState};
use crate::view::{ConnectionState, ParticipantView};

/// Silence after which a connection counts as unstable.
pub const UNSTABLE_AFTER: Duration = Duration::from_secs(2);
/// Time after which a broken connection is given up.
pub const LOST_AFTER: Duration = Duration::from_secs(60);
/// Level from which on somebody counts as speaking; with the meter's scale (-60 dBFS is 0, 0 dBFS is 100) -42 dBFS.
pub const SPEAKING_LEVEL: u8 = 30;
/// How long somebody still counts as speaking after the last loud moment. The meter itself takes some 200 ms to fall.
pub const SPEAKING_HOLD: Duration = Duration::from_millis(400);

pub(super) struct Person {
    pub(super) id: ParticipantId,
    pub(super) name: String,
    media: MediaState,
    pub(super) state: PeerState,
    /// `None`: no connection has been tried yet.
    pub(super) identity: Option<PeerIdentity>,
    /// There is no way to a TURN server, and only through one may we go; until the next connection.
    pub(super) lacks_relay: bool,
    /// There was a media connection once.
    was_connected: bool,
    /// Since when there is none.
    down_since: Instant,
    /// Nothing has arrived since, though something should have.
    quiet_since: Instant,
    pub(super) video_shown: bool,
    speaking_until: Option<Instant>,
    pub(super) figures: Figures,
    /// What we ask of their camera.
    pub(super) viewing: Viewing,
    /// What they ask of ours.
    pub(super) wish: Wish,
}

impl Person {
    pub(super) fn new(participant: Participant, now: Instant) -> Self {
        Self {
            id: participant.id,
            name: clean_name(&participant.name),
            media: participant.media,
            state: PeerState::Connecting,
            identity: None,
            lacks_relay: false,
            was_connected: false,
            down_since: now,
            quiet_since: now,
            video_shown: false,
            speaking_until: None,
            figures: Figures::default(),
            viewing: Viewing::default(),
            wish: Wish::default(),
        }
    }

    pub(super) fn change(&mut self, participant: Participant, now: Instant) {
        self.name = clean_name(&participant.name);
        if !self.expects_media() {
            self.quiet_since = now;
        }
        self.media = participant.media;
        if !self.media.microphone {
            self.speaking_until = None;
        }
    }

    /// True if the way to them is open now and was not before.
    pub(super) fn set_state(&mut self, state: PeerState, now: Instant) -> bool {
        if self.state == PeerState::Cut {
            return false;
        }
        let before = std::mem::replace(&mut self.state, state);
        let connects = before != PeerState::Connected && state == PeerState::Connected;
        self.lacks_relay |= state == PeerState::NoRelay;
        if connects {
            self.lacks_relay = false;
            self.was_connected = true;
            self.quiet_since = now;
            self.viewing.forgotten();
        } else if before == PeerState::Connected && state != PeerState::Connected {
            self.down_since = now;
            self.wish.forget();
        }
        connects
    }

    /// Nothing is shown or heard of them any more.
    pub(super) fn cut(&mut self) {
        self.state = PeerState::Cut;
        self.video_shown = false;
        self.speaking_until = None;
        self.wish.forget();
    }

    pub(super) fn received(&mut self, now: Instant) {
        self.quiet_since = now;
    }

    pub(super) fn heard(&mut self, level: u8, now: Instant) {
        if level >= SPEAKING_LEVEL && self.media.microphone && self.is_trusted() {
            self.speaking_until = Some(now + SPEAKING_HOLD);
        }
    }

    pub(super) fn is_trusted(&self) -> bool {
        !matches!(self.state, PeerState::Untrusted | PeerState::Cut)
    }

    pub(super) fn connection(&self, now: Instant) -> ConnectionState {
        match self.state {
            PeerState::Connected if self.expects_media() && passed(self.quiet_since, UNSTABLE_AFTER, now) => {
                ConnectionState::Unstable
            }
            PeerState::Connected => ConnectionState::Connected,
            PeerState::Untrusted | PeerState::Cut => ConnectionState::Lost,
            _ if passed(self.down_since, LOST_AFTER, now) => ConnectionState::Lost,
            PeerState::Connecting | PeerState::NoRelay if !self.was_connected => ConnectionState::Connecting,
            PeerState::Connecting | PeerState::NoRelay | PeerState::Disconnected | PeerState::Failed => {
                ConnectionState::Reconnecting
            }
        }
    }

    /// Times at which something changes by itself.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Instant> {
        let connection = match self.state {
            PeerState::Connected => self.expects_media().then(|| self.quiet_since + UNSTABLE_AFTER),
            PeerState::Untrusted | PeerState::Cut => None,
            _ => Some(self.down_since + LOST_AFTER),
        };
        let speaking = connection.into_iter().chain(self.speaking_until);
        // Without a way to them nothing is asked.
        let viewing = self.viewing.deadline().filter(|_| self.state == PeerState::Connected);
        speaking.chain(viewing).chain(self.wish.deadline())
    }

    pub(super) fn view(&self, together: &Together, trusted: &Trusted, now: Instant) -> ParticipantView {
        ParticipantView {
            id: self.id.clone(),
            name: self.name.clone(),
            role: together.role(&self.id),
            hand: together.hand(&self.id),
            reaction: together.reaction(&self.id),
            microphone_on: self.media.microphone,
            camera_on: self.media.camera,
            has_video: self.video_shown && self.media.camera && self.state != PeerState::Cut,
            speaking: self.speaking_until.is_some_and(|until| now < until),
            connection: self.connection(now),
            trust: trusted.of(self),
            lasting: self.identity.is_some_and(|identity| identity.lasting),
            words: self.identity.and_then(|identity| identity.words).map(Vec::from),
            saved_as: trusted.saved_as(self),
            saved: trusted.has(self),
        }
    }

    /// With microphone and camera off, or a camera that nobody looks at, a participant sends nothing that could be missed.
    fn expects_media(&self) -> bool {
        self.media.microphone || self.media.camera && !self.viewing.asked().is_none()
    }
}

/// `duration` has passed since `since`.
pub(super) fn passed(since: Instant, duration: Duration, now: Instant) -> bool {
    now.saturating_duration_since(since) >= duration
}

/// A name as it may be shown: at most [`MAX_NAME`] characters, none that control the text around it.
pub fn clean_name(name: &str) -> String {
    let controls = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    name.trim().chars().filter(|c| !controls(*c)).take(MAX_NAME).collect()
}
