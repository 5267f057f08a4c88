//! nginx with a configuration of a test's own, on a port that was free; it ends with the [`Nginx`].

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);
/// What it would otherwise keep in the system's folders.
const FOLDERS: [&str; 5] =
    ["client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path", "uwsgi_temp_path", "scgi_temp_path"];

pub struct Nginx {
    child: Child,
    pub address: SocketAddr,
}

impl Nginx {
    /// `server`: the `server` block for this port, whose files lie in `folder`.
    pub fn start(folder: &Path, server: impl FnOnce(u16) -> String) -> anyhow::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let place = |name: &str| folder.join(name).display().to_string();
        let temporary: String = FOLDERS.iter().map(|name| format!("{name} {};\n", place(name))).collect();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {};\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{}\n}}\n",
            place("nginx.pid"),
            server(port)
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config)?;
        let mut child = Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(folder)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .context("nginx starts (Debian: nginx)")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let begin = Instant::now();
        // It says nothing when it is ready, so its port is tried.
        while TcpStream::connect(address).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("nginx ended at once: {status}");
            }
            if begin.elapsed() > START {
                let _ = child.kill();
                let _ = child.wait();
                bail!("nginx does not listen");
            }
            std::thread::sleep(POLL);
        }
        Ok(Self { child, address })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
