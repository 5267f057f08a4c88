//! Whose key is known: who was verified by words, whose words differed, and what that makes of a participant.

use super::people::{Person, clean_name};
use super::{Call, Output};
use crate::ParticipantId;
use crate::identity::{Contact, IdentityKey};
use crate::session::{PeerState, SessionCommand};
use crate::view::Trust;

/// Verified people that are remembered. Full: the oldest is forgotten.
pub const MAX_CONTACTS: usize = 1000;

#[derive(Default)]
pub(super) struct Trusted {
    /// Kept by the app, in order of being verified.
    contacts: Vec<Contact>,
    /// Verified while the program runs; their keys end with their page.
    passing: Vec<Contact>,
    /// Whose words differed; cut off as soon as they show their key again.
    refused: Vec<IdentityKey>,
}

impl Trusted {
    pub(super) fn new(mut contacts: Vec<Contact>) -> Self {
        contacts.truncate(MAX_CONTACTS);
        Self { contacts, ..Self::default() }
    }

    fn known(&self) -> impl Iterator<Item = &Contact> {
        self.contacts.iter().chain(&self.passing)
    }

    pub(super) fn of(&self, person: &Person) -> Trust {
        if person.state == PeerState::Cut {
            return Trust::Differs;
        }
        if person.state == PeerState::Untrusted {
            return Trust::Refused;
        }
        let Some(identity) = person.identity else { return Trust::Unknown };
        if self.known().any(|contact| Some(contact.key) == identity.key) {
            return Trust::Verified;
        }
        // A remembered name with another key: another device of theirs, or somebody who takes their name.
        if self.known().any(|contact| same_name(&contact.name, &person.name)) {
            return Trust::Changed;
        }
        if identity.key.is_some() { Trust::Unverified } else { Trust::NotVerifiable }
    }

    /// The name that a verified participant had then, if it is another one now.
    pub(super) fn saved_as(&self, person: &Person) -> Option<String> {
        let key = person.identity?.key?;
        let contact = self.known().find(|contact| contact.key == key)?;
        (!same_name(&contact.name, &person.name)).then(|| contact.name.clone())
    }

    /// True if there was somebody.
    fn forget(&mut self, key: IdentityKey) -> bool {
        let before = self.contacts.len();
        self.contacts.retain(|contact| contact.key != key);
        self.passing.retain(|contact| contact.key != key);
        self.contacts.len() != before
    }
}

fn same_name(a: &str, b: &str) -> bool {
    !a.is_empty() && a.to_lowercase() == b.to_lowercase()
}

impl Call {
    /// Everybody whom the app is to remember.
    pub fn contacts(&self) -> &[Contact] {
        &self.trusted.contacts
    }

    pub(super) fn words_compared(&mut self, participant: &ParticipantId, same: bool) {
        let Some(person) = self.people.iter_mut().find(|person| person.id == *participant) else { return };
        let identity = person.identity.unwrap_or_default();
        if !same {
            person.cut();
            let participant = participant.clone();
            self.outputs.push_back(Output::Session(SessionCommand::Cut { participant }));
            if let Some(key) = identity.key {
                self.trusted.refused.push(key);
                if self.trusted.forget(key) {
                    self.outputs.push_back(Output::ContactsChanged);
                }
            }
            return;
        }
        // Without words there was nothing to compare.
        let (Some(key), Some(_)) = (identity.key, identity.words) else { return };
        if matches!(person.state, PeerState::Cut | PeerState::Untrusted) {
            return;
        }
        let contact = Contact { name: clean_name(&person.name), key };
        self.trusted.forget(key);
        if !identity.lasting {
            self.trusted.passing.push(contact);
            return;
        }
        if self.trusted.contacts.len() == MAX_CONTACTS {
            self.trusted.contacts.remove(0);
        }
        self.trusted.contacts.push(contact);
        self.outputs.push_back(Output::ContactsChanged);
    }

    pub(super) fn forget_contacts(&mut self) {
        self.trusted.contacts.clear();
        self.trusted.passing.clear();
        self.outputs.push_back(Output::ContactsChanged);
    }

    /// Whose words differed gets nothing, also when they come back.
    pub(super) fn cut_refused(&mut self, participant: &ParticipantId) {
        let refused = |key| self.trusted.refused.contains(&key);
        let person = self.people.iter_mut().find(|person| person.id == *participant);
        let Some(person) = person.filter(|person| person.identity.and_then(|it| it.key).is_some_and(refused)) else {
            return;
        };
        person.cut();
        let participant = participant.clone();
        self.outputs.push_back(Output::Session(SessionCommand::Cut { participant }));
    }
}
