//! What a failed command tells the page. A code exists only where the page reacts to it; the message is for logs.

use fika_call::invite::LinkError;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct UiError {
    pub code: UiErrorCode,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum UiErrorCode {
    /// The text is no invite link.
    NotALink,
    /// A part of the link is missing.
    Incomplete,
    /// The link has a typo.
    Typo,
    /// Nobody answers at the server.
    ServerUnreachable,
    /// The server asks to wait.
    TooManyRequests,
    /// The engine has not caught up with earlier commands; try again.
    Busy,
    /// A fault of ours; nothing the user can do.
    Internal,
}

impl UiError {
    pub fn new(code: UiErrorCode, cause: &impl std::fmt::Display) -> Self {
        Self { code, message: cause.to_string() }
    }

    pub fn internal(cause: &impl std::fmt::Display) -> Self {
        Self::new(UiErrorCode::Internal, cause)
    }
}

impl From<LinkError> for UiError {
    fn from(error: LinkError) -> Self {
        let code = match error {
            LinkError::Incomplete => UiErrorCode::Incomplete,
            LinkError::Typo => UiErrorCode::Typo,
            _ => UiErrorCode::NotALink,
        };
        Self::new(code, &error)
    }
}
