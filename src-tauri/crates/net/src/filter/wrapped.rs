//! What comes through a TURN server (RFC 8656): another datagram inside of one. Bytes are a stranger's: every length is checked.

use std::ops::Range;

const CHANNEL_HEADER: usize = 4;
const STUN_HEADER: usize = 20;
/// To the peer, and from it.
const SEND_INDICATION: [u8; 2] = [0x00, 0x16];
const DATA_INDICATION: [u8; 2] = [0x00, 0x17];
const DATA: [u8; 2] = [0x00, 0x13];
const XOR_PEER_ADDRESS: [u8; 2] = [0x00, 0x12];

/// Where in `datagram` the one is that goes from one peer to the other; all of it, if it goes through no TURN server.
pub(super) fn inner(datagram: &[u8]) -> Option<Range<usize>> {
    match datagram {
        // ChannelData, which may be padded on a stream.
        [64..=79, _, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            (length <= rest.len()).then_some(CHANNEL_HEADER..CHANNEL_HEADER + length)
        }
        [a, b, ..] if matches!([*a, *b], SEND_INDICATION | DATA_INDICATION) => attribute(datagram, DATA),
        _ => Some(0..datagram.len()),
    }
}

/// Whom a TURN server passes it on to, in its own words: number of the channel, or address.
pub(super) fn peer(datagram: &[u8]) -> Option<&[u8]> {
    match datagram {
        [64..=79, ..] => datagram.get(..2),
        [a, b, ..] if [*a, *b] == SEND_INDICATION => attribute(datagram, XOR_PEER_ADDRESS).map(|at| &datagram[at]),
        _ => None,
    }
}

fn attribute(message: &[u8], wanted: [u8; 2]) -> Option<Range<usize>> {
    let mut at = STUN_HEADER;
    while let Some([a, b, c, d]) = message.get(at..)?.first_chunk::<4>() {
        let (start, length) = (at + 4, usize::from(u16::from_be_bytes([*c, *d])));
        if [*a, *b] == wanted {
            return (start + length <= message.len()).then_some(start..start + length);
        }
        at = start + length.next_multiple_of(4);
    }
    None
}

/// What comes from the peer, with `other` in the place of what [`inner`] has found in what came from it or went to it.
pub(super) fn with(datagram: &[u8], inner: &Range<usize>, other: &[u8]) -> Vec<u8> {
    let mut wrapped = datagram[..inner.start].to_vec();
    wrapped.extend(other);
    if let Some(at) = inner.start.checked_sub(2) {
        wrapped[at..inner.start].copy_from_slice(&(other.len() as u16).to_be_bytes());
    }
    if inner.start > CHANNEL_HEADER {
        // An attribute ends on four bytes, and the message counts what follows its header.
        wrapped.resize(wrapped.len().next_multiple_of(4), 0);
        wrapped.extend(datagram.get(inner.end.next_multiple_of(4)..).unwrap_or_default());
        let length = (wrapped.len() - STUN_HEADER) as u16;
        wrapped[2..4].copy_from_slice(&length.to_be_bytes());
        wrapped[..2].copy_from_slice(&DATA_INDICATION);
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XOR-PEER-ADDRESS, DATA, and an attribute that nobody knows.
    fn indication(data: &[u8]) -> Vec<u8> {
        let mut message = [&[0x00, 0x17, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[9; 12]].concat();
        message.extend([0, 0x12, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 0, 0x13, 0, data.len() as u8]);
        message.extend(data);
        message.resize(message.len().next_multiple_of(4), 0);
        message.extend([0x80, 0x22, 0, 1, 5, 0, 0, 0]);
        message[3] = (message.len() - STUN_HEADER) as u8;
        message
    }

    #[test]
    fn what_is_inside_is_found_and_put_in_again() {
        for (outer, shorter) in [
            (vec![1, 2, 3, 4, 5, 6, 7], vec![9, 9, 9]),
            (vec![64, 1, 0, 7, 1, 2, 3, 4, 5, 6, 7], vec![64, 1, 0, 3, 9, 9, 9]),
            (indication(&[1, 2, 3, 4, 5, 6, 7]), indication(&[9, 9, 9])),
        ] {
            let at = inner(&outer).unwrap();
            assert_eq!(outer[at.clone()], [1, 2, 3, 4, 5, 6, 7]);
            assert_eq!(with(&outer, &at, &[9, 9, 9]), shorter);
        }
    }

    #[test]
    fn an_answer_comes_the_way_that_the_question_went() {
        let mut question = indication(&[1, 2, 3]);
        question[1] = 0x16;
        let at = inner(&question).unwrap();
        assert_eq!(with(&question, &at, &[9; 7]), indication(&[9; 7]));
        assert_eq!(peer(&question), Some(&[0, 1, 2, 3, 4, 5, 6, 7][..]));
        assert_eq!(peer(&[64, 1, 0, 0]), Some(&[64, 1][..]));
        assert_eq!(peer(&[0, 1, 0, 0]), None);
    }

    #[test]
    fn rubbish_has_nothing_inside() {
        let whole = indication(&[1; 30]);
        assert!((0..52).all(|length| inner(&whole[..length]).is_none_or(|at| at.end <= length)));
        assert_eq!(inner(&[64, 1, 0, 7, 1, 2]), None);
        assert_eq!(inner(&[]), Some(0..0));
    }
}
