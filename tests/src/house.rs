//! fika-server with TLS and a room on it, and people who come in by `fika-cli` or in a browser. Everything ends with the
//! [`House`].
#![allow(clippy::unwrap_used, reason = "also what tests call is a test")]

use std::path::PathBuf;

use crate::chromium;
use crate::guest::{Guest, Way};
use crate::rooms::{Room, Seat, Server};
use crate::tls::Certificate;

pub struct House {
    folder: tempfile::TempDir,
    pub certificate: Certificate,
    pub server: Server,
    pub meeting: Room,
}

impl House {
    pub fn open(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = Certificate::make();
        let server = Server::secure(&folder.path().join("data"), &certificate);
        let meeting = Room::open_secure(&server, &certificate, options);
        chromium::make_small_clip(&folder.path().join("clip.y4m")).unwrap();
        Self { folder, certificate, server, meeting }
    }

    pub fn guest(&self, way: Way) -> Guest {
        let clip = Some(self.file("clip.y4m"));
        Guest::open(&self.meeting.link, &Way { trusted: Some(self.certificate.pin.clone()), clip, ..way })
    }

    /// In the meeting by `fika-cli`.
    pub fn seat(&self, name: &str, media: &[&str], more: &[&str]) -> Seat {
        let trusted = self.certificate.trusted();
        let more: Vec<&str> = more.iter().copied().chain(trusted.iter().map(String::as_str)).collect();
        Seat::take(&self.meeting.link, name, media, &more)
    }

    /// A place for a file of the test.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
