//! `fika-cli room sit`: a seat with everything that a room has. Lines from stdin are obeyed, changes are told on stdout.
//!
//! Lines come from a thread of their own through a queue of [`LINES`]; full: it reads no further.

use std::collections::HashMap;
use std::io::BufRead as _;
use std::sync::Arc;

use fika_call::ParticipantId;
use fika_call::chat::ChatView;
use fika_call::files::{FileState, FilesView};
use fika_call::identity::{Language, word};
use fika_call::text::TextView;
use fika_call::view::{CallView, ConnectionState, EndReason, Notification, Phase};
use fika_engine::{Command, EngineHandle};
use fika_net::Trust;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::args::Sit;
use super::line::{Line, parse};
use super::say;
use super::seat::{person, stopped, take};
use super::words::{file_words, message_words};
use crate::call::start;
use crate::fail::Failure;
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
    if let Some(link) = take(engine, sit.link.as_deref(), &sit.media, &sit.door).await? {
        say(&if sit.json { json!({ "link": link }).to_string() } else { link });
    }
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
                let kept = |reason: &EndReason| sit.stay && *reason == EndReason::Lost;
                if let Some(reason) = view.end.filter(|reason| view.phase == Phase::Ended && !kept(reason)) {
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
            say(&message_words(message));
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
                say(&file_words(file));
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
