use rtc::dtls::config::ConfigBuilder;
use rtc::dtls::crypto::Certificate;
use rtc::dtls::endpoint::{Endpoint, EndpointEvent};
use rtc::shared::TransportProtocol;

use super::*;

const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 1)), 4000);
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 2)), 5000);

/// One end: DTLS of the crate, behind our socket.
struct End {
    dtls: Endpoint,
    socket: Handshake,
    other: SocketAddr,
    complete: bool,
}

impl End {
    fn new(is_client: bool, cookie: Cookie, theirs: Option<Cookie>) -> Self {
        let shortcuts = Shortcuts::new(cookie, rtc::crypto::default_provider().unwrap());
        if let Some(cookie) = theirs {
            assert!(shortcuts.peer.set(Familiar { cookie, password: "a password of the peer".to_owned() }).is_ok());
        }
        let provider = Arc::clone(&shortcuts.provider);
        let certificate = Certificate::generate_self_signed(["fika".to_owned()], provider.crypto()).unwrap();
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![certificate])
            .with_insecure_skip_verify(true);
        let (local, other) = if is_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let config = Arc::new(config.build(is_client, Some(other)).unwrap());
        let mut dtls = Endpoint::new(local, TransportProtocol::UDP, (!is_client).then(|| Arc::clone(&config)));
        if is_client {
            dtls.connect(std::time::Instant::now(), other, config, None).unwrap();
        }
        Self { dtls, socket: Handshake::new(Arc::new(shortcuts), Arc::default()), other, complete: false }
    }

    fn read(&mut self, datagram: &[u8]) {
        let events = self.dtls.read(std::time::Instant::now(), self.other, None, datagram.into()).unwrap();
        self.complete |= events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete));
    }

    /// Reads what has arrived and all that is said here; returns what leaves.
    fn turn(&mut self, arrived: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let (now, mut leaves) = (Instant::now(), Vec::new());
        let context = Context::from_waker(Waker::noop());
        let mut arrived = VecDeque::from(arrived);
        loop {
            while let Some(transmit) = self.dtls.poll_transmit() {
                if self.socket.on_sending(self.other, &transmit.message, true, now) {
                    leaves.push(transmit.message.to_vec());
                }
            }
            let mut buf = [0; 2048];
            if let Some(meta) = self.socket.poll_words(&context, &mut buf) {
                self.read(&buf[..meta.len]);
            } else if let Some(datagram) = arrived.pop_front() {
                let first = self.socket.on_received(self.other, &datagram, now);
                self.read(&first.unwrap_or(datagram));
            } else {
                return leaves;
            }
        }
    }
}

/// After how many journeys from one to the other the client, and the server, have their keys.
fn journeys(client: &mut End, server: &mut End) -> (usize, usize) {
    let (mut at, mut done) = (client.turn(Vec::new()), (None, None));
    for journey in 1..20 {
        at = if journey % 2 == 1 { server.turn(at) } else { client.turn(at) };
        done.0 = done.0.or(client.complete.then_some(journey));
        done.1 = done.1.or(server.complete.then_some(journey));
    }
    (done.0.expect("the client has keys"), done.1.expect("the server has keys"))
}

#[test]
fn a_handshake_with_a_familiar_peer_takes_two_round_trips_and_with_a_stranger_three() {
    let (ours, theirs) = ([1; 20], [2; 20]);
    let mut client = End::new(true, ours, Some(theirs));
    let mut server = End::new(false, theirs, Some(ours));
    assert_eq!(journeys(&mut client, &mut server), (4, 3));
    // A browser has no cookie to tell.
    let mut client = End::new(true, ours, None);
    let mut server = End::new(false, theirs, None);
    assert_eq!(journeys(&mut client, &mut server), (6, 5));
}

#[test]
fn what_is_lost_of_the_greeting_is_repeated_by_the_client() {
    let (ours, theirs) = ([1; 20], [2; 20]);
    let mut client = End::new(true, ours, Some(theirs));
    let mut server = End::new(false, theirs, Some(ours));
    let lost = client.turn(Vec::new());
    assert_eq!(lost.len(), 1);
    // Twice, as the repetition of one that was only late.
    let answer = server.turn([lost.clone(), lost].concat());
    let last = client.turn(answer);
    server.turn(last);
    assert!(server.complete);
}

/// What strangers may send: a greeting, alone or inside of what a TURN server passes on, with bytes of it changed.
#[test]
fn whatever_arrives_costs_a_bounded_queue() {
    let (ours, theirs) = ([1; 20], [2; 20]);
    let mut client = End::new(true, ours, Some(theirs));
    let mut server = End::new(false, theirs, Some(ours));
    let greeting = client.turn(Vec::new()).remove(0);
    let channel = [&[64, 1, 0, greeting.len() as u8][..], &greeting].concat();
    let mut indication = vec![0, 0x17, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    indication.extend([0; 12]);
    indication.extend([0, 0x13, 0, greeting.len() as u8]);
    indication.extend(&greeting);
    let mut seed = 1u64;
    let mut random = |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % most as u64) as usize
    };
    let now = Instant::now();
    for _ in 0..50_000 {
        let mut datagram = [&greeting, &channel, &indication][random(3)].clone();
        for _ in 0..random(4) {
            let at = random(datagram.len());
            datagram[at] = random(256) as u8;
        }
        datagram.truncate(1 + random(datagram.len() + 20));
        if let Some(first) = server.socket.on_received(CLIENT, &datagram, now) {
            assert!(first.len() < datagram.len());
        }
        client.socket.on_sending(SERVER, &datagram, true, now);
        client.socket.on_sent(SERVER, &datagram, now);
        assert!(server.socket.words.len() <= MAX_WORDS && client.socket.words.len() <= MAX_WORDS);
    }
    assert_eq!(server.socket.words.len(), MAX_WORDS, "whole ones are among them");
}
