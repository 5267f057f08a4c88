//! The room beyond its people: door, roles, hands, what hosts ask, chat.

use super::*;
use crate::chat::{ChatBody, ChatState, MessageId, MessageReaction};
use crate::door::Entry;
use crate::invite::{Code, HostKey};
use crate::room::{Asked, Decline, Moderation, Reaction, Role, RoomState, WaitingGuest};
use crate::session::{RoomCommand, RoomEvent, Said};

fn room(desk: &mut Desk, event: RoomEvent) -> Vec<Output> {
    desk.session(SessionEvent::Room(event))
}

fn told(outputs: &[Output]) -> Vec<RoomCommand> {
    let told = outputs.iter().filter_map(|output| match output {
        Output::Session(SessionCommand::Room(command)) => Some(command.clone()),
        _ => None,
    });
    told.collect()
}

fn entry(outputs: &[Output]) -> Option<Entry> {
    outputs.iter().find_map(|output| match output {
        Output::Connect(request) => Some(request.entry.clone()),
        _ => None,
    })
}

fn hosted_by(host: &str) -> RoomState {
    RoomState { host: Some(id(host)), ..RoomState::default() }
}

fn said(number: u32, from: &str, text: &str) -> Said {
    Said {
        id: MessageId(number),
        from: id(from),
        name: "Amir".into(),
        to: None,
        at: 5,
        body: ChatBody { text: text.into(), reply_to: None },
        reactions: Vec::new(),
        tag: None,
        history: false,
    }
}

fn texts(desk: &Desk) -> Vec<(String, ChatState)> {
    desk.call.chat().messages.into_iter().map(|message| (message.text, message.state)).collect()
}

fn send(desk: &mut Desk, text: &str) -> Vec<RoomCommand> {
    let input = RoomInput::SendChat { text: text.into(), to: None, reply_to: None };
    told(&desk.input(Input::Room(input)))
}

fn tag_of(commands: &[RoomCommand]) -> u32 {
    match commands {
        [RoomCommand::Chat { tag, .. }] => *tag,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_door_sees_code_key_and_passcode() {
    let mut desk = Desk::new();
    let code = Code::parse("CQkJCQkJCQkJCQkJCQkJCQ");
    let invite = Invite { code, passcode: true, ..invite() };
    desk.input(Input::OpenInvite(invite));
    desk.input(Input::Room(RoomInput::SetHostKey(HostKey("k".into()))));
    assert!(desk.call.view().invite.as_ref().unwrap().passcode);
    desk.input(Input::Room(RoomInput::SetPasscode(" 1234 ".into())));
    let entry = entry(&desk.input(Input::Join)).unwrap();
    assert_eq!(entry.passcode.as_deref(), Some("1234"));
    assert_eq!(entry.invite.as_deref(), Some("CQkJCQkJCQkJCQkJCQkJCQ"));
    assert_eq!(entry.host_key.as_deref(), Some("k"));
}

#[test]
fn a_passcode_is_for_one_room() {
    let mut desk = Desk::in_lobby();
    desk.input(Input::Room(RoomInput::SetPasscode("1234".into())));
    desk.input(Input::OpenInvite(invite()));
    assert_eq!(entry(&desk.input(Input::Join)).unwrap(), Entry::default());
}

#[test]
fn who_waits_keeps_the_lobby_and_is_seen_by_nobody() {
    let mut desk = Desk::in_lobby();
    desk.input(Input::SetCamera { on: true });
    desk.input(Input::Join);
    let outputs = room(&mut desk, RoomEvent::Waiting { host: Some("Karin".into()) });
    assert_eq!(desk.phase(), Phase::Waiting);
    assert_eq!(desk.call.view().waiting_for.as_deref(), Some("Karin"));
    assert_eq!(desk.connection(), ConnectionState::Waiting);
    assert!(sending(&outputs).is_none() && closed(&outputs).is_empty(), "the preview goes on");
    desk.pass(Duration::from_secs(3600));
    assert_eq!(desk.phase(), Phase::Waiting, "for as long as it takes");

    let named = desk.input(Input::SetName { name: "Maja".into() });
    assert_eq!(told(&named), [RoomCommand::SetName("Maja".into())]);
    let outputs = desk.session(SessionEvent::Joined { you: id("me"), participants: vec![amir(ON)] });
    assert_eq!((desk.phase(), notifications(&outputs)), (Phase::InCall, vec![Notification::Admitted]));
    assert_eq!(desk.call.view().waiting_for, None);
}

#[test]
fn who_is_not_let_in_and_who_is_put_out_is_told_so() {
    for (reason, end) in [
        (CloseReason::Denied, EndReason::Denied),
        (CloseReason::Removed, EndReason::Removed),
        (CloseReason::Ended, EndReason::EndedByHost),
    ] {
        let mut desk = Desk::in_call();
        let outputs = desk.session(SessionEvent::Closed(reason));
        assert_eq!((desk.phase(), desk.call.view().end), (Phase::Ended, Some(end)));
        assert_eq!(sending(&outputs), Some(OFF), "nothing is sent any more");
        assert!(disconnected(&outputs) && desk.call.view().participants.is_empty());
    }
}

#[test]
fn out_before_the_door_nobody_is_seen_or_heard() {
    let mut desk = Desk::in_call();
    room(&mut desk, RoomEvent::State(hosted_by("amir")));
    room(&mut desk, RoomEvent::Chat(said(1, "amir", "hej")));
    let outputs = room(&mut desk, RoomEvent::Waiting { host: None });
    assert_eq!(sending(&outputs), Some(OFF));
    let view = desk.call.view();
    assert_eq!(view.phase, Phase::Waiting);
    assert!(view.participants.is_empty() && view.room.is_none() && view.unread == 0);
    assert!(desk.call.chat().messages.is_empty());
    let outputs = desk.session(SessionEvent::Joined { you: id("me"), participants: vec![amir(ON)] });
    assert_eq!(sending(&outputs), Some(ON), "as it was before");
}

#[test]
fn a_host_mutes_and_stops_the_camera_but_only_asks_for_more() {
    let mut desk = Desk::in_call();
    let outputs = room(&mut desk, RoomEvent::Muted { by: Some(id("amir")) });
    assert_eq!(sending(&outputs), Some(MediaState { microphone: false, camera: true }));
    assert_eq!(notifications(&outputs), [Notification::Muted { by: Some("Amir".into()) }]);
    let outputs = room(&mut desk, RoomEvent::CameraStopped { by: None });
    assert_eq!(sending(&outputs), Some(OFF));
    assert_eq!(closed(&outputs), [DeviceKind::Camera]);

    let asked = RoomEvent::Asked { by: Some(id("amir")), what: Asked::Microphone };
    let outputs = room(&mut desk, asked.clone());
    assert_eq!(sending(&outputs), None, "the user decides");
    let ask = desk.call.view().ask.clone().unwrap();
    assert_eq!((ask.by.as_deref(), ask.what), (Some("Amir"), Asked::Microphone));
    desk.input(Input::Room(RoomInput::DismissAsk));
    assert_eq!(desk.call.view().ask, None);
    room(&mut desk, asked.clone());
    let outputs = desk.input(Input::SetMicrophone { on: true });
    assert_eq!(sending(&outputs), Some(MediaState { microphone: true, camera: false }));
    assert_eq!(desk.call.view().ask, None, "answered");
    room(&mut desk, asked);
    assert_eq!(desk.call.view().ask, None, "it is on already");
}

#[test]
fn roles_hands_and_spotlight_are_as_the_server_says() {
    let mut desk = Desk::in_call();
    assert_eq!(desk.call.view().room, None);
    room(&mut desk, RoomEvent::State(hosted_by("amir")));
    let up = told(&desk.input(Input::Room(RoomInput::SetHand { up: true })));
    assert_eq!(up, [RoomCommand::SetHand { up: true }]);
    assert_eq!(desk.call.view().me.hand, None, "not before the server says so");

    let hands = vec![id("amir"), id("me")];
    let state = RoomState { hands, spotlight: Some(id("me")), co_hosts: vec![id("me")], ..hosted_by("amir") };
    let outputs = room(&mut desk, RoomEvent::State(state));
    assert_eq!(
        notifications(&outputs),
        [Notification::RoleChanged { role: Role::CoHost }, Notification::HandRaised { name: "Amir".into() }]
    );
    let view = desk.call.view();
    let shown = view.room.clone().unwrap();
    assert_eq!((shown.hands, shown.spotlight), (vec![id("amir"), id("me")], Some(id("me"))));
    assert!(shown.may_moderate && !shown.is_host);
    assert_eq!((view.me.role, view.me.hand), (Role::CoHost, Some(2)));
    let amir = &view.participants[0];
    assert_eq!((amir.role, amir.hand), (Role::Host, Some(1)));

    let outputs = desk.input(Input::Room(RoomInput::Moderate(Moderation::MuteAll)));
    assert_eq!(told(&outputs), [RoomCommand::Moderate(Moderation::MuteAll)]);
    let outputs = room(&mut desk, RoomEvent::Declined(Decline::NotAllowed));
    assert_eq!(notifications(&outputs), [Notification::NotDone]);
}

#[test]
fn the_host_hears_each_knock_once() {
    let mut desk = Desk::in_call();
    room(&mut desk, RoomEvent::State(hosted_by("me")));
    let guest = |who: &str| WaitingGuest { id: id(who), name: who.into(), label: None };
    let knock = |name: &str| Notification::Waiting { name: name.into() };
    let outputs = room(&mut desk, RoomEvent::WaitingRoom(vec![guest("maja")]));
    assert_eq!(notifications(&outputs), [knock("maja")]);
    let outputs = room(&mut desk, RoomEvent::WaitingRoom(vec![guest("maja"), guest("tom")]));
    assert_eq!(notifications(&outputs), [knock("tom")]);
    assert_eq!(desk.call.view().room.as_ref().unwrap().waiting.len(), 2);
    room(&mut desk, RoomEvent::State(hosted_by("amir")));
    assert!(desk.call.view().room.as_ref().unwrap().waiting.is_empty(), "not ours to see any more");
}

#[test]
fn a_reaction_is_shown_for_some_seconds() {
    let mut desk = Desk::in_call();
    let reacted = |who: &str| RoomEvent::Reacted { participant: id(who), reaction: Reaction::Clap };
    room(&mut desk, reacted("amir"));
    room(&mut desk, reacted("me"));
    room(&mut desk, reacted("nobody"));
    assert_eq!(desk.call.view().participants[0].reaction, Some(Reaction::Clap));
    assert_eq!(desk.call.view().me.reaction, Some(Reaction::Clap));
    desk.pass(REACTION_SHOWN);
    assert_eq!(desk.call.view().participants[0].reaction, None);
    assert_eq!(desk.call.view().me.reaction, None);
}

#[test]
fn a_message_is_on_its_way_until_it_comes_back() {
    let mut desk = Desk::in_call();
    let tag = tag_of(&send(&mut desk, " hej \n"));
    assert_eq!(texts(&desk), [("hej".into(), ChatState::Sending)]);
    room(&mut desk, RoomEvent::Chat(said(1, "amir", "hello")));
    room(&mut desk, RoomEvent::Chat(Said { tag: Some(tag), ..said(2, "me", "hej") }));
    assert_eq!(texts(&desk), [("hello".into(), ChatState::Sent), ("hej".into(), ChatState::Sent)]);
    assert_eq!(desk.call.view().unread, 1, "one's own is read");
    desk.input(Input::Room(RoomInput::ReadChat));
    assert_eq!(desk.call.view().unread, 0);
    assert!(send(&mut desk, " \n ").is_empty());
}

#[test]
fn what_was_not_sent_is_sent_again_by_hand() {
    let mut desk = Desk::in_call();
    let tag = tag_of(&send(&mut desk, "hej"));
    room(&mut desk, RoomEvent::ChatLost { tag });
    assert_eq!(texts(&desk), [("hej".into(), ChatState::Failed)]);
    let key = desk.call.chat().messages[0].key;
    let again = tag_of(&told(&desk.input(Input::Room(RoomInput::RetryChat { key }))));
    assert_ne!(again, tag);
    room(&mut desk, RoomEvent::ChatLost { tag });
    assert_eq!(texts(&desk), [("hej".into(), ChatState::Sending)], "that was the attempt before");
}

#[test]
fn after_a_broken_connection_it_shows_what_had_arrived() {
    let mut desk = Desk::in_call();
    room(&mut desk, RoomEvent::State(hosted_by("amir")));
    let arrived = tag_of(&send(&mut desk, "one"));
    let lost = tag_of(&send(&mut desk, "two"));
    desk.session(SessionEvent::Joined { you: id("me"), participants: vec![amir(ON)] });
    let replayed = Said { tag: Some(arrived), history: true, ..said(1, "me", "one") };
    room(&mut desk, RoomEvent::Chat(replayed));
    room(&mut desk, RoomEvent::Chat(Said { history: true, ..said(2, "amir", "meanwhile") }));
    room(&mut desk, RoomEvent::ChatLost { tag: lost });
    room(&mut desk, RoomEvent::State(hosted_by("amir")));
    let expected = [("one", ChatState::Sent), ("meanwhile", ChatState::Sent), ("two", ChatState::Failed)];
    assert_eq!(texts(&desk), expected.map(|(text, state)| (text.to_owned(), state)));
    assert_eq!(desk.call.view().unread, 1, "said while we were away");
}

#[test]
fn what_was_said_before_we_came_is_shown_and_not_unread() {
    let mut desk = Desk::in_call();
    let outputs = room(&mut desk, RoomEvent::Chat(Said { history: true, ..said(1, "amir", "early") }));
    assert!(notifications(&outputs).is_empty());
    room(&mut desk, RoomEvent::State(hosted_by("amir")));
    let outputs = room(&mut desk, RoomEvent::Chat(said(2, "amir", "now")));
    assert_eq!(notifications(&outputs), [Notification::Chat { name: "Amir".into(), private: false }]);
    assert_eq!((texts(&desk).len(), desk.call.view().unread), (2, 1));
}

#[test]
fn private_messages_replies_and_reactions() {
    let mut desk = Desk::in_call();
    room(&mut desk, RoomEvent::Chat(Said { to: Some(id("me")), ..said(1, "amir", "psst") }));
    let to_amir = |reply_to| RoomInput::SendChat { text: "yes".into(), to: Some(id("amir")), reply_to };
    let outputs = desk.input(Input::Room(to_amir(Some(MessageId(1)))));
    match told(&outputs).as_slice() {
        [RoomCommand::Chat { to, body, .. }] => {
            assert_eq!((to, body.reply_to), (&Some(id("amir")), Some(MessageId(1))));
        }
        other => panic!("{other:?}"),
    }
    let nobody = RoomInput::SendChat { text: "x".into(), to: Some(id("nobody")), reply_to: None };
    assert!(told(&desk.input(Input::Room(nobody))).is_empty());
    let reactions = vec![
        MessageReaction { from: id("amir"), reaction: Reaction::Heart },
        MessageReaction { from: id("me"), reaction: Reaction::Heart },
    ];
    room(&mut desk, RoomEvent::MessageReactions { message: MessageId(1), reactions });
    let messages = desk.call.chat().messages;
    assert_eq!(messages[0].to.as_ref().unwrap().id, id("me"));
    assert_eq!(messages[1].to.as_ref().unwrap().name, "Amir");
    assert_eq!(messages[0].reactions.iter().map(|one| (one.count, one.mine)).collect::<Vec<_>>(), [(2, true)]);
}

#[test]
fn hostile_texts_and_lists_stay_small_and_plain() {
    let mut desk = Desk::in_call();
    room(&mut desk, RoomEvent::Chat(said(1, "amir", "a\u{202e}b\u{7}c\nd")));
    assert_eq!(texts(&desk)[0].0, "abc\nd");
    room(&mut desk, RoomEvent::Chat(said(2, "amir", "\u{202e}")));
    room(&mut desk, RoomEvent::Chat(said(3, "amir", &"x".repeat(100_000))));
    assert_eq!(texts(&desk)[1].0.chars().count(), crate::chat::MAX_TEXT);
    for number in 10..10 + 2 * MAX_LINES as u32 {
        room(&mut desk, RoomEvent::Chat(said(number, "amir", "flood")));
    }
    assert_eq!(texts(&desk).len(), MAX_LINES);
    let many = RoomState { hands: vec![id("amir"); 100], ..hosted_by("amir") };
    room(&mut desk, RoomEvent::State(many));
    assert_eq!(desk.call.view().room, None, "no fika-server says this");
}
