//! What of a handshake waits for an answer, and when it is sent again: DTLS says only when to repeat at the latest.
//!
//! rtc-dtls 0.21.1 repeats after a second, and a client that hears the server repeat itself while its own last words are lost
//! stops repeating for good: one packet more lost, and the connection is given up. So whoever owns the socket repeats what was
//! sent, byte for byte: once a moment later, since a few kilobytes are nothing beside the round trip that a loss costs, and then
//! after about a round trip. Who has it already takes the copy for a replay and drops it.
//!
//! Pure and told the time. Holds [`MAX_DATAGRAMS`]; more are not repeated.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::wrapped;

/// Of one flight, which is a certificate and what stands around it.
const MAX_DATAGRAMS: usize = 8;
const MAX_BYTES: usize = 2048;
/// Until the first copy: what is lost together is lost within less.
const COPY: Duration = Duration::from_millis(20);
/// Before a round trip was seen.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const WAITS: (Duration, Duration) = (Duration::from_millis(60), Duration::from_millis(500));
/// Beside a round trip: the other computes.
const COMPUTES: Duration = Duration::from_millis(30);
/// From one repetition to the next.
const LONGER: f64 = 1.5;
/// Then nobody is there, or they have nothing to say.
const MAX_REPEATS: u32 = 8;

/// How far a handshake is: epoch, and number of the message in it. What is encrypted shows no number.
type Progress = (u16, u32);

const CHANGE_CIPHER: u8 = 20;
const HANDSHAKE: u8 = 22;
const HEADER: usize = 13;

/// `None`: no part of a handshake.
fn progress(mut datagram: &[u8]) -> Option<Progress> {
    let mut most = None;
    while let Some((header, rest)) = datagram.split_first_chunk::<HEADER>() {
        let epoch = u16::from_be_bytes([header[3], header[4]]);
        let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let body = rest.get(..length)?;
        let at = match (header[0], epoch, body) {
            (HANDSHAKE, 0, [_, _, _, _, high, low, ..]) => (0, u32::from(u16::from_be_bytes([*high, *low]))),
            (CHANGE_CIPHER, 0, _) => (0, u32::MAX),
            (HANDSHAKE, 1.., _) => (epoch, 0),
            _ => return None,
        };
        most = most.max(Some(at));
        datagram = &rest[length..];
    }
    most
}

#[derive(Debug, Default)]
pub(super) struct Flight {
    to: Option<SocketAddr>,
    datagrams: Vec<Vec<u8>>,
    /// How far ours is, and the other's.
    said: Option<Progress>,
    heard: Option<Progress>,
    /// When the first of these datagrams was sent, and the next repetition is due.
    began: Option<Instant>,
    due: Option<Instant>,
    wait: Option<Duration>,
    repeats: u32,
    /// Something else than the handshake has come: it is over.
    done: bool,
}

impl Flight {
    /// To the peer, or to the TURN server that passes it on.
    pub(super) fn on_sent(&mut self, to: SocketAddr, datagram: &[u8], now: Instant) {
        if self.done || datagram.len() > MAX_BYTES {
            return;
        }
        let Some(inner) = wrapped::inner(datagram).map(|at| &datagram[at]) else { return };
        if !matches!(inner.first(), Some(&(CHANGE_CIPHER | HANDSHAKE))) {
            return;
        }
        // Repeated by who has made it: ours is repeated already.
        let Some(at) = progress(inner).filter(|at| self.said.is_none_or(|said| *at > said)) else { return };
        if self.began.is_none() || self.to != Some(to) {
            self.datagrams.clear();
            (self.to, self.began, self.repeats) = (Some(to), Some(now), 0);
            self.due = Some(now + COPY);
        }
        self.said = Some(at);
        if self.datagrams.len() < MAX_DATAGRAMS {
            self.datagrams.push(datagram.to_vec());
        }
    }

    /// `datagram`: as the peer has sent it.
    pub(super) fn on_received(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        if self.done || self.to.is_some_and(|to| to != from) {
            return;
        }
        match datagram.first() {
            // STUN goes on beside it.
            None | Some(0..=3) => {}
            Some(&(CHANGE_CIPHER | HANDSHAKE)) => {
                let Some(at) = progress(datagram).filter(|at| self.heard.is_none_or(|heard| *at > heard)) else {
                    return;
                };
                self.heard = Some(at);
                // Of an answer to what was repeated nobody knows to which; of two that went together it does not matter.
                if let Some(began) = self.began.take().filter(|_| self.repeats <= 1) {
                    self.wait = Some((now - began).mul_f64(1.25) + COMPUTES);
                }
                self.datagrams.clear();
                self.due = None;
            }
            // A TURN server may have something to say before anything of a handshake.
            Some(_) if self.to.is_none() => {}
            Some(_) => *self = Self { done: true, ..Self::default() },
        }
    }

    fn wait(&self) -> Duration {
        self.wait.map_or(FIRST_WAIT, |wait| wait.clamp(WAITS.0, WAITS.1))
    }

    /// When to call [`Self::repeat`] next.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is to be sent again now.
    pub(super) fn repeat(&mut self, now: Instant) -> Option<(SocketAddr, &[Vec<u8>])> {
        if self.due? > now {
            return None;
        }
        self.repeats += 1;
        let wait = self.wait().mul_f64(LONGER.powi(self.repeats.cast_signed() - 1));
        self.due = (self.repeats < MAX_REPEATS).then(|| now + wait);
        Some((self.to?, &self.datagrams))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, epoch: u16, sequence: u8, body: &[u8]) -> Vec<u8> {
        let mut record = vec![kind, 0xfe, 0xfd];
        record.extend(epoch.to_be_bytes());
        record.extend([0, 0, 0, 0, 0, sequence]);
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        record
    }

    fn message(sequence: u8, number: u8) -> Vec<u8> {
        record(HANDSHAKE, 0, sequence, &[1, 0, 0, 0, 0, number, 0, 0, 0, 0, 0, 0])
    }

    fn finished(sequence: u8) -> Vec<u8> {
        [record(CHANGE_CIPHER, 0, sequence, &[1]), record(HANDSHAKE, 1, 0, &[9; 40])].concat()
    }

    fn peer() -> SocketAddr {
        SocketAddr::from(([192, 168, 1, 7], 5000))
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_is_not_answered_is_repeated_and_what_is_answered_is_not() {
        let (mut flight, begin) = (Flight::default(), Instant::now());
        flight.on_sent(peer(), &message(0, 0), begin);
        assert!(flight.repeat(begin + ms(19)).is_none());
        assert!(flight.repeat(begin + ms(20)).is_some(), "a copy");
        assert!(flight.repeat(begin + ms(219)).is_none());
        flight.on_received(peer(), &message(0, 0), begin + ms(100));
        assert_eq!(flight.due(), None);
        // A round trip is known now.
        flight.on_sent(peer(), &message(1, 1), begin + ms(101));
        let again = flight.repeat(begin + ms(121)).map(|(to, datagrams)| (to, datagrams.to_vec()));
        assert_eq!(again, Some((peer(), vec![message(1, 1)])));
        assert_eq!(flight.due(), Some(begin + ms(121 + 155)));
        let repeats = (122..60_000).filter(|at| flight.repeat(begin + ms(*at)).is_some()).count();
        assert_eq!(repeats, 7);
    }

    #[test]
    fn who_repeats_itself_has_not_answered() {
        let (mut flight, begin) = (Flight::default(), Instant::now());
        flight.on_received(peer(), &message(0, 3), begin);
        flight.on_sent(peer(), &finished(5), begin);
        // With another number of the record, as it has to be.
        flight.on_received(peer(), &message(1, 3), begin + ms(50));
        flight.on_sent(peer(), &finished(6), begin + ms(60));
        let again = flight.repeat(begin + ms(20)).map(|(_, datagrams)| datagrams.to_vec());
        assert_eq!(again, Some(vec![finished(5)]));
    }

    #[test]
    fn media_ends_it() {
        let (mut flight, begin) = (Flight::default(), Instant::now());
        flight.on_received(peer(), &[64, 0], begin);
        flight.on_sent(peer(), &finished(0), begin);
        let stranger = SocketAddr::from(([192, 168, 1, 8], 5000));
        flight.on_received(stranger, &[0x80, 0], begin);
        flight.on_received(peer(), &[1, 1], begin);
        assert!(flight.due().is_some());
        flight.on_received(peer(), &[0x80, 0], begin);
        assert_eq!(flight.due(), None);
        flight.on_sent(peer(), &finished(0), begin);
        assert_eq!(flight.due(), None);
    }

    #[test]
    fn memory_is_bounded_and_rubbish_is_nothing() {
        let (mut flight, begin) = (Flight::default(), Instant::now());
        (0..200).for_each(|number| flight.on_sent(peer(), &message(0, number), begin));
        assert_eq!(flight.datagrams.len(), MAX_DATAGRAMS);
        for rubbish in [&[22][..], &message(0, 0)[..20], &record(HANDSHAKE, 0, 0, &[1]), &[22; 100]] {
            assert_eq!(progress(rubbish), None, "{rubbish:?}");
        }
    }
}
