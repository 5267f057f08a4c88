//! STUN messages and ChannelData of a TURN server on a stream (RFC 8656 section 3.1, RFC 8489 section 6.2.2): each says its own
//! length, and ChannelData is padded to four bytes.
//!
//! Plain values. What the server sends is a stranger's: at most one message and one read are kept, a message longer than any
//! datagram of ours is passed over without being kept, and what is no message ends the stream.

use bytes::{Buf as _, Bytes, BytesMut};

/// Longest message that is handed on; the WebRTC stack reads no longer datagram. Whoever may send to our relay can make the
/// server send longer ones, so these do no harm.
pub const MAX_MESSAGE: usize = 2000;
const STUN_HEADER: usize = 20;
const CHANNEL_HEADER: usize = 4;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// The server does not speak TURN: close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what comes is not TURN")]
pub struct NotTurn;

/// Cuts what is read into messages.
#[derive(Debug, Default)]
pub struct Splitter {
    kept: BytesMut,
    /// Bytes of a long message that are still to come.
    skip: usize,
}

impl Splitter {
    /// Takes what was read. Call [`Self::message`] until there is none before the next time.
    pub fn push(&mut self, read: &[u8]) {
        let skipped = self.skip.min(read.len());
        self.skip -= skipped;
        self.kept.extend_from_slice(&read[skipped..]);
    }

    /// The next whole message, as it would have come in a datagram.
    pub fn message(&mut self) -> Result<Option<Bytes>, NotTurn> {
        while let Some((length, padded)) = lengths(&self.kept)? {
            if length > MAX_MESSAGE {
                let here = padded.min(self.kept.len());
                self.kept.advance(here);
                self.skip = padded - here;
                if self.skip > 0 {
                    return Ok(None);
                }
                continue;
            }
            if self.kept.len() < padded {
                return Ok(None);
            }
            let mut message = self.kept.split_to(padded);
            message.truncate(length);
            return Ok(Some(message.freeze()));
        }
        Ok(None)
    }

    /// Bytes that wait for the rest of their message.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }
}

/// A datagram for a TURN server as it goes into the stream, behind what is there. `false`: it is none, and is left out.
pub fn frame(datagram: &[u8], stream: &mut Vec<u8>) -> bool {
    let Ok(Some((length, padded))) = lengths(datagram) else { return false };
    let Some(message) = datagram.get(..length) else { return false };
    stream.extend_from_slice(message);
    stream.resize(stream.len() + padded - length, 0);
    true
}

/// Bytes of the message that begins here, without and with what pads it. `None`: too little to say.
fn lengths(message: &[u8]) -> Result<Option<(usize, usize)>, NotTurn> {
    let Some([first, _, high, low]) = message.first_chunk::<4>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    match first {
        0..=63 if length % 4 == 0 => match message.get(4..8) {
            Some(cookie) if cookie == MAGIC_COOKIE => Ok(Some((STUN_HEADER + length, STUN_HEADER + length))),
            Some(_) => Err(NotTurn),
            None => Ok(None),
        },
        // Channel numbers 0x4000 to 0x4fff.
        64..=79 => {
            let length = CHANNEL_HEADER + length;
            Ok(Some((length, length.next_multiple_of(4))))
        }
        _ => Err(NotTurn),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stun(payload: usize) -> Vec<u8> {
        let mut message = vec![0, 1];
        message.extend((payload as u16).to_be_bytes());
        message.extend(MAGIC_COOKIE);
        message.resize(STUN_HEADER + payload, 7);
        message
    }

    fn channel_data(payload: usize) -> Vec<u8> {
        let mut message = vec![0x40, 3];
        message.extend((payload as u16).to_be_bytes());
        message.resize(CHANNEL_HEADER + payload, 9);
        message
    }

    /// What comes out when the stream arrives in pieces of these sizes, over and over.
    fn split(stream: &[u8], pieces: &[usize]) -> Result<Vec<Bytes>, NotTurn> {
        let (mut splitter, mut rest, mut messages) = (Splitter::default(), stream, Vec::new());
        for size in pieces.iter().cycle() {
            let (piece, tail) = rest.split_at((*size).min(rest.len()));
            splitter.push(piece);
            while let Some(message) = splitter.message()? {
                messages.push(message);
            }
            assert!(splitter.kept() <= MAX_MESSAGE + 3, "{} are kept", splitter.kept());
            rest = tail;
            if rest.is_empty() {
                return Ok(messages);
            }
        }
        Ok(messages)
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out_however_it_is_cut(
            messages in prop::collection::vec((any::<bool>(), 0usize..500), 1..20),
            pieces in prop::collection::vec(1usize..900, 1..8),
        ) {
            let messages: Vec<Vec<u8>> = messages
                .into_iter()
                .map(|(is_stun, payload)| if is_stun { stun(payload / 4 * 4) } else { channel_data(payload) })
                .collect();
            let mut stream = Vec::new();
            for message in &messages {
                prop_assert!(frame(message, &mut stream));
                prop_assert_eq!(stream.len() % 4, 0);
            }
            prop_assert_eq!(split(&stream, &pieces).unwrap(), messages);
        }
    }

    #[test]
    fn long_messages_are_passed_over() {
        let mut stream = Vec::new();
        for message in [stun(0), channel_data(65_535), channel_data(MAX_MESSAGE - 3), stun(65_532), channel_data(5)] {
            assert!(frame(&message, &mut stream));
        }
        for pieces in [&[1][..], &[1500], &[70_000], &[200_000]] {
            assert_eq!(split(&stream, pieces).unwrap(), [stun(0), channel_data(5)]);
        }
    }

    #[test]
    fn what_is_not_turn_ends_the_stream() {
        assert_eq!(split(b"SSH-2.0-OpenSSH_9.2\r\n", &[5]), Err(NotTurn));
        assert_eq!(split(&[0x16, 3, 3, 0], &[4]).map(|messages| messages.len()), Ok(0));
        assert_eq!(split(&[0x16, 3, 3, 0, 1, 2, 3, 4], &[8]), Err(NotTurn), "TLS");
        let mut odd = stun(4);
        odd[3] = 5;
        assert_eq!(split(&odd, &[100]), Err(NotTurn));
        assert_eq!(split(&[0x80; 12], &[12]), Err(NotTurn), "RTP");
    }

    #[test]
    fn only_turn_goes_into_the_stream() {
        let mut stream = Vec::new();
        assert!(!frame(&[0x80; 40], &mut stream) && !frame(&[22, 254], &mut stream) && stream.is_empty());
        assert!(!frame(&channel_data(8)[..7], &mut stream), "cut off");
        let mut padded = channel_data(5);
        padded.extend([1, 2, 3]);
        assert!(frame(&padded, &mut stream));
        assert_eq!(stream[9..], [0, 0, 0], "the stack's own padding is replaced");
    }
}
