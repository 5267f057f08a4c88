//! What a failed command tells the page. A code exists only where the page reacts to it; the message is for logs.

use fika_call::invite::LinkError;
use fika_engine::CommandError;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UiError {
    pub(crate) code: UiErrorCode,
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) enum UiErrorCode {
    /// The text is no invite link.
    NotALink,
    /// A part of the link is missing.
    Incomplete,
    /// The link has a typo.
    Typo,
    /// The file is no calendar.
    NotACalendar,
    CalendarTooLarge,
    /// No meeting in the file leads to a room.
    NoMeetings,
    /// No server is set that keeps a room.
    NoServer,
    /// The server has opened no room.
    NotPlanned,
    /// The engine has not taken the command in yet; try again.
    Busy,
    /// A fault of ours; nothing the user can do.
    Internal,
}

impl UiError {
    pub(crate) fn new(code: UiErrorCode, cause: &impl std::fmt::Display) -> Self {
        Self { code, message: cause.to_string() }
    }

    pub(crate) fn internal(cause: &impl std::fmt::Display) -> Self {
        Self::new(UiErrorCode::Internal, cause)
    }
}

impl From<CommandError> for UiError {
    fn from(error: CommandError) -> Self {
        let code = match error {
            CommandError::Link(LinkError::Incomplete) => UiErrorCode::Incomplete,
            CommandError::Link(LinkError::Typo) => UiErrorCode::Typo,
            CommandError::Link(_) => UiErrorCode::NotALink,
            _ => UiErrorCode::Internal,
        };
        Self::new(code, &error)
    }
}
