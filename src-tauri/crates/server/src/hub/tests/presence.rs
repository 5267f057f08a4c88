//! Who sees whom, at one instance and at two that are one server.

use fika_call::ring;
use fika_call::ring::presence::MAX_SHOWN;

use super::wishes::identity;
use super::*;

fn key(seed: u8) -> String {
    identity(seed).public().to_string()
}

/// Somebody listens under the key of this seed.
fn listen(house: &mut House, seed: u8) -> u64 {
    let id = house.connect();
    house.say(id, ClientMessage::Listen { version: PROTOCOL_VERSION, key: key(seed) });
    house.hear();
    let nonce = house.nonces.last().unwrap().clone();
    house.say(id, ClientMessage::Prove { signature: ring::proof(&identity(seed), &nonce) });
    house.hear();
    id
}

fn show(house: &mut House, id: u64, seeds: &[u8]) {
    house.say(id, ClientMessage::Show { keys: seeds.iter().map(|seed| key(*seed)).collect() });
}

fn present(id: u64, seeds: &[u8], here: bool) -> (u64, ServerMessage) {
    (id, ServerMessage::Present { keys: seeds.iter().map(|seed| key(*seed)).collect(), here })
}

#[test]
fn two_who_name_each_other_see_each_other_wherever_they_are_connected() {
    for mut house in [House::new(limits(), Vec::new(), None), House::of_two(limits())] {
        let asa = listen(&mut house, 1);
        let amir = listen(&mut house, 2);
        show(&mut house, asa, &[2]);
        assert_eq!(house.hear(), [present(asa, &[], true)], "he has not named her");
        show(&mut house, amir, &[1, 3]);
        assert_eq!(house.hear(), [present(asa, &[2], true), present(amir, &[1], true)]);
        // Somebody whom he alone has named, and who has named her alone.
        let maja = listen(&mut house, 3);
        show(&mut house, maja, &[1]);
        assert_eq!(house.hear(), [present(maja, &[], true)]);
        // He takes her off, and on again.
        show(&mut house, amir, &[3]);
        assert_eq!(house.hear(), [present(asa, &[2], false), present(amir, &[], true)]);
        show(&mut house, amir, &[1]);
        assert_eq!(house.hear(), [present(asa, &[2], true), present(amir, &[1], true)]);
        // His line breaks; his list is gone with it.
        house.lines.remove(&amir);
        house.handle(amir, |id| Event::Gone { id, keep: RESUME });
        assert_eq!(house.hear(), [present(asa, &[2], false)]);
        let amir = listen(&mut house, 2);
        assert_eq!(house.hear(), [], "listening alone shows nobody");
        show(&mut house, amir, &[1]);
        assert_eq!(house.hear(), [present(asa, &[2], true), present(amir, &[1], true)]);
        // A later connection of his key takes the place of the earlier.
        let later = listen(&mut house, 2);
        assert!(!house.lines.contains_key(&amir));
        show(&mut house, later, &[1]);
        assert_eq!(house.hear(), [present(asa, &[2], true), present(later, &[1], true)]);
    }
}

#[test]
fn whoever_loses_their_instance_is_seen_to_go() {
    let mut house = House::of_two(limits());
    let asa = listen(&mut house, 1);
    let amir = listen(&mut house, 2);
    show(&mut house, asa, &[2]);
    show(&mut house, amir, &[1]);
    house.hear();
    house.begin_again(amir as usize % 2);
    assert_eq!(house.hear(), [present(asa, &[2], false)]);
}

#[test]
fn what_is_no_list_or_comes_from_nobody_costs_the_connection() {
    let too_many = (0..=MAX_SHOWN).map(|_| key(2)).collect();
    for (listens, keys) in [(true, vec!["no key".into()]), (true, too_many), (false, vec![key(2)])] {
        let mut house = House::new(limits(), Vec::new(), None);
        let id = if listens { listen(&mut house, 1) } else { house.connect() };
        house.say(id, ClientMessage::Show { keys });
        assert_eq!(house.hear(), [(id, ServerMessage::Refused { reason: Refusal::BadMessage })]);
        assert!(!house.lines.contains_key(&id));
    }
}

#[test]
fn who_changes_the_list_too_fast_is_let_go_of_and_seen_to_go() {
    let mut house = House::new(limits(), Vec::new(), None);
    let asa = listen(&mut house, 1);
    let amir = listen(&mut house, 2);
    show(&mut house, asa, &[2]);
    for _ in 0..8 {
        show(&mut house, amir, &[1]);
    }
    house.hear();
    show(&mut house, amir, &[]);
    let refused = (amir, ServerMessage::Refused { reason: Refusal::TooManyRequests });
    assert_eq!(house.hear(), [present(asa, &[2], false), refused]);
    assert_eq!(house.hubs[0].house.listeners(), 1);
}
