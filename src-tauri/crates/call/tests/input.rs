//! Links and signalling messages from strangers: errors at most, and what we write we also read.

#![allow(clippy::unwrap_used)]

use fika_call::invite::{Invite, Secret};
use fika_call::signal::{
    ClientMessage, IceServer, MAX_MESSAGE, MediaState, PROTOCOL_VERSION, ParticipantInfo, PeerBody, PeerMessage,
    Refusal, Sealed, ServerMessage,
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
    let text = || prop::option::of(any::<String>());
    (prop::collection::vec(any::<String>(), 0..3), text(), text()).prop_map(|(urls, username, credential)| IceServer {
        urls,
        username,
        credential,
    })
}

fn client_message() -> impl Strategy<Value = ClientMessage> {
    prop_oneof![
        any::<u32>().prop_map(|version| ClientMessage::Create { version }),
        (any::<u32>(), any::<String>(), any::<String>(), media(), prop::option::of(any::<String>())).prop_map(
            |(version, room, name, media, resume)| {
                ClientMessage::Join { version, room: RoomId(room), name, media, resume }
            }
        ),
        media().prop_map(|media| ClientMessage::SetMedia { media }),
        (participant_id(), any::<String>())
            .prop_map(|(to, payload)| ClientMessage::Signal { to, payload: Sealed(payload) }),
        Just(ClientMessage::Leave),
        Just(ClientMessage::Ping),
    ]
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let joined = (
        participant_id(),
        any::<String>(),
        prop::collection::vec(participant(), 0..3),
        prop::collection::vec(ice_server(), 0..2),
    );
    prop_oneof![
        any::<String>().prop_map(|room| ServerMessage::Created { room: RoomId(room) }),
        joined.prop_map(|(you, resume, participants, ice_servers)| {
            ServerMessage::Joined { you, resume, participants, ice_servers }
        }),
        participant().prop_map(|participant| ServerMessage::ParticipantJoined { participant }),
        participant().prop_map(|participant| ServerMessage::ParticipantChanged { participant }),
        participant_id().prop_map(|participant| ServerMessage::ParticipantLeft { participant }),
        (participant_id(), any::<String>())
            .prop_map(|(from, payload)| ServerMessage::Signal { from, payload: Sealed(payload) }),
        Just(ServerMessage::Refused { reason: Refusal::RoomFull }),
        Just(ServerMessage::Pong),
    ]
}

fn peer_message() -> impl Strategy<Value = PeerMessage> {
    let text = || prop::option::of(any::<String>());
    let body = prop_oneof![
        any::<String>().prop_map(|sdp| PeerBody::Offer { sdp }),
        any::<String>().prop_map(|sdp| PeerBody::Answer { sdp }),
        (text(), text(), any::<Option<u16>>()).prop_map(|(candidate, sdp_mid, sdp_m_line_index)| {
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
    fn what_we_write_we_read(client in client_message(), server in server_message(), peer in peer_message()) {
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
        let invite = Invite {
            server: url::Url::parse(&format!("{scheme}://{host}:{port}/")).unwrap(),
            room: RoomId::from_bytes(room),
            secret: Secret::from_bytes(secret),
        };
        prop_assert_eq!(RoomId::parse(&invite.room.0), Some(invite.room.clone()));
        prop_assert_eq!(Invite::parse(&invite.link()), Ok(invite));
    }

    #[test]
    fn a_link_with_one_wrong_letter_never_opens_the_same_room(
        at in any::<prop::sample::Index>(),
        letter in "[a-zA-Z0-9_-]",
    ) {
        let invite = Invite {
            server: url::Url::parse("https://meet.example.org/").unwrap(),
            room: RoomId::from_bytes([0x5a; 10]),
            secret: Secret::from_bytes([0xc3; 16]),
        };
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
