//! Serves the pages of `tests/chromium` on loopback, which a browser takes for a secure place. One thread, one
//! connection at a time; it ends with its [`Pages`].

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

pub struct Pages {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// A client that says nothing does not hold up the next one for longer.
const PATIENCE: Duration = Duration::from_secs(2);
const STOP: &str = "STOP";

impl Pages {
    pub fn serve() -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("chromium");
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let thread = std::thread::Builder::new().name("pages".into()).spawn(move || {
            for stream in listener.incoming().flatten() {
                if answer(stream, &folder).is_ok_and(|go_on| !go_on) {
                    break;
                }
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
        let asked = TcpStream::connect(self.address).and_then(|mut stream| writeln!(stream, "{STOP}"));
        if let (Ok(()), Some(thread)) = (asked, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// Whether to go on.
fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<bool> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut line)?;
    if line.trim() == STOP {
        return Ok(false);
    }
    while reader.read_line(&mut line)? > 2 {}
    let path = line.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    match file(folder, &path) {
        Some((content, kind)) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n", content.len())?;
            write!(stream, "Cache-Control: no-store\r\nConnection: close\r\n\r\n")?;
            stream.write_all(&content)?;
        }
        None => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?,
    }
    stream.shutdown(Shutdown::Write)?;
    Ok(true)
}

/// A file of the folder itself, and what it is.
fn file(folder: &Path, path: &str) -> Option<(Vec<u8>, &'static str)> {
    let path = PathBuf::from(if path.is_empty() { "index.html" } else { path });
    let kind = match path.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        _ => return None,
    };
    let plain = path.components().count() == 1 && !path.is_absolute();
    plain.then(|| std::fs::read(folder.join(path)).ok()).flatten().map(|content| (content, kind))
}
