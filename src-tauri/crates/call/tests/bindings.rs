//! The signalling types as the page sees them. Fails when the committed file is not what the types say;
//! `FIKA_UPDATE_BINDINGS=1` writes it anew.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use fika_call::chat::{self, ChatBody, ChatMessage, MessageId, MessageReaction};
use fika_call::door::{Entry, InviteInfo, InviteOptions, MAX_PASSCODE, RoomOptions};
use fika_call::files;
use fika_call::files::wire::{self, FileEnd, FileMessage};
use fika_call::ring::CallId;
use fika_call::room::{Asked, Decline, MAX_WAITING, Moderation, Reaction, RoomState, WaitingGuest};
use fika_call::signal::{
    Again, Binding, ClientMessage, HEARTBEAT_SECONDS, IceServer, MAX_MESSAGE, MAX_NAME, MAX_PARTICIPANTS, MediaState,
    PATH, PROTOCOL_VERSION, ParticipantInfo, PeerBody, PeerMessage, RESUME_SECONDS, Refusal, Sealed, ServerMessage,
};
use fika_call::want::VideoWant;
use fika_call::{ParticipantId, RoomId, TrackSource};
use ts_rs::TS;

/// Tests run in the folder of their package.
const FILE: &str = "../../../ui/src/lib/protocol/signal.ts";

#[test]
fn the_page_speaks_the_same_protocol() {
    let expected = bindings();
    if std::env::var_os("FIKA_UPDATE_BINDINGS").is_some() {
        std::fs::create_dir_all(Path::new(FILE).parent().unwrap()).unwrap();
        std::fs::write(FILE, &expected).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(committed == expected, "signal.ts has drifted; write it anew with FIKA_UPDATE_BINDINGS=1");
}

fn bindings() -> String {
    let types = [
        declaration::<RoomId>(),
        declaration::<ParticipantId>(),
        declaration::<MediaState>(),
        declaration::<IceServer>(),
        declaration::<ParticipantInfo>(),
        declaration::<Refusal>(),
        declaration::<Entry>(),
        declaration::<Again>(),
        declaration::<RoomOptions>(),
        declaration::<InviteOptions>(),
        declaration::<InviteInfo>(),
        declaration::<RoomState>(),
        declaration::<WaitingGuest>(),
        declaration::<Asked>(),
        declaration::<Decline>(),
        declaration::<Moderation>(),
        declaration::<Reaction>(),
        declaration::<MessageId>(),
        declaration::<MessageReaction>(),
        declaration::<ChatMessage>(),
        declaration::<ChatBody>(),
        declaration::<Sealed>(),
        declaration::<CallId>(),
        declaration::<ClientMessage>(),
        declaration::<ServerMessage>(),
        declaration::<TrackSource>(),
        declaration::<VideoWant>(),
        declaration::<Binding>(),
        declaration::<PeerBody>(),
        declaration::<PeerMessage>(),
        declaration::<FileEnd>(),
        declaration::<FileMessage>(),
    ];
    let text = format!(
        "// Made by `cargo test -p fika-call`; the types in Rust are the source.\n\n\
         export const PATH = \"{PATH}\";\n\
         export const PROTOCOL_VERSION = {PROTOCOL_VERSION};\n\
         export const MAX_MESSAGE = {MAX_MESSAGE};\n\
         export const MAX_NAME = {MAX_NAME};\n\
         export const MAX_PARTICIPANTS = {MAX_PARTICIPANTS};\n\
         export const MAX_WAITING = {MAX_WAITING};\n\
         export const MAX_PASSCODE = {MAX_PASSCODE};\n\
         export const MAX_CHAT_TEXT = {};\n\
         export const MAX_SEALED_CHAT = {};\n\
         export const HEARTBEAT_SECONDS = {HEARTBEAT_SECONDS};\n\
         export const RESUME_SECONDS = {RESUME_SECONDS};\n\
         export const MAX_FILE_TEXT = {};\n\
         export const MAX_PIECE = {};\n\
         export const MIN_PIECE = {};\n\
         export const PIECE_HEAD = {};\n\
         export const MAX_WINDOW = {};\n\n{}\n",
        chat::MAX_TEXT,
        chat::MAX_SEALED,
        wire::MAX_TEXT,
        wire::MAX_PIECE,
        files::pace::MIN_PIECE,
        wire::HEAD,
        files::MAX_WINDOW,
        types.join("\n\n")
    );
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

fn declaration<T: TS>() -> String {
    let config = ts_rs::Config::new();
    format!("{}export {}", T::docs().unwrap_or_default(), T::decl(&config))
}
