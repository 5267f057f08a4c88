//! A TURN server of its own: coturn with one user, with a secret from which users are made, or as a file says; it ends with the
//! [`Turn`], without a word to anybody.

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::isolated::Env;
use crate::tls::Certificate;

const PORT: u16 = 3478;
const TLS_PORT: u16 = 443;
const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
pub const USER: &str = "fika";
pub const PASSWORD: &str = "a, b";

pub struct Turn {
    child: Child,
    address: String,
    folder: TempDir,
}

impl Turn {
    /// Listens on this address, IPv4, and relays from it; over UDP alone.
    pub fn start(address: &str) -> anyhow::Result<Self> {
        let more = ["--no-tls", "--no-dtls", "--no-tcp", "--lt-cred-mech", "--user", &format!("{USER}:{PASSWORD}")];
        Self::with(address, &more)
    }

    /// Lets in whose credentials were made with this secret and hold.
    pub fn with_secret(address: &str, secret: &str) -> anyhow::Result<Self> {
        Self::with_secret_in(address, secret, Vec::new())
    }

    /// The same in this environment.
    pub fn with_secret_in(address: &str, secret: &str, environment: Env) -> anyhow::Result<Self> {
        let more = ["--no-tls", "--no-dtls", "--no-tcp", "--use-auth-secret", "--static-auth-secret", secret];
        Self::run(address, tempfile::tempdir()?, &usual(&more), environment)
    }

    /// Over TCP too, and over TLS on port 443.
    pub fn with_streams(address: &str, certificate: &Certificate) -> anyhow::Result<Self> {
        let (chain, key) = (certificate.file("cert.pem"), certificate.file("key.pem"));
        let streams = ["--no-dtls", "--tls-listening-port", &TLS_PORT.to_string(), "--cert", &chain, "--pkey", &key];
        let users = ["--lt-cred-mech", "--user", &format!("{USER}:{PASSWORD}")];
        Self::with(address, &[&streams[..], &users].concat())
    }

    /// As this configuration says, which names neither address nor user.
    pub fn with_configuration(address: &str, text: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("turnserver.conf");
        std::fs::write(&file, text)?;
        Self::run(address, folder, &["-c".to_owned(), file.display().to_string()], Vec::new())
    }

    fn with(address: &str, more: &[&str]) -> anyhow::Result<Self> {
        Self::run(address, tempfile::tempdir()?, &usual(more), Vec::new())
    }

    fn run(address: &str, folder: TempDir, arguments: &[String], environment: Env) -> anyhow::Result<Self> {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let child = Command::new("turnserver")
            .args(arguments)
            .args(["--listening-ip", address, "--relay-ip", address])
            .args(["--verbose", "--log-file", &path("log"), "--simple-log"])
            .args(["--pidfile", &path("pid"), "--userdb", &path("users")])
            .envs(environment)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("turnserver starts (Debian: coturn)")?;
        let server = Self { child, address: address.to_owned(), folder };
        server.wait_ready()?;
        Ok(server)
    }

    /// It answers a question for our address (RFC 8489, a binding request).
    fn wait_ready(&self) -> anyhow::Result<()> {
        let socket = UdpSocket::bind((self.address.as_str(), 0))?;
        socket.set_read_timeout(Some(POLL))?;
        let mut request = [0; 20];
        request[1] = 1;
        request[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        let end = Instant::now() + START_TIMEOUT;
        loop {
            // Refused until somebody listens.
            let _ = socket.send_to(&request, (self.address.as_str(), PORT));
            if socket.recv(&mut [0; 128]).is_ok() {
                return Ok(());
            }
            ensure!(Instant::now() < end, "the TURN server does not answer");
        }
    }

    /// What it has written down.
    pub fn log(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(self.folder.path().join("log")).context("the log of the TURN server")
    }

    /// For `--ice-server` of a server that makes the credentials.
    pub fn url(&self) -> String {
        format!("turn:{}:{PORT}", self.address)
    }

    /// The same server over TCP.
    pub fn tcp_url(&self) -> String {
        format!("{}?transport=tcp", self.url())
    }

    /// The same server over TLS.
    pub fn tls_url(&self) -> String {
        format!("turns:{}:{TLS_PORT}?transport=tcp", self.address)
    }

    /// For `--ice-server`.
    pub fn server(&self, password: &str) -> String {
        format!("turn:{}:{PORT},{USER},{password}", self.address)
    }
}

/// Arguments of every server that no file describes.
fn usual(more: &[&str]) -> Vec<String> {
    let port = PORT.to_string();
    let usual = ["-n", "--no-cli", "--realm", "fika.test", "--listening-port", &port];
    [&usual[..], more].concat().into_iter().map(str::to_owned).collect()
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
