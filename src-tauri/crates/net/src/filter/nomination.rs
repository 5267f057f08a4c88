//! The round trip between a path that works and its nomination (RFC 8445 section 8.1.1), which nobody has to wait for.
//!
//! rtc-ice 0.21.1 calls a path selected when the peer has confirmed its nomination, and begins the handshake then. That the path
//! works both ways it knows before; so whoever owns the socket confirms in the peer's name, lets the nomination travel, and repeats it
//! until the peer has confirmed it too. The handshake follows on its heels.
//!
//! Pure and told the time. Holds one nomination; the next takes its place.

use std::net::SocketAddr;
use std::time::Duration;

use rtc::crypto::RTCCrypto;
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_SUCCESS, Message, TransactionId};
use rtc::stun::xoraddr::XorMappedAddress;
use tokio::time::Instant;

use super::{stun, wrapped};

/// Until the first copy, without which a lost one costs as much as it saves.
const COPY: Duration = Duration::from_millis(20);
/// From one repetition to the next, at first.
const WAIT: Duration = Duration::from_millis(60);
const LONGER: f64 = 1.5;
/// Then nobody is there.
const MAX_REPEATS: u32 = 8;

#[derive(Debug, Default)]
pub(super) struct Nomination(Option<Open>);

#[derive(Debug)]
struct Open {
    to: SocketAddr,
    transaction: stun::Transaction,
    request: Vec<u8>,
    due: Instant,
    repeats: u32,
}

/// What a peer at `to` says to a nomination. `password`: the peer's, of this session.
pub(super) fn confirmed(
    transaction: stun::Transaction,
    to: SocketAddr,
    (password, crypto): (&str, &dyn RTCCrypto),
) -> Option<Vec<u8>> {
    let mut message = Message::new();
    let built = message.build(&[
        Box::new(BINDING_SUCCESS),
        Box::new(TransactionId(transaction)),
        Box::new(XorMappedAddress { ip: to.ip(), port: to.port() }),
        Box::new(MessageIntegrity::new_short_term_integrity_with_provider(password.to_owned(), crypto)),
        Box::new(FINGERPRINT),
    ]);
    built.ok().map(|()| message.raw)
}

impl Nomination {
    /// A nomination is sent to the peer, or to the TURN server that passes it on.
    pub(super) fn begin(&mut self, to: SocketAddr, request: &[u8], now: Instant) {
        let transaction = wrapped::inner(request).and_then(|at| stun::nomination(&request[at]));
        self.0 = transaction.map(|transaction| Open {
            to,
            transaction,
            request: request.to_vec(),
            due: now + COPY,
            repeats: 0,
        });
    }

    /// The peer has answered a check.
    pub(super) fn on_success(&mut self, transaction: stun::Transaction) {
        self.0.take_if(|open| open.transaction == transaction);
    }

    /// When to call [`Self::repeat`] next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.as_ref().map(|open| open.due)
    }

    /// What is to be sent again now.
    pub(super) fn repeat(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        let open = self.0.as_mut().filter(|open| open.due <= now)?;
        open.repeats += 1;
        open.due = now + WAIT.mul_f64(LONGER.powi(open.repeats.cast_signed() - 1));
        let again = (open.to, open.request.clone());
        if open.repeats == MAX_REPEATS {
            self.0 = None;
        }
        Some(again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(nominates: bool) -> Vec<u8> {
        let mut message = vec![0, 1, 0, if nominates { 12 } else { 8 }, 0x21, 0x12, 0xa4, 0x42];
        message.extend([7; 12]);
        message.extend([0, 6, 0, 3, b'a', b':', b'b', 0]);
        if nominates {
            message.extend([0, 0x25, 0, 0]);
        }
        message
    }

    fn peer() -> SocketAddr {
        SocketAddr::from(([192, 168, 1, 7], 5000))
    }

    #[test]
    fn a_nomination_is_confirmed_in_the_name_of_the_peer() {
        assert_eq!(stun::nomination(&request(false)), None, "a check as any other");
        assert_eq!(stun::nomination(&request(true)), Some([7; 12]));
        let provider = rtc::crypto::default_provider().unwrap();
        let said = confirmed([7; 12], peer(), ("a password of the peer", provider.crypto())).unwrap();
        assert_eq!(stun::success(&said), Some([7; 12]));
    }

    #[test]
    fn a_nomination_is_repeated_until_the_peer_confirms_it() {
        let (mut nomination, begin) = (Nomination::default(), Instant::now());
        nomination.begin(peer(), &request(true), begin);
        let at = |ms| begin + Duration::from_millis(ms);
        assert!(nomination.repeat(at(19)).is_none());
        assert_eq!(nomination.repeat(at(20)), Some((peer(), request(true))));
        assert_eq!(nomination.due(), Some(at(80)));
        nomination.on_success([8; 12]);
        assert!(nomination.due().is_some(), "another check");
        nomination.on_success([7; 12]);
        assert_eq!(nomination.due(), None);
    }

    #[test]
    fn nobody_is_asked_for_ever() {
        let (mut nomination, begin) = (Nomination::default(), Instant::now());
        nomination.begin(peer(), &request(true), begin);
        let repeats = (0..600_000).filter(|ms| nomination.repeat(begin + Duration::from_millis(*ms)).is_some());
        assert_eq!(repeats.count(), MAX_REPEATS as usize);
    }
}
