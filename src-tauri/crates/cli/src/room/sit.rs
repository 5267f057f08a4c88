//! `fika-cli room sit`: a seat with everything that a room has. Lines from stdin are obeyed, changes are told on stdout.
//!
//! Lines come from a thread of their own through a queue of [`LINES`]; full: it reads no further.

use std::collections::HashMap;
use std::io::BufRead as _;
use std::sync::Arc;

use fika_call::ParticipantId;
use fika_call::chat::ChatView;
use fika_call::files::{FileEnd, FileState, FileView, FilesView};
use fika_call::identity::{Language, word};
use fika_call::invite::HostKey;
use fika_call::text::TextView;
use fika_call::view::{CallView, ConnectionState, Notification, Phase};
use fika_engine::{Command, EngineHandle, RoomInput};
use fika_net::Trust;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::args::Sit;
use super::line::{Line, parse};
use super::{find, say};
use crate::args::Source;
use crate::call::start;
use crate::fail::{Failure, Kind};
use crate::record::Recorder;
use crate::stats::StatsFile;
use crate::stop;

const LINES: usize = 16;

pub(super) async fn run(sit: Sit, trust: Trust) -> Result<(), Failure> {
    let media = &sit.media;
    let stats = media.stats.as_deref().map(StatsFile::create).transpose()?;
    let recorder = Arc::new(Recorder::create(media)?);
    let engine = start(media, trust, Arc::clone(&recorder)).await?;
    let ended = tokio::select! {
        ended = stay(&engine, &sit, stats) => ended,
        () = stop::requested() => Ok(()),
    };
    engine.shutdown().await;
    for sentence in recorder.finish() {
        eprintln!("fika-cli: {sentence}");
    }
    ended
}

async fn stay(engine: &EngineHandle, sit: &Sit, mut file: Option<StatsFile>) -> Result<(), Failure> {
    let (mut view, mut chat, mut notifications) = (engine.view(), engine.chat(), engine.notifications());
    let (mut files, mut text) = (engine.files(), engine.text());
    engine.send(Command::SetCamera { on: sit.media.camera != Some(Source::None) }).await?;
    engine.send(Command::SetMicrophone { on: sit.media.microphone != Some(Source::None) }).await?;
    match &sit.link {
        Some(link) => engine.send(Command::OpenInvite { link: link.clone() }).await?,
        None => engine.send(Command::NewCall).await?,
    }
    let lobby = view.wait_for(|view| matches!(view.phase, Phase::Lobby | Phase::Ended)).await.map_err(|_| stopped())?;
    let (end, link) = (lobby.end, lobby.invite.as_ref().map(|invite| invite.link.clone()));
    drop(lobby);
    if let Some(failure) = end.and_then(Failure::of_end) {
        return Err(failure);
    }
    if let (None, Some(link)) = (&sit.link, link) {
        say(&if sit.json { json!({ "link": link }).to_string() } else { link });
    }
    if let Some(key) = &sit.host_key {
        engine.send(Command::Room(RoomInput::SetHostKey(HostKey(key.clone())))).await?;
    }
    if let Some(passcode) = &sit.passcode {
        engine.send(Command::Room(RoomInput::SetPasscode(passcode.clone()))).await?;
    }
    engine.send(Command::Join).await?;
    let mut lines = lines();
    let mut told = Told { json: sit.json, messages: 0, files: Vec::new(), lines: 0, words: HashMap::new() };
    let mut stats = engine.stats();
    stats.mark_unchanged();
    let mut leave_at = None;
    loop {
        let connected = view.borrow().connection == ConnectionState::Connected;
        if let Some(duration) = sit.media.duration.filter(|_| connected && leave_at.is_none()) {
            leave_at = Some(Instant::now() + duration);
        }
        tokio::select! {
            changed = view.changed() => {
                changed.map_err(|_| stopped())?;
                let view = view.borrow_and_update().clone();
                told.view(&view);
                if let Some(reason) = view.end.filter(|_| view.phase == Phase::Ended) {
                    return Failure::of_end(reason).map_or(Ok(()), Err);
                }
            }
            changed = chat.changed() => {
                changed.map_err(|_| stopped())?;
                told.chat(&chat.borrow_and_update());
            }
            changed = files.changed() => {
                changed.map_err(|_| stopped())?;
                told.files(&files.borrow_and_update());
            }
            changed = text.changed() => {
                changed.map_err(|_| stopped())?;
                told.text(&text.borrow_and_update());
            }
            notification = notifications.recv() => match notification {
                Ok(notification) => told.notification(&notification),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Err(stopped()),
            },
            changed = stats.changed() => {
                changed.map_err(|_| stopped())?;
                if let Some(file) = &mut file {
                    file.write(view.borrow().connection, &stats.borrow_and_update());
                }
            }
            () = sleep_until(leave_at.unwrap_or_else(Instant::now)), if leave_at.is_some() => {
                return engine.send(Command::Leave).await.map_err(Failure::from);
            }
            line = next(&mut lines) => {
                let people = view.borrow().clone();
                match parse(&line, |word| person(word, &people)) {
                    Ok(Line::Leave) => return engine.send(Command::Leave).await.map_err(Failure::from),
                    Ok(Line::Command(command)) => engine.send(command).await?,
                    Err(sentence) => told.problem(&sentence),
                }
            }
        }
    }
}

fn person(word: &str, view: &CallView) -> Option<fika_call::ParticipantId> {
    let inside = view.participants.iter().map(|person| (&person.id, person.name.as_str()));
    let waiting = view.room.iter().flat_map(|room| &room.waiting).map(|guest| (&guest.id, guest.name.as_str()));
    let me = view.me.id.iter().map(|id| (id, view.me.name.as_str()));
    find(word, inside.chain(waiting).chain(me))
}

struct Told {
    json: bool,
    /// Messages told so far, in words.
    messages: usize,
    /// As they were told last, in words.
    files: Vec<(u32, FileState)>,
    /// The first line of real-time text that was not told as finished, in words.
    lines: u32,
    /// The last words told of each participant.
    words: HashMap<ParticipantId, Vec<u8>>,
}

impl Told {
    fn view(&mut self, view: &CallView) {
        self.words(view);
        if self.json {
            say(&json!({ "view": view }).to_string());
        }
    }

    /// To be read aloud, once they are known and whenever they are others.
    fn words(&mut self, view: &CallView) {
        for person in &view.participants {
            let Some(indices) = &person.words else { continue };
            if self.words.get(&person.id) == Some(indices) {
                continue;
            }
            let words: Vec<&str> = indices.iter().map(|index| word(*index, Language::English)).collect();
            if self.json {
                say(&json!({ "words": { "participant": person.id, "name": person.name, "words": words } }).to_string());
            } else {
                say(&format!("* words with {}: {}", person.name, words.join(" ")));
            }
            self.words.insert(person.id.clone(), indices.clone());
        }
        self.words.retain(|id, _| view.participants.iter().any(|person| person.id == *id));
    }

    fn chat(&mut self, chat: &ChatView) {
        if self.json {
            return say(&json!({ "chat": chat.messages }).to_string());
        }
        for message in chat.messages.iter().skip(self.messages) {
            let private = if message.to.is_some() { " (private)" } else { "" };
            say(&format!("{}{private}: {}", message.name, message.text));
        }
        self.messages = chat.messages.len();
    }

    fn files(&mut self, view: &FilesView) {
        if self.json {
            return say(&json!({ "files": view.files }).to_string());
        }
        for file in &view.files {
            if !self.files.contains(&(file.key, file.state)) {
                self.files.retain(|(key, _)| *key != file.key);
                self.files.push((file.key, file.state));
                say(&words(file));
            }
        }
    }

    fn text(&mut self, view: &TextView) {
        if self.json {
            return say(&json!({ "text": view }).to_string());
        }
        for line in view.lines.iter().filter(|line| line.done && line.key >= self.lines) {
            say(&format!("{}: {}", line.name, line.text));
        }
        let done = view.lines.iter().filter(|line| line.done).map(|line| line.key + 1).max();
        self.lines = self.lines.max(done.unwrap_or(0));
    }

    fn notification(&self, notification: &Notification) {
        if self.json {
            return say(&json!({ "notification": notification }).to_string());
        }
        // Its name and what it is about; messages and files are told by themselves.
        let alone = matches!(
            notification,
            Notification::Chat { .. } | Notification::FileOffered { .. } | Notification::FileSaved { .. }
        );
        if !alone {
            let Ok(Value::Object(fields)) = serde_json::to_value(notification) else { return };
            let words: Vec<&str> = fields.values().filter_map(Value::as_str).collect();
            say(&format!("* {}", words.join(" ")));
        }
    }

    fn problem(&self, sentence: &str) {
        if self.json {
            say(&json!({ "problem": sentence }).to_string());
        } else {
            eprintln!("fika-cli: {sentence}");
        }
    }
}

/// How it is with a file, and what to type where an answer is waited for.
fn words(file: &FileView) -> String {
    let FileView { key, person, name, size, incoming, .. } = file;
    let way = if *incoming { "from" } else { "to" };
    let how = match (file.state, incoming) {
        (FileState::Offered, true) => format!("{size} bytes: accept {key} or decline {key}"),
        (FileState::Offered, false) => "offered".into(),
        (FileState::Preparing | FileState::Queued, _) => "waits for its turn".into(),
        (FileState::Moving, _) => "is moving".into(),
        (FileState::Interrupted, _) => "waits for the connection".into(),
        (FileState::Checking, _) => "is being checked".into(),
        (FileState::Done, _) => match &file.saved_as {
            Some(saved) => format!("kept as {saved}"),
            None => "has arrived".into(),
        },
        (FileState::Declined, _) => "declined".into(),
        (FileState::Ended, _) => file.end.map_or_else(String::new, |end| why(end).into()),
    };
    format!("* file {key}, {name} {way} {person}: {how}")
}

/// Why a file does not come.
pub(super) fn why(end: FileEnd) -> &'static str {
    match end {
        FileEnd::Cancelled => "cancelled.",
        FileEnd::TooLarge => "it is larger than the receiver takes.",
        FileEnd::TooMany => "too many files wait for an answer: wait until some are answered.",
        FileEnd::DiskFull => "the receiver's disk is full: make room and send it again.",
        FileEnd::CannotWrite => "it cannot be written to the receiver's downloads.",
        FileEnd::CannotRead => "it cannot be read: check the path, and that it is a file.",
        FileEnd::Changed => "it was changed while it was sent: send it again.",
        FileEnd::WrongHash => "what came is not what was sent, and was thrown away: send it again.",
        FileEnd::BrokeRules => "the other side sent something else than it had offered.",
        FileEnd::Stalled => "nothing moves any more: send it again.",
        FileEnd::PeerLeft => "the other one has left.",
        FileEnd::NoChannel => "this participant's app takes no files.",
        FileEnd::Unknown => "it does not come: send it again.",
    }
}

/// The end of stdin is no wish: the seat is kept.
async fn next(lines: &mut mpsc::Receiver<String>) -> String {
    match lines.recv().await {
        Some(line) => line,
        None => std::future::pending().await,
    }
}

fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(LINES);
    // It ends with stdin or with the program.
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        for line in lines.filter(|line| !line.trim().is_empty()) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn stopped() -> Failure {
    Failure::new(Kind::Connection, "The engine has stopped.")
}
