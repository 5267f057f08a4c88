//! Real-time text: what each participant writes, letter by letter, as ITU-T T.140 over a data channel (RFC 8865). Told the
//! time; the engine's actor runs it beside the call machine.
//!
//! Bounded: a line has at most [`MAX_LINE`] characters and then begins anew, of each participant [`MAX_LINES`] are remembered.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::ParticipantId;
use crate::machine::clean_name;
use crate::session::{DataEvent, Participant, PeerState, RoomEvent, SessionEvent};
use crate::view::Notification;

/// Characters of a line.
pub const MAX_LINE: usize = 500;
/// Characters of one message that are looked at: a line that is erased and written anew eight times between two messages.
const MAX_RECEIVED: usize = 16 * MAX_LINE;
/// Lines of one participant that are remembered. Full: the oldest is forgotten.
pub const MAX_LINES: usize = 40;
/// What was typed is sent this often: well below the second within which it has to be seen (EN 301 549 6.2.4).
pub const SEND_EVERY: Duration = Duration::from_millis(200);
/// Lines are shown anew at most this often.
const SHOW_EVERY: Duration = Duration::from_millis(100);

const BACKSPACE: char = '\u{8}';
/// Ends a line (T.140 section 8.2).
const NEW_LINE: char = '\u{2028}';
/// Stands for text that may be missing (RFC 8865 section 5.4).
const MISSING: char = '\u{fffd}';

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextInput {
    /// We write in this call, or not any more.
    SetOn { on: bool },
    /// The whole of the line that we write, as it is now.
    SetLine(String),
    /// The line is finished.
    EndLine,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Send {
        to: ParticipantId,
        text: String,
    },
    Notify(Notification),
    /// [`Texts::view`] is another one now.
    Changed,
}

/// Real-time text as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct TextView {
    /// Switched on by us.
    pub on: bool,
    /// In the order in which they were begun.
    pub lines: Vec<TextLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct TextLine {
    pub key: u32,
    pub from: ParticipantId,
    pub name: String,
    pub mine: bool,
    /// Text, never markup.
    pub text: String,
    /// Nothing more is written in it.
    pub done: bool,
}

#[derive(Default)]
pub struct Texts {
    on: bool,
    name: String,
    people: Vec<Person>,
    lines: Vec<TextLine>,
    next_key: u32,
    /// What the others have been told of our line.
    told: String,
    /// To be told: characters of T.140.
    waiting: String,
    send_at: Option<Instant>,
    show_at: Option<Instant>,
    shown_at: Option<Instant>,
    outputs: VecDeque<Output>,
}

struct Person {
    id: ParticipantId,
    name: String,
    open: bool,
    /// A carriage return came last: a line feed after it is the same line end.
    returned: bool,
    /// The user knows that this one writes.
    announced: bool,
}

/// Whose lines ours are.
fn me() -> ParticipantId {
    ParticipantId("me".into())
}

impl Texts {
    pub fn handle_input(&mut self, input: TextInput, now: Instant) {
        match input {
            TextInput::SetOn { on } => {
                if self.on && !on {
                    self.end_line(now);
                }
                self.on = on;
                self.people.iter_mut().for_each(|person| person.announced = false);
                self.show(now);
            }
            TextInput::SetLine(line) if self.on => self.set_line(&line, now),
            TextInput::EndLine if self.on => self.end_line(now),
            TextInput::SetLine(_) | TextInput::EndLine => {}
        }
        self.settle(now);
    }

    /// Everything that the session says; what is not about people is passed over.
    pub fn handle_session(&mut self, event: &SessionEvent, now: Instant) {
        match event {
            SessionEvent::Joined { participants, .. } => {
                self.people.retain(|person| participants.iter().any(|participant| participant.id == person.id));
                participants.iter().for_each(|participant| self.person(participant));
            }
            SessionEvent::ParticipantJoined(participant) | SessionEvent::ParticipantChanged(participant) => {
                self.person(participant);
            }
            SessionEvent::ParticipantLeft(id)
            // The safety words differ: nothing goes to or comes from them any more.
            | SessionEvent::PeerState { participant: id, state: PeerState::Cut } => {
                self.finish(id, now);
                self.people.retain(|person| person.id != *id);
            }
            SessionEvent::Room(RoomEvent::Waiting { .. }) | SessionEvent::Closed(_) => self.leave(),
            _ => {}
        }
        self.settle(now);
    }

    /// What comes over the way for text to this participant.
    pub fn handle_data(&mut self, from: &ParticipantId, event: DataEvent, now: Instant) {
        let Some(at) = self.people.iter().position(|person| person.id == *from) else { return };
        match event {
            DataEvent::Open => {
                if self.people[at].open {
                    self.lost(from, now);
                }
                self.people[at].open = true;
                // The line that is being written, whole: they can follow from here.
                if !self.told.is_empty() {
                    self.outputs.push_back(Output::Send { to: from.clone(), text: self.told.clone() });
                }
            }
            DataEvent::Closed => {
                self.people[at].open = false;
                self.lost(from, now);
            }
            DataEvent::Text(text) => self.receive(at, &text, now),
            DataEvent::Binary(_) | DataEvent::Budget(_) => {}
        }
        self.settle(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.settle(now);
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.send_at, self.show_at].into_iter().flatten().min()
    }

    pub fn view(&self) -> TextView {
        TextView { on: self.on, lines: self.lines.clone() }
    }

    /// Who we are for the lines that are ours.
    pub fn set_name(&mut self, name: &str) {
        self.name = clean_name(name);
    }

    /// The room is left: nothing of it stays, and it is off in the next one.
    pub fn leave(&mut self) {
        let shown = self.on || !self.lines.is_empty();
        *self = Self { next_key: self.next_key, name: std::mem::take(&mut self.name), ..Self::default() };
        if shown {
            self.outputs.push_back(Output::Changed);
        }
    }

    fn person(&mut self, participant: &Participant) {
        let name = clean_name(&participant.name);
        if let Some(person) = self.people.iter_mut().find(|person| person.id == participant.id) {
            person.name = name;
            return;
        }
        let id = participant.id.clone();
        self.people.push(Person { id, name, open: false, returned: false, announced: false });
    }

    fn set_line(&mut self, line: &str, now: Instant) {
        let line: String = line.chars().filter(|c| is_text(*c)).take(MAX_LINE).collect();
        // What is told and what waits to be told is what they will have.
        let before = applied(&self.told, &self.waiting);
        let same = before.chars().zip(line.chars()).take_while(|(a, b)| a == b).count();
        let erased = before.chars().count() - same;
        self.waiting.extend(std::iter::repeat_n(BACKSPACE, erased));
        self.waiting.extend(line.chars().skip(same));
        self.set_open(&me(), &line, now);
        if !self.waiting.is_empty() {
            self.send_at.get_or_insert(now + SEND_EVERY);
        }
    }

    fn end_line(&mut self, now: Instant) {
        if applied(&self.told, &self.waiting).is_empty() {
            return;
        }
        self.waiting.push(NEW_LINE);
        self.flush();
        self.told.clear();
        self.finish(&me(), now);
    }

    /// Tells the others what waits.
    fn flush(&mut self) {
        self.send_at = None;
        let text = std::mem::take(&mut self.waiting);
        if text.is_empty() {
            return;
        }
        for person in self.people.iter().filter(|person| person.open) {
            self.outputs.push_back(Output::Send { to: person.id.clone(), text: text.clone() });
        }
        self.told = applied(&self.told, &text);
    }

    fn receive(&mut self, at: usize, text: &str, now: Instant) {
        let from = self.people[at].id.clone();
        // Nobody writes more at once; the rest of a flood is left out.
        for c in text.chars().take(MAX_RECEIVED) {
            let returned = std::mem::replace(&mut self.people[at].returned, c == '\r');
            match c {
                BACKSPACE => self.erase(&from, now),
                '\n' if returned => {}
                '\n' | '\r' | NEW_LINE | '\u{2029}' => self.finish(&from, now),
                c if is_text(c) => {
                    if self.open_line(&from).is_some_and(|line| line.text.chars().count() >= MAX_LINE) {
                        self.finish(&from, now);
                    }
                    match self.open_line(&from) {
                        Some(line) => line.text.push(c),
                        None => self.set_open(&from, c.encode_utf8(&mut [0; 4]), now),
                    }
                }
                // Controls, colours and the byte order mark.
                _ => {}
            }
        }
        self.show(now);
        let person = &mut self.people[at];
        if !self.on && !std::mem::replace(&mut person.announced, true) {
            let name = person.name.clone();
            self.outputs.push_back(Output::Notify(Notification::RealTimeText { name }));
        }
    }

    fn open_line(&mut self, from: &ParticipantId) -> Option<&mut TextLine> {
        self.lines.iter_mut().rfind(|line| line.from == *from && !line.done)
    }

    /// The line of this participant that is being written reads so now.
    fn set_open(&mut self, from: &ParticipantId, text: &str, now: Instant) {
        let mine = *from == me();
        if let Some(line) = self.open_line(from) {
            text.clone_into(&mut line.text);
        } else if !text.is_empty() {
            let own = || self.name.clone();
            let name = self.people.iter().find(|person| person.id == *from).map_or_else(own, |one| one.name.clone());
            let count = self.lines.iter().filter(|line| line.from == *from).count();
            if count >= MAX_LINES
                && let Some(oldest) = self.lines.iter().position(|line| line.from == *from)
            {
                self.lines.remove(oldest);
            }
            let key = self.next_key;
            self.next_key = self.next_key.wrapping_add(1);
            self.lines.push(TextLine { key, from: from.clone(), name, mine, text: text.to_owned(), done: false });
        }
        self.show(now);
    }

    fn erase(&mut self, from: &ParticipantId, now: Instant) {
        if let Some(line) = self.open_line(from)
            && line.text.pop().is_some()
        {
            return self.show(now);
        }
        // The end of the line before is what is erased.
        self.lines.retain(|line| line.done || line.from != *from);
        if let Some(line) = self.lines.iter_mut().rfind(|line| line.from == *from) {
            line.done = false;
        }
        self.show(now);
    }

    /// The line of this participant is finished.
    fn finish(&mut self, from: &ParticipantId, now: Instant) {
        if let Some(line) = self.open_line(from) {
            line.done = true;
            self.lines.retain(|line| !(line.done && line.text.is_empty()));
            self.show(now);
        }
    }

    /// The way broke: what was under way may be missing.
    fn lost(&mut self, from: &ParticipantId, now: Instant) {
        if let Some(line) = self.open_line(from) {
            line.text.push(MISSING);
            self.finish(from, now);
        }
    }

    fn show(&mut self, now: Instant) {
        let next = self.shown_at.map_or(now, |at| now.max(at + SHOW_EVERY));
        self.show_at.get_or_insert(next);
    }

    fn settle(&mut self, now: Instant) {
        if self.send_at.is_some_and(|at| now >= at) {
            self.flush();
        }
        if self.show_at.is_some_and(|at| now >= at) {
            self.show_at = None;
            self.shown_at = Some(now);
            self.outputs.push_back(Output::Changed);
        }
    }
}

/// What stands there after these characters of T.140, of the line that is being written.
fn applied(line: &str, text: &str) -> String {
    let mut line = line.to_owned();
    for c in text.chars() {
        match c {
            BACKSPACE => drop(line.pop()),
            NEW_LINE => line.clear(),
            c => line.push(c),
        }
    }
    line
}

/// Shown as it is: neither a control nor a mark that turns the text around it.
fn is_text(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
