//! Chat, hands and reactions.

use fika_call::chat::{ChatMessage, HISTORY, HISTORY_LETTERS, MAX_SEALED, MessageReaction};

use super::*;

fn text() -> Sealed {
    Sealed("c2VhbGVk".into())
}

fn chat(house: &mut House, from: u64, to: Option<u64>) -> Result<(), Decline> {
    house.rooms.chat(ConnectionId(from), 7, to.map(id), text(), house.now).unwrap()
}

fn message(number: u32, from: u64, to: Option<u64>, at: u32) -> ChatMessage {
    let (id, from, to) = (MessageId(number), id(from), to.map(super::id));
    ChatMessage { id, from, name: "Elin".into(), to, at, payload: text(), reactions: Vec::new() }
}

fn said(number: u32, from: u64, to: Option<u64>, tag: Option<u32>, history: bool) -> ServerMessage {
    ServerMessage::Chat { message: message(number, from, to, START), tag, history }
}

fn three() -> House {
    let mut house = House::new();
    (1..=3).for_each(|connection| house.join(connection));
    house.outputs();
    house
}

#[test]
fn a_message_reaches_all_or_one_and_comes_back_to_its_sender() {
    let mut house = three();
    chat(&mut house, 1, None).unwrap();
    let outputs = house.outputs();
    assert_eq!(sent(&outputs, 1), [said(1, 1, None, Some(7), false)]);
    assert_eq!(sent(&outputs, 3), [said(1, 1, None, None, false)]);
    chat(&mut house, 1, Some(2)).unwrap();
    let outputs = house.outputs();
    assert_eq!(sent(&outputs, 2), [said(2, 1, Some(2), None, false)]);
    assert_eq!(sent(&outputs, 3), [], "not theirs");
    assert_eq!(chat(&mut house, 1, Some(9)), Err(Decline::NotHere));
    assert_eq!(chat(&mut house, 1, Some(1)), Err(Decline::NotHere));
    let long = Sealed("x".repeat(MAX_SEALED + 1));
    assert_eq!(house.rooms.chat(ConnectionId(1), 7, None, long, house.now), Err(Refusal::BadMessage));
    let odd = Sealed("a b".into());
    assert_eq!(house.rooms.chat(ConnectionId(1), 7, None, odd, house.now), Err(Refusal::BadMessage));
}

#[test]
fn who_comes_later_reads_what_was_said_to_all_and_who_comes_back_their_own() {
    let mut house = three();
    chat(&mut house, 1, None).unwrap();
    chat(&mut house, 1, Some(2)).unwrap();
    house.outputs();
    house.join(4);
    let history = news(&house.outputs(), 4);
    assert_eq!(history[1..], [said(1, 1, None, None, true)]);
    house.rooms.disconnected(ConnectionId(1), RESUME, house.now);
    let grant = house.grants[&ConnectionId(1)].clone();
    house.come(5, Some(grant), Shown::default()).unwrap();
    let outputs = house.outputs();
    let mine = [said(1, 1, None, Some(7), true), said(2, 1, Some(2), Some(7), true)];
    assert_eq!(news(&outputs, 5)[1..], mine);
    let last = sent(&outputs, 5).iter().rposition(|message| matches!(message, ServerMessage::Room { .. }));
    assert!(last > Some(2), "the state comes after all that was said");
}

#[test]
fn what_is_kept_is_bounded() {
    let mut house = three();
    let pause = Duration::from_secs(1);
    for _ in 0..HISTORY + 5 {
        house.now.at += pause;
        chat(&mut house, 1, None).unwrap();
    }
    let kept: Vec<u32> = history(&house).iter().map(|message| message.id.0).collect();
    assert_eq!((kept.len(), kept[0]), (HISTORY, 6));
    let large = Sealed("x".repeat(MAX_SEALED));
    for _ in 0..20 {
        house.now.at += pause;
        house.rooms.chat(ConnectionId(1), 7, None, large.clone(), house.now).unwrap().unwrap();
    }
    assert!(history(&house).iter().map(|message| message.payload.0.len()).sum::<usize>() <= HISTORY_LETTERS);
}

fn history(house: &House) -> Vec<ChatMessage> {
    house.rooms.rooms[&house.room].history.of(&id(3)).map(|(message, _)| message).collect()
}

#[test]
fn who_writes_too_fast_waits_and_the_others_do_not() {
    let mut house = three();
    let done: Vec<_> = (0..20).map(|_| chat(&mut house, 1, None)).collect();
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 10);
    assert_eq!(done.last(), Some(&Err(Decline::TooFast)));
    chat(&mut house, 2, None).unwrap();
    house.now.at += Duration::from_secs(1);
    chat(&mut house, 1, None).unwrap();
}

#[test]
fn messages_are_reacted_to_by_who_can_read_them() {
    let mut house = three();
    chat(&mut house, 1, Some(2)).unwrap();
    house.outputs();
    let mut react = |from: u64, on: bool| {
        house.rooms.react_to_message(ConnectionId(from), MessageId(1), Reaction::Heart, on, house.now).unwrap()
    };
    assert_eq!(react(3, true), Err(Decline::NotHere));
    assert_eq!(react(2, true), Ok(()));
    assert_eq!(react(2, true), Ok(()), "once");
    let outputs = house.outputs();
    let reactions = vec![MessageReaction { from: id(2), reaction: Reaction::Heart }];
    let told = ServerMessage::MessageReactions { message: MessageId(1), reactions };
    assert_eq!(sent(&outputs, 1), std::slice::from_ref(&told));
    assert_eq!(sent(&outputs, 2), [told]);
    assert_eq!(sent(&outputs, 3), []);
    let mut react = |from: u64, on: bool| {
        house.rooms.react_to_message(ConnectionId(from), MessageId(1), Reaction::Heart, on, house.now).unwrap()
    };
    react(2, false).unwrap();
    let told = ServerMessage::MessageReactions { message: MessageId(1), reactions: Vec::new() };
    assert_eq!(house.sent(1), [told]);
}

#[test]
fn hands_stand_in_the_order_in_which_they_went_up() {
    let mut house = three();
    for connection in [3, 1, 3, 2] {
        house.rooms.set_hand(ConnectionId(connection), true).unwrap().unwrap();
    }
    assert_eq!(house.state().hands, [id(3), id(1), id(2)]);
    house.rooms.set_hand(ConnectionId(1), false).unwrap().unwrap();
    assert_eq!(house.state().hands, [id(3), id(2)]);
    house.moderate(1, Moderation::LowerHand { who: id(3) }).unwrap();
    house.rooms.leave(ConnectionId(2), house.now);
    assert!(house.state().hands.is_empty());
}

#[test]
fn a_reaction_is_shown_to_all() {
    let mut house = three();
    house.rooms.react(ConnectionId(1), Reaction::Coffee, house.now).unwrap().unwrap();
    let outputs = house.outputs();
    for connection in 1..=3 {
        let reacted = ServerMessage::Reacted { participant: id(1), reaction: Reaction::Coffee };
        assert_eq!(sent(&outputs, connection), [reacted]);
    }
    let all: Vec<_> = (0..40).map(|_| house.rooms.react(ConnectionId(1), Reaction::Heart, house.now)).collect();
    assert!(all.contains(&Ok(Err(Decline::TooFast))));
}
