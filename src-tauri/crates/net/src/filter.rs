//! Who may send us DTLS and SRTP: only an address that has answered a connectivity check of ours.
//!
//! webrtc 0.21.1 lets both in from any source once a pair is selected, which lets a third host disturb the handshake
//! (the "ClientHello race"). A [`Runtime`] is what builds the sockets, so this one wraps them. Runs inside the driver task
//! of a connection, on each datagram.
//!
//! What goes to a TURN server through a stream leaves and comes here too ([`crate::relay`]).
//!
//! The peer's first handshake message often comes a moment before its answer to our check: [`Sources`] holds a few datagrams and
//! hands them on when their source has answered, instead of waiting for the peer to repeat them. What else of the setting up is done
//! here is [`Handshake`]'s.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, TokioRuntime,
    Transmit,
};

use self::handshake::Handshake;
use self::sources::{Pair, Sources, keep_allowed};
use crate::relay::{self, Lines, Relays};

mod cookie;
mod flight;
mod handshake;
mod nomination;
mod sources;
mod stun;
mod wrapped;

pub(crate) use self::cookie::Cookie;
pub(crate) use self::handshake::{Familiar, Shortcuts};

/// The driver sleeps no longer while it checks addresses; longer sleeps are time limits of something else.
const TICK: Duration = Duration::from_millis(100);
const MDNS_PORT: u16 = 5353;

/// The tokio runtime with filtered sockets. One per peer connection.
#[derive(Debug)]
pub(crate) struct FilteredRuntime {
    inner: TokioRuntime,
    relays: Arc<Relays>,
    sources: Arc<Mutex<Sources>>,
    hurry: Arc<Notify>,
    shortcuts: Arc<Shortcuts>,
}

impl FilteredRuntime {
    /// `hurry`: told when there is something to do for the driver that nothing else wakes it for.
    pub(crate) fn new(relays: Relays, hurry: Arc<Notify>, shortcuts: Arc<Shortcuts>) -> Self {
        let sources = Arc::new(Mutex::new(Sources::new(Arc::clone(&hurry))));
        Self { inner: TokioRuntime, relays: Arc::new(relays), sources, hurry, shortcuts }
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runtime for FilteredRuntime {
    fn spawn(&self, future: BoxFuture<'static, ()>) -> Box<dyn JoinHandle> {
        self.inner.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let local = socket.local_addr();
        let mdns = local.as_ref().is_ok_and(|address| address.port() == MDNS_PORT);
        let inner = self.inner.wrap_udp_socket(socket)?;
        if mdns {
            return Ok(inner);
        }
        let lines = Lines::new(Arc::clone(&self.relays), local.ok().map(|local| local.ip()));
        let handshake = Mutex::new(Handshake::new(Arc::clone(&self.shortcuts), Arc::clone(&self.hurry)));
        Ok(Arc::new(FilteredSocket { inner, sources: Arc::clone(&self.sources), lines, handshake }))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        self.inner.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, remote: SocketAddr) -> BoxFuture<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        self.inner.connect_tcp(remote)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        match self.relays.resolve(host) {
            Some(addresses) => Box::pin(std::future::ready(Ok(addresses))),
            None => self.inner.resolve_host(host),
        }
    }

    /// Ends early in a hurry. After an answer of the peer: the driver reads before it writes, so what the answer has made it want to
    /// say (the first message of the handshake) would wait for the next tick of the checks, 50 ms later. And so would the first
    /// check of a new candidate.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if duration > TICK {
            return self.inner.sleep(duration);
        }
        let (sleep, hurry) = (self.inner.sleep(duration), Arc::clone(&self.hurry));
        Box::pin(async move {
            tokio::select! {
                () = sleep => {}
                () = hurry.notified() => {}
            }
        })
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.inner.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.inner.block_on(future);
    }

    fn yield_now(&self) -> BoxFuture<'static, ()> {
        self.inner.yield_now()
    }

    fn name(&self) -> &'static str {
        "tokio, filtered"
    }
}

#[derive(Debug)]
struct FilteredSocket {
    inner: Arc<dyn AsyncUdpSocket>,
    sources: Arc<Mutex<Sources>>,
    lines: Lines,
    handshake: Mutex<Handshake>,
}

impl FilteredSocket {
    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handshake(&self) -> MutexGuard<'_, Handshake> {
        self.handshake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A check that follows the last one of its pair too soon, and nominates nothing.
    fn is_too_soon(&self, transmit: &Transmit<'_>) -> bool {
        let Some(inner) = wrapped::inner(transmit.contents).map(|at| &transmit.contents[at]) else { return false };
        if !stun::is_check(inner) || stun::nomination(inner).is_some() {
            return false;
        }
        let through = wrapped::peer(transmit.contents).unwrap_or_default().to_vec();
        let from = (self.inner.local_addr().ok(), transmit.src_ip);
        !self.sources().may_check(Pair { from, to: transmit.destination, through }, Instant::now())
    }

    /// What has arrived, on its way to who reads it: `metas` and as many of `bufs`.
    fn on_received(&self, bufs: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]) {
        let (mut handshake, now) = (self.handshake(), Instant::now());
        for (buf, meta) in bufs.iter_mut().zip(metas) {
            if meta.len <= meta.stride {
                if wrapped::inner(&buf[..meta.len]).is_some_and(|at| stun::is_check(&buf[at])) {
                    self.sources().on_checked(meta.addr);
                }
                if let Some(first) = handshake.on_received(meta.addr, &buf[..meta.len], now) {
                    buf[..first.len()].copy_from_slice(&first);
                    (meta.len, meta.stride) = (first.len(), first.len());
                }
                continue;
            }
            for datagram in buf[..meta.len].chunks(meta.stride.max(1)) {
                // Together with others, none of which is alone in its datagram, comes no greeting.
                handshake.on_received(meta.addr, datagram, now);
            }
        }
    }

    /// Sends again what was not answered in time.
    fn poll_repeats(&self, cx: &mut Context<'_>) {
        self.handshake().poll_repeats(cx, |cx, destination, contents| {
            if relay::is_stand_in(destination.ip()) {
                // Of a stream nothing is lost.
                return;
            }
            let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip: None };
            // A full socket loses it as the network would: it is repeated once more.
            let _ = self.inner.poll_send(cx, &transmit);
        });
    }

    /// What a TURN server says through a stream. A message that is longer than the buffer is lost.
    fn poll_lines(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<RecvMeta> {
        while let Poll::Ready((from, message)) = self.lines.poll_arrived(cx) {
            if self.sources().allows(from, &message)
                && let Some(into) = buf.get_mut(..message.len())
            {
                into.copy_from_slice(&message);
                let mut meta = RecvMeta::default();
                (meta.addr, meta.len, meta.stride) = (from, message.len(), message.len());
                return Poll::Ready(meta);
            }
        }
        Poll::Pending
    }
}

impl AsyncUdpSocket for FilteredSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let (to, contents) = (transmit.destination, transmit.contents);
        if self.is_too_soon(transmit) {
            return Poll::Ready(Ok(contents.len()));
        }
        if let Some((transaction, kind)) = stun::request(contents) {
            self.sources().on_request(to, transaction, kind);
        }
        if handshake::concerns(contents) {
            let proven = self.sources().has_answered(to);
            if !self.handshake().on_sending(to, contents, proven, Instant::now()) {
                return Poll::Ready(Ok(contents.len()));
            }
        }
        if relay::is_stand_in(to.ip()) {
            // Never waits: the driver does everything else of the connection too.
            let mut datagrams = contents.chunks(transmit.segment_size.unwrap_or(usize::MAX).max(1));
            let sent = datagrams.try_for_each(|datagram| self.lines.send(to, datagram));
            return Poll::Ready(sent.map(|()| contents.len()));
        }
        let sent = self.inner.poll_send(cx, transmit);
        if matches!(sent, Poll::Ready(Ok(_))) {
            self.handshake().on_sent(to, contents, Instant::now());
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if let (Some(buf), Some(into)) = (bufs.first_mut(), meta.first_mut()) {
            if let Some(from) = self.handshake().poll_words(cx, buf) {
                *into = from;
                return Poll::Ready(Ok(1));
            }
            let held = self.sources().release(buf.len());
            let arrived = match held {
                Some((data, from)) => {
                    buf[..data.len()].copy_from_slice(&data);
                    Some(from)
                }
                None => match self.poll_lines(cx, buf) {
                    Poll::Ready(from) => Some(from),
                    Poll::Pending => None,
                },
            };
            if let Some(from) = arrived {
                *into = from;
                self.on_received(&mut bufs[..1], &mut meta[..1]);
                return Poll::Ready(Ok(1));
            }
        }
        self.poll_repeats(cx);
        loop {
            let received = match self.inner.poll_recv(cx, bufs, meta) {
                Poll::Ready(Ok(received)) => received,
                other => return other,
            };
            let kept = {
                let mut sources = self.sources();
                let kept = keep_allowed(&mut sources, &mut bufs[..received], &mut meta[..received]);
                if std::mem::take(&mut sources.relayed) {
                    self.lines.spare();
                }
                kept
            };
            self.on_received(&mut bufs[..kept], &mut meta[..kept]);
            // Nothing left: ask again, so that the socket wakes this task for the next datagram.
            if kept > 0 || received == 0 {
                return Poll::Ready(Ok(kept));
            }
        }
    }
}
