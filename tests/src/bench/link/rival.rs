//! What else is on a path: a call of Chromium's, or a download over TCP.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::thread::JoinHandle;

use anyhow::{Context as _, ensure};

use super::LEFT;
use super::call::Call;
use super::program::{Media, Pair, Program, Watch};
use crate::netns::{Flow, Right};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    Chromium,
    /// From left to right, without an end.
    Download,
}

/// One that is on the path.
pub(super) enum Running {
    Call(Box<Call>),
    Download(Download),
}

impl Rival {
    pub(super) fn start(self, right: &Right, media: &Media) -> anyhow::Result<Running> {
        Ok(match self {
            Self::Chromium => {
                let mut call = Call::open(Pair::both(Program::Chromium), right, media, Watch::Times, None)?;
                call.send(media)?;
                Running::Call(Box::new(call))
            }
            Self::Download => Running::Download(Download::start(right)?),
        })
    }
}

impl Running {
    /// Returns when it has something from the path.
    pub(super) fn wait(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Call(call) => call.wait(),
            Self::Download(_) => Ok(()),
        }
    }

    /// Which packets from the left are its own.
    pub(super) fn flows(&self) -> anyhow::Result<Vec<Flow>> {
        match self {
            Self::Call(call) => call.flows(),
            Self::Download(download) => Ok(vec![Flow::Tcp(download.port)]),
        }
    }

    pub(super) fn end(self) -> anyhow::Result<()> {
        match self {
            Self::Call(call) => call.finish().map(drop),
            Self::Download(download) => download.end(),
        }
    }
}

/// The threads `sends` and `takes` have an end of the connection each, until it is cut.
pub(super) struct Download {
    port: u16,
    stream: TcpStream,
    threads: [JoinHandle<()>; 2],
}

/// What most systems use.
const CONTROL: &[u8] = b"cubic";

impl Download {
    fn start(right: &Right) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((LEFT, 0))?;
        let address = listener.local_addr()?;
        let mut taken = right.within(|| Ok(TcpStream::connect(address)?))?;
        let (stream, _) = listener.accept()?;
        // SAFETY: the descriptor is open, and the name lives through the call.
        let set = unsafe {
            let (name, length) = (CONTROL.as_ptr().cast(), CONTROL.len() as libc::socklen_t);
            libc::setsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_CONGESTION, name, length)
        };
        ensure!(set == 0, "this system has no cubic: {}", std::io::Error::last_os_error());
        let mut sent = stream.try_clone()?;
        let thread = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.to_owned()).spawn(work).context("a thread starts")
        };
        let sends = thread("sends", Box::new(move || while sent.write_all(&[0; 1 << 16]).is_ok() {}))?;
        let takes = thread(
            "takes",
            Box::new(move || {
                let mut room = vec![0; 1 << 16];
                while taken.read(&mut room).is_ok_and(|count| count > 0) {}
            }),
        )?;
        Ok(Self { port: address.port(), stream, threads: [sends, takes] })
    }

    fn end(self) -> anyhow::Result<()> {
        // What waits is not sent any more, so that both ends learn it at once.
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the descriptor is open, and the value lives through the call.
        unsafe {
            let (value, length) = ((&raw const linger).cast(), size_of::<libc::linger>() as libc::socklen_t);
            libc::setsockopt(self.stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, value, length);
        }
        self.stream.shutdown(std::net::Shutdown::Both)?;
        for thread in self.threads {
            thread.join().ok().context("a download does not panic")?;
        }
        Ok(())
    }
}
