//! Our key, in the system's keychain. It is read once at the start, on a thread of its own: a keychain may ask its user
//! first, or be gone. Where there is none the key is made anew for each run, and the settings say so.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use fika_call::identity::{Contact, Identity, KEY_BYTES};
use keyring_core::{CredentialStore, Entry, Error};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::settings::{read_json, write};

const SERVICE: &str = "fika";
const USER: &str = "identity";
/// How long the start of the app may wait for a keychain that asks its user.
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

/// The key of this installation, or one for this run. `profile`: of somebody with settings of their own.
pub(crate) fn load(
    profile: Option<&Path>,
    keychain: impl FnOnce() -> Result<Arc<CredentialStore>, Error> + Send + 'static,
) -> Identity {
    let user = profile.map_or(USER.to_owned(), |profile| format!("{USER} {}", profile.display()));
    let (found, answer) = mpsc::sync_channel(1);
    // Ends by itself, if later than the app waits for it.
    let spawned = std::thread::Builder::new().name("keychain".into()).spawn(move || {
        let _ = found.send(keychain().and_then(|store| kept(&store, &user)));
    });
    let identity = match spawned.map(|_| answer.recv_timeout(PATIENCE)) {
        Ok(Ok(Ok(identity))) => Some(identity),
        Ok(Ok(Err(error))) => {
            // What a keychain says may name users and paths.
            tracing::trace!(%error, "the keychain gives no key");
            tracing::warn!("there is no keychain: our key is for this run only");
            None
        }
        _ => {
            tracing::warn!("the keychain does not answer: our key is for this run only");
            None
        }
    };
    identity.unwrap_or_else(|| Identity::from_seed(&seed(), false))
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

    #[test]
    fn the_key_is_the_same_after_a_restart() {
        let store: Arc<CredentialStore> = mock::Store::new().unwrap();
        let again = Arc::clone(&store);
        let first = load(None, move || Ok(store));
        let second = load(None, move || Ok(again));
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

    #[test]
    fn without_a_keychain_the_key_is_for_one_run() {
        let none = || Err(Error::NoDefaultStore);
        let (first, second) = (load(None, none), load(None, none));
        assert!(!first.is_lasting());
        assert_ne!(first.public(), second.public());
    }

    #[test]
    fn verified_people_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        assert!(contacts(folder.path()).is_empty());
        let amir = Contact { name: "Amir".into(), key: Identity::from_seed(&[1; KEY_BYTES], true).public() };
        keep_contacts(folder.path(), std::slice::from_ref(&amir));
        assert_eq!(contacts(folder.path()), [amir]);
        std::fs::write(folder.path().join(CONTACTS), "{").unwrap();
        assert!(contacts(folder.path()).is_empty());
    }
}
