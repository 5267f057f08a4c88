//! A seat for one thing: it is taken, the thing is done and known to be done, and the seat is given up again. For scripts;
//! who stays uses `sit`.

use std::sync::Arc;
use std::time::Duration;

use fika_call::ParticipantId;
use fika_call::chat::{ChatMessageView, ChatState, ChatView, MessageId, clean_text};
use fika_call::files::{FileState, FileView, FilesView};
use fika_call::room::Reaction;
use fika_call::view::{CallView, Notification, Phase};
use fika_engine::{Command, EngineHandle, FileInput, RoomInput};
use fika_net::Trust;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;

use super::args::{Door, Visit};
use super::say;
use super::seat::{over, person, stopped, take, until};
use super::words::{file_words, message_words, why};
use crate::args::Media;
use crate::call::start;
use crate::fail::{Failure, Kind};
use crate::record::Recorder;
use crate::stop;

/// Who has sent a file hears within this time that it is kept; they may leave earlier.
const PARTING: Duration = Duration::from_secs(2);

/// What somebody comes for.
pub(super) enum Errand {
    Chat {
        text: String,
        to: Option<String>,
        reply_to: Option<u32>,
    },
    /// What was said to everybody and is remembered.
    Messages,
    React {
        reaction: Reaction,
        message: Option<u32>,
    },
    /// Up until a host lowers it.
    Hand,
    SendFile {
        path: String,
        to: Option<String>,
    },
    /// The first one that is offered, by this person if there is one.
    ReceiveFile {
        from: Option<String>,
    },
}

pub(super) async fn run(visit: Visit, errand: Errand, trust: Trust) -> Result<(), Failure> {
    let Visit { link, seat, door, json } = visit;
    let media = Media::off(seat);
    let engine = start(&media, trust, Arc::new(Recorder::create(&media)?)).await?;
    let done = tokio::select! {
        done = go(&engine, &link, &media, &door, errand, json) => done,
        () = stop::requested() => Ok(()),
    };
    engine.shutdown().await;
    done
}

async fn go(
    engine: &EngineHandle,
    link: &str,
    media: &Media,
    door: &Door,
    errand: Errand,
    json: bool,
) -> Result<(), Failure> {
    take(engine, Some(link), media, door).await?;
    // With the room comes everything that was before, and who is there.
    let inside = until(&mut engine.view(), |view| view.phase == Phase::InCall && view.room.is_some()).await?;
    let whom = |name: Option<String>| name.map(|name| find(&name, &inside)).transpose();
    let mut visit = Inside { engine, notifications: engine.notifications(), json };
    match errand {
        Errand::Chat { text, to, reply_to } => visit.chat(&text, whom(to)?, reply_to.map(MessageId)).await,
        Errand::Messages => {
            visit.messages(&engine.chat().borrow());
            Ok(())
        }
        Errand::React { reaction, message: None } => visit.react(reaction).await,
        Errand::React { reaction, message: Some(message) } => visit.like(MessageId(message), reaction).await,
        Errand::Hand => visit.hand().await,
        Errand::SendFile { path, to } => {
            let to = whom(to)?;
            if inside.participants.is_empty() {
                return Err(Failure::new(Kind::Link, "Nobody is there who could take a file: wait until somebody is."));
            }
            visit.send_file(path, to).await
        }
        Errand::ReceiveFile { from } => visit.receive_file(from).await,
    }
}

fn find(name: &str, view: &CallView) -> Result<ParticipantId, Failure> {
    let found = person(name, view).filter(|id| view.me.id.as_ref() != Some(id));
    let sentence = || format!("Nobody else is called {name}, or more than one: take an id of room show.");
    found.ok_or_else(|| Failure::new(Kind::Link, sentence()))
}

struct Inside<'a> {
    engine: &'a EngineHandle,
    notifications: broadcast::Receiver<Notification>,
    json: bool,
}

impl Inside<'_> {
    async fn chat(
        &mut self,
        text: &str,
        to: Option<ParticipantId>,
        reply_to: Option<MessageId>,
    ) -> Result<(), Failure> {
        if clean_text(text).is_empty() {
            return Err(Failure::new(Kind::Usage, "There is nothing to say: give a text."));
        }
        let mut chat = self.engine.chat();
        self.room(RoomInput::SendChat { text: text.into(), to, reply_to }).await?;
        let settled = |message: &ChatMessageView| message.mine && message.state != ChatState::Sending;
        let chat = self.so(&mut chat, |chat| chat.messages.iter().any(settled)).await?;
        match chat.messages.iter().rfind(|message| settled(message)) {
            Some(message) if message.state == ChatState::Sent => {
                say(&if self.json { json!({ "message": message }).to_string() } else { message_words(message) });
                Ok(())
            }
            _ => {
                Err(Failure::new(Kind::Link, "The message was not taken: whom it is for may have left, or try again."))
            }
        }
    }

    fn messages(&self, chat: &ChatView) {
        if self.json {
            return say(&json!({ "chat": chat.messages }).to_string());
        }
        chat.messages.iter().for_each(|message| say(&message_words(message)));
    }

    async fn react(&mut self, reaction: Reaction) -> Result<(), Failure> {
        self.room(RoomInput::React(reaction)).await?;
        self.seen(|view| view.me.reaction == Some(reaction)).await?;
        self.tell(&json!({ "reaction": reaction }));
        Ok(())
    }

    async fn like(&mut self, message: MessageId, reaction: Reaction) -> Result<(), Failure> {
        let mut chat = self.engine.chat();
        let is_there = |chat: &ChatView| chat.messages.iter().any(|each| each.id == Some(message));
        if !is_there(&chat.borrow()) {
            return Err(Failure::new(Kind::Link, "There is no such message: room messages lists those that are."));
        }
        self.room(RoomInput::ReactToMessage { message, reaction, on: true }).await?;
        let mine = |each: &ChatMessageView| each.reactions.iter().any(|count| count.reaction == reaction && count.mine);
        self.so(&mut chat, |chat| chat.messages.iter().any(|each| each.id == Some(message) && mine(each))).await?;
        self.tell(&json!({ "reaction": reaction, "message": message }));
        Ok(())
    }

    async fn hand(&mut self) -> Result<(), Failure> {
        self.room(RoomInput::SetHand { up: true }).await?;
        let mut place = self.seen(|view| view.me.hand.is_some()).await?.me.hand;
        while place.is_some() {
            self.tell(&json!({ "hand": place }));
            place = self.seen(|view| view.me.hand != place).await?.me.hand;
        }
        self.tell(&json!({ "hand": null }));
        Ok(())
    }

    async fn send_file(&mut self, path: String, to: Option<ParticipantId>) -> Result<(), Failure> {
        let mut files = self.engine.files();
        files.mark_unchanged();
        self.engine.send(Command::File(FileInput::Offer { path, to })).await?;
        let over = |file: &FileView| matches!(file.state, FileState::Done | FileState::Declined | FileState::Ended);
        let ours = |view: &FilesView| view.files.iter().filter(|file| !file.incoming).cloned().collect::<Vec<_>>();
        loop {
            let now = ours(&self.so(&mut files, |view| view.files.iter().any(|file| !file.incoming)).await?);
            self.files(&now);
            if now.iter().all(over) {
                return now.iter().find_map(undelivered).map_or(Ok(()), Err);
            }
            self.changed(&mut files).await?;
        }
    }

    async fn receive_file(&mut self, from: Option<String>) -> Result<(), Failure> {
        let mut files = self.engine.files();
        let by_them = |file: &FileView, from: &String| {
            file.with.0 == *from || file.person == *from || file.person.replace(' ', "_") == *from
        };
        let wanted = |file: &FileView| {
            let theirs = from.as_ref().is_none_or(|from| by_them(file, from));
            file.incoming && file.state == FileState::Offered && theirs
        };
        let offered = self.so(&mut files, |view| view.files.iter().any(wanted)).await?;
        let Some(FileView { key, with, .. }) = offered.files.iter().find(|file| wanted(file)).cloned() else {
            return Err(stopped());
        };
        self.engine.send(Command::File(FileInput::Accept { key })).await?;
        loop {
            let now = files.borrow_and_update().files.iter().find(|file| file.key == key).cloned();
            let Some(file) = now else { return Err(over()) };
            self.files(std::slice::from_ref(&file));
            match file.state {
                FileState::Done => break,
                FileState::Ended | FileState::Declined => return undelivered(&file).map_or(Ok(()), Err),
                _ => self.changed(&mut files).await?,
            }
        }
        let mut view = self.engine.view();
        let parted = until(&mut view, |view| !view.participants.iter().any(|person| person.id == with));
        // They have the time to hear it; who stays has heard it by then.
        let _ = timeout(PARTING, parted).await;
        Ok(())
    }

    async fn room(&self, input: RoomInput) -> Result<(), Failure> {
        Ok(self.engine.send(Command::Room(input)).await?)
    }

    /// Waits until the view shows it. What the server declines, or the end of the meeting, is a failure.
    async fn seen(&mut self, wanted: impl Fn(&CallView) -> bool) -> Result<CallView, Failure> {
        let mut view = self.engine.view();
        let seen = until(&mut view, wanted);
        tokio::select! {
            biased;
            seen = seen => seen,
            () = declined(&mut self.notifications) => Err(not_done()),
        }
    }

    /// The same for what is told beside the view.
    async fn so<T: Clone>(&mut self, told: &mut watch::Receiver<T>, wanted: impl Fn(&T) -> bool) -> Result<T, Failure> {
        let mut view = self.engine.view();
        tokio::select! {
            biased;
            value = told.wait_for(|value| wanted(value)) => value.map(|value| value.clone()).map_err(|_| stopped()),
            ended = until(&mut view, |_| false) => Err(ended.err().unwrap_or_else(over)),
            () = declined(&mut self.notifications) => Err(not_done()),
        }
    }

    async fn changed<T>(&self, told: &mut watch::Receiver<T>) -> Result<(), Failure> {
        let mut view = self.engine.view();
        tokio::select! {
            biased;
            changed = told.changed() => changed.map_err(|_| stopped()),
            ended = until(&mut view, |_| false) => Err(ended.err().unwrap_or_else(over)),
        }
    }

    fn tell(&self, what: &serde_json::Value) {
        if self.json {
            say(&what.to_string());
        }
    }

    fn files(&self, files: &[FileView]) {
        if self.json {
            return say(&json!({ "files": files }).to_string());
        }
        files.iter().for_each(|file| say(&file_words(file)));
    }
}

/// Until the server has not done something.
async fn declined(notifications: &mut broadcast::Receiver<Notification>) {
    loop {
        match notifications.recv().await {
            Ok(Notification::NotDone) => return,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn not_done() -> Failure {
    Failure::new(Kind::Link, "The server did not do it: who or what it was about is not there (any more).")
}

/// A file that does not come to where it should.
fn undelivered(file: &FileView) -> Option<Failure> {
    let why = match file.state {
        FileState::Declined => "declined.",
        FileState::Ended => file.end.map_or("it does not come.", why),
        _ => return None,
    };
    Some(Failure::new(Kind::Link, format!("{} and {}: {why}", file.name, file.person)))
}
