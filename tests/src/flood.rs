//! A stranger who sends DTLS ClientHello messages and RTP packets to every UDP socket that a program has, from an address that
//! takes no part in the call.
//!
//! The thread `flood` sends and looks for new sockets now and then; it ends with its [`Flood`].

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Messages to each socket, one after the other, before new ones are looked for.
const ROUND: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

pub struct Flood {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    /// From `socket` to `victim`, on whose computer the process `pid` sees the sockets in its network.
    pub fn start(socket: UdpSocket, victim: IpAddr, pid: u32) -> std::io::Result<Self> {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ours, count) = (stop.clone(), sent.clone());
        let thread = std::thread::Builder::new().name("flood".into()).spawn(move || {
            let mut number = 0;
            while !ours.load(Ordering::Relaxed) {
                for port in ports(&fs::read_to_string(format!("/proc/{pid}/net/udp")).unwrap_or_default()) {
                    for _ in 0..ROUND {
                        number += 1;
                        for message in [client_hello(number), rtp(number)] {
                            // A full queue is a flood too.
                            if socket.send_to(&message, SocketAddr::new(victim, port)).is_ok() {
                                count.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                }
                std::thread::sleep(PAUSE);
            }
        })?;
        Ok(Self { stop, sent, thread: Some(thread) })
    }

    /// Messages so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The local ports in the text of `/proc/net/udp`.
fn ports(text: &str) -> Vec<u16> {
    let local = text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)?.rsplit_once(':'));
    local.filter_map(|(_, port)| u16::from_str_radix(port, 16).ok()).collect()
}

/// The first message of a DTLS 1.2 handshake (RFC 6347, section 4.2) with the suites, curves and SRTP profile of WebRTC.
fn client_hello(number: u64) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend((0..4).flat_map(|part: u64| (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ part).to_be_bytes()));
    // No session, no cookie, two suites, no compression.
    body.extend([0, 0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    let extensions: [&[u8]; 4] = [
        // x25519, secp256r1; uncompressed points; ECDSA and RSA with SHA-256; SRTP_AES128_CM_HMAC_SHA1_80.
        &[0, 10, 0, 6, 0, 4, 0, 29, 0, 23],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 6, 0, 4, 4, 3, 4, 1],
        &[0, 14, 0, 5, 0, 2, 0, 1, 0],
    ];
    let extensions = extensions.concat();
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let length = |count: usize| (count as u32).to_be_bytes();
    // ClientHello, the first message, in one piece.
    let mut message = vec![1];
    message.extend(&length(body.len())[1..]);
    message.extend([0; 5]);
    message.extend(&length(body.len())[1..]);
    message.extend(body);
    // Handshake, DTLS 1.0 as first messages have it, epoch 0.
    let mut record = vec![22, 0xfe, 0xff, 0, 0];
    record.extend(&number.to_be_bytes()[2..]);
    record.extend((message.len() as u16).to_be_bytes());
    record.extend(message);
    record
}

/// A packet as of Opus (RFC 3550, section 5.1), with no protection that anybody could check.
fn rtp(number: u64) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend((number as u16).to_be_bytes());
    packet.extend((number as u32).wrapping_mul(960).to_be_bytes());
    packet.extend(0xf1ca_f1ca_u32.to_be_bytes());
    packet.extend([0x5a; 80]);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_found_by_their_ports() {
        let text =
            "  sl  local_address rem_address   st\n  12: 0100007F:1F90 00000000:0000 07\n  13: 00000000:0035 0:0 07\n";
        assert_eq!(ports(text), [8080, 53]);
    }

    #[test]
    fn lengths_of_a_hello_fit_its_parts() {
        let hello = client_hello(7);
        assert_eq!(u16::from_be_bytes([hello[11], hello[12]]) as usize, hello.len() - 13);
        assert_eq!(hello[14..17], hello[22..25], "in one piece");
        assert_eq!(u32::from_be_bytes([0, hello[14], hello[15], hello[16]]) as usize, hello.len() - 25);
        assert_ne!(hello, client_hello(8));
    }
}
