//! Rooms as people have them: `fika-server` and the seats of `fika-cli room sit` as programs.
//!
//! Everything blocks on the calling thread: what a program says is waited for, never slept for.
#![allow(clippy::unwrap_used, reason = "also what tests call is a test")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::cli::{self, Running};
use crate::program;
use crate::redis::Redis;
use crate::tls::Certificate;

pub struct Server {
    pub program: Running,
    pub address: String,
}

impl Server {
    pub fn start(data: &Path, more: &[&str]) -> Self {
        let server = Self::listening(data, more);
        assert!(server.address.starts_with("http://127.0.0.1:"), "{}", server.address);
        server
    }

    /// With TLS.
    pub fn secure(data: &Path, certificate: &Certificate) -> Self {
        let arguments = certificate.arguments();
        let server = Self::listening(data, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(server.address.starts_with("https://127.0.0.1:"), "{}", server.address);
        server
    }

    /// Behind a proxy, one of several with the same Redis; `port` 0: any.
    pub fn beside(redis: &Redis, port: u16) -> Self {
        let mut command = Command::new(program::path("fika-server", "fika-server").unwrap());
        command.args(["--behind-proxy", "--listen", &format!("127.0.0.1:{port}")]).env("FIKA_STORE", redis.url());
        Self::said(command)
    }

    /// Where another one was.
    pub fn at(data: &Path, port: u16) -> Self {
        let mut command = Command::new(program::path("fika-server", "fika-server").unwrap());
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(data);
        Self::said(command)
    }

    /// Where it listens.
    pub fn socket(&self) -> SocketAddr {
        let (_, authority) = self.address.trim_end_matches('/').split_once("://").unwrap();
        authority.parse().unwrap()
    }

    fn listening(data: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(program::path("fika-server", "fika-server").unwrap());
        command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data).args(more);
        Self::said(command)
    }

    fn said(mut command: Command) -> Self {
        command.stdin(Stdio::null());
        let mut program = Running::start(&mut command);
        let address = program.line();
        Self { program, address }
    }

    pub fn stop(self) {
        self.program.interrupt();
        assert_eq!(self.program.code(), Some(0));
    }
}

/// A room that was opened.
pub struct Room {
    pub link: String,
    pub key: String,
    /// What every command is told beside.
    always: Vec<String>,
}

impl Room {
    pub fn open(server: &Server, options: &[&str]) -> Self {
        Self::opened(&server.address, options, Vec::new())
    }

    /// On a server whose authority nobody else knows.
    pub fn open_secure(server: &Server, certificate: &Certificate, options: &[&str]) -> Self {
        Self::opened(&server.address, options, certificate.trusted().into())
    }

    /// At this address, which may be a proxy's.
    pub fn open_secure_at(server: &str, certificate: &Certificate, options: &[&str]) -> Self {
        Self::opened(server, options, certificate.trusted().into())
    }

    /// On the server at this address.
    pub fn open_at(server: &str, options: &[&str]) -> Self {
        Self::opened(server, options, Vec::new())
    }

    fn opened(server: &str, options: &[&str], always: Vec<String>) -> Self {
        let all: Vec<&str> = options.iter().copied().chain(always.iter().map(String::as_str)).collect();
        let opened = json(&room(&["open", "--server", server, "--json"], &all));
        Self { link: text(&opened["link"]), key: text(&opened["hostKey"]), always }
    }

    /// The same room, reached by another link.
    #[must_use]
    pub fn moved(self, link: String) -> Self {
        Self { link, ..self }
    }

    /// What the owner asks for without a seat.
    pub fn ask(&self, command: &str, more: &[&str]) -> Output {
        let all: Vec<&str> = more.iter().copied().chain(self.always.iter().map(String::as_str)).collect();
        room(&[command, &self.link, "--host-key", &self.key, "--json"], &all)
    }

    pub fn show(&self) -> Value {
        json(&self.ask("show", &[]))
    }
}

/// Somebody in a room.
pub struct Seat {
    pub program: Running,
    /// Whose it is, in messages of a test that fails.
    pub name: String,
    /// The last of each that was told.
    view: Value,
    chat: Value,
    files: Value,
    text: Value,
    /// Told and not asked for yet.
    notifications: Vec<Value>,
}

impl Seat {
    pub fn take(link: &str, name: &str, media: &[&str], more: &[&str]) -> Self {
        Self::take_under(&[], link, name, media, more)
    }

    /// The same, started by another program, which is given with its arguments.
    pub fn take_under(starter: &[String], link: &str, name: &str, media: &[&str], more: &[&str]) -> Self {
        let mut command = cli::under(starter);
        command.args(["room", "sit", link, "--json", "--name", name]).args(media).args(more).stdin(Stdio::piped());
        Self {
            program: Running::start(&mut command),
            name: name.into(),
            view: Value::Null,
            chat: Value::Null,
            files: Value::Null,
            text: Value::Null,
            notifications: Vec::new(),
        }
    }

    pub fn say(&mut self, line: &str) {
        self.program.say(line);
    }

    /// Takes in the next thing that is told.
    pub fn listen(&mut self, what: &str) {
        let line = self.program.line();
        assert!(!line.is_empty(), "{} ended while waiting for {what}; last: {}", self.name, self.view);
        let mut told: Value = serde_json::from_str(&line).unwrap();
        let lasts =
            [("view", &mut self.view), ("chat", &mut self.chat), ("files", &mut self.files), ("text", &mut self.text)];
        for (kind, last) in lasts {
            if let Some(new) = told.get_mut(kind) {
                *last = new.take();
            }
        }
        self.notifications.extend(told.get_mut("notification").map(Value::take));
    }

    /// How it is as soon as `wanted` is so. Several changes may be told as one.
    pub fn view(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        while self.view.is_null() || !wanted(&self.view) {
            self.listen(what);
        }
        self.view.clone()
    }

    pub fn phase(&mut self, phase: &str) -> Value {
        self.view(phase, |view| view["phase"] == phase)
    }

    pub fn chat(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        while !wanted(&self.chat) {
            self.listen(what);
        }
        self.chat.clone()
    }

    /// Says again what was lost on its way and is shown as lost, until the server has all `count` messages of theirs.
    pub fn until_sent(&mut self, count: usize) {
        let own = |chat: &Value, state: &str| -> Vec<Value> {
            let messages = chat.as_array().into_iter().flatten();
            messages.filter(|message| message["mine"] == true && message["state"] == state).cloned().collect()
        };
        let is_settled = |chat: &Value| {
            own(chat, "sent").len() + own(chat, "failed").len() == count && own(chat, "sending").is_empty()
        };
        let mut chat = self.chat("words", is_settled);
        while !own(&chat, "failed").is_empty() {
            for message in own(&chat, "failed") {
                self.say(&format!("retry {}", message["key"]));
            }
            chat = self.next_chat("a second attempt", is_settled);
        }
    }

    /// As soon as it is told anew and `wanted` is so.
    fn next_chat(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.chat = Value::Null;
        self.chat(what, wanted)
    }

    /// The file of this name, as soon as `wanted` is so.
    pub fn file(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let found = self.files.as_array().into_iter().flatten().find(|file| file["name"] == name && wanted(file));
            if let Some(file) = found {
                return file.clone();
            }
            self.listen(&format!("{name}; last: {}", self.files));
        }
    }

    /// Lines of real-time text, as soon as `wanted` is so.
    pub fn text(&mut self, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        loop {
            let lines = self.text["lines"].as_array().cloned().unwrap_or_default();
            if wanted(&lines) {
                return lines;
            }
            self.listen(what);
        }
    }

    pub fn notified(&mut self, kind: &str) -> Value {
        loop {
            if let Some(at) = self.notifications.iter().position(|told| told["type"] == kind) {
                return self.notifications.remove(at);
            }
            self.listen(kind);
        }
    }

    pub fn read(&mut self, text: &str) -> Value {
        self.chat(text, |chat| {
            let mut messages = chat.as_array().into_iter().flatten();
            messages.any(|message| message["text"] == text && message["state"] == "sent")
        })
    }

    /// How it ended by itself.
    pub fn ended(self) -> Option<i32> {
        self.program.code()
    }
}

pub fn room(first: &[&str], more: &[&str]) -> Output {
    cli::command().arg("room").args(first).args(more).output().unwrap()
}

pub fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}")).to_owned()
}

pub fn names(view: &Value) -> Vec<String> {
    view["participants"].as_array().unwrap().iter().map(|person| text(&person["name"])).collect()
}

pub fn in_room(view: &Value, name: &str) -> bool {
    names(view).contains(&name.to_owned())
}
