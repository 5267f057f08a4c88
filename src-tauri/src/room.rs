//! What the page may ask in a room: chat, hands, reactions, and what hosts do. The server decides whether it may be done.

use fika_call::ParticipantId;
use fika_call::chat::MessageId;
use fika_call::room::{Moderation, Reaction};
use fika_engine::{Command, RoomInput};
use tauri::State;

use crate::commands::{Reply, send};
use crate::state::AppState;

/// For the next join; empty: none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_passcode(state: State<'_, AppState>, passcode: String) -> Reply {
    send(&state, Command::Room(RoomInput::SetPasscode(passcode))).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn moderate(state: State<'_, AppState>, action: Moderation) -> Reply {
    send(&state, Command::Room(RoomInput::Moderate(action))).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn set_hand(state: State<'_, AppState>, up: bool) -> Reply {
    send(&state, Command::Room(RoomInput::SetHand { up })).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn react(state: State<'_, AppState>, reaction: Reaction) -> Reply {
    send(&state, Command::Room(RoomInput::React(reaction))).await
}

/// `to`: `None` is everybody.
#[tauri::command]
#[specta::specta]
pub(crate) async fn send_chat(
    state: State<'_, AppState>,
    text: String,
    to: Option<ParticipantId>,
    reply_to: Option<MessageId>,
) -> Reply {
    send(&state, Command::Room(RoomInput::SendChat { text, to, reply_to })).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn retry_chat(state: State<'_, AppState>, key: u32) -> Reply {
    send(&state, Command::Room(RoomInput::RetryChat { key })).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn react_to_message(
    state: State<'_, AppState>,
    message: MessageId,
    reaction: Reaction,
    on: bool,
) -> Reply {
    send(&state, Command::Room(RoomInput::ReactToMessage { message, reaction, on })).await
}

/// The user has compared the safety words with this participant.
#[tauri::command]
#[specta::specta]
pub(crate) async fn compare_words(state: State<'_, AppState>, participant: ParticipantId, same: bool) -> Reply {
    send(&state, Command::CompareWords { participant, same }).await
}

/// Nobody is remembered as verified any more.
#[tauri::command]
#[specta::specta]
pub(crate) async fn forget_contacts(state: State<'_, AppState>) -> Reply {
    send(&state, Command::ForgetContacts).await
}

/// The user has seen what there is in the chat.
#[tauri::command]
#[specta::specta]
pub(crate) async fn read_chat(state: State<'_, AppState>) -> Reply {
    send(&state, Command::Room(RoomInput::ReadChat)).await
}

#[tauri::command]
#[specta::specta]
pub(crate) async fn dismiss_ask(state: State<'_, AppState>) -> Reply {
    send(&state, Command::Room(RoomInput::DismissAsk)).await
}
