//! What a packet on a path is, by its first bytes. Pure.

/// Whose packet it is: the port that it comes from, of UDP or TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    Udp(u16),
    Tcp(u16),
    Other,
}

impl Flow {
    pub(super) fn of(packet: &[u8]) -> Self {
        let Some((protocol, body)) = body(packet) else { return Self::Other };
        match (protocol, body) {
            (UDP, [high, low, ..]) => Self::Udp(u16::from_be_bytes([*high, *low])),
            (TCP, [high, low, ..]) => Self::Tcp(u16::from_be_bytes([*high, *low])),
            _ => Self::Other,
        }
    }

    pub(super) const fn is_udp(self) -> bool {
        matches!(self, Self::Udp(_))
    }
}

const UDP: u8 = 17;
const TCP: u8 = 6;

/// A datagram whose first byte is that of RTP or RTCP (RFC 7983 section 7).
pub(super) fn is_rtp(packet: &[u8]) -> bool {
    body(packet)
        .is_some_and(|(protocol, body)| protocol == UDP && body.get(8).is_some_and(|first| (128..192).contains(first)))
}

/// The protocol, and what follows the header of IPv4.
fn body(packet: &[u8]) -> Option<(u8, &[u8])> {
    let first = packet.first().filter(|first| *first >> 4 == 4)?;
    Some((*packet.get(9)?, packet.get(usize::from(first & 15) * 4..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(protocol: u8, first: u8) -> Vec<u8> {
        let mut packet = vec![0x45; 1];
        packet.resize(40, 0);
        (packet[9], packet[21], packet[28]) = (protocol, 7, first);
        packet
    }

    #[test]
    fn media_is_told_from_everything_else() {
        assert!(is_rtp(&packet(UDP, 0x80)) && is_rtp(&packet(UDP, 0xbf)));
        assert!(!is_rtp(&packet(UDP, 22)) && !is_rtp(&packet(UDP, 0)) && !is_rtp(&packet(TCP, 0x80)));
        assert!(!is_rtp(&[]) && !is_rtp(&[0x60; 60]) && !is_rtp(&packet(UDP, 0x80)[..28]));
    }

    #[test]
    fn flows_have_the_port_of_who_sends() {
        assert_eq!(Flow::of(&packet(UDP, 0x80)), Flow::Udp(7));
        assert_eq!(Flow::of(&packet(TCP, 0)), Flow::Tcp(7));
        assert_eq!([Flow::of(&packet(1, 0)), Flow::of(&[0x45])], [Flow::Other; 2]);
    }
}
