//! The cookie exchange of DTLS (RFC 6347 section 4.2.1) without its round trip.
//!
//! A server makes sure with a cookie that whoever greets it is where it says, which a peer has shown already by answering a check.
//! rtc-dtls 0.21.1 cannot leave it out, so the exchange is played on each side by who owns the socket: the cookie is told beside the
//! certificate, the client is asked for it here and greets the other with it at once, and the server is greeted without it first.
//! What both sides sign is the same as if the question had travelled. Pure, no state; bytes are a stranger's.

use std::ops::Range;
use std::sync::Arc;

use rtc::crypto::{CryptoError, RTCCrypto, RTCCryptoProvider, RTCRandom};

/// As long as those of rtc-dtls, which asks its provider for this many random bytes for nothing else.
pub(crate) type Cookie = [u8; 20];

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
const DTLS_1_2: [u8; 2] = [0xfe, 0xfd];
const RECORD_HEADER: usize = 13;
const MESSAGE_HEADER: usize = 12;

/// The provider of a connection, whose cookie is known before the connection makes it.
pub(super) struct Provider {
    inner: Arc<dyn RTCCryptoProvider>,
    random: Random,
}

struct Random {
    inner: Arc<dyn RTCCryptoProvider>,
    cookie: Cookie,
}

impl Provider {
    pub(super) fn new(inner: Arc<dyn RTCCryptoProvider>, cookie: Cookie) -> Self {
        Self { random: Random { inner: Arc::clone(&inner), cookie }, inner }
    }
}

impl RTCCryptoProvider for Provider {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn crypto(&self) -> &dyn RTCCrypto {
        self.inner.crypto()
    }

    fn random(&self) -> &dyn RTCRandom {
        &self.random
    }
}

impl RTCRandom for Random {
    fn fill(&self, output: &mut [u8]) -> Result<(), CryptoError> {
        if output.len() == self.cookie.len() {
            output.copy_from_slice(&self.cookie);
            return Ok(());
        }
        self.inner.random().fill(output)
    }
}

/// What the server would say to this datagram of its client. `None`: the datagram is no first greeting.
pub(super) fn question(datagram: &[u8], cookie: &Cookie) -> Option<Vec<u8>> {
    let hello = Hello::read(datagram)?;
    if hello.number != 0 || !hello.cookie.is_empty() {
        return None;
    }
    let length = DTLS_1_2.len() + 1 + cookie.len();
    let mut question = record(0, MESSAGE_HEADER + length);
    question.extend(message(HELLO_VERIFY_REQUEST, length, 0));
    question.extend(DTLS_1_2);
    question.push(cookie.len() as u8);
    question.extend(cookie);
    Some(question)
}

/// The greeting that came before this one, had it travelled. `None`: the datagram does not greet with our cookie.
pub(super) fn greeting(datagram: &[u8], cookie: &Cookie) -> Option<Vec<u8>> {
    let hello = Hello::read(datagram)?;
    if hello.number != 1 || datagram[hello.cookie.clone()] != *cookie {
        return None;
    }
    let body = &datagram[RECORD_HEADER + MESSAGE_HEADER..];
    let at = hello.cookie.start - RECORD_HEADER - MESSAGE_HEADER;
    let length = body.len() - cookie.len();
    let mut greeting = record(hello.record.checked_sub(1)?, MESSAGE_HEADER + length);
    greeting.extend(message(CLIENT_HELLO, length, 0));
    greeting.extend(&body[..at - 1]);
    greeting.push(0);
    greeting.extend(&body[at + cookie.len()..]);
    Some(greeting)
}

/// A ClientHello that is alone in its datagram and whole.
struct Hello {
    record: u64,
    number: u16,
    /// Where in the datagram.
    cookie: Range<usize>,
}

impl Hello {
    fn read(datagram: &[u8]) -> Option<Self> {
        let (header, rest) = datagram.split_first_chunk::<RECORD_HEADER>()?;
        let (message, body) = rest.split_first_chunk::<MESSAGE_HEADER>()?;
        let (epoch, length) = (&header[3..5], usize::from(u16::from_be_bytes([header[11], header[12]])));
        let (whole, offset, part) = (u24(&message[1..4]), u24(&message[6..9]), u24(&message[9..12]));
        let fits = length == rest.len() && whole == body.len() && part == whole && offset == 0;
        if header[0] != HANDSHAKE || epoch != [0, 0] || message[0] != CLIENT_HELLO || !fits {
            return None;
        }
        let record = header[5..11].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        // Version and random come first, then what is remembered of another session, then the cookie.
        let session = DTLS_1_2.len() + 32;
        let at = session + 1 + usize::from(*body.get(session)?);
        let length = usize::from(*body.get(at)?);
        let start = RECORD_HEADER + MESSAGE_HEADER + at + 1;
        let cookie = start..start + length;
        datagram.get(cookie.clone())?;
        Some(Self { record, number: u16::from_be_bytes([message[4], message[5]]), cookie })
    }
}

fn u24(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// The header of a record of the handshake with `length` bytes.
fn record(number: u64, length: usize) -> Vec<u8> {
    let mut record = vec![HANDSHAKE];
    record.extend(DTLS_1_2);
    record.extend([0, 0]);
    record.extend(&number.to_be_bytes()[2..]);
    record.extend((length as u16).to_be_bytes());
    record
}

/// The header of a message of `length` bytes in one piece.
fn message(kind: u8, length: usize, number: u16) -> [u8; MESSAGE_HEADER] {
    let [_, a, b, c] = (length as u32).to_be_bytes();
    let [high, low] = number.to_be_bytes();
    [kind, a, b, c, high, low, 0, 0, 0, a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIE: Cookie = [7; 20];

    fn hello(record_number: u64, number: u16, cookie: &[u8]) -> Vec<u8> {
        let mut body = DTLS_1_2.to_vec();
        body.extend([5; 32]);
        body.extend([2, 8, 8]);
        body.push(cookie.len() as u8);
        body.extend(cookie);
        body.extend([0, 2, 0xc0, 0x2b, 1, 0]);
        let mut datagram = record(record_number, MESSAGE_HEADER + body.len());
        datagram.extend(message(CLIENT_HELLO, body.len(), number));
        datagram.extend(body);
        datagram
    }

    #[test]
    fn the_client_is_asked_for_the_cookie_that_its_server_has_told() {
        let question = question(&hello(0, 0, &[]), &COOKIE).unwrap();
        assert_eq!(question[..RECORD_HEADER], [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 35]);
        assert_eq!(question[RECORD_HEADER..][..MESSAGE_HEADER], [3, 0, 0, 23, 0, 0, 0, 0, 0, 0, 0, 23]);
        assert_eq!(question[RECORD_HEADER + MESSAGE_HEADER..], [&[0xfe, 0xfd, 20][..], &COOKIE].concat());
        assert!(super::question(&hello(1, 1, &COOKIE), &COOKIE).is_none(), "it has the cookie");
    }

    #[test]
    fn the_server_is_greeted_without_the_cookie_first() {
        assert_eq!(greeting(&hello(1, 1, &COOKIE), &COOKIE), Some(hello(0, 0, &[])));
        assert_eq!(greeting(&hello(5, 1, &COOKIE), &COOKIE), Some(hello(4, 0, &[])));
        assert_eq!(greeting(&hello(1, 1, &[8; 20]), &COOKIE), None, "a cookie that is not ours");
        assert_eq!(greeting(&hello(0, 0, &[]), &COOKIE), None, "it asks as everybody does");
        assert_eq!(greeting(&hello(0, 1, &COOKIE), &COOKIE), None, "there is no record before it");
    }

    #[test]
    fn rubbish_is_no_greeting() {
        let whole = hello(1, 1, &COOKIE);
        for at in 0..whole.len() {
            assert_eq!(greeting(&whole[..at], &COOKIE), None, "{at}");
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                // It may be read as another greeting, and never reads what is not there.
                if let Some(greeting) = greeting(&changed, &COOKIE) {
                    assert_eq!(greeting.len() + COOKIE.len(), whole.len());
                }
            }
        }
    }
}
