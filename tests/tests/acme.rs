//! `fika-server --domain`: certificates that come by themselves, from an authority of the test's own that asks as strictly as
//! those of the internet, over real connections on this machine.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{ChildStderr, Command, Output, Stdio};

use fika_call::signal::{ClientMessage, PATH, ServerMessage};
use fika_tests::acme::{Authority, Life};
use fika_tests::cli::Running;
use fika_tests::program;
use fika_tests::tls::Visit;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

const NAME: &str = "meet.example.org";
const NEW: &str = "there is a new certificate";
const NONE: &str = "there is no new certificate";

struct House {
    program: Running,
    log: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl House {
    fn open(data: &Path, arguments: &[String]) -> Self {
        let mut command = command(data, arguments);
        let mut program = Running::start(command.stderr(Stdio::piped()));
        let log = BufReader::new(program.stderr().unwrap());
        let address = program.line();
        let address = address.trim_start_matches("https://").trim_end_matches('/').parse().unwrap();
        Self { program, log, address }
    }

    /// The next line of the log in which this is said.
    fn until_said(&mut self, what: &str) -> String {
        let mut all = String::new();
        loop {
            let from = all.len();
            assert!(self.log.read_line(&mut all).unwrap() > 0, "it ended without saying: {what}\n{all}");
            assert!(what != NEW || !all[from..].contains(NONE), "{all}");
            if all[from..].contains(what) {
                return all[from..].to_owned();
            }
        }
    }

    fn close(self) {
        self.program.interrupt();
        assert_eq!(self.program.code(), Some(0));
    }
}

fn command(data: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new(program::path("fika-server", "fika-server").unwrap());
    command.args(["--domain", NAME, "--listen", "127.0.0.1:0", "--data"]).arg(data).args(arguments);
    command.stdin(Stdio::null()).env_remove("FIKA_LOG");
    command
}

async fn ask(socket: &mut WebSocketStream<tokio_rustls::client::TlsStream<tokio::net::TcpStream>>) {
    let ping = serde_json::to_string(&ClientMessage::Ping).unwrap();
    socket.send(Message::text(ping)).await.unwrap();
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                assert_eq!(serde_json::from_str::<ServerMessage>(&text).unwrap(), ServerMessage::Pong);
                return;
            }
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_gets_its_certificate_and_shows_it_again_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let authority = Authority::start(&[]);
    let mut house = House::open(data.path(), &authority.arguments());
    let early = Visit::open(house.address, NAME, &authority.ca()).await;
    assert!(early.is_err(), "there is nothing to show yet");
    authority.ask_at(house.address);
    house.until_said(NEW);
    let visit = Visit::open(house.address, NAME, &authority.ca()).await.unwrap();
    assert!(Visit::open(house.address, "other.example.org", &authority.ca()).await.is_err());
    house.close();
    for file in ["account.json", "meet.example.org.pem"] {
        let mode = data.path().join("acme").join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file} is for its owner alone");
    }

    let house = House::open(data.path(), &authority.arguments());
    let again = Visit::open(house.address, NAME, &authority.ca()).await.unwrap();
    assert_eq!(again.serial, visit.serial);
    house.close();
    assert_eq!((authority.issued(), authority.accounts()), (1, 1));
}

#[tokio::test]
async fn a_certificate_is_renewed_under_people_who_stay() {
    let data = tempfile::tempdir().unwrap();
    let authority = Authority::start(&[Life::NearlyOver]);
    let mut house = House::open(data.path(), &authority.arguments());
    authority.ask_at(house.address);
    house.until_said(NEW);
    let Visit { stream, serial } = Visit::open(house.address, NAME, &authority.ca()).await.unwrap();
    let (mut socket, _) = client_async(format!("wss://{NAME}{PATH}"), stream).await.unwrap();
    ask(&mut socket).await;

    authority.ask_at(house.address);
    house.until_said(NEW);
    let newcomer = Visit::open(house.address, NAME, &authority.ca()).await.unwrap();
    assert_ne!(newcomer.serial, serial);
    ask(&mut socket).await;
    assert_eq!((authority.issued(), authority.accounts()), (2, 1), "by the same account");
}

#[tokio::test]
async fn an_account_that_is_not_known_any_more_is_made_anew() {
    let data = tempfile::tempdir().unwrap();
    let authority = Authority::start(&[Life::NearlyOver]);
    let mut house = House::open(data.path(), &authority.arguments());
    authority.ask_at(house.address);
    house.until_said(NEW);
    house.close();
    authority.forgets_its_accounts();
    let mut house = House::open(data.path(), &authority.arguments());
    authority.ask_at(house.address);
    house.until_said(NEW);
    assert_eq!(authority.accounts(), 1);
}

#[tokio::test]
async fn why_there_is_no_certificate_is_said_in_words() {
    let said = |authority: &Authority, arguments: &[String], asked: bool| {
        let data = tempfile::tempdir().unwrap();
        let mut house = House::open(data.path(), arguments);
        if asked {
            // Nobody listens on this port.
            authority.ask_at(SocketAddr::from(([127, 0, 0, 1], 1)));
        }
        let line = house.until_said(NONE);
        house.close();
        line
    };
    let authority = Authority::start(&[]);
    let arguments = authority.arguments();
    let line = said(&authority, &arguments, true);
    assert!(line.contains("port 443 of meet.example.org has to lead here") && line.contains("refused"), "{line}");
    authority.tires();
    let line = said(&authority, &arguments, false);
    assert!(line.contains("the authority refuses: too many certificates"), "{line}");
    let line = said(&authority, &arguments[..2], false);
    assert!(line.contains("does not answer as one") && line.contains("UnknownIssuer"), "{line}");
    let nobody = ["--acme-directory".to_owned(), "https://127.0.0.1:1/directory".to_owned()];
    let line = said(&authority, &nobody, false);
    assert!(line.contains("does not answer as one") && line.contains("refused"), "{line}");
    assert_eq!(authority.issued(), 0);
}

#[test]
fn what_cannot_work_is_said_at_once() {
    let data = tempfile::tempdir().unwrap();
    let output = |arguments: &[&str]| -> Output {
        let arguments: Vec<String> = arguments.iter().map(|&word| word.into()).collect();
        command(data.path(), &arguments).output().unwrap()
    };
    let none = data.path().join("none.pem").display().to_string();
    for (arguments, code, why) in
        [(["--acme-ca", &none], 1, "none.pem"), (["--acme-directory", "http://ca.example.org/"], 2, "https://HOST")]
    {
        let output = output(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.contains(why)), (Some(code), true), "{said}");
    }
    let server = program::path("fika-server", "fika-server").unwrap();
    let output = Command::new(server).args(["--domain", "127.0.0.1"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("an address is no name"), "{said}");
}
