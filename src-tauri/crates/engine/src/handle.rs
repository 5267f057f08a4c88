//! What the shells hold: a bounded sender to the actor and the latest values of what it shows.

use fika_call::chat::ChatView;
use fika_call::files::FilesView;
use fika_call::identity::Contact;
use fika_call::machine::VisibleTile;
use fika_call::text::TextView;
use fika_call::view::{CallView, Levels, Notification};
use fika_media::device::DeviceInfo;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::command::{Command, CommandError};
use crate::stats::Stats;

/// Between the shells and the actor. Full: who sends waits.
pub(crate) const COMMAND_QUEUE: usize = 32;
/// Notifications that a slow listener may leave unread. Full: it misses the oldest and is told so.
pub(crate) const NOTIFICATION_QUEUE: usize = 32;

pub(crate) enum Ask {
    Command { command: Command, reply: oneshot::Sender<Result<(), CommandError>> },
    Shutdown { done: oneshot::Sender<()> },
}

/// One engine. Clones share it.
#[derive(Clone)]
pub struct EngineHandle {
    pub(crate) asks: mpsc::Sender<Ask>,
    pub(crate) visible: watch::Sender<Option<Vec<VisibleTile>>>,
    pub(crate) view: watch::Receiver<CallView>,
    pub(crate) chat: watch::Receiver<ChatView>,
    pub(crate) files: watch::Receiver<FilesView>,
    pub(crate) text: watch::Receiver<TextView>,
    pub(crate) contacts: watch::Receiver<Vec<Contact>>,
    pub(crate) levels: watch::Receiver<Levels>,
    pub(crate) devices: watch::Receiver<Vec<DeviceInfo>>,
    pub(crate) stats: watch::Receiver<Stats>,
    pub(crate) notifications: broadcast::Sender<Notification>,
}

impl EngineHandle {
    /// Waits until the actor has taken the command in; what it leads to shows in the view.
    pub async fn send(&self, command: Command) -> Result<(), CommandError> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(Ask::Command { command, reply }).await.map_err(|_| CommandError::Stopped)?;
        answer.await.unwrap_or(Err(CommandError::Stopped))
    }

    /// Says which tiles can be seen, in all windows together, and how large they are in device pixels; others are not seen
    /// at all. Until the first call everything counts as seen. Never waits; the latest list counts.
    pub fn set_visible(&self, tiles: Vec<VisibleTile>) {
        self.visible.send_if_modified(|visible| {
            let changed = visible.as_ref() != Some(&tiles);
            *visible = Some(tiles);
            changed
        });
    }

    pub fn view(&self) -> watch::Receiver<CallView> {
        self.view.clone()
    }

    pub fn chat(&self) -> watch::Receiver<ChatView> {
        self.chat.clone()
    }

    pub fn files(&self) -> watch::Receiver<FilesView> {
        self.files.clone()
    }

    pub fn text(&self) -> watch::Receiver<TextView> {
        self.text.clone()
    }

    /// Whom the shell is to remember: everybody saved or verified, in this call and before.
    pub fn contacts(&self) -> watch::Receiver<Vec<Contact>> {
        self.contacts.clone()
    }

    /// Ten times a second while a microphone or a call is open.
    pub fn levels(&self) -> watch::Receiver<Levels> {
        self.levels.clone()
    }

    /// Empty until the system has told them.
    pub fn devices(&self) -> watch::Receiver<Vec<DeviceInfo>> {
        self.devices.clone()
    }

    /// What happens from now on.
    pub fn notifications(&self) -> broadcast::Receiver<Notification> {
        self.notifications.subscribe()
    }

    /// Once a second in a call.
    pub fn stats(&self) -> watch::Receiver<Stats> {
        self.stats.clone()
    }

    /// Leaves the call, releases the devices and waits for the threads.
    pub async fn shutdown(&self) {
        let (done, ended) = oneshot::channel();
        if self.asks.send(Ask::Shutdown { done }).await.is_ok() {
            // Closed without a word when the actor was ending already.
            let _ = ended.await;
        }
    }
}
