//! A TURN server of its own: coturn with one user, or with a secret from which users are made; it ends with the [`Turn`].

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

const PORT: u16 = 3478;
const START_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
pub const USER: &str = "fika";
pub const PASSWORD: &str = "a, b";

pub struct Turn {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Turn {
    /// Listens on this address, IPv4, and relays from it.
    pub fn start(address: &str) -> anyhow::Result<Self> {
        Self::with(address, &["--lt-cred-mech", "--user", &format!("{USER}:{PASSWORD}")])
    }

    /// Lets in whose credentials were made with this secret and hold.
    pub fn with_secret(address: &str, secret: &str) -> anyhow::Result<Self> {
        Self::with(address, &["--use-auth-secret", "--static-auth-secret", secret])
    }

    fn with(address: &str, users: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let child = Command::new("turnserver")
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--no-tcp", "--realm", "fika.test"])
            .args(["--listening-ip", address, "--relay-ip", address, "--listening-port", &PORT.to_string()])
            .args(users)
            .args(["--log-file", "stdout", "--simple-log"])
            .args(["--pidfile", &path("pid"), "--userdb", &path("users")])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("turnserver starts (Debian: coturn)")?;
        let server = Self { child, address: address.to_owned(), _folder: folder };
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

    /// For `--ice-server` of a server that makes the credentials.
    pub fn url(&self) -> String {
        format!("turn:{}:{PORT}", self.address)
    }

    /// For `--ice-server`.
    pub fn server(&self, password: &str) -> String {
        format!("turn:{}:{PORT},{USER},{password}", self.address)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
