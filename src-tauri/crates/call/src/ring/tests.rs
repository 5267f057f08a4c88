use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::RoomId;
use crate::identity::Identity;
use crate::invite::{Invite, SECRET_BYTES, Secret};
use crate::signal::Sealed;

const NOW: u64 = 1_800_000_000;

fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; 32], true)
}

fn id(number: u8) -> CallId {
    CallId(format!("call{number:018}"))
}

pub(super) fn link(room: u8) -> String {
    let server = url::Url::parse("https://meet.example.org/").unwrap();
    Invite::open(server, RoomId::from_bytes([room; 10]), Secret::from_bytes([7; SECRET_BYTES])).link()
}

fn invitation(room: u8) -> Invitation {
    Invitation { link: link(room), name: "Åsa".into(), video: true }
}

fn sealed(call: &CallId, to: &Identity, room: u8) -> (Sealed, Calling) {
    super::call(&identity(1), &to.public(), call, &invitation(room), ([9; 32], [3; 12]), NOW).unwrap()
}

#[test]
fn a_call_opens_for_its_callee_alone_and_so_does_the_answer() {
    let (asa, amir) = (identity(1), identity(2));
    let (payload, calling) = sealed(&id(1), &amir, 4);
    let (from, said, answering) = open(&amir, &id(1), &payload, NOW).unwrap();
    assert_eq!((from, said), (asa.public(), invitation(4)));
    let reply = Reply::Declined { message: Some("Later".into()) };
    assert_eq!(calling.open(&answer(&answering, [5; 12], &reply)), Ok(reply));
    for wrong in [&identity(3), &asa] {
        assert_eq!(open(wrong, &id(1), &payload, NOW).unwrap_err(), SealError::Untrusted);
    }
    assert_eq!(open(&amir, &id(2), &payload, NOW).unwrap_err(), SealError::Untrusted, "another call");
    let (_, other) = sealed(&id(2), &amir, 4);
    let answer = answer(&answering, [5; 12], &Reply::Accepted);
    assert_eq!(other.open(&answer), Err(SealError::Untrusted), "the answer to another call");
}

#[test]
fn a_call_of_long_ago_rings_no_more() {
    let amir = identity(2);
    let (payload, _) = sealed(&id(1), &amir, 4);
    let days = |days: i64| NOW.saturating_add_signed(days * 24 * 60 * 60);
    assert!(open(&amir, &id(1), &payload, NOW + 23 * 60 * 60).is_ok(), "clocks may differ");
    assert_eq!(open(&amir, &id(1), &payload, days(2)).unwrap_err(), SealError::Expired);
    assert_eq!(open(&amir, &id(1), &payload, days(-2)).unwrap_err(), SealError::Expired);
}

#[test]
fn what_is_no_call_is_an_error() {
    let amir = identity(2);
    for (text, error) in [
        (String::new(), SealError::NotSealed),
        ("AAAA".into(), SealError::NotSealed),
        ("!".repeat(200), SealError::NotSealed),
        ("A".repeat(200), SealError::Untrusted),
        ("A".repeat(MAX_SEALED + 4), SealError::NotSealed),
    ] {
        assert_eq!(open(&amir, &id(1), &Sealed(text.clone()), NOW).unwrap_err(), error, "{text}");
    }
    let nowhere = Invitation { link: "https://example.org/".into(), ..invitation(1) };
    let (payload, _) = super::call(&identity(1), &amir.public(), &id(1), &nowhere, ([9; 32], [3; 12]), NOW).unwrap();
    assert_eq!(open(&amir, &id(1), &payload, NOW).unwrap_err(), SealError::NotUnderstood);
    // Of small order: with it everybody would have the same secret.
    assert!(super::call(&identity(1), &IdentityKey([0; 32]), &id(1), &nowhere, ([9; 32], [3; 12]), NOW).is_none());
}

#[test]
fn who_listens_shows_that_the_key_is_theirs() {
    let (asa, amir) = (identity(1), identity(2));
    let proof = proof(&asa, "nonce");
    assert!(proves(&asa.public(), "nonce", &proof));
    assert!(!proves(&asa.public(), "other", &proof) && !proves(&amir.public(), "nonce", &proof));
    assert!(!proves(&asa.public(), "nonce", "") && !proves(&asa.public(), "nonce", &"A".repeat(86)));
}

/// Everything that can happen, about three calls in and three out with two people.
fn inputs() -> impl Strategy<Value = Input> {
    let call = || (0..6u8).prop_map(id);
    let person = || (1..3u8).prop_map(|seed| identity(seed).public());
    let message = || prop::option::of(Just("  Later\n".to_owned()));
    let reply = prop_oneof![
        Just(Reply::Ringing),
        Just(Reply::Accepted),
        message().prop_map(|message| Reply::Declined { message }),
        Just(Reply::Busy),
    ];
    prop_oneof![
        (call(), person(), any::<bool>()).prop_map(|(call, to, video)| Input::Wish(Wish::Call { call, to, video })),
        Just(Input::Wish(Wish::Cancel)),
        call().prop_map(|call| Input::Wish(Wish::Answer { call })),
        (call(), message()).prop_map(|(call, message)| Input::Wish(Wish::Decline { call, message })),
        any::<bool>().prop_map(Input::Occupied),
        Just(Input::Joined),
        (call(), person(), any::<bool>(), any::<bool>()).prop_map(|(call, from, saved, nearby)| {
            let invitation = invitation(call.0.bytes().last().unwrap());
            Input::Incoming { call, from, saved, nearby, invitation }
        }),
        call().prop_map(|call| Input::News { call, news: News::Ended }),
        (call(), reply).prop_map(|(call, reply)| Input::News { call, news: News::Reply(reply) }),
        call().prop_map(|call| Input::News { call, news: News::Unreachable }),
        call().prop_map(|call| Input::News { call, news: News::Failed }),
        any::<bool>().prop_map(Input::Strangers),
    ]
}

/// What is known of each call that came in.
#[derive(Default)]
struct Model {
    /// Who calls, and whether they are a contact.
    came: BTreeMap<CallId, (IdentityKey, bool)>,
    /// Ended calls, with the reply that ended them or without.
    over: BTreeMap<CallId, Option<Reply>>,
    strangers: bool,
}

fn outputs(ring: &mut Ring) -> Vec<Output> {
    std::iter::from_fn(|| ring.poll_output()).collect()
}

proptest! {
    /// In every order of whatever happens: a room is entered only because the user has answered that call, or is calling the
    /// one who calls; every call that came in rings, or ends exactly once; and whoever may not ring hears nothing.
    #[test]
    fn a_room_is_entered_by_the_users_word_alone(
        steps in prop::collection::vec((inputs(), 0..30u64), 1..40),
    ) {
        let (mut ring, mut model) = (Ring::default(), Model::default());
        let mut now = Instant::now();
        for (input, seconds) in steps {
            now += Duration::from_secs(seconds);
            let ringing = |ring: &Ring| ring.incoming().map(|incoming| incoming.call.clone());
            let calling = |ring: &Ring| ring.outgoing().filter(|it| it.state.is_open()).map(|it| (it.call.clone(), it.to));
            ring.handle_timeout(now);
            prop_assert!(ring.poll_timeout().is_none_or(|at| at > now));
            let ticked = outputs(&mut ring);
            let acts = |output: &Output| matches!(output, Output::Enter { .. } | Output::Reply { .. });
            prop_assert!(!ticked.iter().any(acts), "time alone answers nobody");
            let (was_ringing, was_calling) = (ringing(&ring), calling(&ring));
            if let Input::Incoming { call, from, saved, nearby, .. } = &input
                && (*saved || model.strangers && !nearby)
                && !model.came.contains_key(call)
            {
                // It is forgotten only by the ring's own memory of many more calls than there are here.
                model.came.insert(call.clone(), (*from, *saved));
            } else if let Input::Incoming { .. } = &input {
                ring.handle_input(input, now);
                prop_assert_eq!(outputs(&mut ring), vec![], "a call that may not ring, or rings already");
                continue;
            }
            if let Input::Strangers(may) = input {
                model.strangers = may;
            }
            ring.handle_input(input.clone(), now);
            let made = outputs(&mut ring);
            let mut entered = 0;
            for output in ticked.into_iter().chain(made) {
                match output {
                    Output::Enter { relayed, .. } => {
                        entered += 1;
                        let (call, crossed) = match &input {
                            Input::Wish(Wish::Answer { call }) => (call.clone(), false),
                            Input::Wish(Wish::Call { .. }) => (was_ringing.clone().unwrap(), true),
                            Input::Incoming { call, .. } => (call.clone(), true),
                            other => return Err(TestCaseError::fail(format!("entered by {other:?}"))),
                        };
                        let (from, saved) = model.came[&call];
                        prop_assert_eq!(relayed, !saved);
                        match (&input, crossed) {
                            (Input::Wish(Wish::Answer { .. }), _) => prop_assert_eq!(was_ringing.as_ref(), Some(&call)),
                            (Input::Wish(Wish::Call { to, .. }), _) => prop_assert_eq!(*to, from),
                            _ => {
                                let (ours, to) = was_calling.clone().unwrap();
                                prop_assert!(to == from && call < ours);
                            }
                        }
                    }
                    Output::Reply { reply: Reply::Ringing, call } => prop_assert_eq!(ringing(&ring), Some(call)),
                    Output::Reply { call, reply } => {
                        prop_assert!(model.came.contains_key(&call));
                        if let Reply::Declined { message } = &reply {
                            prop_assert!(message.as_deref().is_none_or(|message| message == "Later"));
                        }
                        prop_assert!(model.over.insert(call, Some(reply)).is_none(), "ended twice");
                    }
                    Output::Open { .. } | Output::Missed(_) | Output::Hang { .. } | Output::Leave | Output::Changed => {}
                }
            }
            prop_assert!(entered <= 1);
            if entered == 1 {
                prop_assert_eq!(calling(&ring), None, "nobody is called from two rooms");
            }
            prop_assert!(ring.incoming().is_none() || calling(&ring).is_none());
        }
    }

    /// Two people who call each other at any moments, over a server that keeps the order of each direction, meet in one room.
    #[test]
    fn whoever_calls_each_other_meets_in_one_room(
        first in any::<bool>(), order in prop::collection::vec(any::<bool>(), 8), ids in (0..200u8, 0..200u8),
    ) {
        prop_assume!(ids.0 != ids.1);
        let people = [identity(1).public(), identity(2).public()];
        let calls = [id(ids.0), id(ids.1)];
        let mut rings = [Ring::default(), Ring::default()];
        let mut lines: [VecDeque<Input>; 2] = Default::default();
        let mut rooms = [0usize, 1];
        let now = Instant::now();
        let mut pressed = [false; 2];
        let mut order = order.into_iter().chain(std::iter::repeat(first));
        for step in 0.. {
            let who = usize::from(order.next().unwrap());
            let who = if pressed[who] && lines[who].is_empty() { 1 - who } else { who };
            if pressed == [true; 2] && lines.iter().all(VecDeque::is_empty) {
                break;
            }
            prop_assert!(step < 100, "it ends");
            if !pressed[who] {
                pressed[who] = true;
                let (call, to) = (calls[who].clone(), people[1 - who]);
                rings[who].handle_input(Input::Wish(Wish::Call { call, to, video: true }), now);
            } else if let Some(input) = lines[who].pop_front() {
                rings[who].handle_input(input, now);
            }
            while let Some(output) = rings[who].poll_output() {
                match output {
                    Output::Open { call, .. } => {
                        let invitation = invitation(who as u8);
                        let (from, saved) = (people[who], true);
                        lines[1 - who].push_back(Input::Incoming { call, from, saved, nearby: false, invitation });
                    }
                    Output::Reply { call, reply } => lines[1 - who].push_back(Input::News { call, news: News::Reply(reply) }),
                    Output::Hang { call } => lines[1 - who].push_back(Input::News { call, news: News::Ended }),
                    Output::Enter { link, .. } => rooms[who] = if link == self::link(0) { 0 } else { 1 },
                    Output::Leave | Output::Missed(_) | Output::Changed => {}
                }
            }
        }
        prop_assert_eq!(rooms[0], rooms[1]);
        prop_assert!(rings.iter().all(|ring| ring.incoming().is_none()));
    }
}

fn ring() -> (Ring, Instant) {
    (Ring::default(), Instant::now())
}

fn incoming(number: u8, from: u8, saved: bool) -> Input {
    Input::Incoming {
        call: id(number),
        from: identity(from).public(),
        saved,
        nearby: false,
        invitation: invitation(number),
    }
}

#[test]
fn it_rings_for_a_while_and_is_missed_then() {
    let (mut ring, now) = ring();
    ring.handle_input(incoming(1, 2, true), now);
    assert_eq!(outputs(&mut ring), [Output::Reply { call: id(1), reply: Reply::Ringing }, Output::Changed]);
    assert_eq!(ring.poll_timeout(), Some(now + RINGS));
    ring.handle_timeout(now + RINGS);
    let missed = Missed { from: identity(2).public(), name: "Åsa".into(), video: true };
    assert_eq!(outputs(&mut ring), [Output::Missed(missed), Output::Changed]);
    assert!(ring.incoming().is_none() && ring.poll_timeout().is_none());
    ring.handle_input(incoming(1, 2, true), now);
    assert_eq!(outputs(&mut ring), [], "the same call does not ring again");
}

#[test]
fn whoever_is_in_a_call_is_busy_and_learns_of_it_later() {
    let (mut ring, now) = ring();
    ring.handle_input(Input::Occupied(true), now);
    ring.handle_input(incoming(1, 2, true), now);
    let made = outputs(&mut ring);
    assert_eq!(made[0], Output::Reply { call: id(1), reply: Reply::Busy });
    assert!(matches!(&made[1..], [Output::Missed(missed)] if missed.from == identity(2).public()));
    assert!(ring.incoming().is_none());
}

#[test]
fn strangers_ring_only_where_they_may_and_are_relayed() {
    let (mut ring, now) = ring();
    ring.handle_input(incoming(1, 2, false), now);
    assert_eq!(outputs(&mut ring), []);
    ring.handle_input(Input::Strangers(true), now);
    ring.handle_input(incoming(2, 2, false), now);
    ring.handle_input(Input::Wish(Wish::Answer { call: id(2) }), now);
    let enter = Output::Enter { link: link(2), video: true, relayed: true };
    assert!(outputs(&mut ring).contains(&enter));
}

#[test]
fn on_the_local_network_contacts_alone_ring() {
    let (mut ring, now) = ring();
    ring.handle_input(Input::Strangers(true), now);
    let nearby = |number: u8, saved: bool| {
        let from = identity(2).public();
        Input::Incoming { call: id(number), from, saved, nearby: true, invitation: invitation(number) }
    };
    ring.handle_input(nearby(1, false), now);
    assert_eq!(outputs(&mut ring), []);
    // The same stranger through a server, which relays.
    ring.handle_input(incoming(1, 2, false), now);
    assert!(ring.incoming().is_some());
    ring.handle_input(Input::Wish(Wish::Decline { call: id(1), message: None }), now);
    outputs(&mut ring);
    ring.handle_input(nearby(2, true), now);
    ring.handle_input(Input::Wish(Wish::Answer { call: id(2) }), now);
    let enter = Output::Enter { link: link(2), video: true, relayed: false };
    assert!(outputs(&mut ring).contains(&enter));
}

#[test]
fn an_outgoing_call_ends_in_a_word() {
    let replies = [
        (Input::News { call: id(1), news: News::Reply(Reply::Accepted) }, OutgoingState::Answered),
        (Input::News { call: id(1), news: News::Reply(Reply::Busy) }, OutgoingState::Busy),
        (Input::News { call: id(1), news: News::Reply(Reply::Declined { message: None }) }, OutgoingState::Declined),
        (Input::News { call: id(1), news: News::Unreachable }, OutgoingState::Unreachable),
        (Input::News { call: id(1), news: News::Failed }, OutgoingState::Failed),
    ];
    for (input, state) in replies {
        let (mut ring, now) = ring();
        ring.handle_input(Input::Wish(Wish::Call { call: id(1), to: identity(2).public(), video: true }), now);
        ring.handle_input(Input::News { call: id(1), news: News::Reply(Reply::Ringing) }, now);
        assert_eq!(ring.outgoing().unwrap().state, OutgoingState::Ringing);
        outputs(&mut ring);
        ring.handle_input(input, now);
        assert_eq!(ring.outgoing().unwrap().state, state);
        assert_eq!(outputs(&mut ring), [Output::Hang { call: id(1) }, Output::Changed]);
        ring.handle_input(Input::News { call: id(1), news: News::Reply(Reply::Ringing) }, now);
        assert_eq!(outputs(&mut ring), [], "what was said holds");
    }
    let (mut ring, now) = ring();
    ring.handle_input(Input::Wish(Wish::Call { call: id(1), to: identity(2).public(), video: true }), now);
    ring.handle_timeout(now + RINGS);
    assert_eq!(ring.outgoing().unwrap().state, OutgoingState::NoAnswer);
    ring.handle_input(Input::Wish(Wish::Cancel), now);
    assert!(ring.outgoing().is_none() && outputs(&mut ring).contains(&Output::Leave));
}

#[test]
fn what_is_said_while_declining_is_one_short_line() {
    let (mut ring, now) = ring();
    ring.handle_input(incoming(1, 2, true), now);
    outputs(&mut ring);
    let message = Some(format!(" in a\nmeeting {}", "x".repeat(500)));
    ring.handle_input(Input::Wish(Wish::Decline { call: id(1), message }), now);
    let made = outputs(&mut ring);
    let said = made.iter().find_map(|output| match output {
        Output::Reply { reply: Reply::Declined { message }, .. } => message.clone(),
        _ => None,
    });
    let said = said.unwrap();
    assert!(said.starts_with("in a meeting xx") && said.chars().count() <= MAX_MESSAGE);
}
