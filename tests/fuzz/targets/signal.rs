//! What a server, a client and a peer may say, as text.
#![no_main]

use fika_call::chat::{self, ChatBody};
use fika_call::files::name::safe_name;
use fika_call::files::wire::{self, FileMessage};
use fika_call::invite::Secret;
use fika_call::signal::{ClientMessage, PeerMessage, Sealed, ServerMessage};
use fika_call::{ParticipantId, RoomId, seal};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(message) = ClientMessage::parse(text) {
        let again = serde_json::to_string(&message).expect("what was read can be written");
        assert_eq!(ClientMessage::parse(&again), Ok(message));
    }
    if let Ok(message) = serde_json::from_str::<ServerMessage>(text) {
        let again = serde_json::to_string(&message).expect("what was read can be written");
        assert_eq!(serde_json::from_str::<ServerMessage>(&again).ok(), Some(message));
    }
    let (alice, bob) = (ParticipantId("alice".into()), ParticipantId("bob".into()));
    let key = seal::Key::derive(&Secret::from_bytes([7; 16]), &RoomId("aaaa-aaaa-aaaa-aaaa".into()));
    assert!(seal::open(&key, &alice, &bob, &Sealed(text.to_owned())).is_err(), "nobody guesses a tag");
    for to in [None, Some(&bob)] {
        let sealed = Sealed(text.to_owned());
        assert!(seal::open_chat(&key, &alice, to, &sealed).is_err(), "nobody guesses a tag");
        let body = ChatBody { text: text.to_owned(), reply_to: None };
        if text.len() < chat::MAX_SEALED / 16 {
            let sealed = seal::seal_chat(&key, &alice, to, [3; 12], &body);
            assert_eq!(seal::open_chat(&key, &alice, to, &sealed), Ok(body));
        }
    }
    let shown = chat::clean_text(text);
    assert!(shown.chars().count() <= chat::MAX_TEXT && chat::clean_text(&shown) == shown.trim());
    if let Some(message) = FileMessage::parse(text) {
        assert_eq!(
            FileMessage::parse(&message.to_text()),
            Some(message).filter(|message| message.to_text().len() <= wire::MAX_TEXT)
        );
    }
    if let Some((id, offset, bytes)) = wire::read_piece(text.as_bytes()) {
        assert_eq!(wire::piece(id, offset, bytes), text.as_bytes());
    }
    let kept = safe_name(text);
    assert!(!kept.is_empty() && !kept.contains(['/', '\\', '\0']) && safe_name(&kept) == kept);
    if let Ok(message) = serde_json::from_str::<PeerMessage>(text) {
        let sealed = seal::seal(&key, &alice, &bob, [3; 12], &message);
        if text.len() < seal::MAX_PLAINTEXT / 8 {
            assert_eq!(seal::open(&key, &alice, &bob, &sealed), Ok(message));
        }
    }
});
