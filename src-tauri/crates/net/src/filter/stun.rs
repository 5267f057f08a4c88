//! As much of STUN (RFC 8489) as the filter needs. Bytes are a stranger's: every length is checked.

/// Transaction id of 96 bits; who does not see our request cannot guess it.
pub(super) type Transaction = [u8; 12];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Connectivity check of ICE: a binding request with a user name.
    Check,
    /// Question for our address, or for one at a TURN server.
    Allocate,
}

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const ALLOCATE_REQUEST: u16 = 0x0003;
const BINDING_SUCCESS: u16 = 0x0101;
const ALLOCATE_SUCCESS: u16 = 0x0103;
const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;

/// A request, and why it is sent. `None`: something else, or a question for our own address.
pub(super) fn request(message: &[u8]) -> Option<(Transaction, Kind)> {
    let (kind, transaction) = header(message)?;
    match kind {
        BINDING_REQUEST if has_attribute(&message[HEADER..], USERNAME) => Some((transaction, Kind::Check)),
        ALLOCATE_REQUEST => Some((transaction, Kind::Allocate)),
        _ => None,
    }
}

/// A connectivity check, sent or received.
pub(super) fn is_check(message: &[u8]) -> bool {
    matches!(request(message), Some((_, Kind::Check)))
}

/// A request that nominates its path.
pub(super) fn nomination(message: &[u8]) -> Option<Transaction> {
    let (kind, transaction) = header(message)?;
    (kind == BINDING_REQUEST && has_attribute(&message[HEADER..], USE_CANDIDATE)).then_some(transaction)
}

/// The transaction that a success response answers.
pub(super) fn success(message: &[u8]) -> Option<Transaction> {
    let (kind, transaction) = header(message)?;
    matches!(kind, BINDING_SUCCESS | ALLOCATE_SUCCESS).then_some(transaction)
}

fn header(message: &[u8]) -> Option<(u16, Transaction)> {
    let header = message.first_chunk::<HEADER>()?;
    (header[4..8] == MAGIC_COOKIE).then(|| {
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&header[8..]);
        (u16::from_be_bytes([header[0], header[1]]), transaction)
    })
}

fn has_attribute(mut attributes: &[u8], wanted: u16) -> bool {
    while let Some(([a, b, c, d], rest)) = attributes.split_first_chunk::<4>() {
        if u16::from_be_bytes([*a, *b]) == wanted {
            return true;
        }
        let length = usize::from(u16::from_be_bytes([*c, *d])).next_multiple_of(4);
        match rest.get(length..) {
            Some(rest) => attributes = rest,
            None => return false,
        }
    }
    false
}
