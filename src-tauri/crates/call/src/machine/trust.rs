//! Whose key is known: who was saved, who was verified by words, whose words differed, and what that makes of a participant.

use super::people::{Person, clean_name};
use super::{Call, Output};
use crate::ParticipantId;
use crate::identity::{Contact, IdentityKey};
use crate::session::{PeerState, SessionCommand};
use crate::view::Trust;

/// People that are remembered. Full: the oldest is forgotten.
pub const MAX_CONTACTS: usize = 1000;

#[derive(Default)]
pub(super) struct Trusted {
    /// Kept by the app, in order of being saved or verified.
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
        match self.known().find(|contact| Some(contact.key) == identity.key) {
            Some(contact) if contact.verified => return Trust::Verified,
            Some(_) => return Trust::Unverified,
            None => {}
        }
        // A remembered name with another key: another device of theirs, or somebody who takes their name.
        if self.known().any(|contact| same_name(&contact.name, &person.name)) {
            return Trust::Changed;
        }
        if identity.key.is_some() { Trust::Unverified } else { Trust::NotVerifiable }
    }

    /// The name under which a participant is remembered, if it is another one than theirs.
    pub(super) fn saved_as(&self, person: &Person) -> Option<String> {
        let key = person.identity?.key?;
        let contact = self.known().find(|contact| contact.key == key)?;
        (!same_name(&contact.name, &person.name)).then(|| contact.name.clone())
    }

    /// One of those that the app keeps.
    pub(super) fn has(&self, person: &Person) -> bool {
        let key = person.identity.and_then(|identity| identity.key);
        self.contacts.iter().any(|contact| Some(contact.key) == key)
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
        let saved = self.trusted.contacts.iter().find(|contact| contact.key == key).map(|contact| contact.name.clone());
        let name = saved.unwrap_or_else(|| clean_name(&person.name));
        let contact = Contact { name, key, verified: true, server: self.server_of_room() };
        self.trusted.forget(key);
        if !identity.lasting {
            self.trusted.passing.push(contact);
            return;
        }
        self.remember(contact);
    }

    /// The user saves somebody under a name of their own. Whose key is gone with their page cannot be called later.
    pub(super) fn save_contact(&mut self, participant: &ParticipantId, name: &str) {
        let Some(person) = self.people.iter().find(|person| person.id == *participant) else { return };
        let Some(identity) = person.identity.filter(|identity| identity.lasting) else { return };
        let Some(key) = identity.key else { return };
        if matches!(person.state, PeerState::Cut | PeerState::Untrusted) {
            return;
        }
        let name = Some(clean_name(name)).filter(|name| !name.is_empty()).unwrap_or_else(|| clean_name(&person.name));
        let verified = self.trusted.known().any(|contact| contact.key == key && contact.verified);
        self.trusted.forget(key);
        self.remember(Contact { name, key, verified, server: self.server_of_room() });
    }

    pub(super) fn rename_contact(&mut self, key: IdentityKey, name: &str) {
        let name = clean_name(name);
        let contact = self.trusted.contacts.iter_mut().find(|contact| contact.key == key);
        if let Some(contact) = contact.filter(|contact| !name.is_empty() && contact.name != name) {
            contact.name = name;
            self.outputs.push_back(Output::ContactsChanged);
        }
    }

    pub(super) fn forget_contact(&mut self, key: IdentityKey) {
        if self.trusted.forget(key) {
            self.outputs.push_back(Output::ContactsChanged);
        }
    }

    fn remember(&mut self, contact: Contact) {
        if self.trusted.contacts.len() == MAX_CONTACTS {
            self.trusted.contacts.remove(0);
        }
        self.trusted.contacts.push(contact);
        self.outputs.push_back(Output::ContactsChanged);
    }

    /// A computer's own server is gone with its call.
    fn server_of_room(&self) -> Option<url::Url> {
        self.invite.as_ref().filter(|invite| !invite.is_local()).map(|invite| invite.server.clone())
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
