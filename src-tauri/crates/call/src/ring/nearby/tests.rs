use proptest::prelude::*;

use super::*;

const KEY: IdentityKey = IdentityKey([7; 32]);
const NOON: u64 = 20_000 * DAY + DAY / 2;
const HOME: Network = Network { address: Ipv4Addr::new(192, 168, 1, 5), prefix: 24 };
/// Whom the packets of a neighbour come from.
const NEIGHBOUR: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 9), 5353);

fn answer_of(key: &IdentityKey, day: u64, address: SocketAddrV4) -> Vec<u8> {
    message::answer(&message::Place { name: name(key, day), address }, message::TTL)
}

fn place(last: u8, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, last), port)
}

#[test]
fn a_name_is_as_the_protocol_says() {
    // Computed by another program; the first is the known answer in docs/protocol.md.
    assert_eq!(name(&KEY, 20_000), "4149aaacded8747df73f9d8b9098f285");
    assert_eq!(name(&KEY, 20_001), "aeea3e0c2d0967fa58f7a63398b5045b");
    assert_eq!(name(&IdentityKey([8; 32]), 20_000), "cd454627429d4fda5dd6d555c236db92");
}

#[test]
fn a_day_ends_when_the_next_begins() {
    assert_eq!((day(NOON), rest_of_day(NOON)), (20_000, Duration::from_secs(DAY / 2)));
    assert_eq!((day(DAY), rest_of_day(DAY)), (1, Duration::from_secs(DAY)));
    assert_eq!((day(DAY - 1), rest_of_day(DAY - 1)), (0, Duration::from_secs(1)));
}

#[test]
fn somebody_is_found_with_clocks_that_differ_by_a_day() {
    let at = place(9, 7420);
    for (day, found) in [(19_998, None), (19_999, Some(at)), (20_000, Some(at)), (20_001, Some(at)), (20_002, None)] {
        let mut looker = Looker::new(&KEY, HOME, NOON, Instant::now());
        assert_eq!(looker.handle_packet(&answer_of(&KEY, day, at), NEIGHBOUR), found, "{day}");
    }
    let mut stranger = Looker::new(&IdentityKey([8; 32]), HOME, NOON, Instant::now());
    assert_eq!(stranger.handle_packet(&answer_of(&KEY, 20_000, at), NEIGHBOUR), None, "without the key it is nobody");
}

#[test]
fn a_question_is_asked_thrice_and_then_it_is_over() {
    let began = Instant::now();
    let mut looker = Looker::new(&KEY, HOME, NOON, began);
    let (mut now, mut asked) = (began, Vec::new());
    while let Some(at) = looker.poll_timeout(now) {
        now = at;
        asked.extend(looker.poll_packet(now).map(|packet| (now - began, packet)));
        assert_eq!(looker.poll_packet(now), None);
    }
    assert_eq!(asked.iter().map(|(at, _)| *at).collect::<Vec<_>>(), ASKED);
    assert_eq!(now, began + LOOK);
    // Nothing in it says whom it is about.
    assert!(asked.iter().all(|(_, packet)| *packet == message::question()));
}

#[test]
fn only_a_neighbour_that_speaks_for_itself_is_believed() {
    let look =
        |answer: &[u8], from: SocketAddrV4| Looker::new(&KEY, HOME, NOON, Instant::now()).handle_packet(answer, from);
    let of = |at| answer_of(&KEY, 20_000, at);
    assert_eq!(look(&of(place(9, 7420)), NEIGHBOUR), Some(place(9, 7420)));
    assert_eq!(look(&of(place(9, 7420)), place(9, 40_000)), None, "from a port that is not the one");
    assert_eq!(look(&of(place(1, 7420)), NEIGHBOUR), None, "for somebody else");
    assert_eq!(look(&of(place(9, 80)), NEIGHBOUR), None, "a port of the system");
    for far in ["203.0.113.9", "192.168.2.9", "127.0.0.1", "224.0.0.251", "192.168.1.0", "192.168.1.255", "0.0.0.0"] {
        let far = SocketAddrV4::new(far.parse().unwrap(), 5353);
        assert_eq!(look(&of(SocketAddrV4::new(*far.ip(), 7420)), far), None, "{far}");
    }
    // A network of public addresses is none that we speak in.
    let public = Network { address: Ipv4Addr::new(203, 0, 113, 5), prefix: 24 };
    assert!(!public.has(Ipv4Addr::new(203, 0, 113, 9)));
    let own = Network { address: Ipv4Addr::new(169, 254, 3, 4), prefix: 16 };
    assert!(own.has(Ipv4Addr::new(169, 254, 77, 1)) && !own.has(Ipv4Addr::new(192, 168, 1, 1)));
    for prefix in [0, 31, 32, 200] {
        assert!(Network { prefix, ..HOME }.has(HOME.address));
    }
}

#[test]
fn whoever_floods_with_answers_is_heard_once_and_few_are_in_all() {
    let mut looker = Looker::new(&KEY, HOME, NOON, Instant::now());
    let mut found = Vec::new();
    for (last, port) in (10..30).flat_map(|last| (7000..7010).map(move |port| (last, port))) {
        let answer = answer_of(&KEY, 20_000, place(last, port));
        found.extend(looker.handle_packet(&answer, place(last, 5353)));
    }
    assert_eq!(found, [place(10, 7000), place(11, 7000), place(12, 7000), place(13, 7000)]);
}

fn publisher(now: Instant) -> Publisher {
    Publisher::new(name(&KEY, 20_000), 7420, HOME, now)
}

#[test]
fn it_is_told_twice_unasked_and_then_once_a_second_at_most() {
    let began = Instant::now();
    let mut publisher = publisher(began);
    let answer = answer_of(&KEY, 20_000, place(5, 7420));
    assert_eq!(publisher.poll_packet(began), Some(answer.clone()));
    assert_eq!(publisher.poll_packet(began), None);
    assert_eq!(publisher.poll_timeout(), Some(began + PAUSE));
    assert_eq!(publisher.poll_packet(began + PAUSE), Some(answer.clone()));
    assert_eq!(publisher.poll_timeout(), None, "then it is silent");
    let later = began + PAUSE * 100;
    for _ in 0..1000 {
        publisher.handle_packet(&message::question(), NEIGHBOUR, later);
    }
    assert_eq!(publisher.poll_packet(later), Some(answer.clone()));
    publisher.handle_packet(&message::question(), NEIGHBOUR, later);
    assert_eq!(publisher.poll_packet(later), None);
    assert_eq!(publisher.poll_timeout(), Some(later + PAUSE), "whoever asks now is answered then");
    assert_eq!(publisher.poll_packet(later + PAUSE), Some(answer));
}

#[test]
fn questions_of_others_and_from_afar_are_not_answered() {
    let began = Instant::now();
    let mut publisher = publisher(began);
    while let Some(at) = publisher.poll_timeout() {
        publisher.poll_packet(at);
    }
    let mut other = message::question();
    let at = other.windows(4).position(|word| word == b"fika").unwrap();
    other[at..at + 4].copy_from_slice(b"Fiks");
    publisher.handle_packet(&other, NEIGHBOUR, began);
    publisher.handle_packet(&message::question(), SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 9), 5353), began);
    publisher.handle_packet(&message::question(), place(9, 40_000), began);
    publisher.handle_packet(&answer_of(&KEY, 20_000, place(5, 7420)), NEIGHBOUR, began);
    assert_eq!(publisher.poll_timeout(), None);
    // In any case of letters.
    other[at..at + 4].copy_from_slice(b"FIKA");
    publisher.handle_packet(&other, NEIGHBOUR, began + PAUSE * 9);
    assert_eq!(publisher.poll_timeout(), Some(began + PAUSE * 9));
}

#[test]
fn whoever_says_goodbye_is_nowhere() {
    let goodbye = publisher(Instant::now()).goodbye();
    assert_eq!(message::places(&goodbye), []);
    assert_eq!(goodbye.len(), answer_of(&KEY, 20_000, place(5, 7420)).len());
}

/// As another program writes it: names shortened, the address behind the others, a record between that is none of ours.
#[test]
fn answers_of_other_programs_are_understood() {
    let name = name(&KEY, 20_000);
    let mut packet = vec![0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 3];
    packet.extend(b"\x05_fika\x04_tcp\x05local\0\0\x0c\0\x01\0\0\0\x78\0\x23\x20");
    let instance = packet.len() - 1;
    packet.extend(name.as_bytes());
    packet.extend([0xc0, 12]);
    packet.extend([0xc0, instance as u8, 0, 47, 0x80, 1, 0, 0, 0, 120, 0, 2, 1, 2]);
    packet.extend([0xc0, instance as u8, 0, 33, 0x80, 1, 0, 0, 0, 120, 0, 13, 0, 0, 0, 0, 0x1c, 0xfc]);
    let host = packet.len();
    packet.extend([4, b'h', b'o', b's', b't', 0xc0, 23]);
    packet.extend([0xc0, host as u8, 0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 192, 168, 1, 9]);
    assert_eq!(message::places(&packet), [message::Place { name, address: place(9, 7420) }]);
}

proptest! {
    #[test]
    fn what_is_written_is_read(seed in any::<[u8; 32]>(), day in any::<u64>(), last in 1..255u8, port in 1..u16::MAX) {
        let at = message::Place { name: name(&IdentityKey(seed), day), address: place(last, port) };
        prop_assert_eq!(message::places(&message::answer(&at, 1)), vec![at.clone()]);
        prop_assert!(message::asks(&message::question(), &at.name));
        prop_assert!(!message::asks(&message::answer(&at, 1), &at.name));
    }

    /// Cut, changed or made up: it ends, and says nothing of whom it is not about.
    #[test]
    fn nonsense_ends(
        seed in any::<u8>(), cut in 0..300usize, changes in prop::collection::vec((0..300usize, any::<u8>()), 0..20),
        made_up in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut packet = answer_of(&IdentityKey([seed; 32]), 20_000, place(9, 7420));
        for (at, byte) in changes {
            let length = packet.len();
            packet[at % length] = byte;
        }
        packet.truncate(cut);
        for packet in [packet, made_up] {
            message::asks(&packet, "x");
            let places = message::places(&packet);
            prop_assert!(places.len() <= 64 && places.iter().all(|place| place.name.len() <= 255));
        }
    }
}
