//! Who may send us DTLS and SRTP: only an address that has answered a connectivity check of ours.
//!
//! webrtc 0.21.1 lets both in from any source once a pair is selected, which lets a third host disturb the handshake
//! (the "ClientHello race"). A [`Runtime`] is what builds the sockets, so this one wraps them. Runs inside the driver task
//! of a connection, on each datagram.
//!
//! What goes to a TURN server through a stream leaves and comes here too ([`crate::relay`]).
//!
//! The peer's first handshake message often comes a moment before its answer to our check: [`Sources`] holds a few datagrams and
//! hands them on when their source has answered, instead of waiting for the peer to repeat them. What of the handshake is lost is
//! sent again from here ([`flight`]).

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, TokioRuntime,
    Transmit,
};

use self::flight::Flight;
use crate::relay::{self, Lines, Relays};

mod flight;
mod stun;

/// Checks that are remembered until they are answered. Full: all are forgotten, the agent repeats them.
const MAX_CHECKS: usize = 1024;
/// Sources that may send. Full: no more are let in.
const MAX_SOURCES: usize = 128;
/// Datagrams of addresses that have not answered yet. Full: the oldest is dropped, and the peer repeats it.
const MAX_HELD: usize = 8;
/// Longer ones are no handshake.
const MAX_HELD_BYTES: usize = 2048;
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
}

impl FilteredRuntime {
    /// `hurry`: told when there is something to do for the driver that nothing else wakes it for.
    pub(crate) fn new(relays: Relays, hurry: Arc<Notify>) -> Self {
        let sources = Sources { answered: Arc::clone(&hurry), ..Sources::default() };
        Self { inner: TokioRuntime, relays: Arc::new(relays), sources: Arc::new(Mutex::new(sources)), hurry }
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
        Ok(Arc::new(FilteredSocket { inner, sources: Arc::clone(&self.sources), lines, repeats: Mutex::default() }))
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
    repeats: Mutex<Repeats>,
}

/// The part of the handshake that waits for an answer, and what wakes us to repeat it.
#[derive(Debug, Default)]
struct Repeats {
    flight: Flight,
    timer: Option<Pin<Box<Sleep>>>,
}

impl FilteredSocket {
    fn sources(&self) -> std::sync::MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_received(&self, bufs: &[IoSliceMut<'_>], meta: &[RecvMeta]) {
        let (mut repeats, now) = (self.repeats(), Instant::now());
        for (buf, meta) in bufs.iter().zip(meta) {
            for datagram in buf[..meta.len].chunks(meta.stride.max(1)) {
                repeats.flight.on_received(meta.addr, datagram, now);
            }
        }
    }

    fn repeats(&self) -> std::sync::MutexGuard<'_, Repeats> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends again what was not answered in time, and wakes this task when the next is due.
    fn poll_repeats(&self, cx: &mut Context<'_>) {
        let mut repeats = self.repeats();
        let Repeats { flight, timer } = &mut *repeats;
        while let Some(due) = flight.due() {
            let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            let Some((destination, datagrams)) = flight.repeat(Instant::now()) else { return };
            for contents in datagrams {
                let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip: None };
                // A full socket loses it as the network would: it is repeated once more.
                let _ = self.inner.poll_send(cx, &transmit);
            }
        }
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
        if let Some((transaction, kind)) = stun::request(transmit.contents) {
            self.sources().on_request(transmit.destination, transaction, kind);
        }
        if relay::is_stand_in(transmit.destination.ip()) {
            // Never waits: the driver does everything else of the connection too.
            let mut datagrams = transmit.contents.chunks(transmit.segment_size.unwrap_or(usize::MAX).max(1));
            let sent = datagrams.try_for_each(|datagram| self.lines.send(transmit.destination, datagram));
            return Poll::Ready(sent.map(|()| transmit.contents.len()));
        }
        let sent = self.inner.poll_send(cx, transmit);
        if matches!(sent, Poll::Ready(Ok(_))) {
            self.repeats().flight.on_sent(transmit.destination, transmit.contents, Instant::now());
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if let (Some((first, _)), Some((into, _))) = (bufs.split_first_mut(), meta.split_first_mut())
            && let Some((data, from)) = self.sources().release(first.len())
        {
            first[..data.len()].copy_from_slice(&data);
            *into = from;
            self.repeats().flight.on_received(from.addr, &data, Instant::now());
            return Poll::Ready(Ok(1));
        }
        if let (Some(buf), Some(into)) = (bufs.first_mut(), meta.first_mut())
            && let Poll::Ready(from) = self.poll_lines(cx, buf)
        {
            *into = from;
            return Poll::Ready(Ok(1));
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
            self.on_received(&bufs[..kept], &meta[..kept]);
            // Nothing left: ask again, so that the socket wakes this task for the next datagram.
            if kept > 0 || received == 0 {
                return Poll::Ready(Ok(kept));
            }
        }
    }
}

/// Moves what is allowed to the front and returns how many messages that are. One message may be several datagrams of
/// `stride` bytes from one source.
fn keep_allowed(sources: &mut Sources, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> usize {
    let mut kept = 0;
    for at in 0..meta.len() {
        let len = meta[at].len;
        let len = keep_segments(sources, &mut bufs[at][..len], &meta[at]);
        if len == 0 {
            continue;
        }
        meta[at].len = len;
        if kept < at {
            let (front, back) = bufs.split_at_mut(at);
            front[kept][..len].copy_from_slice(&back[0][..len]);
            meta[kept] = meta[at];
        }
        kept += 1;
    }
    kept
}

/// Bytes that stay.
fn keep_segments(sources: &mut Sources, data: &mut [u8], meta: &RecvMeta) -> usize {
    let (mut read, mut kept) = (0, 0);
    if relay::is_stand_in(meta.addr.ip()) {
        return 0;
    }
    while read < data.len() {
        let end = (read + meta.stride.max(1)).min(data.len());
        if sources.allows(meta.addr, &data[read..end]) {
            data.copy_within(read..end, kept);
            kept += end - read;
        } else {
            sources.hold(&data[read..end], meta);
        }
        read = end;
    }
    kept
}

#[derive(Debug, Default)]
struct Sources {
    /// Transaction to where it went and why.
    checks: HashMap<stun::Transaction, (SocketAddr, stun::Kind)>,
    allowed: HashMap<SocketAddr, stun::Kind>,
    held: VecDeque<(Vec<u8>, RecvMeta)>,
    /// Told with each answer.
    answered: Arc<Notify>,
    /// A TURN server has just let us in over UDP.
    relayed: bool,
}

impl Sources {
    fn on_request(&mut self, destination: SocketAddr, transaction: stun::Transaction, kind: stun::Kind) {
        if self.checks.len() >= MAX_CHECKS {
            self.checks.clear();
        }
        self.checks.insert(transaction, (destination, kind));
    }

    fn allows(&mut self, source: SocketAddr, datagram: &[u8]) -> bool {
        let Some(first) = datagram.first() else { return false };
        match first {
            0..=3 => {
                if let Some(transaction) = stun::success(datagram)
                    && let Some((destination, kind)) = self.checks.get(&transaction)
                    && *destination == source
                    && self.allowed.len() < MAX_SOURCES
                {
                    let kind = *kind;
                    self.checks.remove(&transaction);
                    self.allowed.insert(source, kind);
                    self.relayed |= kind == stun::Kind::Allocate && !relay::is_stand_in(source.ip());
                    self.answered.notify_one();
                }
                true
            }
            // ChannelData of a TURN server (RFC 8656 section 12.4).
            64..=79 => self.allowed.get(&source) == Some(&stun::Kind::Allocate),
            _ => self.allowed.get(&source) == Some(&stun::Kind::Check),
        }
    }

    /// Keeps a datagram that may not pass yet. Its source may be one that we learn of with its first check.
    fn hold(&mut self, datagram: &[u8], meta: &RecvMeta) {
        if datagram.len() > MAX_HELD_BYTES {
            return;
        }
        if self.held.len() == MAX_HELD {
            self.held.pop_front();
        }
        let mut meta = *meta;
        (meta.len, meta.stride) = (datagram.len(), datagram.len());
        self.held.push_back((datagram.to_vec(), meta));
    }

    /// The oldest datagram held whose source may pass now. `room`: a longer one is lost.
    fn release(&mut self, room: usize) -> Option<(Vec<u8>, RecvMeta)> {
        let at = self.held.iter().position(|(_, meta)| self.allowed.get(&meta.addr) == Some(&stun::Kind::Check))?;
        self.held.remove(at).filter(|(data, _)| data.len() <= room)
    }
}

#[cfg(test)]
mod tests;
