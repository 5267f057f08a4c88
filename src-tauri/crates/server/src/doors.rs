//! The listening socket with a limit on what may be open at once, in all and from one address.
//!
//! Runs on the tokio task of the HTTP server. Full: a further connection is closed as soon as it is accepted.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

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

/// A connection that gives its place back when it ends.
pub(crate) struct Guest {
    stream: TcpStream,
    network: IpAddr,
    open: Arc<Open>,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

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
                return (Guest { stream, network, open: Arc::clone(&self.open) }, peer);
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
        Self(*stream.remote_addr())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.open.leave(self.network);
    }
}

impl AsyncRead for Guest {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
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
