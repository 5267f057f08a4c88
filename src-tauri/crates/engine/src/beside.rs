//! What people exchange beside sound and picture: files and real-time text. The machines of `call` decide; the actor runs
//! them here, inside its own task, and the thread `files` does what the disk has to do.
//!
//! What the session does not take at once waits in `unsent`. It is bounded by the machines: what may be under way to each
//! participant, and the answers to what they send.

use std::collections::VecDeque;
use std::time::Instant;

use fika_call::files::{self, DiskEvent, FileInput, Files};
use fika_call::session::{DataChannel, DataCommand, DataIn, DataOut, SessionEvent};
use fika_call::text::{self, TextInput, Texts};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::Config;
use crate::actor::Actor;
use crate::disk::Disk;
use crate::event::Event;
use crate::thread::SpawnError;

pub(crate) struct Beside {
    pub(crate) files: Files,
    pub(crate) texts: Texts,
    /// Of the session, if there is one.
    pub(crate) arrived: Option<mpsc::Receiver<DataIn>>,
    unsent: VecDeque<DataOut>,
    disk: Disk,
}

impl Beside {
    pub(crate) fn start(config: &Config, events: &mpsc::Sender<Event>) -> Result<Self, SpawnError<std::io::Error>> {
        let disk = Disk::start(config.files.folder.clone(), events.clone())?;
        let (mut files, texts) = (Files::default(), Texts::default());
        files.handle_input(FileInput::SetMaxSize(config.files.max_size), Instant::now());
        while files.poll_output().is_some() {}
        Ok(Self { files, texts, arrived: None, unsent: VecDeque::new(), disk })
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [self.files.poll_timeout(), self.texts.poll_timeout()].into_iter().flatten().min()
    }

    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }
}

impl Actor {
    pub(crate) fn file_input(&mut self, input: FileInput) {
        self.beside.files.handle_input(input, now());
        self.perform_beside();
    }

    pub(crate) fn text_input(&mut self, input: TextInput) {
        let name = self.call.view().me.name.clone();
        self.beside.texts.set_name(&name);
        self.beside.texts.handle_input(input, now());
        self.perform_beside();
    }

    pub(crate) fn beside_session(&mut self, event: &SessionEvent) {
        self.beside.files.handle_session(event, now());
        self.beside.texts.handle_session(event, now());
        self.perform_beside();
    }

    pub(crate) fn beside_data(&mut self, data: DataIn) {
        let DataIn { from, channel, event } = data;
        match channel {
            DataChannel::Files => self.beside.files.handle_data(&from, event, now()),
            DataChannel::Text => self.beside.texts.handle_data(&from, event, now()),
        }
        self.perform_beside();
    }

    pub(crate) fn beside_disk(&mut self, event: DiskEvent) {
        self.beside.files.handle_disk(event, now());
        self.perform_beside();
    }

    pub(crate) fn beside_timeout(&mut self) {
        self.beside.files.handle_timeout(now());
        self.beside.texts.handle_timeout(now());
        self.perform_beside();
    }

    /// Out of the room.
    pub(crate) fn beside_left(&mut self) {
        self.beside.files.leave();
        self.beside.texts.leave();
        self.perform_beside();
        self.beside.unsent.clear();
    }

    /// The thread `files` is gone: what it had open is lost.
    pub(crate) fn beside_gone(&mut self) {
        let folder = self.config.files.folder.clone();
        match Disk::start(folder, self.events_sender.clone()) {
            Ok(disk) => self.beside.disk = disk,
            Err(error) => tracing::error!(%error, "the thread for files does not start again"),
        }
        let keys: Vec<u32> = self.beside.files.view().files.iter().map(|file| file.key).collect();
        for key in keys {
            self.beside.files.handle_input(FileInput::Cancel { key }, now());
        }
        self.perform_beside();
    }

    pub(crate) fn perform_beside(&mut self) {
        while let Some(output) = self.beside.files.poll_output() {
            let (channel, data) = (DataChannel::Files, &mut self.beside.unsent);
            match output {
                files::Output::Send { to, text } => {
                    data.push_back(DataOut { to, channel, command: DataCommand::Text(text) })
                }
                files::Output::SendPiece { to, bytes } => {
                    data.push_back(DataOut { to, channel, command: DataCommand::Binary(bytes) });
                }
                files::Output::Close { to } => data.push_back(DataOut { to, channel, command: DataCommand::Close }),
                files::Output::Disk(task) => {
                    if let Some(event) = self.beside.disk.ask(task) {
                        self.beside.files.handle_disk(event, now());
                    }
                }
                files::Output::Notify(notification) => drop(self.out.notifications.send(notification)),
                files::Output::Changed => drop(self.out.files.send_replace(self.beside.files.view())),
            }
        }
        while let Some(output) = self.beside.texts.poll_output() {
            match output {
                text::Output::Send { to, text } => {
                    let (channel, command) = (DataChannel::Text, DataCommand::Text(text));
                    self.beside.unsent.push_back(DataOut { to, channel, command });
                }
                text::Output::Notify(notification) => drop(self.out.notifications.send(notification)),
                text::Output::Changed => drop(self.out.text.send_replace(self.beside.texts.view())),
            }
        }
        self.send_data();
    }

    fn send_data(&mut self) {
        while let Some(data) = self.beside.unsent.pop_front() {
            let Some(session) = &self.session else { continue };
            match session.data.try_send(data) {
                Ok(()) | Err(TrySendError::Closed(_)) => {}
                Err(TrySendError::Full(data)) => return self.beside.unsent.push_front(data),
            }
        }
    }
}

/// What comes next over a data channel; never where there is none.
pub(crate) async fn next_data(arrived: &mut Option<mpsc::Receiver<DataIn>>) -> DataIn {
    let data = match arrived {
        Some(arrived) => arrived.recv().await,
        None => None,
    };
    match data {
        Some(data) => data,
        None => std::future::pending().await,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
