//! Retransmission payload format (RFC 4588): the original sequence number, then the original payload.

use bytes::{BufMut, Bytes, BytesMut};

pub fn wrap(sequence: u16, payload: &[u8]) -> Bytes {
    let mut wrapped = BytesMut::with_capacity(2 + payload.len());
    wrapped.put_u16(sequence);
    wrapped.put_slice(payload);
    wrapped.freeze()
}

/// `None`: padding that probes for bandwidth.
pub fn unwrap(payload: &Bytes) -> Option<(u16, Bytes)> {
    let sequence = payload.first_chunk::<2>()?;
    (payload.len() > 2).then(|| (u16::from_be_bytes(*sequence), payload.slice(2..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_padding() {
        assert_eq!(unwrap(&wrap(0xabcd, b"payload")), Some((0xabcd, Bytes::from_static(b"payload"))));
        assert_eq!(unwrap(&Bytes::new()), None);
        assert_eq!(unwrap(&Bytes::from_static(&[1])), None);
        assert_eq!(unwrap(&Bytes::from_static(&[1, 2])), None);
    }
}
