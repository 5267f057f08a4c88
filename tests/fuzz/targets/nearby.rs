//! What anybody on the local network says by multicast DNS.
#![no_main]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::LazyLock;
use std::time::Instant;

use fika_call::identity::IdentityKey;
use fika_call::ring::nearby::{self, Looker, Network, Publisher};

const KEY: IdentityKey = IdentityKey([7; 32]);
const DAY: u64 = 20_000;
const US: Network = Network { address: Ipv4Addr::new(192, 168, 1, 5), prefix: 24 };
const THEM: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 9), 5353);

static NOW: LazyLock<Instant> = LazyLock::new(Instant::now);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let found = Looker::new(&KEY, US, DAY * 24 * 60 * 60, *NOW).handle_packet(data, THEM);
    assert!(found.is_none_or(|place| place.ip() == THEM.ip() && place.port() >= 1024));
    let mut publisher = Publisher::new(nearby::name(&KEY, DAY), 7420, US, *NOW);
    while let Some(at) = publisher.poll_timeout() {
        publisher.poll_packet(at);
    }
    publisher.handle_packet(data, THEM, *NOW);
    assert!(found.is_none() || publisher.poll_timeout().is_none(), "a question or an answer");
});
