//! What of the setting up is done by who owns a socket: the shortcuts of [`cookie`] and [`nomination`] with a peer that takes them too,
//! and what is sent again ([`flight`]).
//!
//! Told the time; runs inside the driver task of a connection. Holds [`MAX_WORDS`] datagrams that nobody has sent; full, the
//! newest is lost, and the handshake goes its long way.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};

use rtc::crypto::RTCCryptoProvider;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};
use webrtc::runtime::RecvMeta;

use super::cookie::{self, Cookie};
use super::flight::Flight;
use super::nomination::{self, Nomination};
use super::{stun, wrapped};

/// More are under way at no time.
const MAX_WORDS: usize = 8;
const HANDSHAKE: u8 = 22;

/// Whether [`Handshake::on_sending`] may have something to say to it.
pub(super) fn concerns(datagram: &[u8]) -> bool {
    wrapped::inner(datagram).is_some_and(|at| matches!(datagram[at].first(), Some(&(0..=3 | HANDSHAKE))))
}

/// What the descriptions say before there is a path.
pub(crate) struct Shortcuts {
    pub(crate) cookie: Cookie,
    /// Set with the description of a peer that takes them too.
    pub(crate) peer: OnceLock<Familiar>,
    pub(crate) provider: Arc<dyn RTCCryptoProvider>,
}

impl fmt::Debug for Shortcuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shortcuts").finish_non_exhaustive()
    }
}

impl Shortcuts {
    pub(crate) fn new(cookie: Cookie, provider: Arc<dyn RTCCryptoProvider>) -> Self {
        let provider = Arc::new(cookie::Provider::new(provider, cookie));
        Self { cookie, peer: OnceLock::new(), provider }
    }
}

/// A peer that takes the shortcuts.
pub(crate) struct Familiar {
    pub(crate) cookie: Cookie,
    /// Of its side of ICE.
    pub(crate) password: String,
}

/// One socket's part.
#[derive(Debug)]
pub(super) struct Handshake {
    shortcuts: Arc<Shortcuts>,
    flight: Flight,
    nomination: Nomination,
    /// Handed on as if they had arrived.
    words: VecDeque<(SocketAddr, Vec<u8>)>,
    reader: Option<Waker>,
    /// Wakes the driver once more: what these words make it want to say is written in its next turn.
    hurry: Arc<Notify>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Handshake {
    pub(super) fn new(shortcuts: Arc<Shortcuts>, hurry: Arc<Notify>) -> Self {
        Self {
            shortcuts,
            hurry,
            flight: Flight::default(),
            nomination: Nomination::default(),
            words: VecDeque::new(),
            reader: None,
            timer: None,
        }
    }

    /// Whether `datagram` is to be sent: what is answered here need not. `proven`: its destination has answered us.
    pub(super) fn on_sending(&mut self, to: SocketAddr, datagram: &[u8], proven: bool, now: Instant) -> bool {
        let (Some(peer), true) = (self.shortcuts.peer.get(), proven) else { return true };
        let Some(at) = wrapped::inner(datagram) else { return true };
        let inner = &datagram[at.clone()];
        let question = cookie::question(inner, &peer.cookie);
        let travels = question.is_none();
        let key = (peer.password.as_str(), self.shortcuts.provider.crypto());
        let answer = question.or_else(|| {
            let confirmed =
                stun::nomination(inner).and_then(|transaction| nomination::confirmed(transaction, to, key))?;
            self.nomination.begin(to, datagram, now);
            Some(confirmed)
        });
        if let Some(answer) = answer {
            self.say(to, wrapped::with(datagram, &at, &answer));
        }
        travels
    }

    pub(super) fn on_sent(&mut self, to: SocketAddr, datagram: &[u8], now: Instant) {
        self.flight.on_sent(to, datagram, now);
    }

    /// What has arrived is about to be read. Some: that is to be read first, and what has arrived comes next.
    pub(super) fn on_received(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> Option<Vec<u8>> {
        let at = wrapped::inner(datagram)?;
        let inner = &datagram[at.clone()];
        self.flight.on_received(from, inner, now);
        if let Some(transaction) = stun::success(inner) {
            self.nomination.on_success(transaction);
        }
        let greeting = cookie::greeting(inner, &self.shortcuts.cookie)?;
        self.say(from, datagram.to_vec());
        Some(wrapped::with(datagram, &at, &greeting))
    }

    fn say(&mut self, from: SocketAddr, datagram: Vec<u8>) {
        if self.words.len() < MAX_WORDS {
            self.words.push_back((from, datagram));
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        self.hurry.notify_one();
    }

    /// The next of what nobody has sent. `room`: a longer one is lost.
    pub(super) fn poll_words(&mut self, cx: &Context<'_>, buf: &mut [u8]) -> Option<RecvMeta> {
        while let Some((from, datagram)) = self.words.pop_front() {
            if let Some(into) = buf.get_mut(..datagram.len()) {
                into.copy_from_slice(&datagram);
                let mut meta = RecvMeta::default();
                (meta.addr, meta.len, meta.stride) = (from, datagram.len(), datagram.len());
                return Some(meta);
            }
        }
        self.reader = Some(cx.waker().clone());
        None
    }

    /// What is due is given to `send`, and this task is woken when the next is.
    pub(super) fn poll_repeats(
        &mut self,
        cx: &mut Context<'_>,
        mut send: impl FnMut(&mut Context<'_>, SocketAddr, &[u8]),
    ) {
        while let Some(due) = [self.flight.due(), self.nomination.due()].into_iter().flatten().min() {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            let now = Instant::now();
            if let Some((to, request)) = self.nomination.repeat(now) {
                send(cx, to, &request);
            } else if let Some((to, datagrams)) = self.flight.repeat(now) {
                datagrams.iter().for_each(|datagram| send(cx, to, datagram));
            } else {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
