//! The call as a pure state machine: told what happens and what time it is, it says what to do and what to show.
//!
//! The engine's actor owns it and runs it: `handle_input`, then `poll_output` until `None`, then sleep until
//! `poll_timeout`. Outputs are bounded by what one input causes.
//!
//! Microphone and camera are sent only while the phase is `InCall`, which only the user's own `Join`, `Answer` or `Rejoin`
//! leads to, and only while the user wants them on.

mod chat;
mod device;
mod io;
mod people;
mod quality;
mod room;
mod serving;
mod session;
mod settle;
mod snapshot;
#[cfg(test)]
mod tests;
mod trust;
mod viewing;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use chat::MAX_LINES;
pub use io::{Attempt, Config, Device, DeviceKind, Input, Output, RoomInput, VideoFigures, VisibleTile};
pub use people::{LOST_AFTER, SPEAKING_HOLD, SPEAKING_LEVEL, UNSTABLE_AFTER, clean_name};
pub use room::REACTION_SHOWN;
pub use serving::LOWER_AFTER;
pub use trust::MAX_CONTACTS;
pub use viewing::{GROW_AFTER, HIDE_AFTER, LEASE, REPEAT, SHRINK_AFTER};

use self::device::Slot;
use self::people::Person;
use self::room::Together;
use self::serving::Serving;
use self::trust::Trusted;
use crate::ParticipantId;
use crate::chat::ChatView;
use crate::invite::Invite;
use crate::room::Asked;
use crate::session::ConnectionPrivacy;
use crate::signal::MediaState;
use crate::view::{CallView, EndReason, Phase};

/// How long the far end of a session gets to confirm that we leave.
pub const LEAVE_PATIENCE: Duration = Duration::from_secs(1);
/// After this long away, microphone and camera are off when the user comes back.
pub const OFF_AFTER: Duration = Duration::from_secs(60);

pub struct Call {
    config: Config,
    name: String,
    privacy: ConnectionPrivacy,
    /// Calls give away as little as they can.
    private: bool,
    /// Base URL of the server that opens our rooms.
    server: Option<String>,
    phase: Phase,
    /// A room is being opened.
    opening: Option<Attempt>,
    attempt: u32,
    invite: Option<Invite>,
    /// We opened the room.
    mine: bool,
    /// In this room only servers learn our addresses.
    relayed: bool,
    /// For the door.
    passcode: Option<String>,
    end: Option<EndReason>,
    /// Since when the call that has ended was no good.
    away_since: Option<Instant>,

    link: Link,
    signal_down: bool,
    /// Who we are in the room.
    id: Option<ParticipantId>,
    /// In order of joining.
    people: Vec<Person>,
    together: Together,
    trusted: Trusted,
    /// Since when nobody is reached.
    broken_since: Option<Instant>,
    /// The user has seen that the connection was broken.
    was_broken: bool,
    connected_since: Option<Instant>,
    connected_for: Option<Duration>,

    camera: Slot,
    microphone: Slot,
    speaker: Slot,
    sending: MediaState,
    /// What the others have been told.
    told: MediaState,
    send: VideoFigures,
    receive: VideoFigures,
    /// `None`: nobody has said what can be seen.
    visible: Option<Vec<VisibleTile>>,
    self_view: bool,
    serving: Serving,

    outputs: VecDeque<Output>,
    view: CallView,
    next: Option<Instant>,
}

/// The session of the last `Output::Connect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    None,
    Up,
    /// We have said that we leave; it is dropped then at the latest.
    Leaving(Instant),
}

impl Call {
    pub fn new(config: Config) -> Self {
        let trusted = Trusted::new(config.contacts.clone());
        let mut call = Self {
            config,
            name: String::new(),
            privacy: ConnectionPrivacy::default(),
            private: false,
            server: None,
            phase: Phase::Home,
            opening: None,
            attempt: 0,
            invite: None,
            mine: false,
            relayed: false,
            passcode: None,
            end: None,
            away_since: None,
            link: Link::None,
            signal_down: false,
            id: None,
            people: Vec::new(),
            together: Together::default(),
            trusted,
            broken_since: None,
            was_broken: false,
            connected_since: None,
            connected_for: None,
            camera: Slot::new(DeviceKind::Camera),
            microphone: Slot::new(DeviceKind::Microphone),
            speaker: Slot::new(DeviceKind::Speaker),
            sending: MediaState::default(),
            told: MediaState::default(),
            send: VideoFigures::default(),
            receive: VideoFigures::default(),
            visible: None,
            self_view: true,
            serving: Serving::default(),
            outputs: VecDeque::new(),
            view: CallView::default(),
            next: None,
        };
        call.view.me = call.me();
        call
    }

    pub fn handle_input(&mut self, input: Input, now: Instant) {
        match input {
            Input::NewCall => self.new_call(now),
            Input::OpenInvite(invite) => self.open_invite(invite),
            Input::OpenLink(invite) => self.open_link(invite),
            Input::OfferRejoin(invite) => self.offer_rejoin(invite),
            Input::Join => {
                if self.phase == Phase::Lobby {
                    self.connect();
                }
            }
            Input::Answer { invite, video, relayed } => self.answer(invite, video, relayed, now),
            Input::Leave => match self.phase {
                Phase::Joining | Phase::Waiting | Phase::InCall => self.finish(EndReason::Left, now),
                Phase::Home | Phase::Lobby => self.go_home(),
                Phase::Ended => {}
            },
            Input::Home => {
                self.finish(EndReason::Left, now);
                self.go_home();
            }
            Input::Rejoin => self.rejoin(now),
            Input::SetMicrophone { on } => {
                self.microphone.wanted = on;
                self.together.answered(Asked::Microphone);
            }
            Input::SetCamera { on } => {
                self.camera.wanted = on;
                self.together.answered(Asked::Camera);
            }
            Input::SelectDevice { kind, id } => self.choose(kind, id),
            Input::RetryDevice { kind } => {
                let (slot, out) = self.slot(kind);
                slot.retry(out);
            }
            Input::SetName { name } => self.set_name(&name),
            Input::Room(input) => self.room_input(input),
            Input::WordsCompared { participant, same } => self.words_compared(&participant, same),
            Input::SaveContact { participant, name } => self.save_contact(&participant, &name),
            Input::RenameContact { key, name } => self.rename_contact(key, &name),
            Input::ForgetContact { key } => self.forget_contact(key),
            Input::ForgetContacts => self.forget_contacts(),
            Input::Settings(settings) => {
                self.set_name(&settings.name);
                self.privacy = settings.privacy;
                if self.private != settings.private {
                    self.private = settings.private;
                    self.outputs.push_back(Output::SetConstantAudio { on: settings.private });
                }
                self.server = settings.server;
                self.choose(DeviceKind::Camera, settings.camera);
                self.choose(DeviceKind::Microphone, settings.microphone);
                self.choose(DeviceKind::Speaker, settings.speaker);
            }
            Input::Visible(tiles) => self.visible = Some(tiles),
            Input::RoomOpened { attempt, invite } => {
                if self.opening == Some(attempt) {
                    self.enter_lobby(invite, true);
                }
            }
            Input::RoomFailed { attempt, reason } => {
                if self.opening == Some(attempt) {
                    self.finish(reason, now);
                }
            }
            Input::DeviceOpened { kind, attempt, id, name } => {
                let (slot, out) = self.slot(kind);
                slot.opened(attempt, id, name, out);
            }
            Input::DeviceFailed { kind, attempt, problem } => {
                let (slot, out) = self.slot(kind);
                slot.failed(attempt, problem, now, out);
            }
            Input::DeviceLost { kind, attempt, problem } => {
                let (slot, out) = self.slot(kind);
                slot.lost(attempt, problem, now, out);
            }
            Input::Devices(list) => {
                for kind in [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Speaker] {
                    let (slot, out) = self.slot(kind);
                    slot.listed(&list, out);
                }
            }
            Input::Session(event) => self.session(event, now),
            Input::SessionGone => self.session_closed(EndReason::Lost, now),
            Input::MediaReceived { participant } => {
                if let Some(person) = self.person(&participant) {
                    person.received(now);
                }
            }
            Input::Video { participant, shown } => {
                if let Some(person) = self.person(&participant) {
                    person.video_shown = shown;
                }
            }
            Input::Figures { send, receive } => (self.send, self.receive) = (send, receive),
            Input::Levels(levels) => {
                for level in levels.participants {
                    if let Some(person) = self.person(&level.id) {
                        person.heard(level.level, now);
                    }
                }
            }
            Input::Slept(time) => self.slept(time),
            Input::Timeout => {}
        }
        for slot in [&mut self.camera, &mut self.microphone, &mut self.speaker] {
            slot.tick(now, &mut self.outputs);
        }
        self.together.tick(now);
        self.settle(now);
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call `handle_input(Input::Timeout, now)`, unless something else happens before. Always later than the
    /// `now` of the last input.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// As of the last `Output::ViewChanged`.
    pub fn view(&self) -> &CallView {
        &self.view
    }

    /// The chat as of now.
    pub fn chat(&self) -> ChatView {
        self.together.chat.view(self.id.as_ref())
    }

    fn choose(&mut self, kind: DeviceKind, id: Option<String>) {
        let (slot, out) = self.slot(kind);
        slot.choose(id, out);
    }

    fn slot(&mut self, kind: DeviceKind) -> (&mut Slot, &mut VecDeque<Output>) {
        let slot = match kind {
            DeviceKind::Camera => &mut self.camera,
            DeviceKind::Microphone => &mut self.microphone,
            DeviceKind::Speaker => &mut self.speaker,
        };
        (slot, &mut self.outputs)
    }

    fn person(&mut self, id: &ParticipantId) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.id == *id)
    }
}
