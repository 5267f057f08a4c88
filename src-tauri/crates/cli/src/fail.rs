//! How the program ends when something is wrong: one sentence with the next step, and a code (docs/cli.md).

use std::fmt;
use std::process::ExitCode;

use fika_call::view::EndReason;
use fika_engine::CommandError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Usage = 2,
    Link = 3,
    Device = 4,
    Connection = 5,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    sentence: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, sentence: impl Into<String>) -> Self {
        Self { kind, sentence: sentence.into() }
    }

    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }

    /// Why a call ended; `None` when that was wanted.
    pub(crate) fn of_end(reason: EndReason) -> Option<Self> {
        let (kind, sentence) = match reason {
            EndReason::Left => return None,
            EndReason::RoomNotFound => (Kind::Link, "This room does not exist (any more): ask for a new link."),
            EndReason::RoomFull => (Kind::Link, "The room is full: wait until somebody leaves."),
            EndReason::TooManyRequests => (Kind::Link, "The server refuses for now: try again in a minute."),
            EndReason::Version => (Kind::Link, "The server speaks another version: update Fika."),
            EndReason::ServerUnreachable => {
                (Kind::Connection, "The server does not answer: check the address and that it runs.")
            }
            EndReason::Protocol => (Kind::Connection, "What answers there is no Fika server: check the address."),
            EndReason::Lost => (Kind::Connection, "The connection was lost: check the network and join again."),
        };
        Some(Self::new(kind, sentence))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Link(error) => {
                Self::new(Kind::Link, format!("That link does not work, {error}: copy it anew."))
            }
            error => Self::new(Kind::Connection, error.to_string()),
        }
    }
}
