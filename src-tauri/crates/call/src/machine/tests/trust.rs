//! Verified, changed, different: what comes of the words.

use super::*;
use crate::identity::{Contact, Identity, PeerIdentity};
use crate::view::{CallSettings, Trust};

fn key(seed: u8) -> crate::identity::IdentityKey {
    Identity::from_seed(&[seed; 32], true).public()
}

fn shows(seed: u8, lasting: bool) -> PeerIdentity {
    PeerIdentity { key: Some(key(seed)), lasting, words: Some([1, 2, 3, 4]) }
}

impl Desk {
    fn identity(&mut self, identity: PeerIdentity) -> Vec<Output> {
        self.session(SessionEvent::PeerIdentity { participant: id("amir"), identity })
    }

    fn compared(&mut self, same: bool) -> Vec<Output> {
        self.input(Input::WordsCompared { participant: id("amir"), same })
    }

    fn trust(&self) -> Trust {
        self.call.view().participants[0].trust
    }

    /// A call with Amir, who is remembered with the key of `seed`.
    fn knowing(seed: u8) -> Self {
        let contacts = vec![Contact { name: "Amir".into(), key: key(seed), verified: true, server: None }];
        let mut desk =
            Self { call: Call::new(Config { contacts, ..Config::default() }), now: std::time::Instant::now() };
        desk.input(Input::OpenInvite(invite()));
        desk.input(Input::Join);
        desk.session(SessionEvent::Joined { you: id("me"), participants: vec![amir(ON)] });
        desk
    }
}

fn cut(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Session(SessionCommand::Cut { .. })))
}

fn remembers(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::ContactsChanged))
}

#[test]
fn the_same_words_are_remembered() {
    let mut desk = Desk::in_call();
    assert_eq!(desk.trust(), Trust::Unknown);
    desk.identity(shows(1, true));
    assert_eq!(
        (desk.trust(), desk.call.view().participants[0].words.as_deref()),
        (Trust::Unverified, Some(&[1, 2, 3, 4][..]))
    );
    assert!(remembers(&desk.compared(true)));
    assert_eq!(desk.trust(), Trust::Verified);
    let met = Some(invite().server);
    assert_eq!(desk.call.contacts(), [Contact { name: "Amir".into(), key: key(1), verified: true, server: met }]);

    let mut later = Desk::knowing(1);
    later.identity(PeerIdentity { words: None, ..shows(1, true) });
    assert_eq!((later.trust(), later.call.view().problem), (Trust::Verified, None));
    later.session(SessionEvent::ParticipantChanged(Participant { name: "Somebody".into(), ..amir(ON) }));
    assert_eq!(later.call.view().participants[0].saved_as.as_deref(), Some("Amir"));
    assert!(remembers(&later.input(Input::ForgetContacts)));
    assert_eq!((later.trust(), later.call.contacts().len()), (Trust::Unverified, 0));
}

#[test]
fn a_guests_key_holds_until_the_program_ends() {
    let mut desk = Desk::in_call();
    desk.identity(shows(1, false));
    assert!(!remembers(&desk.compared(true)), "there will be another one next time");
    assert_eq!(desk.trust(), Trust::Verified);
    assert!(desk.call.contacts().is_empty());
}

#[test]
fn another_key_under_a_remembered_name_is_loud() {
    for identity in [shows(2, true), shows(2, false), PeerIdentity::default()] {
        let mut desk = Desk::knowing(1);
        desk.identity(identity);
        assert_eq!((desk.trust(), desk.call.view().problem), (Trust::Changed, Some(Problem::KeyChanged)));
        desk.peer(PeerState::Connected);
        assert_eq!(desk.trust(), Trust::Changed);
    }
    let mut desk = Desk::knowing(1);
    desk.identity(shows(2, true));
    desk.compared(true);
    assert_eq!((desk.trust(), desk.call.contacts().len()), (Trust::Verified, 2), "a second device of theirs");
}

#[test]
fn without_words_nobody_is_verified() {
    let mut desk = Desk::in_call();
    desk.compared(true);
    desk.identity(PeerIdentity::default());
    assert_eq!(desk.trust(), Trust::NotVerifiable);
    desk.compared(true);
    desk.identity(PeerIdentity { words: None, ..shows(1, true) });
    desk.compared(true);
    assert_eq!((desk.trust(), desk.call.contacts().len()), (Trust::Unverified, 0));
}

#[test]
fn different_words_end_it_for_good() {
    let mut desk = Desk::in_call();
    desk.identity(shows(1, true));
    desk.compared(true);
    desk.input(Input::Video { participant: id("amir"), shown: true });
    let outputs = desk.compared(false);
    assert!(cut(&outputs) && remembers(&outputs), "{outputs:?}");
    let view = desk.call.view();
    assert_eq!((view.problem, desk.trust()), (Some(Problem::WordsDiffer), Trust::Differs));
    assert!(!view.participants[0].has_video && desk.call.contacts().is_empty());
    for state in [PeerState::Connecting, PeerState::Connected] {
        desk.peer(state);
        assert_eq!((desk.trust(), desk.connection()), (Trust::Differs, ConnectionState::Waiting));
    }
    desk.compared(true);
    assert_eq!(desk.trust(), Trust::Differs, "it is not taken back in the same breath");

    // They come back to another seat, and show the same key.
    desk.session(SessionEvent::ParticipantLeft(id("amir")));
    desk.session(SessionEvent::ParticipantJoined(amir(ON)));
    assert!(cut(&desk.identity(shows(1, true))));
    assert_eq!(desk.trust(), Trust::Differs);
}

#[test]
fn privacy_mode_goes_through_a_server_and_hides_sizes() {
    let mut desk = Desk::new();
    let outputs = desk.input(Input::Settings(CallSettings { private: true, ..CallSettings::default() }));
    assert!(outputs.iter().any(|output| matches!(output, Output::SetConstantAudio { on: true })));
    desk.input(Input::OpenInvite(invite()));
    let outputs = desk.input(Input::Join);
    let relayed = outputs.iter().any(|output| {
        matches!(output, Output::Connect(request) if request.privacy == crate::session::ConnectionPrivacy::RelayOnly)
    });
    assert!(relayed);
}

#[test]
fn whoever_is_saved_has_a_name_of_the_users_and_is_not_verified_by_that() {
    let mut desk = Desk::in_call();
    desk.identity(shows(1, true));
    let save = |name: &str| Input::SaveContact { participant: id("amir"), name: name.into() };
    assert!(remembers(&desk.input(save("Amir at work"))));
    let [contact] = desk.call.contacts() else { panic!("one of them") };
    assert_eq!((contact.name.as_str(), contact.verified), ("Amir at work", false));
    assert_eq!(desk.call.view().participants[0].trust, Trust::Unverified);
    assert_eq!(desk.call.view().participants[0].saved_as.as_deref(), Some("Amir at work"));
    desk.input(Input::WordsCompared { participant: id("amir"), same: true });
    let [contact] = desk.call.contacts() else { panic!("still one") };
    assert_eq!((contact.name.as_str(), contact.verified), ("Amir at work", true), "the name stays");
    desk.input(save(""));
    let [contact] = desk.call.contacts() else { panic!("still one") };
    assert_eq!((contact.name.as_str(), contact.verified), ("Amir", true), "their own where the user gives none");
    desk.input(Input::RenameContact { key: key(1), name: "  ".into() });
    desk.input(Input::RenameContact { key: key(1), name: "A. R.".into() });
    assert_eq!(desk.call.contacts()[0].name, "A. R.");
    desk.input(Input::ForgetContact { key: key(1) });
    assert!(desk.call.contacts().is_empty());
}

#[test]
fn a_guests_key_is_gone_with_the_page_and_is_not_saved() {
    let mut desk = Desk::in_call();
    desk.identity(shows(1, false));
    desk.input(Input::SaveContact { participant: id("amir"), name: "Amir".into() });
    assert!(desk.call.contacts().is_empty());
}
