//! Two honest ends, and who sits between them with the link's secret: the pure part of what docs/threat-model.md promises.

use proptest::prelude::*;

use super::super::{CLOCK_TOLERANCE, LIFETIME};
use super::*;

const NOW: u64 = 1_790_000_000;

fn seats() -> Seats {
    let id = |text: &str| ParticipantId(text.into());
    Seats { room: RoomId("aaaq-eaye-auda-oceb".into()), us: id("alice"), them: id("bob") }
}

fn turned(seats: &Seats) -> Seats {
    Seats { room: seats.room.clone(), us: seats.them.clone(), them: seats.us.clone() }
}

/// Bob is a guest in a browser, whose key does not last.
fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32], seed != 2)
}

const ALICE: Fingerprint = [0xa1; 32];
const BOB: Fingerprint = [0xb0; 32];
const MALLORY: Fingerprint = [0xee; 32];

/// Both ends of one connection, with what went over the wire.
struct Talk {
    offer: Binding,
    answer: Binding,
    nonce: String,
    alice: PeerIdentity,
    bob: PeerIdentity,
}

fn talk(random: [u8; 2]) -> Talk {
    let (alice, bob) = (identity(1), identity(2));
    let (offering, offer) = Offering::new(&seats(), Some(&alice), "s1", &ALICE, [random[0]; 64], NOW);
    let offer = offer.unwrap();
    let mut answering = Answering::new(&turned(&seats()), "s1", &ALICE, Some(&offer), NOW).unwrap();
    assert_eq!(answering.peer(), PeerIdentity { key: Some(alice.public()), lasting: true, words: None });
    let answer = answering.answer(Some(&bob), &BOB, [random[1]; 64], NOW).unwrap();
    let (alice, nonce) = offering.answered(&BOB, Some(&answer), NOW).unwrap();
    let nonce = nonce.unwrap();
    let bob = answering.revealed(&nonce).unwrap();
    Talk { offer, answer, nonce, alice, bob }
}

#[test]
fn both_read_the_same_words() {
    let Talk { alice, bob, .. } = talk([3, 4]);
    assert_eq!(alice.key, Some(identity(2).public()));
    assert_eq!(bob.key, Some(identity(1).public()));
    assert!(alice.words.is_some());
    assert_eq!(alice.words, bob.words);
    assert_ne!(alice.words, talk([3, 5]).alice.words, "another connection has others");
}

/// The page of a guest computes the same (ui/tests/unit/identity.test.ts).
#[test]
fn a_browser_says_the_same() {
    let Talk { offer, answer, nonce, alice, .. } = talk([3, 4]);
    let known = serde_json::to_value((&offer, &answer, &nonce, alice.words)).unwrap();
    let expected: serde_json::Value = serde_json::from_str(include_str!("known.json")).unwrap();
    assert_eq!(known, expected, "{known}");
}

#[test]
fn a_binding_is_for_one_certificate_room_pair_session_and_direction() {
    let Talk { offer, answer, .. } = talk([3, 4]);
    let bob = turned(&seats());
    let check = |seats: &Seats, session: &str, print: &Fingerprint, binding: &Binding| {
        Answering::new(seats, session, print, Some(binding), NOW).map(|_| ())
    };
    assert_eq!(check(&bob, "s1", &ALICE, &offer), Ok(()));
    let forged = Err(BindingError::Forged);
    assert_eq!(check(&bob, "s1", &MALLORY, &offer), forged, "another certificate");
    assert_eq!(check(&bob, "s2", &ALICE, &offer), forged, "replayed in another session");
    assert_eq!(check(&seats(), "s1", &ALICE, &offer), forged, "sent back to its sender");
    let elsewhere = Seats { room: RoomId("bbbb".into()), ..bob.clone() };
    assert_eq!(check(&elsewhere, "s1", &ALICE, &offer), forged, "another room");
    let others = Seats { us: ParticipantId("carol".into()), ..bob.clone() };
    assert_eq!(check(&others, "s1", &ALICE, &offer), forged, "meant for somebody else");
    assert_eq!(check(&bob, "s1", &BOB, &answer), forged, "an answer in place of an offer");
    // Another offer of ours is under way: the answer to the first one is no answer to it.
    let (offering, _) = Offering::new(&seats(), Some(&identity(1)), "s1", &ALICE, [9; 64], NOW);
    assert_eq!(offering.answered(&BOB, Some(&answer), NOW).unwrap_err(), BindingError::Forged);
    let (silent, none) = Offering::new(&seats(), None, "s1", &ALICE, [3; 64], NOW);
    assert_eq!(none, None);
    assert_eq!(silent.answered(&BOB, Some(&answer), NOW).unwrap_err(), BindingError::Forged, "to no offer at all");
}

#[test]
fn a_binding_ends() {
    let Talk { offer, .. } = talk([3, 4]);
    let at = |now| Answering::new(&turned(&seats()), "s1", &ALICE, Some(&offer), now).map(|_| ());
    assert_eq!(at(NOW + LIFETIME), Ok(()));
    assert_eq!(at(NOW + LIFETIME + 1), Err(BindingError::Expired));
    assert_eq!(at(NOW - CLOCK_TOLERANCE), Ok(()), "the signer's clock is ahead");
    assert_eq!(at(NOW - CLOCK_TOLERANCE - 1), Err(BindingError::Expired), "it would hold too long");
}

#[test]
fn a_nonce_that_was_not_committed_to_gives_no_words() {
    let (_, offer) = Offering::new(&seats(), Some(&identity(1)), "s1", &ALICE, [3; 64], NOW);
    let mut answering = Answering::new(&turned(&seats()), "s1", &ALICE, offer.as_ref(), NOW).unwrap();
    let nonce = text(&[3; 32]);
    assert_eq!(answering.revealed(&nonce), Err(BindingError::Malformed), "before our answer");
    answering.answer(Some(&identity(2)), &BOB, [4; 64], NOW).unwrap();
    assert!(answering.revealed(&nonce).unwrap().words.is_some());
    assert_eq!(answering.revealed(&text(&[5; 32])), Err(BindingError::Forged));
    assert_eq!(answering.revealed("x"), Err(BindingError::Malformed));
}

#[test]
fn clients_without_a_key_are_known_as_such() {
    let bob = turned(&seats());
    let mut answering = Answering::new(&bob, "s1", &ALICE, None, NOW).unwrap();
    assert_eq!(answering.peer(), PeerIdentity::default());
    assert_eq!(answering.answer(Some(&identity(2)), &BOB, [4; 64], NOW), None);
    assert_eq!(answering.revealed(&text(&[3; 32])), Err(BindingError::Malformed));
    let (offering, _) = Offering::new(&seats(), Some(&identity(1)), "s1", &ALICE, [3; 64], NOW);
    assert_eq!(offering.answered(&BOB, None, NOW), Ok((PeerIdentity::default(), None)));
}

#[test]
fn a_weak_ephemeral_key_is_refused() {
    let (alice, bob) = (identity(1), identity(2));
    let (offering, offer) = Offering::new(&seats(), Some(&alice), "s1", &ALICE, [3; 64], NOW);
    let offer = offer.unwrap();
    let theirs = binding::verify(&offer, &turned(&seats()).theirs("s1", &ALICE, None), NOW).unwrap();
    let terms = turned(&seats());
    let terms = terms.ours("s1", &BOB, Some(&theirs.digest));
    // The identity element: whatever we multiply it with, everybody knows the result.
    let (answer, _) = binding::sign(&bob, &terms, &[0; 32], &[4; 32], NOW);
    assert_eq!(offering.answered(&BOB, Some(&answer), NOW).unwrap_err(), BindingError::Forged);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Somebody with the link's secret relays two connections with keys and certificates of their own, and draws what
    /// they like in the order that the protocol leaves them. What the two people read differs each time.
    #[test]
    fn the_words_tell_of_who_sits_between(
        alices in any::<[u8; 32]>(), bobs in any::<[u8; 32]>(), to_alice in any::<[u8; 32]>(), to_bob in any::<[u8; 32]>(),
        takes_over_a_share in any::<bool>(),
    ) {
        let random = |half: [u8; 32]| -> Random { std::array::from_fn(|i| half[i % 32] ^ u8::from(i >= 32)) };
        let (alice, bob, mallory) = (identity(1), identity(2), identity(3));
        let bobs_end = turned(&seats());
        let (alices, offer) = Offering::new(&seats(), Some(&alice), "s1", &ALICE, random(alices), NOW);
        let offer = offer.unwrap();
        // Towards Bob with what Alice drew, as far as it can be seen, or with numbers of their own.
        let (to_bob, forged) = Offering::new(&seats(), Some(&mallory), "s1", &MALLORY, random(to_bob), NOW);
        let mut bobs_answer = Answering::new(&bobs_end, "s1", &MALLORY, forged.as_ref(), NOW).unwrap();
        let answer = bobs_answer.answer(Some(&bob), &BOB, random(bobs), NOW).unwrap();
        let mut to_alice_end = Answering::new(&bobs_end, "s1", &ALICE, Some(&offer), NOW).unwrap();
        let share: [u8; 32] = bytes(&answer.share).unwrap();
        let drawn = if takes_over_a_share { std::array::from_fn(|i| if i < 32 { to_alice[i] } else { share[i - 32] }) } else { random(to_alice) };
        let forged = to_alice_end.answer(Some(&mallory), &MALLORY, drawn, NOW).unwrap();
        let (alice_reads, _) = alices.answered(&MALLORY, Some(&forged), NOW).unwrap();
        let (_, nonce) = to_bob.answered(&BOB, Some(&answer), NOW).unwrap();
        let bob_reads = bobs_answer.revealed(&nonce.unwrap()).unwrap();
        prop_assert_ne!(alice_reads.words, bob_reads.words);
        prop_assert_ne!(alice_reads.key, Some(bob.public()));
    }

    #[test]
    fn any_binding_is_an_error_and_no_panic(
        key in ".{0,60}", ephemeral in ".{0,60}", share in ".{0,60}", signature in ".{0,100}", expires in any::<u32>(),
    ) {
        let binding = Binding { key, lasting: true, ephemeral, share, expires, signature };
        prop_assert!(Answering::new(&seats(), "s1", &ALICE, Some(&binding), NOW).is_err());
    }

    #[test]
    fn every_changed_letter_is_noticed(at in 0usize..171 + 43, letter in proptest::char::range('A', 'z')) {
        static OFFER: std::sync::LazyLock<Binding> = std::sync::LazyLock::new(|| talk([3, 4]).offer);
        let offer = OFFER.clone();
        let mut changed = offer.clone();
        let (field, at) = match at {
            0..43 => (&mut changed.key, at),
            43..86 => (&mut changed.ephemeral, at - 43),
            86..129 => (&mut changed.share, at - 86),
            _ => (&mut changed.signature, (at - 129).min(85)),
        };
        field.replace_range(at..=at, &letter.to_string());
        prop_assume!(changed != offer);
        prop_assert!(Answering::new(&turned(&seats()), "s1", &ALICE, Some(&changed), NOW).is_err());
    }
}
