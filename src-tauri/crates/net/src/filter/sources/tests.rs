use super::*;

fn stun_message(kind: u16, transaction: u8, username: bool) -> Vec<u8> {
    let mut message = kind.to_be_bytes().to_vec();
    message.extend([0, if username { 8 } else { 0 }, 0x21, 0x12, 0xa4, 0x42]);
    message.extend([transaction; 12]);
    if username {
        message.extend([0, 6, 0, 3, b'a', b':', b'b', 0]);
    }
    message
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 168, 1, 7], port))
}

fn meta(source: SocketAddr) -> RecvMeta {
    let mut meta = RecvMeta::default();
    (meta.len, meta.stride, meta.addr) = (4, 4, source);
    meta
}

const DTLS: [u8; 4] = [22, 0xfe, 0xfd, 0];
const RTP: [u8; 4] = [0x80, 96, 0, 1];

#[test]
fn media_passes_only_after_an_answered_check() {
    let mut sources = Sources::default();
    let peer = address(5000);
    assert!(!sources.allows(peer, &DTLS));
    let (transaction, kind) = stun::request(&stun_message(1, 7, true)).unwrap();
    sources.on_request(peer, transaction, kind);
    assert!(!sources.allows(peer, &DTLS), "not answered yet");
    assert!(sources.allows(peer, &stun_message(0x0101, 7, false)));
    assert!(sources.allows(peer, &DTLS) && sources.allows(peer, &RTP));
    assert!(!sources.allows(address(5001), &DTLS), "another port of the same host");
}

#[test]
fn answers_of_strangers_open_nothing() {
    let mut sources = Sources::default();
    let (peer, stranger) = (address(5000), address(6000));
    sources.on_request(peer, [7; 12], stun::Kind::Check);
    assert!(sources.allows(stranger, &stun_message(0x0101, 7, false)), "STUN itself is the agent's business");
    assert!(!sources.allows(stranger, &RTP));
    sources.allows(peer, &stun_message(0x0101, 8, false));
    assert!(!sources.allows(peer, &RTP), "a transaction that we did not begin");
}

#[test]
fn a_turn_server_sends_channel_data_and_nothing_else() {
    let mut sources = Sources::default();
    let server = address(3478);
    let channel_data = [0x40, 0, 0, 1];
    assert!(!sources.allows(server, &channel_data));
    let (transaction, kind) = stun::request(&stun_message(3, 9, false)).unwrap();
    sources.on_request(server, transaction, kind);
    sources.allows(server, &stun_message(0x0103, 9, false));
    assert!(sources.allows(server, &channel_data));
    assert!(!sources.allows(server, &DTLS));
}

#[test]
fn a_question_for_our_own_address_lets_nobody_in() {
    assert!(stun::request(&stun_message(1, 7, false)).is_none());
    assert!(stun::request(&[]).is_none());
    assert!(stun::request(&RTP).is_none());
}

#[test]
fn tables_are_bounded() {
    let mut sources = Sources::default();
    for port in 0..10_000u16 {
        let mut transaction = [0; 12];
        transaction[..2].copy_from_slice(&port.to_be_bytes());
        sources.on_request(address(port), transaction, stun::Kind::Check);
        let mut answer = stun_message(0x0101, 0, false);
        answer[8..20].copy_from_slice(&transaction);
        if port.is_multiple_of(2) {
            sources.allows(address(port), &answer);
        }
    }
    assert!(sources.checks.len() <= MAX_CHECKS && sources.allowed.len() <= MAX_SOURCES);
}

#[test]
fn coalesced_datagrams_are_judged_one_by_one() {
    let mut sources = Sources::default();
    let (good, bad) = (address(1), address(2));
    sources.allowed.insert(good, stun::Kind::Check);
    let stun = stun_message(0x0101, 1, false);
    let mut first = RTP.repeat(5);
    let mut second = [RTP.repeat(5), stun.clone()].concat();
    let mut third = RTP.repeat(5);
    let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second), IoSliceMut::new(&mut third)];
    let mut meta = [RecvMeta::default(); 3];
    for (meta, (len, addr)) in meta.iter_mut().zip([(20, bad), (40, bad), (20, good)]) {
        (meta.len, meta.stride, meta.addr) = (len, 20, addr);
    }
    assert_eq!(keep_allowed(&mut sources, &mut bufs, &mut meta), 2);
    assert_eq!((meta[0].len, meta[0].addr, &bufs[0][..20]), (20, bad, &stun[..]));
    assert_eq!((meta[1].len, meta[1].addr, &bufs[1][..20]), (20, good, &RTP.repeat(5)[..]));
}

#[test]
fn what_comes_a_moment_before_the_answer_is_handed_on_with_it() {
    let mut sources = Sources::default();
    let (peer, stranger) = (address(5000), address(6000));
    sources.on_request(peer, [7; 12], stun::Kind::Check);
    for (source, datagram) in [(stranger, &DTLS[..]), (peer, &DTLS[..]), (peer, &RTP[..])] {
        let mut data = datagram.to_vec();
        assert_eq!(keep_segments(&mut sources, &mut data, &meta(source)), 0);
    }
    assert!(sources.release(1500).is_none(), "not answered yet");
    sources.allows(peer, &stun_message(0x0101, 7, false));
    let mut next = || sources.release(1500).map(|(data, meta)| (data, meta.len, meta.addr));
    assert_eq!(next(), Some((DTLS.to_vec(), 4, peer)));
    assert_eq!(next(), Some((RTP.to_vec(), 4, peer)));
    assert_eq!(next(), None, "the stranger has answered nothing");
}

#[test]
fn no_more_is_held_than_a_handshake_needs() {
    let mut sources = Sources::default();
    let peer = address(5000);
    sources.on_request(peer, [7; 12], stun::Kind::Check);
    (0..100u8).for_each(|number| sources.hold(&[22, number], &meta(peer)));
    sources.hold(&[22; MAX_HELD_BYTES + 1], &meta(peer));
    sources.allows(peer, &stun_message(0x0101, 7, false));
    let numbers: Vec<u8> = std::iter::from_fn(|| sources.release(1500)).map(|(data, _)| data[1]).collect();
    assert_eq!(numbers, (92..100).collect::<Vec<_>>());
}

#[test]
fn checks_of_a_pair_are_thinned_out_until_its_peer_is_heard() {
    let mut sources = Sources::default();
    let begin = Instant::now();
    let pair = |from: u16, to: u16, through: &[u8]| Pair {
        from: (Some(address(from)), None),
        to: address(to),
        through: through.to_vec(),
    };
    let sent = |sources: &mut Sources, pair: &Pair, from: u64, to: u64| {
        let at = |at| begin + Duration::from_millis(at);
        (from..to).step_by(10).filter(|ms| sources.may_check(pair.clone(), at(*ms))).count()
    };
    let first = pair(1, 5000, &[]);
    assert_eq!(sent(&mut sources, &first, 0, 500), 10);
    assert_eq!(sent(&mut sources, &pair(1, 5001, &[]), 490, 500), 1, "another address of the peer");
    assert_eq!(sent(&mut sources, &pair(2, 5000, &[]), 490, 500), 1, "from another socket of ours");
    assert_eq!(sent(&mut sources, &pair(1, 5000, &[64, 1]), 490, 500), 1, "through a TURN server");
    assert_eq!(sent(&mut sources, &first, 490, 500), 0);
    sources.on_checked(address(5000));
    assert_eq!(sent(&mut sources, &first, 490, 500), 1, "the answer to a check is not waited for");
    let checked = (0..10_000u16).filter(|port| sources.may_check(pair(1, *port, &[]), begin)).count();
    assert!(checked > MAX_CHECKED);
    assert!(sources.checked.len() <= MAX_CHECKED);
}
