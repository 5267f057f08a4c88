//! Hosts: who is one, what they may do, and what becomes of it.

use fika_call::room::Asked;

use super::*;

/// The owner on 0, and three more inside; 1 is co-host.
fn meeting() -> House {
    let mut house = House::new();
    house.own(0);
    (1..=3).for_each(|connection| house.join(connection));
    house.moderate(0, Moderation::SetCoHost { who: id(1), on: true }).unwrap();
    house.outputs();
    house
}

fn everything(who: u64) -> Vec<Moderation> {
    let who = id(who);
    vec![
        Moderation::Admit { who: who.clone() },
        Moderation::AdmitAll,
        Moderation::Deny { who: who.clone() },
        Moderation::Mute { who: who.clone() },
        Moderation::MuteAll,
        Moderation::Ask { who: who.clone(), what: Asked::Microphone },
        Moderation::StopCamera { who: who.clone() },
        Moderation::MoveToWaiting { who: who.clone() },
        Moderation::SetCoHost { who: who.clone(), on: true },
        Moderation::MakeHost { who: who.clone() },
        Moderation::SetLocked { on: true },
        Moderation::SetWaitingRoom { on: true },
        Moderation::Spotlight { who: Some(who.clone()) },
        Moderation::LowerHand { who: who.clone() },
        Moderation::Remove { who },
        Moderation::End,
    ]
}

#[test]
fn who_is_no_host_does_nothing() {
    let mut house = meeting();
    let before = house.state().clone();
    for action in everything(3) {
        assert_eq!(house.moderate(2, action.clone()), Err(Decline::NotAllowed), "{action:?}");
    }
    assert_eq!(house.outputs(), []);
    assert_eq!(house.state(), &before);
    let nobody = house.rooms.moderate(ConnectionId(9), Moderation::MuteAll, house.now);
    assert_eq!(nobody, Err(Refusal::BadMessage));
}

#[test]
fn a_co_host_does_not_touch_the_host_nor_hand_out_roles() {
    let mut house = meeting();
    for action in [
        Moderation::Mute { who: id(0) },
        Moderation::StopCamera { who: id(0) },
        Moderation::Remove { who: id(0) },
        Moderation::MoveToWaiting { who: id(0) },
        Moderation::SetCoHost { who: id(2), on: true },
        Moderation::MakeHost { who: id(1) },
        Moderation::End,
    ] {
        assert_eq!(house.moderate(1, action.clone()), Err(Decline::NotAllowed), "{action:?}");
    }
    assert_eq!(house.moderate(1, Moderation::Mute { who: id(2) }), Ok(()));
}

#[test]
fn muting_is_told_to_all_and_done_by_one() {
    let mut house = meeting();
    house.moderate(0, Moderation::Mute { who: id(2) }).unwrap();
    let outputs = house.outputs();
    assert_eq!(sent(&outputs, 2), [ServerMessage::Muted { by: Some(id(0)) }]);
    let participant = ParticipantInfo { media: MediaState::default(), ..info(2, false) };
    assert_eq!(sent(&outputs, 3), [ServerMessage::ParticipantChanged { participant }]);

    house.moderate(1, Moderation::MuteAll).unwrap();
    let outputs = house.outputs();
    assert_eq!(sent(&outputs, 3).last(), Some(&ServerMessage::Muted { by: Some(id(1)) }));
    assert!(!sent(&outputs, 0).contains(&ServerMessage::Muted { by: Some(id(1)) }), "hosts are not meant");
    assert!(!sent(&outputs, 1).contains(&ServerMessage::Muted { by: Some(id(1)) }));

    house.moderate(0, Moderation::Ask { who: id(2), what: Asked::Microphone }).unwrap();
    let asked = ServerMessage::Asked { by: Some(id(0)), what: Asked::Microphone };
    assert_eq!(house.outputs(), [Output::Send { to: ConnectionId(2), message: asked }], "nothing is switched on");
}

#[test]
fn a_camera_is_stopped() {
    let mut house = meeting();
    house.rooms.set_media(ConnectionId(2), MediaState { microphone: true, camera: true }).unwrap();
    house.outputs();
    house.moderate(1, Moderation::StopCamera { who: id(2) }).unwrap();
    let outputs = house.outputs();
    assert_eq!(sent(&outputs, 2), [ServerMessage::CameraStopped { by: Some(id(1)) }]);
    let stopped = ServerMessage::ParticipantChanged { participant: info(2, false) };
    assert_eq!(sent(&outputs, 0), [stopped]);
}

#[test]
fn who_is_removed_is_out_and_does_not_come_back_unasked() {
    let mut house = meeting();
    let grant = house.grants.get(&ConnectionId(2)).cloned().unwrap();
    house.moderate(0, Moderation::Remove { who: id(2) }).unwrap();
    let outputs = house.outputs();
    assert_eq!(sent(&outputs, 2), [ServerMessage::Refused { reason: Refusal::Removed }]);
    assert!(closed(&outputs, 2));
    assert_eq!(news(&outputs, 3), [ServerMessage::ParticipantLeft { participant: id(2) }]);
    assert!(house.state().waiting_room);
    assert_eq!(house.come(4, Some(grant), Shown::default()), Err(Refusal::Removed), "told again");
    house.join(4);
    assert!(!house.inside().contains(&id(4)), "waits like everybody else");
    assert_eq!(house.rooms.react(ConnectionId(2), Reaction::Heart, house.now), Err(Refusal::BadMessage));
}

#[test]
fn somebody_is_sent_out_before_the_door_and_let_in_again() {
    let mut house = meeting();
    let grant = house.grants.get(&ConnectionId(3)).cloned().unwrap();
    house.rooms.set_hand(ConnectionId(3), true).unwrap().unwrap();
    house.moderate(1, Moderation::Spotlight { who: Some(id(3)) }).unwrap();
    house.outputs();
    house.moderate(1, Moderation::MoveToWaiting { who: id(3) }).unwrap();
    let outputs = house.outputs();
    assert!(matches!(sent(&outputs, 3)[..], [ServerMessage::Waiting { .. }]));
    assert_eq!(news(&outputs, 2), [ServerMessage::ParticipantLeft { participant: id(3) }]);
    assert!(house.state().hands.is_empty() && house.state().spotlight.is_none());
    // The token from inside does not lead past the door.
    house.rooms.disconnected(ConnectionId(3), RESUME, house.now);
    house.come(4, Some(grant.clone()), Shown::default()).unwrap();
    assert!(matches!(house.sent(4)[0], ServerMessage::Waiting { .. }));
    house.rooms.disconnected(ConnectionId(4), RESUME, house.now);
    house.pass(RESUME);
    house.moderate(0, Moderation::SetWaitingRoom { on: true }).unwrap();
    house.come(5, Some(grant), Shown::default()).unwrap();
    assert!(!house.inside().contains(&id(5)));
    house.moderate(0, Moderation::Admit { who: id(5) }).unwrap();
    assert!(house.inside().contains(&id(5)));
}

#[test]
fn the_host_hands_over_and_gets_it_back_by_key_alone() {
    let mut house = meeting();
    house.moderate(0, Moderation::MakeHost { who: id(2) }).unwrap();
    assert_eq!((house.role(0), house.role(2)), (Role::CoHost, Role::Host));
    house.rooms.leave(ConnectionId(2), house.now);
    assert_eq!(house.role(0), Role::Host, "the owner before all others");
}

#[test]
fn when_the_host_vanishes_a_co_host_stands_in_until_the_owner_is_back() {
    let mut house = meeting();
    house.rooms.disconnected(ConnectionId(0), RESUME, house.now);
    house.pass(RESUME - Duration::from_secs(1));
    assert_eq!(house.role(0), Role::Host);
    house.pass(Duration::from_secs(1));
    assert_eq!((house.role(1), house.role(2)), (Role::Host, Role::Participant));
    house.own(5);
    assert_eq!((house.role(5), house.role(1)), (Role::Host, Role::CoHost), "co-host as before");
    house.rooms.leave(ConnectionId(5), house.now);
    house.rooms.leave(ConnectionId(1), house.now);
    assert_eq!(house.role(2), Role::Host, "who is here longest");
    house.own(6);
    assert_eq!((house.role(6), house.role(2)), (Role::Host, Role::Participant));
}

#[test]
fn a_guest_from_the_waiting_room_does_not_inherit() {
    let mut house = House::hosted();
    house.join(1);
    house.moderate(0, Moderation::Admit { who: id(1) }).unwrap();
    house.rooms.leave(ConnectionId(0), house.now);
    assert_eq!(house.state().host, None);
    assert_eq!(house.moderate(1, Moderation::AdmitAll), Err(Decline::NotAllowed));
    house.join(2);
    house.own(3);
    house.outputs();
    house.moderate(3, Moderation::Admit { who: id(2) }).unwrap();
}

#[test]
fn the_meeting_ends_for_all() {
    let mut house = meeting();
    house.rooms.disconnected(ConnectionId(3), RESUME, house.now);
    house.outputs();
    let grant = house.grants[&ConnectionId(3)].clone();
    house.moderate(0, Moderation::End).unwrap();
    let outputs = house.outputs();
    for connection in 0..=2 {
        let ended = ServerMessage::Refused { reason: Refusal::Ended };
        assert_eq!(sent(&outputs, connection), [ended]);
        assert!(closed(&outputs, connection));
    }
    assert_eq!(house.come(5, None, Shown::default()), Err(Refusal::RoomNotFound));
    assert_eq!(house.come(5, Some(grant.clone()), Shown::default()), Err(Refusal::Ended), "was away just then");
    house.pass(RESUME);
    let stranger = Grant { room: RoomId::from_bytes([9; 10]), ..grant };
    assert_eq!(house.come(5, Some(stranger), Shown::default()), Err(Refusal::RoomNotFound));

    let options = RoomOptions { until: Some(START + 60), ..RoomOptions::default() };
    let mut kept = House::with(options, None);
    kept.own(0);
    kept.join(1);
    kept.outputs();
    let grant = kept.grants[&ConnectionId(1)].clone();
    kept.moderate(0, Moderation::End).unwrap();
    assert!(kept.inside().is_empty());
    assert_eq!(kept.come(2, Some(grant), Shown::default()), Err(Refusal::Ended));
    kept.join(2);
    assert!(kept.inside().is_empty(), "waits for the owner");
}

#[test]
fn the_owner_needs_no_seat() {
    let mut house = House::hosted();
    house.join(1);
    house.outputs();
    let wrong = house.rooms.manage(ConnectionId(9), house.room.clone(), Digest([7; 32]), house.now);
    assert_eq!(wrong, Err(Refusal::RoomNotFound));
    house.rooms.manage(ConnectionId(9), house.room.clone(), KEY, house.now).unwrap();
    let told = house.sent(9);
    assert!(matches!(
        told[..],
        [
            ServerMessage::ParticipantJoined { .. },
            ServerMessage::Room { .. },
            ServerMessage::WaitingRoom { .. },
            ServerMessage::Invites { .. }
        ]
    ));
    house.moderate(9, Moderation::Admit { who: id(1) }).unwrap();
    house.moderate(9, Moderation::Mute { who: id(0) }).unwrap();
    assert!(house.sent(0).contains(&ServerMessage::Muted { by: None }));
    house.join(2);
    assert!(matches!(house.sent(9).last(), Some(ServerMessage::WaitingRoom { .. })));
    house.rooms.disconnected(ConnectionId(9), RESUME, house.now);
    house.join(3);
    assert_eq!(house.sent(9), []);
}
