//! Whom `fika-cli` believes to be the server, with a real `fika-server` behind each certificate: the app has the same code.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::process::Output;

use fika_tests::cli;
use fika_tests::rooms::{Room, Seat, Server};
use fika_tests::tls::Certificate;

struct House {
    server: Server,
    certificate: Certificate,
    _data: tempfile::TempDir,
}

impl House {
    fn with(certificate: Certificate) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self { server: Server::secure(data.path(), &certificate), certificate, _data: data }
    }

    /// Asks for a room. `trusting`: with the authority named.
    fn ask(&self, trusting: bool) -> Output {
        let mut command = cli::command();
        command.args(["room", "open", "--server", &self.server.address]);
        if trusting {
            command.args(self.certificate.trusted());
        }
        command.output().unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_refused(output: &Output, why: &str) {
    assert_eq!((output.status.code(), said(output).contains(why)), (Some(5), true), "{}", said(output));
    assert_eq!(said(output).lines().count(), 1, "one sentence: {}", said(output));
}

#[test]
fn an_authority_that_is_named_is_believed_and_no_other() {
    let house = House::with(Certificate::make());
    assert_refused(&house.ask(false), "does not know the authority");

    let meeting = Room::open_secure(&house.server, &house.certificate, &[]);
    let trusted = house.certificate.trusted();
    let trusted: Vec<&str> = trusted.iter().map(String::as_str).collect();
    let mut karin = Seat::take(&meeting.link, "Karin", &cli::NO_MEDIA, &trusted);
    karin.phase("inCall");
    assert_eq!(meeting.show()["participants"][0]["name"], "Karin");

    // The call itself goes the same way.
    let stranger = cli::command().args(["join", &meeting.link]).args(cli::NO_MEDIA).output().unwrap();
    assert_refused(&stranger, "does not know the authority");
}

#[test]
fn the_store_of_the_system_is_believed() {
    let house = House::with(Certificate::make());
    let mut command = cli::command();
    command.args(["room", "open", "--server", &house.server.address]);
    // Where the system's store is, for a system that has none of its own.
    let output = command.env("SSL_CERT_FILE", house.certificate.authority()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_in_words() {
    let own = House::with(Certificate::self_signed());
    assert_refused(&own.ask(false), "does not know the authority");
    assert_eq!(own.ask(true).status.code(), Some(0), "its own certificate was named");
    assert_refused(&House::with(Certificate::expired()).ask(true), "out of date");
    assert_refused(&House::with(Certificate::named("meet.example.org", |_| ())).ask(true), "for another name");
}

#[test]
fn a_file_that_is_no_certificate_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing\n").unwrap();
    for (file, why) in [(empty.as_path(), "no certificate"), (&folder.path().join("none.pem"), "none.pem")] {
        let output = cli::command().args(["devices", "--ca"]).arg(file).output().unwrap();
        assert_eq!((output.status.code(), said(&output).contains(why)), (Some(2), true), "{}", said(&output));
    }
}
