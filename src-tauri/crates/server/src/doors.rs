//! The listening socket with a limit on what may be open at once, in all and from one address, and on how long a
//! connection may take to become a WebSocket.
//!
//! Runs on the tokio task of the HTTP server. Full: a further connection is closed as soon as it is accepted.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;

use crate::limits::network;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    pub(crate) total: usize,
    pub(crate) per_address: usize,
}

pub(crate) struct Doors {
    listener: TcpListener,
    capacity: Capacity,
    open: Arc<Open>,
}

#[derive(Default)]
struct Open(Mutex<HashMap<IpAddr, usize>>);

/// How long a connection lasts that is no WebSocket: enough to fetch a page over a slow line, too short to hold places
/// with many slow requests.
const VISIT: Duration = Duration::from_secs(120);

/// A connection that gives its place back when it ends.
pub(crate) struct Guest {
    stream: TcpStream,
    peer: Peer,
    /// When the visit is over.
    over: Pin<Box<Sleep>>,
    network: IpAddr,
    open: Arc<Open>,
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    stays: Arc<AtomicBool>,
}

impl Peer {
    /// It has become a WebSocket, which has rules of its own.
    pub(crate) fn stay(&self) {
        self.stays.store(true, Ordering::Relaxed);
    }
}

impl Guest {
    fn new(stream: TcpStream, address: SocketAddr, visit: Duration, network: IpAddr, open: Arc<Open>) -> Self {
        let peer = Peer { address, stays: Arc::default() };
        Self { stream, peer, over: Box::pin(tokio::time::sleep(visit)), network, open }
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer.clone()
    }

    /// Wakes the reader when the visit is over.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        !self.peer.stays.load(Ordering::Relaxed) && self.over.as_mut().poll(cx).is_ready()
    }
}

impl Doors {
    pub(crate) fn new(listener: TcpListener, capacity: Capacity) -> Self {
        Self { listener, capacity, open: Arc::default() }
    }
}

impl Open {
    fn enter(&self, network: IpAddr, capacity: Capacity) -> bool {
        let mut open = self.lock();
        let here = open.get(&network).copied().unwrap_or(0);
        if here >= capacity.per_address || open.values().sum::<usize>() >= capacity.total {
            return false;
        }
        open.insert(network, here + 1);
        true
    }

    fn leave(&self, network: IpAddr) {
        let mut open = self.lock();
        if let Some(here) = open.get_mut(&network) {
            *here -= 1;
            if *here == 0 {
                open.remove(&network);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Doors {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            let network = network(peer.ip());
            if self.open.enter(network, self.capacity) {
                // Small messages that someone waits for: no reason to gather them.
                let _ = stream.set_nodelay(true);
                return (Guest::new(stream, peer, VISIT, network, Arc::clone(&self.open)), peer);
            }
            tracing::warn!("too many connections, one was turned away");
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Doors>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        stream.io().peer()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.open.leave(self.network);
    }
}

impl AsyncRead for Guest {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_over(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_visit_has_an_end_and_a_stay_has_none() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        let open = Arc::new(Open::default());
        open.enter(address.ip(), Capacity { total: 1, per_address: 1 });
        let mut guest = Guest::new(stream, address, Duration::ZERO, address.ip(), Arc::clone(&open));
        let error = guest.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        far.write_all(b"G").await.unwrap();
        guest.peer().stay();
        assert_eq!(guest.read_u8().await.unwrap(), b'G');
        drop(guest);
        assert!(open.lock().is_empty());
    }

    #[test]
    fn an_address_and_the_whole_house_fill_up_and_empty_again() {
        let open = Open::default();
        let capacity = Capacity { total: 3, per_address: 2 };
        let [a, b]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        assert!(open.enter(a, capacity) && open.enter(a, capacity));
        assert!(!open.enter(a, capacity), "this address has its two");
        assert!(open.enter(b, capacity));
        assert!(!open.enter(b, capacity), "the house has its three");
        open.leave(a);
        assert!(open.enter(b, capacity));
        open.leave(a);
        open.leave(b);
        open.leave(b);
        assert!(open.lock().is_empty());
    }
}
