//! Presence: which contacts can be called now, told in both directions or in none. Who shows themselves to nobody asks about nobody.
//!
//! At the meeting server alone, and for as long as we listen there. Pure: told the time. Nothing is kept beyond the connection.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::identity::{Contact, IdentityKey};
use crate::view::CallSettings;

/// Contacts to whom one shows oneself. More: the newest.
pub const MAX_SHOWN: usize = 200;
/// Between two lists. What is new meanwhile is said in one.
const PAUSE: Duration = Duration::from_secs(1);

/// To whom we show ourselves with these settings.
pub fn shown_to(settings: &CallSettings, contacts: &[Contact]) -> BTreeSet<IdentityKey> {
    if !settings.presence {
        return BTreeSet::new();
    }
    contacts.iter().rev().take(MAX_SHOWN).map(|contact| contact.key).collect()
}

/// What the server is told on one connection, and what it says.
#[derive(Debug)]
pub struct Presence {
    /// A server that does not know the words would take them for an offence.
    knows: bool,
    to: BTreeSet<IdentityKey>,
    said: BTreeSet<IdentityKey>,
    /// When the next list may be said.
    next: Option<Instant>,
    here: BTreeSet<IdentityKey>,
}

impl Presence {
    /// We can be called there, and it has been told nothing yet.
    pub fn at(knows: bool) -> Self {
        Self { knows, to: BTreeSet::new(), said: BTreeSet::new(), next: None, here: BTreeSet::new() }
    }

    /// To these alone from now on.
    pub fn show(&mut self, to: BTreeSet<IdentityKey>) {
        self.here.retain(|key| to.contains(key));
        self.to = to;
    }

    /// Of those only to whom we show ourselves: what else the server says was said before it heard of the change.
    pub fn told(&mut self, keys: &[String], here: bool) {
        for key in keys.iter().filter_map(|key| IdentityKey::parse(key)) {
            if !here {
                self.here.remove(&key);
            } else if self.to.contains(&key) {
                self.here.insert(key);
            }
        }
    }

    /// The list to say, if there is a new one and it is time.
    pub fn poll_list(&mut self, now: Instant) -> Option<Vec<String>> {
        self.poll_timeout(now).filter(|due| *due <= now)?;
        self.said.clone_from(&self.to);
        self.next = Some(now + PAUSE);
        Some(self.to.iter().map(IdentityKey::to_string).collect())
    }

    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        (self.knows && self.said != self.to).then(|| self.next.unwrap_or(now))
    }

    /// Who can be called.
    pub fn here(&self) -> &BTreeSet<IdentityKey> {
        &self.here
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::ServerMessage;

    fn keys(seeds: &[u8]) -> BTreeSet<IdentityKey> {
        seeds.iter().map(|seed| IdentityKey([*seed; 32])).collect()
    }

    fn text(seeds: &[u8]) -> Vec<String> {
        keys(seeds).iter().map(IdentityKey::to_string).collect()
    }

    fn contacts(count: usize) -> Vec<Contact> {
        let contact = |number: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            Contact { name: format!("{number}"), key: IdentityKey(key), verified: false, server: None }
        };
        (0..count).map(contact).collect()
    }

    #[test]
    fn off_unless_switched_on_and_then_for_the_newest() {
        let contacts = contacts(MAX_SHOWN + 5);
        let off = CallSettings { reachable: true, ..CallSettings::default() };
        assert!(shown_to(&off, &contacts).is_empty());
        let shown = shown_to(&CallSettings { presence: true, ..off }, &contacts);
        assert_eq!(shown, contacts[5..].iter().map(|contact| contact.key).collect());
    }

    #[test]
    fn nothing_is_said_until_somebody_is_named_and_never_to_a_server_that_does_not_know() {
        let now = Instant::now();
        let mut presence = Presence::at(true);
        presence.show(keys(&[]));
        assert_eq!((presence.poll_list(now), presence.poll_timeout(now)), (None, None));
        // What a server says that is older than these words.
        let older = serde_json::from_str(r#"{"type":"listening"}"#).unwrap();
        let ServerMessage::Listening { presence: knows } = older else { panic!("{older:?}") };
        let mut presence = Presence::at(knows);
        presence.show(keys(&[1]));
        assert_eq!((presence.poll_list(now), presence.poll_timeout(now)), (None, None));
    }

    #[test]
    fn a_list_is_said_once_on_each_connection() {
        let now = Instant::now();
        for _ in 0..2 {
            let mut presence = Presence::at(true);
            presence.show(keys(&[1, 2]));
            assert_eq!(presence.poll_list(now), Some(text(&[1, 2])));
            assert_eq!((presence.poll_list(now), presence.poll_timeout(now)), (None, None));
            presence.told(&text(&[1, 2]), true);
            presence.told(&text(&[2]), false);
            assert_eq!(*presence.here(), keys(&[1]));
        }
    }

    #[test]
    fn who_is_removed_is_told_nothing_more_and_shown_no_more() {
        let now = Instant::now();
        let mut presence = Presence::at(true);
        presence.show(keys(&[1, 2]));
        presence.poll_list(now);
        presence.told(&text(&[1, 2]), true);
        presence.show(keys(&[2]));
        assert_eq!(*presence.here(), keys(&[2]));
        presence.told(&text(&[1]), true);
        assert_eq!(*presence.here(), keys(&[2]), "the server had not heard of it yet");
        // The last one, and the switch: an empty list takes everything back.
        presence.show(keys(&[]));
        assert_eq!(
            (presence.poll_list(now), presence.poll_timeout(now)),
            (None, Some(now + PAUSE)),
            "the server is not flooded"
        );
        let later = now + PAUSE;
        assert_eq!(presence.poll_list(later), Some(Vec::new()));
        assert!(presence.here().is_empty());
        // What is taken back in time was never new.
        presence.show(keys(&[3]));
        presence.show(keys(&[]));
        assert_eq!(presence.poll_timeout(later), None);
    }

    #[test]
    fn what_a_server_makes_up_is_nobody() {
        let mut presence = Presence::at(true);
        presence.show(keys(&[1]));
        presence.told(&["no key".into(), text(&[7])[0].clone()], true);
        assert!(presence.here().is_empty());
    }
}
