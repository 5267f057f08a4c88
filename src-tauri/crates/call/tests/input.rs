//! Links and signalling messages from strangers: errors at most, and what we write we also read.

#![allow(clippy::unwrap_used)]

use fika_call::chat::{ChatBody, ChatMessage, MessageId, MessageReaction};
use fika_call::door::{Entry, InviteInfo, InviteOptions, RoomOptions};
use fika_call::invite::{Invite, Secret};
use fika_call::room::{Asked, Decline, Moderation, Reaction, RoomState, WaitingGuest};
use fika_call::signal::{
    Binding, ClientMessage, IceServer, MAX_MESSAGE, MediaState, PROTOCOL_VERSION, ParticipantInfo, PeerBody,
    PeerMessage, Refusal, Sealed, ServerMessage,
};
use fika_call::{ParticipantId, RoomId, TrackSource, VideoWant};
use proptest::prelude::*;

fn media() -> impl Strategy<Value = MediaState> {
    any::<(bool, bool)>().prop_map(|(microphone, camera)| MediaState { microphone, camera })
}

fn participant_id() -> impl Strategy<Value = ParticipantId> {
    any::<String>().prop_map(ParticipantId)
}

fn participant() -> impl Strategy<Value = ParticipantInfo> {
    (participant_id(), any::<String>(), media(), any::<bool>()).prop_map(|(id, name, media, away)| ParticipantInfo {
        id,
        name,
        media,
        away,
    })
}

fn ice_server() -> impl Strategy<Value = IceServer> {
    (prop::collection::vec(any::<String>(), 0..3), maybe_text(), maybe_text())
        .prop_map(|(urls, username, credential)| IceServer { urls, username, credential })
}

fn maybe_text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(any::<String>())
}

fn room_options() -> impl Strategy<Value = RoomOptions> {
    (any::<bool>(), any::<bool>(), maybe_text(), any::<Option<u32>>()).prop_map(
        |(waiting_room, invite_only, passcode, until)| RoomOptions { waiting_room, invite_only, passcode, until },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    (maybe_text(), maybe_text(), maybe_text()).prop_map(|(host_key, invite, passcode)| Entry {
        host_key,
        invite,
        passcode,
    })
}

fn invite_options() -> impl Strategy<Value = InviteOptions> {
    (maybe_text(), any::<[bool; 3]>(), any::<Option<u32>>()).prop_map(
        |(label, [single_use, skip_waiting, co_host], until)| InviteOptions {
            label,
            single_use,
            until,
            skip_waiting,
            co_host,
        },
    )
}

fn invite_info() -> impl Strategy<Value = InviteInfo> {
    (any::<String>(), invite_options(), any::<u32>(), any::<bool>()).prop_map(|(id, options, used, revoked)| {
        let InviteOptions { label, single_use, until, skip_waiting, co_host } = options;
        InviteInfo { id, label, single_use, until, skip_waiting, co_host, used, revoked }
    })
}

fn reaction() -> impl Strategy<Value = Reaction> {
    prop::sample::select(Reaction::ALL.to_vec())
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![Just(Asked::Microphone), Just(Asked::Camera)]
}

fn moderation() -> impl Strategy<Value = Moderation> {
    prop_oneof![
        participant_id().prop_map(|who| Moderation::Admit { who }),
        Just(Moderation::AdmitAll),
        participant_id().prop_map(|who| Moderation::Deny { who }),
        participant_id().prop_map(|who| Moderation::Mute { who }),
        Just(Moderation::MuteAll),
        (participant_id(), asked()).prop_map(|(who, what)| Moderation::Ask { who, what }),
        participant_id().prop_map(|who| Moderation::StopCamera { who }),
        participant_id().prop_map(|who| Moderation::Remove { who }),
        participant_id().prop_map(|who| Moderation::MoveToWaiting { who }),
        (participant_id(), any::<bool>()).prop_map(|(who, on)| Moderation::SetCoHost { who, on }),
        participant_id().prop_map(|who| Moderation::MakeHost { who }),
        any::<bool>().prop_map(|on| Moderation::SetLocked { on }),
        any::<bool>().prop_map(|on| Moderation::SetWaitingRoom { on }),
        prop::option::of(participant_id()).prop_map(|who| Moderation::Spotlight { who }),
        participant_id().prop_map(|who| Moderation::LowerHand { who }),
        Just(Moderation::End),
    ]
}

fn client_message() -> impl Strategy<Value = ClientMessage> {
    let join = (any::<u32>(), any::<String>(), any::<String>(), media(), maybe_text(), entry()).prop_map(
        |(version, room, name, media, resume, entry)| ClientMessage::Join {
            version,
            room: RoomId(room),
            name,
            media,
            resume,
            entry,
        },
    );
    prop_oneof![
        (any::<u32>(), room_options()).prop_map(|(version, options)| ClientMessage::Create {
            version,
            options,
            again: None
        }),
        (any::<u32>(), any::<String>(), any::<String>()).prop_map(|(version, room, host_key)| ClientMessage::Manage {
            version,
            room: RoomId(room),
            host_key
        }),
        join,
        invite_options().prop_map(|options| ClientMessage::MakeInvite { options }),
        any::<String>().prop_map(|id| ClientMessage::RevokeInvite { id }),
        Just(ClientMessage::ListInvites),
        any::<String>().prop_map(|name| ClientMessage::SetName { name }),
        any::<bool>().prop_map(|up| ClientMessage::SetHand { up }),
        reaction().prop_map(|reaction| ClientMessage::React { reaction }),
        (any::<u32>(), prop::option::of(participant_id()), any::<String>())
            .prop_map(|(tag, to, payload)| ClientMessage::Chat { tag, to, payload: Sealed(payload) }),
        (any::<u32>(), reaction(), any::<bool>()).prop_map(|(message, reaction, on)| {
            ClientMessage::ReactToMessage { message: MessageId(message), reaction, on }
        }),
        moderation().prop_map(|action| ClientMessage::Moderate { action }),
        media().prop_map(|media| ClientMessage::SetMedia { media }),
        (participant_id(), any::<String>())
            .prop_map(|(to, payload)| ClientMessage::Signal { to, payload: Sealed(payload) }),
        prop::collection::vec(any::<String>(), 0..3).prop_map(|keys| ClientMessage::Show { keys }),
        Just(ClientMessage::Leave),
        Just(ClientMessage::Ping),
    ]
}

fn room_state() -> impl Strategy<Value = RoomState> {
    let ids = || prop::collection::vec(participant_id(), 0..3);
    let one = || prop::option::of(participant_id());
    (one(), ids(), any::<bool>(), any::<bool>(), one(), ids()).prop_map(
        |(host, co_hosts, locked, waiting_room, spotlight, hands)| RoomState {
            host,
            co_hosts,
            locked,
            waiting_room,
            spotlight,
            hands,
        },
    )
}

fn reactions() -> impl Strategy<Value = Vec<MessageReaction>> {
    let one = (participant_id(), reaction()).prop_map(|(from, reaction)| MessageReaction { from, reaction });
    prop::collection::vec(one, 0..3)
}

fn chat_message() -> impl Strategy<Value = ChatMessage> {
    let people = (participant_id(), prop::option::of(participant_id()), any::<String>());
    (any::<u32>(), people, any::<u32>(), any::<String>(), reactions()).prop_map(
        |(id, (from, to, name), at, payload, reactions)| ChatMessage {
            id: MessageId(id),
            from,
            name,
            to,
            at,
            payload: Sealed(payload),
            reactions,
        },
    )
}

fn room_message() -> impl Strategy<Value = ServerMessage> {
    let by = || prop::option::of(participant_id());
    let guest = (participant_id(), any::<String>(), maybe_text()).prop_map(|(id, name, label)| WaitingGuest {
        id,
        name,
        label,
    });
    prop_oneof![
        (participant_id(), any::<String>(), maybe_text()).prop_map(|(you, resume, host)| ServerMessage::Waiting {
            you,
            resume,
            host
        }),
        room_state().prop_map(|state| ServerMessage::Room { state }),
        prop::collection::vec(guest, 0..3).prop_map(|guests| ServerMessage::WaitingRoom { guests }),
        by().prop_map(|by| ServerMessage::Muted { by }),
        by().prop_map(|by| ServerMessage::CameraStopped { by }),
        (by(), asked()).prop_map(|(by, what)| ServerMessage::Asked { by, what }),
        (participant_id(), reaction())
            .prop_map(|(participant, reaction)| ServerMessage::Reacted { participant, reaction }),
        (chat_message(), any::<Option<u32>>(), any::<bool>()).prop_map(|(message, tag, history)| ServerMessage::Chat {
            message,
            tag,
            history
        }),
        (any::<u32>(), reactions()).prop_map(|(message, reactions)| ServerMessage::MessageReactions {
            message: MessageId(message),
            reactions
        }),
        any::<Option<u32>>().prop_map(|tag| ServerMessage::Declined { tag, reason: Decline::NotHere }),
        any::<String>().prop_map(|resume| ServerMessage::Token { resume, ice_servers: Vec::new() }),
        prop::collection::vec(invite_info(), 0..3).prop_map(|invites| ServerMessage::Invites { invites }),
        (invite_info(), any::<String>()).prop_map(|(invite, code)| ServerMessage::InviteMade { invite, code }),
    ]
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let joined = (
        participant_id(),
        any::<String>(),
        prop::collection::vec(participant(), 0..3),
        prop::collection::vec(ice_server(), 0..2),
    );
    let created = (any::<String>(), any::<String>())
        .prop_map(|(room, host_key)| ServerMessage::Created { room: RoomId(room), host_key });
    prop_oneof![
        created,
        joined.prop_map(|(you, resume, participants, ice_servers)| {
            ServerMessage::Joined { you, resume, participants, ice_servers }
        }),
        participant().prop_map(|participant| ServerMessage::ParticipantJoined { participant }),
        participant().prop_map(|participant| ServerMessage::ParticipantChanged { participant }),
        participant_id().prop_map(|participant| ServerMessage::ParticipantLeft { participant }),
        (participant_id(), any::<String>())
            .prop_map(|(from, payload)| ServerMessage::Signal { from, payload: Sealed(payload) }),
        room_message(),
        any::<bool>().prop_map(|presence| ServerMessage::Listening { presence }),
        (prop::collection::vec(any::<String>(), 0..3), any::<bool>())
            .prop_map(|(keys, here)| ServerMessage::Present { keys, here }),
        Just(ServerMessage::Refused { reason: Refusal::RoomFull }),
        Just(ServerMessage::Pong),
    ]
}

fn chat_body() -> impl Strategy<Value = ChatBody> {
    (any::<String>(), any::<Option<u32>>())
        .prop_map(|(text, reply_to)| ChatBody { text, reply_to: reply_to.map(MessageId) })
}

fn binding() -> impl Strategy<Value = Binding> {
    (any::<[String; 4]>(), any::<bool>(), any::<u32>()).prop_map(
        |([key, ephemeral, share, signature], lasting, expires)| Binding {
            key,
            lasting,
            ephemeral,
            share,
            expires,
            signature,
        },
    )
}

fn peer_message() -> impl Strategy<Value = PeerMessage> {
    let body = prop_oneof![
        (any::<String>(), prop::option::of(binding())).prop_map(|(sdp, binding)| PeerBody::Offer { sdp, binding }),
        (any::<String>(), prop::option::of(binding())).prop_map(|(sdp, binding)| PeerBody::Answer { sdp, binding }),
        any::<String>().prop_map(|nonce| PeerBody::Reveal { nonce }),
        (maybe_text(), maybe_text(), any::<Option<u16>>()).prop_map(|(candidate, sdp_mid, sdp_m_line_index)| {
            PeerBody::Candidate { candidate, sdp_mid, sdp_m_line_index }
        }),
        any::<(u16, u8)>().prop_map(|(lines, frame_rate)| PeerBody::WantVideo {
            source: TrackSource::Camera,
            want: VideoWant { lines, frame_rate },
        }),
        Just(PeerBody::Restart),
    ];
    (any::<String>(), any::<u32>(), body).prop_map(|(session, seq, body)| PeerMessage { session, seq, body })
}

/// JSON that is nearly a message: known words in the wrong places.
fn nearly() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("\"type\""),
        Just("\"join\""),
        Just("\"moderate\""),
        Just("\"action\""),
        Just("\"admitAll\""),
        Just("\"chat\""),
        Just("\"who\""),
        Just("\"entry\""),
        Just("\"signal\""),
        Just("\"version\""),
        Just("\"room\""),
        Just("\"media\""),
        Just("\"payload\""),
        Just("\"\\ud800\""),
        Just("1"),
        Just("-1"),
        Just("1e999"),
        Just("null"),
        Just("true"),
        Just(" "),
    ];
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn what_we_write_we_read(
        client in client_message(),
        server in server_message(),
        peer in peer_message(),
        chat in chat_body(),
    ) {
        let text = serde_json::to_string(&chat).unwrap();
        prop_assert_eq!(serde_json::from_str::<ChatBody>(&text).unwrap(), chat);
        let text = serde_json::to_string(&client).unwrap();
        prop_assert_eq!(ClientMessage::parse(&text), Ok(client));
        let text = serde_json::to_string(&server).unwrap();
        prop_assert_eq!(serde_json::from_str::<ServerMessage>(&text).unwrap(), server);
        let text = serde_json::to_string(&peer).unwrap();
        prop_assert_eq!(serde_json::from_str::<PeerMessage>(&text).unwrap(), peer);
    }

    #[test]
    fn nonsense_is_an_error(text in prop_oneof![any::<String>(), nearly()]) {
        if ClientMessage::parse(&text).is_ok() {
            prop_assert!(text.contains("\"type\""));
        }
        let _ = serde_json::from_str::<ServerMessage>(&text);
        let _ = serde_json::from_str::<PeerMessage>(&text);
    }

    #[test]
    fn a_broken_message_is_an_error(message in client_message(), at in any::<prop::sample::Index>()) {
        let text = serde_json::to_string(&message).unwrap();
        let cut = at.index(text.len());
        if let Some(part) = text.get(..cut) {
            prop_assert!(ClientMessage::parse(part).is_err());
        }
    }

    #[test]
    fn any_text_is_a_link_or_an_error(text in prop_oneof![any::<String>(), "https?://[a-z.:/0-9#?@\\[\\]%-]{0,80}"]) {
        if let Ok(invite) = Invite::parse(&text) {
            prop_assert_eq!(Invite::parse(&invite.link()), Ok(invite));
        }
    }

    #[test]
    fn every_link_we_make_is_read(
        room in any::<[u8; 10]>(),
        secret in any::<[u8; 16]>(),
        host in "[a-z]{1,10}(\\.[a-z]{2,5})?",
        port in any::<u16>(),
        tls in any::<bool>(),
    ) {
        let scheme = if tls { "https" } else { "http" };
        let server = url::Url::parse(&format!("{scheme}://{host}:{port}/")).unwrap();
        let invite = Invite::open(server, RoomId::from_bytes(room), Secret::from_bytes(secret));
        prop_assert_eq!(RoomId::parse(&invite.room.0), Some(invite.room.clone()));
        prop_assert_eq!(Invite::parse(&invite.link()), Ok(invite));
    }

    #[test]
    fn a_link_with_one_wrong_letter_never_opens_the_same_room(
        at in any::<prop::sample::Index>(),
        letter in "[a-zA-Z0-9_-]",
    ) {
        let server = url::Url::parse("https://meet.example.org/").unwrap();
        let invite = Invite::open(server, RoomId::from_bytes([0x5a; 10]), Secret::from_bytes([0xc3; 16]));
        let link = invite.link();
        let from = link.find("/j/").unwrap() + 3;
        let at = from + at.index(link.len() - from);
        let typo = format!("{}{letter}{}", &link[..at], &link[at + 1..]);
        prop_assume!(typo != link);
        prop_assert_ne!(Invite::parse(&typo), Ok(invite));
    }
}

#[test]
fn too_long_and_other_versions_are_told_apart() {
    let long = format!("\"{}\"", "x".repeat(MAX_MESSAGE));
    assert_eq!(ClientMessage::parse(&long), Err(Refusal::BadMessage));
    let newer = PROTOCOL_VERSION + 1;
    let text = format!("{{\"type\":\"join\",\"version\":{newer},\"colour\":\"red\"}}");
    assert_eq!(ClientMessage::parse(&text), Err(Refusal::Version));
    let text = format!("{{\"type\":\"join\",\"version\":{PROTOCOL_VERSION},\"colour\":\"red\"}}");
    assert_eq!(ClientMessage::parse(&text), Err(Refusal::BadMessage));
}
