//! Serves the pages of `tests/chromium` on loopback, which a browser takes for a secure place, and passes their
//! signalling on to `/to/HOST:PORT` as an app's, without an origin, on request from another network than that of the browser.
//!
//! One thread accepts, each connection has a thread of its own that ends with it. The accepting one ends with [`Pages`].

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context as _;
use fika_call::signal::PATH;

use crate::netns::enter;

pub struct Pages {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

const STOP: &str = "STOP";

impl Pages {
    pub fn serve() -> anyhow::Result<Self> {
        Self::run(None)
    }

    /// The signalling goes out from this network namespace.
    pub fn serve_from(namespace: File) -> anyhow::Result<Self> {
        Self::run(Some(Arc::new(namespace)))
    }

    fn run(from: Option<Arc<File>>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let thread = std::thread::Builder::new().name("pages".into()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(head) = Head::read(&stream) else { continue };
                if head.request == STOP {
                    break;
                }
                let from = from.clone();
                // A connection that cannot be served is closed.
                std::thread::spawn(move || {
                    from.map_or(Ok(()), |namespace| enter(&namespace))?;
                    answer(stream, &head)
                });
            }
        })?;
        Ok(Self { address, thread: Some(thread) })
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let asked = TcpStream::connect(self.address).and_then(|mut stream| write!(stream, "{STOP}\r\n\r\n"));
        if let (Ok(()), Some(thread)) = (asked, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// What a browser asks for.
struct Head {
    request: String,
    headers: Vec<String>,
}

impl Head {
    fn read(stream: &TcpStream) -> anyhow::Result<Self> {
        let lines = BufReader::new(stream.try_clone()?).lines();
        let mut lines = lines.map_while(Result::ok).take_while(|line| !line.is_empty());
        Ok(Self { request: lines.next().context("a request")?, headers: lines.collect() })
    }

    fn path(&self) -> &str {
        self.request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/')
    }
}

fn answer(mut stream: TcpStream, head: &Head) -> anyhow::Result<()> {
    if let Some(server) = head.path().strip_prefix("to/") {
        return pass_on(&stream, server, head);
    }
    match file(head.path()) {
        Some((content, kind)) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n", content.len())?;
            write!(stream, "Cache-Control: no-store\r\nConnection: close\r\n\r\n")?;
            stream.write_all(&content)?;
        }
        None => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?,
    }
    stream.shutdown(Shutdown::Write)?;
    Ok(())
}

fn pass_on(browser: &TcpStream, server: &str, head: &Head) -> anyhow::Result<()> {
    let mut upstream = TcpStream::connect(server)?;
    upstream.set_nodelay(true)?;
    browser.set_nodelay(true)?;
    let mut request = format!("GET {PATH} HTTP/1.1\r\nHost: {server}\r\n");
    let own = |line: &&String| !line.to_lowercase().starts_with("host:") && !line.to_lowercase().starts_with("origin:");
    head.headers.iter().filter(own).for_each(|line| request.extend([line, "\r\n"]));
    upstream.write_all(request.as_bytes())?;
    upstream.write_all(b"\r\n")?;
    let (mut from, mut to) = (browser.try_clone()?, upstream.try_clone()?);
    let there = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write)
    });
    let _ = std::io::copy(&mut upstream, &mut &*browser);
    browser.shutdown(Shutdown::Both)?;
    let _ = there.join();
    Ok(())
}

/// A file of the folder itself, and what it is.
fn file(path: &str) -> Option<(Vec<u8>, &'static str)> {
    let path = PathBuf::from(if path.is_empty() { "index.html" } else { path });
    let kind = match path.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        _ => return None,
    };
    let plain = path.components().count() == 1 && !path.is_absolute();
    let folder = crate::folder().join("chromium");
    plain.then(|| std::fs::read(folder.join(path)).ok()).flatten().map(|content| (content, kind))
}
