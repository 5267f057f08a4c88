//! Sizes within what a fika-server says. Anything else is no fika-server.

use fika_call::chat::{self, ChatMessage};
use fika_call::door::{InviteInfo, MAX_INVITES, MAX_LABEL};
use fika_call::ring;
use fika_call::ring::presence::MAX_SHOWN;
use fika_call::room::{MAX_WAITING, WaitingGuest};
use fika_call::signal::{IceServer, MAX_NAME, MAX_PARTICIPANTS, MAX_TOKEN, ParticipantInfo, ServerMessage};
use fika_call::{ParticipantId, RoomId};

/// Longest id that a server may make, in bytes.
const MAX_ID: usize = 64;
const MAX_ICE_SERVERS: usize = 8;
const MAX_ICE_TEXT: usize = 512;
/// Reactions to one message.
const MAX_REACTIONS: usize = 64;
/// Letters of a host key or of the code of an invite.
const MAX_KEY: usize = 64;

pub(super) fn plausible(message: &ServerMessage) -> bool {
    let info = |info: &ParticipantInfo| id(&info.id) && name(&info.name);
    match message {
        ServerMessage::Created { room, host_key } => RoomId::parse(&room.0).is_some() && host_key.len() <= MAX_KEY,
        ServerMessage::Waiting { you, resume, host } => {
            id(you) && resume.len() <= MAX_TOKEN && host.as_deref().is_none_or(name)
        }
        ServerMessage::Joined { you, resume, participants, ice_servers } => {
            id(you)
                && resume.len() <= MAX_TOKEN
                && participants.len() <= MAX_PARTICIPANTS
                && participants.iter().all(info)
                && servers(ice_servers)
        }
        ServerMessage::ParticipantJoined { participant } | ServerMessage::ParticipantChanged { participant } => {
            info(participant)
        }
        ServerMessage::ParticipantLeft { participant } | ServerMessage::Reacted { participant, .. } => id(participant),
        ServerMessage::Signal { from, .. } => id(from),
        ServerMessage::Room { state } => {
            let all = state.co_hosts.iter().chain(&state.hands).chain(&state.host).chain(&state.spotlight);
            state.is_plausible() && all.into_iter().all(id)
        }
        ServerMessage::WaitingRoom { guests } => guests.len() <= MAX_WAITING && guests.iter().all(guest),
        ServerMessage::Muted { by } | ServerMessage::CameraStopped { by } | ServerMessage::Asked { by, .. } => {
            by.iter().all(id)
        }
        ServerMessage::Chat { message, .. } => chat_message(message),
        ServerMessage::MessageReactions { reactions, .. } => {
            reactions.len() <= MAX_REACTIONS && reactions.iter().all(|one| id(&one.from))
        }
        ServerMessage::Token { resume, ice_servers } => resume.len() <= MAX_TOKEN && servers(ice_servers),
        ServerMessage::Invites { invites } => invites.len() <= MAX_INVITES && invites.iter().all(invite),
        ServerMessage::InviteMade { invite: made, code } => invite(made) && code.len() <= MAX_KEY,
        ServerMessage::Challenge { nonce } => nonce.len() <= MAX_KEY,
        ServerMessage::Ringing { call, payload } | ServerMessage::RingAnswered { call, payload } => {
            call.is_well_formed() && payload.0.len() <= ring::MAX_SEALED
        }
        ServerMessage::RingEnded { call } => call.is_well_formed(),
        ServerMessage::Present { keys, .. } => keys.len() <= MAX_SHOWN && keys.iter().all(|key| key.len() <= MAX_KEY),
        ServerMessage::Listening { .. }
        | ServerMessage::Declined { .. }
        | ServerMessage::Refused { .. }
        | ServerMessage::Pong => true,
    }
}

fn servers(servers: &[IceServer]) -> bool {
    let text = |text: &String| text.len() <= MAX_ICE_TEXT;
    servers.len() <= MAX_ICE_SERVERS
        && servers.iter().all(|server| {
            server.urls.len() <= MAX_ICE_SERVERS
                && server.urls.iter().all(text)
                && server.username.iter().all(text)
                && server.credential.iter().all(text)
        })
}

/// `*` is everybody, `me` is us wherever something is shown.
fn id(id: &ParticipantId) -> bool {
    !id.0.is_empty() && id.0.len() <= MAX_ID && !id.0.contains('\n') && !["*", "me"].contains(&id.0.as_str())
}

fn name(name: &str) -> bool {
    name.chars().count() <= MAX_NAME
}

fn guest(guest: &WaitingGuest) -> bool {
    id(&guest.id) && name(&guest.name) && guest.label.as_ref().is_none_or(|label| label.chars().count() <= MAX_LABEL)
}

fn invite(invite: &InviteInfo) -> bool {
    invite.id.len() <= MAX_ID && invite.label.as_ref().is_none_or(|label| label.chars().count() <= MAX_LABEL)
}

fn chat_message(message: &ChatMessage) -> bool {
    id(&message.from)
        && message.to.iter().all(id)
        && name(&message.name)
        && message.payload.0.len() <= chat::MAX_SEALED
        && message.reactions.len() <= MAX_REACTIONS
        && message.reactions.iter().all(|one| id(&one.from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implausible_messages_are_nonsense() {
        let message = |text: &str| serde_json::from_str::<ServerMessage>(text).unwrap();
        assert!(plausible(&message(r#"{"type":"participantLeft","participant":"a"}"#)));
        assert!(!plausible(&message(r#"{"type":"participantLeft","participant":"a\nb"}"#)));
        assert!(!plausible(&message(r#"{"type":"participantLeft","participant":"*"}"#)), "stands for everybody");
        assert!(!plausible(&message(&format!(r#"{{"type":"participantLeft","participant":"{}"}}"#, "a".repeat(65)))));
        assert!(!plausible(&message(r#"{"type":"created","room":"../../etc","hostKey":"k"}"#)));
        let hands = |count: usize| {
            let hands = vec!["\"a\""; count].join(",");
            let rest = r#""host":null,"coHosts":[],"locked":false,"waitingRoom":false,"spotlight":null"#;
            message(&format!(r#"{{"type":"room","state":{{{rest},"hands":[{hands}]}}}}"#))
        };
        assert!(plausible(&hands(MAX_PARTICIPANTS)) && !plausible(&hands(MAX_PARTICIPANTS + 1)));
    }
}
