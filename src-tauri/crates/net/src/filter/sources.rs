//! Who has answered a check of ours, and so may send us the rest. Bounded: what is full forgets the oldest, or lets nobody in.

use std::collections::{HashMap, VecDeque};
use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use webrtc::runtime::RecvMeta;

use super::stun;
use crate::relay;

/// Checks that are remembered until they are answered. Full: all are forgotten, the agent repeats them.
const MAX_CHECKS: usize = 1024;
/// Who is checked now. Full: all are forgotten, and checked once too often.
const MAX_CHECKED: usize = 256;
/// Checks of one pair are so far apart (RFC 8445 section 14.2 has 50 ms between any two).
const APART: Duration = Duration::from_millis(45);
/// Sources that may send. Full: no more are let in.
const MAX_SOURCES: usize = 128;
/// Datagrams of addresses that have not answered yet. Full: the oldest is dropped, and the peer repeats it.
const MAX_HELD: usize = 8;
/// Longer ones are no handshake.
const MAX_HELD_BYTES: usize = 2048;
/// Moves what is allowed to the front and returns how many messages that are. One message may be several datagrams of
/// `stride` bytes from one source.
pub(super) fn keep_allowed(sources: &mut Sources, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> usize {
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

/// What a check goes from and to. Each socket and each address of it makes pairs of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) from: (Option<SocketAddr>, Option<IpAddr>),
    pub(super) to: SocketAddr,
    /// Whom the TURN server there passes it on to.
    pub(super) through: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Transaction to where it went and why.
    checks: HashMap<stun::Transaction, (SocketAddr, stun::Kind)>,
    allowed: HashMap<SocketAddr, stun::Kind>,
    held: VecDeque<(Vec<u8>, RecvMeta)>,
    /// Of which pairs the last check was sent when.
    checked: HashMap<Pair, Instant>,
    /// Told with each answer.
    answered: Arc<Notify>,
    /// A TURN server has just let us in over UDP.
    pub(super) relayed: bool,
}

impl Sources {
    /// `answered`: told with each answer.
    pub(super) fn new(answered: Arc<Notify>) -> Self {
        Self { answered, ..Self::default() }
    }

    pub(super) fn on_request(&mut self, destination: SocketAddr, transaction: stun::Transaction, kind: stun::Kind) {
        if self.checks.len() >= MAX_CHECKS {
            self.checks.clear();
        }
        self.checks.insert(transaction, (destination, kind));
    }

    /// Whether a check is sent. The agent repeats them sooner than anybody can answer.
    pub(super) fn may_check(&mut self, pair: Pair, now: Instant) -> bool {
        if self.checked.get(&pair).is_some_and(|last| now - *last < APART) {
            return false;
        }
        if self.checked.len() >= MAX_CHECKED {
            self.checked.clear();
        }
        self.checked.insert(pair, now);
        true
    }

    /// The peer is there and can be reached now, whatever became of the last check.
    pub(super) fn on_checked(&mut self, by: SocketAddr) {
        self.checked.retain(|pair, _| pair.to != by);
    }

    /// A peer is at `address`, or a TURN server that lets us in.
    pub(super) fn has_answered(&self, address: SocketAddr) -> bool {
        self.allowed.contains_key(&address)
    }

    pub(super) fn allows(&mut self, source: SocketAddr, datagram: &[u8]) -> bool {
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
    pub(super) fn release(&mut self, room: usize) -> Option<(Vec<u8>, RecvMeta)> {
        let at = self.held.iter().position(|(_, meta)| self.allowed.get(&meta.addr) == Some(&stun::Kind::Check))?;
        self.held.remove(at).filter(|(data, _)| data.len() <= room)
    }
}

#[cfg(test)]
mod tests;
