//! The call that goes on: its link, in a file for its owner alone that is there only as long as the call is. A program that ends
//! without a word leaves it behind, and the next start offers to go back. In privacy mode nothing is written. Of several that run
//! with one profile the first has the file ([`claim`]).
//!
//! One tokio task follows the view; the file is written on the blocking pool.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use fika_call::view::{CallView, Phase};
use fika_engine::{Command, EngineHandle};
use serde::{Deserialize, Serialize};
use tauri::async_runtime;
use tokio::sync::watch;

use crate::settings::write;

const FILE: &str = "call.json";
/// Empty, and locked as long as whoever has the other file runs.
const LOCK: &str = "call.lock";
/// Larger files are not ours.
const MAX_BYTES: u64 = 64 * 1024;
/// Seconds after which nobody is there any more.
const STALE: u64 = 4 * 60 * 60;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unfinished {
    link: String,
    /// Seconds since 1970.
    since: u64,
}

/// The right to the file, as long as it is held. `None`: another one runs, and what is there is the call that goes on in it.
pub(crate) fn claim(folder: &Path) -> Option<File> {
    let lock = File::create(folder.join(LOCK)).ok()?;
    // Where the disk knows no locks, each takes itself for the only one.
    (!matches!(lock.try_lock(), Err(TryLockError::WouldBlock))).then_some(lock)
}

/// Offers to go back to a call that was not left; once.
pub(crate) async fn offer(engine: &EngineHandle, folder: &Path) {
    let Some(link) = take(folder, unix()) else { return };
    tracing::info!("the last run ended in the middle of a call");
    if engine.send(Command::OfferRejoin { link }).await.is_err() {
        tracing::warn!("there is no way back to the call of the last run");
    }
}

/// Writes the file with each call and removes it with its end. `private`: nothing is written, asked at the beginning of a call.
pub(crate) async fn follow(mut view: watch::Receiver<CallView>, folder: PathBuf, private: impl Fn() -> bool) {
    let mut written = None;
    loop {
        let wanted = link(&view.borrow_and_update()).filter(|link| written.as_ref() == Some(link) || !private());
        if wanted != written {
            let (folder, now) = (folder.clone(), wanted.clone());
            let _ = async_runtime::spawn_blocking(move || keep(&folder, now)).await;
            written = wanted;
        }
        if view.changed().await.is_err() {
            return;
        }
    }
}

/// The program ends in order.
pub(crate) fn forget(folder: &Path) {
    let _ = std::fs::remove_file(folder.join(FILE));
}

/// Of the call that we are in, if it can outlive us: not one whose server is this program.
fn link(view: &CallView) -> Option<String> {
    let invite = view.invite.as_ref().filter(|invite| !(invite.mine && invite.local_only))?;
    (view.phase == Phase::InCall).then(|| invite.link.clone())
}

fn keep(folder: &Path, link: Option<String>) {
    let done = match link {
        Some(link) => write(folder, FILE, &Unfinished { link, since: unix() }),
        None => std::fs::remove_file(folder.join(FILE)),
    };
    if let Err(error) = done {
        tracing::warn!(%error, "what the next start has to know of this call cannot be written");
    }
}

/// The link, if there is one that is not too old; it is gone from the disk then.
fn take(folder: &Path, now: u64) -> Option<String> {
    let path = folder.join(FILE);
    let small = std::fs::metadata(&path).ok()?.len() <= MAX_BYTES;
    let text = small.then(|| std::fs::read_to_string(&path).ok()).flatten();
    if let Err(error) = std::fs::remove_file(&path) {
        tracing::warn!(%error, "the call of the last run cannot be forgotten");
    }
    let unfinished: Unfinished = serde_json::from_str(&text?).ok()?;
    (now.saturating_sub(unfinished.since) < STALE).then_some(unfinished.link)
}

fn unix() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use fika_call::view::InviteView;

    use super::*;

    fn view(phase: Phase, mine: bool, local_only: bool) -> CallView {
        let (link, host) = ("https://meet.example.org/j/x#y".to_owned(), "meet.example.org".to_owned());
        let invite = Some(InviteView { link, local_only, host, mine, passcode: false });
        CallView { phase, invite, ..CallView::default() }
    }

    #[test]
    fn only_a_call_that_can_outlive_us_is_kept() {
        assert!(
            link(&view(Phase::InCall, false, false)).is_some() && link(&view(Phase::InCall, true, false)).is_some()
        );
        assert!(link(&view(Phase::InCall, false, true)).is_some(), "another computer of this network has the server");
        assert_eq!(link(&view(Phase::InCall, true, true)), None, "its server ended with us");
        for phase in [Phase::Home, Phase::Lobby, Phase::Joining, Phase::Waiting, Phase::Ended] {
            assert_eq!(link(&view(phase, false, false)), None);
        }
    }

    #[test]
    fn one_alone_has_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let first = claim(folder.path()).unwrap();
        assert!(claim(folder.path()).is_none());
        drop(first);
        assert!(claim(folder.path()).is_some());
    }

    #[test]
    fn what_was_left_behind_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(take(folder.path(), unix()), None);
        keep(folder.path(), Some("a link".into()));
        assert_eq!(take(folder.path(), unix()).as_deref(), Some("a link"));
        assert_eq!(take(folder.path(), unix()), None);
        keep(folder.path(), Some("a link".into()));
        assert_eq!(take(folder.path(), unix() + STALE + 60), None, "nobody is there any more");
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(take(folder.path(), unix()), None);
        assert!(!folder.path().join(FILE).exists());
    }

    #[tokio::test]
    async fn the_file_is_there_as_long_as_the_call_is() {
        let folder = tempfile::tempdir().unwrap();
        let exists = || folder.path().join(FILE).exists();
        let written = |wanted: bool| async move {
            while exists() != wanted {
                tokio::task::yield_now().await;
            }
        };
        let (views, seen) = watch::channel(view(Phase::Lobby, false, false));
        let following = tokio::spawn(follow(seen, folder.path().into(), || false));
        views.send_replace(view(Phase::InCall, false, false));
        written(true).await;
        views.send_replace(view(Phase::Ended, false, false));
        written(false).await;
        drop(views);
        following.await.unwrap();

        let (views, seen) = watch::channel(view(Phase::InCall, false, false));
        let following = tokio::spawn(follow(seen, folder.path().into(), || true));
        drop(views);
        following.await.unwrap();
        assert!(!exists(), "nothing in privacy mode");
    }
}
