//! nginx with a configuration of a test's own, on a port that was free; it ends with the [`Nginx`].

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::program;
use crate::tls::{Certificate, HOST};

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
        let port = program::free_port()?;
        let place = |name: &str| folder.join(name).display().to_string();
        let temporary: String = FOLDERS.iter().map(|name| format!("{name} {};\n", place(name))).collect();
        let config = format!(
            "daemon off;\nuser root;\nmaster_process off;\npid {};\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{}\n}}\n",
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
        program::listens(&mut child, "nginx", port)?;
        Ok(Self { child, address })
    }
}

/// The block of docs/self-hosting.md that begins so, with what is this test's own in place of the machine's. `servers`: those
/// of the page, and ours.
///
/// # Panics
/// When the page has no such block, or it names a server that it should not.
#[must_use]
pub fn guide(begins: &str, port: u16, certificate: &Certificate, servers: &[(&str, SocketAddr)]) -> String {
    let page = crate::folder().join("../docs/self-hosting.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let block = page.split("```").map(str::trim_start).find(|block| block.starts_with(begins));
    let mut block = block.expect("the page has this block").to_owned();
    // What the page says about a port other than 443.
    let with_port = page.lines().find_map(|line| line.split('`').find(|code| code.ends_with("$server_port;")));
    let [own, key] = certificate.files();
    let replaced = [
        ("listen 443 ssl;", format!("listen {HOST}:{port} ssl;")),
        ("server_name meet.example.org;", format!("server_name {HOST};")),
        ("/etc/ssl/meet.example.org.pem", own),
        ("/etc/ssl/meet.example.org.key", key),
        ("proxy_set_header Host $host;", with_port.expect("the page speaks of ports").to_owned()),
    ];
    let servers = servers.iter().map(|(of_the_page, ours)| (*of_the_page, ours.to_string()));
    for (of_the_page, ours) in replaced.into_iter().chain(servers) {
        assert_eq!(block.matches(of_the_page).count(), 1, "{of_the_page} in {block}");
        block = block.replace(of_the_page, &ours);
    }
    block
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
