//! Our key, in the system's keychain, read by a thread of its own while the window opens: a keychain may ask its user first,
//! or be gone. Who needs the key waits for it, and not for ever: where there is none it is made anew for this run, and the
//! settings say so.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fika_call::identity::{Contact, Identity, KEY_BYTES};
use keyring_core::{CredentialStore, Entry, Error};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::settings::{read_json, write};

const SERVICE: &str = "fika";
const USER: &str = "identity";
/// How long a call, or the settings, wait for a keychain that asks its user.
const PATIENCE: Duration = Duration::from_secs(5);
const CONTACTS: &str = "contacts.json";

/// Where our key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) enum KeyPlace {
    Keychain,
    /// Until the app ends: the others see a new key next time.
    Memory,
}

impl KeyPlace {
    pub(crate) fn of(identity: &Identity) -> Self {
        if identity.is_lasting() { Self::Keychain } else { Self::Memory }
    }
}

/// The key of this installation, or one for this run; the same for everybody who asks.
#[derive(Clone)]
pub(crate) struct Key(Arc<watch::Sender<Option<Identity>>>);

impl Key {
    /// `profile`: of somebody with settings of their own.
    pub(crate) fn load(
        profile: Option<&Path>,
        keychain: impl FnOnce() -> Result<Arc<CredentialStore>, Error> + Send + 'static,
    ) -> Self {
        let user = profile.map_or(USER.to_owned(), |profile| format!("{USER} {}", profile.display()));
        let key = Self(Arc::new(watch::Sender::new(None)));
        let found = key.clone();
        // Ends by itself, if later than anybody waits for it.
        let spawned = std::thread::Builder::new().name("keychain".into()).spawn(move || {
            match keychain().and_then(|store| kept(&store, &user)) {
                Ok(identity) => drop(found.decide(|| identity)),
                Err(error) => {
                    // What a keychain says may name users and paths.
                    tracing::trace!(%error, "the keychain gives no key");
                    found.for_this_run("there is no keychain");
                }
            }
        });
        if spawned.is_err() {
            key.for_this_run("there is no thread for the keychain");
        }
        key
    }

    pub(crate) async fn get(&self) -> Identity {
        self.within(PATIENCE).await
    }

    async fn within(&self, patience: Duration) -> Identity {
        let mut key = self.0.subscribe();
        if timeout(patience, key.wait_for(Option::is_some)).await.is_err() {
            self.for_this_run("the keychain does not answer");
        }
        self.0.borrow().clone().unwrap_or_else(|| Identity::from_seed(&seed(), false))
    }

    fn for_this_run(&self, cause: &str) {
        if self.decide(|| Identity::from_seed(&seed(), false)) {
            tracing::warn!(cause, "our key is for this run only");
        }
    }

    /// What was decided first stays: a key never changes within a run.
    fn decide(&self, identity: impl FnOnce() -> Identity) -> bool {
        self.0.send_if_modified(|key| {
            let first = key.is_none();
            if first {
                *key = Some(identity());
            }
            first
        })
    }
}

/// The key in the keychain, which gets one if it has none.
fn kept(store: &Arc<CredentialStore>, user: &str) -> Result<Identity, Error> {
    let entry = Entry::new_in_store(store, SERVICE, user)?;
    match entry.get_secret().map(Zeroizing::new) {
        Ok(secret) => {
            if let Ok(seed) = <&[u8; KEY_BYTES]>::try_from(secret.as_slice()) {
                return Ok(Identity::from_seed(seed, true));
            }
            tracing::warn!("what the keychain holds is no key of ours: it gets a new one");
        }
        Err(Error::NoEntry) => {}
        Err(error) => return Err(error),
    }
    let seed = seed();
    entry.set_secret(seed.as_slice())?;
    Ok(Identity::from_seed(&seed, true))
}

fn seed() -> Zeroizing<[u8; KEY_BYTES]> {
    let mut seed = Zeroizing::new([0; KEY_BYTES]);
    getrandom::fill(seed.as_mut_slice()).expect("the system gives random numbers");
    seed
}

/// Who was verified in earlier calls. A file that cannot be read remembers nobody.
pub(crate) fn contacts(folder: &Path) -> Vec<Contact> {
    read_json(&folder.join(CONTACTS))
        .unwrap_or_else(|cause| {
            tracing::warn!(%cause, "the verified people cannot be read");
            None
        })
        .unwrap_or_default()
}

pub(crate) fn keep_contacts(folder: &Path, contacts: &[Contact]) {
    if let Err(error) = write(folder, CONTACTS, &contacts) {
        tracing::warn!(%error, "the verified people cannot be written");
    }
}

#[cfg(test)]
mod tests {
    use keyring_core::mock;

    use super::*;

    #[tokio::test]
    async fn the_key_is_the_same_after_a_restart() {
        let store: Arc<CredentialStore> = mock::Store::new().unwrap();
        let again = Arc::clone(&store);
        let first = Key::load(None, move || Ok(store)).get().await;
        let second = Key::load(None, move || Ok(again)).get().await;
        assert!(first.is_lasting());
        assert_eq!(first.public(), second.public());
        assert_eq!(KeyPlace::of(&first), KeyPlace::Keychain);
    }

    #[test]
    fn what_is_no_key_is_replaced() {
        let store: Arc<CredentialStore> = mock::Store::new().unwrap();
        Entry::new_in_store(&store, SERVICE, USER).unwrap().set_secret(b"short").unwrap();
        let first = kept(&store, USER).unwrap();
        assert_eq!(first.public(), kept(&store, USER).unwrap().public());
    }

    #[tokio::test]
    async fn without_a_keychain_the_key_is_for_one_run() {
        let none = || Err(Error::NoDefaultStore);
        let (first, second) = (Key::load(None, none).get().await, Key::load(None, none).get().await);
        assert!(!first.is_lasting());
        assert_ne!(first.public(), second.public());
    }

    #[tokio::test]
    async fn a_keychain_that_asks_its_user_for_too_long_does_not_change_the_key_any_more() {
        let (answer, asked) = std::sync::mpsc::channel::<()>();
        let store: Arc<CredentialStore> = mock::Store::new().unwrap();
        let key = Key::load(None, move || {
            let _ = asked.recv();
            Ok(store)
        });
        let first = key.within(Duration::ZERO).await;
        assert!(!first.is_lasting());
        drop(answer);
        assert_eq!(key.get().await.public(), first.public());
        assert!(!key.decide(|| Identity::from_seed(&seed(), true)), "decided already");
    }

    #[test]
    fn verified_people_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        assert!(contacts(folder.path()).is_empty());
        let key = Identity::from_seed(&[1; KEY_BYTES], true).public();
        let amir = Contact { name: "Amir".into(), key, verified: true, server: None };
        keep_contacts(folder.path(), std::slice::from_ref(&amir));
        assert_eq!(contacts(folder.path()), [amir]);
        std::fs::write(folder.path().join(CONTACTS), "{").unwrap();
        assert!(contacts(folder.path()).is_empty());
    }
}
