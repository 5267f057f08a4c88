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
