//! The room beyond its people: the door, roles, hands, reactions, what hosts ask of us. What holds is what the server
//! said last; nothing is assumed before. Told the time.

use std::time::{Duration, Instant};

use super::chat::Chat;
use super::people::clean_name;
use super::{Call, Link, Output, RoomInput};
use crate::ParticipantId;
use crate::chat::clean_text;
use crate::door::{Entry, MAX_PASSCODE};
use crate::room::{Asked, Decline, MAX_WAITING, Reaction, Role, RoomState, WaitingGuest};
use crate::session::{RoomCommand, RoomEvent, SessionCommand};
use crate::view::{AskView, Notification, Phase, RoomView};

/// How long a reaction is shown.
pub const REACTION_SHOWN: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Together {
    /// `None` until the server has told it.
    state: Option<RoomState>,
    waiting: Vec<WaitingGuest>,
    /// Who can let us in.
    waiting_for: Option<String>,
    ask: Option<AskView>,
    /// One for each person.
    reactions: Vec<Shown>,
    pub(super) chat: Chat,
}

#[derive(Debug)]
struct Shown {
    by: ParticipantId,
    reaction: Reaction,
    until: Instant,
}

impl Together {
    /// Nothing of it is left.
    pub(super) fn left(&self) -> Self {
        Self { chat: self.chat.emptied(), ..Self::default() }
    }

    pub(super) fn role(&self, who: &ParticipantId) -> Role {
        self.state.as_ref().map_or(Role::Participant, |state| state.role(who))
    }

    pub(super) fn hand(&self, who: &ParticipantId) -> Option<u32> {
        self.state.as_ref().and_then(|state| state.hand(who))
    }

    pub(super) fn reaction(&self, who: &ParticipantId) -> Option<Reaction> {
        self.reactions.iter().find(|shown| shown.by == *who).map(|shown| shown.reaction)
    }

    pub(super) fn ask(&self) -> Option<AskView> {
        self.ask.clone()
    }

    pub(super) fn waiting_for(&self) -> Option<String> {
        self.waiting_for.clone()
    }

    /// What was asked has been done, or is of no interest any more.
    pub(super) fn answered(&mut self, what: Asked) {
        self.ask.take_if(|ask| ask.what == what);
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.reactions.retain(|shown| now < shown.until);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.reactions.iter().map(|shown| shown.until).min()
    }

    pub(super) fn view(&self, me: Option<&ParticipantId>) -> Option<RoomView> {
        let state = self.state.as_ref()?;
        let role = me.map_or(Role::Participant, |me| state.role(me));
        let shown = |id: &ParticipantId| if Some(id) == me { ParticipantId("me".into()) } else { id.clone() };
        Some(RoomView {
            may_moderate: role.may_moderate(),
            is_host: role == Role::Host,
            locked: state.locked,
            waiting_room: state.waiting_room,
            spotlight: state.spotlight.as_ref().map(shown),
            hands: state.hands.iter().map(shown).collect(),
            waiting: if role.may_moderate() { self.waiting.clone() } else { Vec::new() },
        })
    }
}

impl Call {
    pub(super) fn room_input(&mut self, input: RoomInput) {
        let command = match input {
            RoomInput::SetPasscode(passcode) => {
                let passcode: String = passcode.trim().chars().take(MAX_PASSCODE).collect();
                self.passcode = Some(passcode).filter(|passcode| !passcode.is_empty());
                return;
            }
            RoomInput::SetHostKey(key) => {
                if let Some(invite) = &mut self.invite {
                    invite.host_key = Some(key);
                }
                return;
            }
            RoomInput::ReadChat => return self.together.chat.read(),
            RoomInput::DismissAsk => {
                self.together.ask = None;
                return;
            }
            RoomInput::SendChat { text, to, reply_to } => return self.send_chat(&text, to, reply_to),
            RoomInput::RetryChat { key } => {
                if self.phase == Phase::InCall
                    && let Some(command) = self.together.chat.retry(key)
                {
                    self.outputs.push_back(Output::Session(SessionCommand::Room(command)));
                }
                return;
            }
            RoomInput::Moderate(action) => RoomCommand::Moderate(action),
            RoomInput::SetHand { up } => RoomCommand::SetHand { up },
            RoomInput::React(reaction) => RoomCommand::React(reaction),
            RoomInput::ReactToMessage { message, reaction, on } => {
                RoomCommand::ReactToMessage { message, reaction, on }
            }
        };
        self.tell_room(command);
    }

    pub(super) fn set_name(&mut self, name: &str) {
        let name = clean_name(name);
        if name != self.name && !name.is_empty() {
            self.tell_room(RoomCommand::SetName(name.clone()));
        }
        self.name = name;
    }

    /// What we show at the door of this invite.
    pub(super) fn entry(&self) -> Entry {
        let invite = self.invite.as_ref();
        Entry {
            host_key: invite.and_then(|invite| invite.host_key.as_ref()).map(|key| key.0.clone()),
            invite: invite.and_then(|invite| invite.code.as_ref()).map(|code| code.as_str().to_owned()),
            passcode: self.passcode.clone(),
        }
    }

    /// Before the door, from the lobby or from inside.
    pub(super) fn before_the_door(&mut self, host: Option<&str>) {
        if self.phase == Phase::InCall {
            self.people.clear();
            self.id = None;
            self.broken_since = None;
            self.was_broken = false;
            self.leave_room();
        }
        self.phase = Phase::Waiting;
        self.signal_down = false;
        self.together.waiting_for = host.map(clean_name).filter(|name| !name.is_empty());
    }

    /// In phase `InCall`.
    pub(super) fn room_event(&mut self, event: RoomEvent, now: Instant) {
        match event {
            RoomEvent::Waiting { host } => self.before_the_door(host.as_deref()),
            RoomEvent::State(state) => self.room_state(state),
            RoomEvent::WaitingRoom(guests) => self.knocks(guests),
            RoomEvent::Muted { by } => {
                self.microphone.wanted = false;
                self.together.answered(Asked::Microphone);
                let by = self.name_of(by.as_ref());
                self.outputs.push_back(Output::Notify(Notification::Muted { by }));
            }
            RoomEvent::CameraStopped { by } => {
                self.camera.wanted = false;
                self.together.answered(Asked::Camera);
                let by = self.name_of(by.as_ref());
                self.outputs.push_back(Output::Notify(Notification::CameraStopped { by }));
            }
            RoomEvent::Asked { by, what } => {
                let wanted = match what {
                    Asked::Microphone => self.microphone.wanted,
                    Asked::Camera => self.camera.wanted,
                };
                if !wanted {
                    self.together.ask = Some(AskView { by: self.name_of(by.as_ref()), what });
                }
            }
            RoomEvent::Reacted { participant, reaction } => {
                if self.id.as_ref() == Some(&participant) || self.person(&participant).is_some() {
                    self.together.reactions.retain(|shown| shown.by != participant);
                    let until = now + REACTION_SHOWN;
                    self.together.reactions.push(Shown { by: participant, reaction, until });
                }
            }
            RoomEvent::Chat(said) => {
                let me = self.id.clone();
                if let Some(notification) = self.together.chat.said(said, me.as_ref()) {
                    self.outputs.push_back(Output::Notify(notification));
                }
            }
            RoomEvent::MessageReactions { message, reactions } => self.together.chat.reactions(message, reactions),
            RoomEvent::ChatLost { tag } => self.together.chat.lost(tag),
            RoomEvent::Declined(Decline::TooFast) => {}
            RoomEvent::Declined(Decline::NotAllowed | Decline::NotHere | Decline::Full) => {
                self.outputs.push_back(Output::Notify(Notification::NotDone));
            }
        }
    }

    fn room_state(&mut self, state: RoomState) {
        self.together.chat.settled();
        if !state.is_plausible() {
            return;
        }
        let before = self.together.state.replace(state.clone());
        let (Some(before), Some(me)) = (before, self.id.clone()) else { return };
        let role = state.role(&me);
        if role != before.role(&me) {
            self.outputs.push_back(Output::Notify(Notification::RoleChanged { role }));
        }
        if !role.may_moderate() {
            self.together.waiting.clear();
        }
        for hand in state.hands.iter().filter(|hand| !before.hands.contains(hand) && **hand != me) {
            if let Some(name) = self.name_of(Some(hand)) {
                self.outputs.push_back(Output::Notify(Notification::HandRaised { name }));
            }
        }
    }

    fn knocks(&mut self, mut guests: Vec<WaitingGuest>) {
        guests.truncate(MAX_WAITING);
        for guest in &mut guests {
            guest.name = clean_name(&guest.name);
            guest.label = guest.label.as_deref().map(clean_name).filter(|label| !label.is_empty());
        }
        let known = &self.together.waiting;
        let new = guests.iter().filter(|guest| !known.iter().any(|known| known.id == guest.id));
        for guest in new {
            self.outputs.push_back(Output::Notify(Notification::Waiting { name: guest.name.clone() }));
        }
        self.together.waiting = guests;
    }

    fn send_chat(&mut self, text: &str, to: Option<ParticipantId>, reply_to: Option<crate::chat::MessageId>) {
        let text = clean_text(text);
        let Some(me) = self.id.clone().filter(|_| self.phase == Phase::InCall && !text.is_empty()) else { return };
        let partner = match to {
            None => None,
            Some(id) => match self.name_of(Some(&id)) {
                Some(name) => Some(crate::chat::ChatPartner { id, name }),
                // Has just left.
                None => return,
            },
        };
        let name = self.name.clone();
        let command = self.together.chat.send(me, name, partner, text, reply_to);
        self.outputs.push_back(Output::Session(SessionCommand::Room(command)));
    }

    fn tell_room(&mut self, command: RoomCommand) {
        let before_the_door = self.phase == Phase::Waiting && matches!(command, RoomCommand::SetName(_));
        if self.link == Link::Up && (self.phase == Phase::InCall || before_the_door) {
            self.outputs.push_back(Output::Session(SessionCommand::Room(command)));
        }
    }

    fn name_of(&self, id: Option<&ParticipantId>) -> Option<String> {
        let id = id?;
        self.people.iter().find(|person| person.id == *id).map(|person| person.name.clone())
    }
}
