//! Any order of inputs: what must never happen, does not.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::TrackSource;
use crate::chat::{ChatBody, ChatState, MessageId};
use crate::room::{Asked, Decline, Moderation, Reaction, RoomState, WaitingGuest};
use crate::session::{ConnectionPrivacy, RoomEvent, Said};
use crate::view::{CallSettings, Levels, ParticipantLevel, TileKey, Trust};
use crate::want::VideoWant;

fn attempt() -> impl Strategy<Value = Attempt> {
    (0..6u32).prop_map(Attempt)
}

fn kind() -> impl Strategy<Value = DeviceKind> {
    prop_oneof![Just(DeviceKind::Camera), Just(DeviceKind::Microphone), Just(DeviceKind::Speaker)]
}

fn device_problem() -> impl Strategy<Value = DeviceProblem> {
    prop_oneof![
        Just(DeviceProblem::Busy),
        Just(DeviceProblem::NotFound),
        Just(DeviceProblem::Disconnected),
        Just(DeviceProblem::Stalled),
        Just(DeviceProblem::Failed),
    ]
}

fn participant() -> impl Strategy<Value = Participant> {
    ("[a-c]", any::<bool>(), any::<bool>()).prop_map(|(who, microphone, camera)| Participant {
        id: ParticipantId(who.clone()),
        name: who,
        media: MediaState { microphone, camera },
    })
}

fn peer_state() -> impl Strategy<Value = PeerState> {
    prop_oneof![
        1 => Just(PeerState::Connecting),
        4 => Just(PeerState::Connected),
        1 => Just(PeerState::Disconnected),
        1 => Just(PeerState::Failed),
        1 => Just(PeerState::Untrusted),
    ]
}

fn session_event() -> impl Strategy<Value = SessionEvent> {
    prop_oneof![
        4 => prop::collection::vec(participant(), 0..3)
            .prop_map(|participants| SessionEvent::Joined { you: id("me"), participants }),
        1 => participant().prop_map(SessionEvent::ParticipantJoined),
        1 => participant().prop_map(SessionEvent::ParticipantChanged),
        1 => "[a-c]".prop_map(|who| SessionEvent::ParticipantLeft(ParticipantId(who))),
        4 => ("[a-c]", peer_state())
            .prop_map(|(who, state)| SessionEvent::PeerState { participant: ParticipantId(who), state }),
        2 => ("[a-c]", 0..3u8, any::<bool>(), any::<bool>()).prop_map(|(who, key, lasting, words)| {
            let key = (key > 0).then_some(crate::identity::IdentityKey([key; 32]));
            let identity = crate::identity::PeerIdentity { key, lasting, words: words.then_some([7; 4]) };
            SessionEvent::PeerIdentity { participant: ParticipantId(who), identity }
        }),
        1 => Just(SessionEvent::SignalState(SignalState::Reconnecting)),
        1 => Just(SessionEvent::SignalState(SignalState::Connected)),
        1 => Just(SessionEvent::KeyframeRequested { source: TrackSource::Camera }),
        1 => any::<u32>().prop_map(SessionEvent::VideoBitrate),
        1 => any::<u8>().prop_map(SessionEvent::AudioLoss),
        2 => ("[a-c]", 0..3u16, 0..3u8).prop_map(|(who, lines, frame_rate)| SessionEvent::VideoWanted {
            participant: ParticipantId(who),
            source: TrackSource::Camera,
            want: VideoWant { lines: lines * 360, frame_rate },
        }),
        6 => room_event().prop_map(SessionEvent::Room),
        1 => Just(SessionEvent::Closed(CloseReason::Removed)),
        1 => Just(SessionEvent::Closed(CloseReason::Lost)),
        1 => Just(SessionEvent::Closed(CloseReason::Left)),
    ]
}

fn who() -> impl Strategy<Value = ParticipantId> {
    prop_oneof![1 => Just(id("me")), 3 => "[a-d]".prop_map(ParticipantId)]
}

fn room_event() -> impl Strategy<Value = RoomEvent> {
    let by = || prop::option::of(who());
    let ids = || prop::collection::vec(who(), 0..4);
    let asked = prop_oneof![Just(Asked::Microphone), Just(Asked::Camera)];
    let state = (by(), ids(), by(), ids(), any::<bool>()).prop_map(|(host, co_hosts, spotlight, hands, locked)| {
        RoomState { host, co_hosts, locked, waiting_room: locked, spotlight, hands }
    });
    let guest = |id: ParticipantId| WaitingGuest { name: id.0.clone(), id, label: None };
    let said =
        (0..9u32, who(), by(), prop::option::of(0..4u32), any::<bool>()).prop_map(|(id, from, to, tag, history)| {
            let body = ChatBody { text: "hej".into(), reply_to: None };
            RoomEvent::Chat(Said {
                id: MessageId(id),
                from,
                name: "Amir".into(),
                to,
                at: 1,
                body,
                reactions: Vec::new(),
                tag,
                history,
            })
        });
    prop_oneof![
        1 => Just(RoomEvent::Waiting { host: None }),
        3 => state.prop_map(RoomEvent::State),
        1 => ids().prop_map(move |ids| RoomEvent::WaitingRoom(ids.into_iter().map(guest).collect())),
        2 => by().prop_map(|by| RoomEvent::Muted { by }),
        2 => by().prop_map(|by| RoomEvent::CameraStopped { by }),
        2 => (by(), asked).prop_map(|(by, what)| RoomEvent::Asked { by, what }),
        1 => who().prop_map(|participant| RoomEvent::Reacted { participant, reaction: Reaction::Heart }),
        3 => said,
        1 => (0..4u32).prop_map(|tag| RoomEvent::ChatLost { tag }),
        1 => Just(RoomEvent::Declined(Decline::NotAllowed)),
    ]
}

fn room_input() -> impl Strategy<Value = RoomInput> {
    prop_oneof![
        who().prop_map(|who| RoomInput::Moderate(Moderation::Mute { who })),
        any::<bool>().prop_map(|up| RoomInput::SetHand { up }),
        Just(RoomInput::React(Reaction::Coffee)),
        prop::option::of(who()).prop_map(|to| RoomInput::SendChat { text: "hej".into(), to, reply_to: None }),
        (0..4u32).prop_map(|key| RoomInput::RetryChat { key }),
        Just(RoomInput::ReadChat),
        Just(RoomInput::DismissAsk),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let choice = || prop::option::of("[x-z]".prop_map(String::from));
    prop_oneof![
        1 => Just(Input::NewCall),
        3 => Just(Input::OpenInvite(invite())),
        1 => Just(Input::OpenLink(invite())),
        2 => (any::<bool>(), any::<bool>())
            .prop_map(|(video, relayed)| Input::Answer { invite: invite(), video, relayed }),
        6 => Just(Input::Join),
        1 => Just(Input::Leave),
        1 => Just(Input::Home),
        3 => Just(Input::Rejoin),
        2 => any::<bool>().prop_map(|on| Input::SetMicrophone { on }),
        2 => any::<bool>().prop_map(|on| Input::SetCamera { on }),
        1 => (kind(), choice()).prop_map(|(kind, id)| Input::SelectDevice { kind, id }),
        1 => kind().prop_map(|kind| Input::RetryDevice { kind }),
        1 => choice().prop_map(|camera| Input::Settings(CallSettings { camera, ..CallSettings::default() })),
        2 => prop::collection::vec(("[a-c]", 0..2000u32), 0..3).prop_map(|tiles| {
            let tile = |who| TileKey { participant: ParticipantId(who), source: TrackSource::Camera };
            let seen = |(who, size)| VisibleTile { tile: tile(who), width: size, height: size };
            Input::Visible(tiles.into_iter().map(seen).collect())
        }),
        1 => attempt().prop_map(|attempt| Input::RoomOpened { attempt, invite: invite() }),
        1 => attempt().prop_map(|attempt| Input::RoomFailed { attempt, reason: EndReason::ServerUnreachable }),
        12 => (kind(), attempt(), "[x-z]")
            .prop_map(|(kind, attempt, id)| Input::DeviceOpened { kind, attempt, id: id.clone(), name: id }),
        1 => (kind(), attempt(), device_problem())
            .prop_map(|(kind, attempt, problem)| Input::DeviceFailed { kind, attempt, problem }),
        2 => (kind(), attempt(), device_problem())
            .prop_map(|(kind, attempt, problem)| Input::DeviceLost { kind, attempt, problem }),
        1 => prop::collection::vec((kind(), "[x-z]", any::<bool>()), 0..4).prop_map(|list| {
            let device = |(kind, id, is_default): (_, String, _)| Device { kind, name: id.clone(), id, is_default };
            Input::Devices(list.into_iter().map(device).collect())
        }),
        4 => room_input().prop_map(Input::Room),
        1 => "[a-c]".prop_map(|who| Input::SaveContact { participant: ParticipantId(who), name: String::new() }),
        1 => (0..3u8).prop_map(|key| Input::ForgetContact { key: crate::identity::IdentityKey([key; 32]) }),
        2 => ("[a-c]", any::<bool>())
            .prop_map(|(who, same)| Input::WordsCompared { participant: ParticipantId(who), same }),
        16 => session_event().prop_map(Input::Session),
        1 => Just(Input::SessionGone),
        1 => "[a-c]".prop_map(|who| Input::MediaReceived { participant: ParticipantId(who) }),
        1 => ("[a-c]", any::<bool>()).prop_map(|(who, shown)| Input::Video { participant: ParticipantId(who), shown }),
        1 => ("[a-c]", 0..100u8).prop_map(|(who, level)| {
            let participants = vec![ParticipantLevel { id: ParticipantId(who), level }];
            Input::Levels(Levels { microphone: 0, participants })
        }),
        2 => Just(Input::Timeout),
    ]
}

/// What the world looks like after the outputs so far.
#[derive(Default)]
struct World {
    sending: MediaState,
    connected: bool,
    open: HashSet<DeviceKind>,
    relayed: bool,
}

impl World {
    fn perform(&mut self, output: &Output, by_user: bool) {
        match output {
            Output::SetSending(media) => self.sending = *media,
            Output::Connect(request) => {
                self.relayed = request.privacy == ConnectionPrivacy::RelayOnly;
                assert!(by_user, "only the user goes into a call");
                assert!(!std::mem::replace(&mut self.connected, true), "one session at a time");
            }
            Output::Disconnect => assert!(std::mem::replace(&mut self.connected, false)),
            Output::Session(_) => assert!(self.connected, "a command needs a session"),
            Output::OpenDevice { kind, .. } => drop(self.open.insert(*kind)),
            Output::CloseDevice { kind } => drop(self.open.remove(kind)),
            Output::ForceKeyframe => assert!(self.sending.camera),
            Output::SetAudioLoss(percent) => assert!(*percent <= 100),
            _ => {}
        }
    }

    fn check(&self, desk: &Desk) {
        let view = desk.call.view();
        let in_call = view.phase == Phase::InCall;
        let running = |state| matches!(state, CaptureState::On | CaptureState::Starting);
        let may_send = |me: &crate::view::CaptureView| in_call && me.wanted && running(me.state);
        assert!(!self.sending.microphone || may_send(&view.me.microphone));
        assert!(!self.sending.camera || may_send(&view.me.camera));
        assert!(!in_call || self.connected);
        if matches!(view.phase, Phase::Home | Phase::Ended) {
            assert!(self.open.is_empty(), "devices are released: {:?}", self.open);
        }
        assert!(view.me.camera.wanted || !self.open.contains(&DeviceKind::Camera), "its light is out");
        let ids: HashSet<_> = view.participants.iter().map(|person| &person.id).collect();
        assert_eq!(ids.len(), view.participants.len());
        assert!(in_call || view.participants.is_empty() && view.room.is_none(), "outside one sees nobody");
        assert!(in_call || view.ask.is_none());
        let chat = desk.call.chat().messages;
        assert!(in_call || chat.is_empty() && view.unread == 0);
        let keys: HashSet<_> = chat.iter().map(|message| message.key).collect();
        assert_eq!(keys.len(), chat.len());
        assert!(
            chat.iter().filter_map(|message| message.id).is_sorted_by(|a, b| a < b),
            "in the server's order, none twice"
        );
        assert!(chat.iter().all(|message| message.id.is_some() == (message.state == ChatState::Sent)));
        let cut = view.participants.iter().filter(|person| person.trust == Trust::Differs);
        for person in cut {
            assert!(!person.has_video && !person.speaking && person.connection == ConnectionState::Lost);
        }
        assert_eq!(view.end.is_some(), view.phase == Phase::Ended);
        assert!(desk.call.poll_timeout().is_none_or(|at| at > desk.now), "no wake-up in the past");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_is_sent_that_the_user_did_not_ask_for(
        steps in prop::collection::vec((input(), 0..20_000u64), 0..100),
    ) {
        let mut desk = Desk::new();
        let mut world = World::default();
        for (input, wait) in steps {
            let by_user = matches!(input, Input::Join | Input::Answer { .. } | Input::Rejoin);
            let turns_on = matches!(input, Input::SetMicrophone { on: true } | Input::Answer { .. });
            let before = desk.call.view().clone();
            let outputs = desk.input(input.clone());
            for output in &outputs {
                world.perform(output, by_user);
            }
            if let Input::Answer { relayed, .. } = &input {
                prop_assert!(world.connected && world.relayed == *relayed, "it leads into the call, as private as asked");
            }
            if let Input::DeviceFailed { kind, .. } | Input::DeviceLost { kind, .. } = input {
                // The engine has closed it, unless a replacement is being opened or it was an earlier attempt.
                let (slot, _) = desk.call.slot(kind);
                if !slot.is_running() {
                    world.open.remove(&kind);
                }
            }
            world.check(&desk);
            let after = desk.call.view();
            let told = outputs.iter().filter(|output| matches!(output, Output::ViewChanged)).count();
            prop_assert_eq!(told, usize::from(before != *after));
            let unmuted = !before.me.microphone.wanted && after.me.microphone.wanted;
            let turns_camera_on = matches!(input, Input::SetCamera { on: true } | Input::Answer { video: true, .. });
            let shown = !before.me.camera.wanted && after.me.camera.wanted;
            prop_assert!(turns_camera_on || !shown, "a camera is switched on by its own button, or by answering with it");
            prop_assert!(turns_on || !unmuted, "mute survives everything but its own button and answering");
            for output in desk.pass(Duration::from_millis(wait)) {
                world.perform(&output, false);
            }
            world.check(&desk);
        }
    }
}
