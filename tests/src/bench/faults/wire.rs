//! The way of one person to the server, which can break at the worst moment: when a seat is taken again, and the server has
//! heard it, and its answer is on the way.
//!
//! A thread for each direction of each connection, which ends with it, and one that accepts, which ends with the program.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fika_devices::clock::monotonic;
use fika_media::Timestamp;

/// More than what the server says at once.
const CHUNK: usize = 64 * 1024;

pub(super) struct Wire {
    pub(super) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    open: Vec<TcpStream>,
    /// Counts the times that all that was open broke.
    time: u32,
    /// Connections that break yet.
    breaks: u32,
    broken: u32,
    /// When the server's first word came through on the last connection.
    answered: Option<Timestamp>,
}

impl Wire {
    /// At a free port of this address, to a server.
    pub(super) fn lay(listen: &str, server: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((listen, 0))?;
        let wire = Self { address: listener.local_addr()?, state: Arc::default() };
        let state = Arc::clone(&wire.state);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A server that is away is one for whom the wire breaks at once.
                let Ok(server) = TcpStream::connect(server) else { continue };
                let _ = carry(client, server, &state);
            }
        });
        Ok(wire)
    }

    /// Breaks now, and for this many connections that come after it.
    pub(super) fn break_down(&self, again: u32) {
        let mut state = lock(&self.state);
        (state.breaks, state.broken, state.answered) = (again, 0, None);
        state.time += 1;
        state.open.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    /// How often it broke since [`Self::break_down`] at a new connection.
    pub(super) fn broken(&self) -> u32 {
        lock(&self.state).broken
    }

    /// When the server's answer came through after that.
    pub(super) fn answered(&self) -> Option<Timestamp> {
        lock(&self.state).answered
    }
}

fn carry(client: TcpStream, server: TcpStream, state: &Arc<Mutex<State>>) -> std::io::Result<()> {
    let time = {
        let mut state = lock(state);
        state.open.extend([client.try_clone()?, server.try_clone()?]);
        state.time
    };
    let ends = [client.try_clone()?, server.try_clone()?];
    std::thread::spawn(move || pump(ends, |_| true));
    let state = Arc::clone(state);
    let passes = move |number: usize| {
        // The first words of the server are those with which a WebSocket begins.
        if number < 2 {
            return true;
        }
        let mut state = lock(&state);
        if state.time != time {
            return false;
        }
        match state.breaks.checked_sub(1) {
            Some(left) => {
                (state.breaks, state.broken) = (left, state.broken + 1);
                false
            }
            None => {
                state.answered.get_or_insert_with(monotonic);
                true
            }
        }
    };
    std::thread::spawn(move || pump([server, client], passes));
    Ok(())
}

/// Until either end closes or a chunk does not pass, which are counted from 1.
fn pump([mut from, mut to]: [TcpStream; 2], passes: impl Fn(usize) -> bool) {
    let mut chunk = vec![0; CHUNK];
    for number in 1.. {
        let Ok(length @ 1..) = from.read(&mut chunk) else { break };
        if !passes(number) || to.write_all(&chunk[..length]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
