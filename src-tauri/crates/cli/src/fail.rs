//! How the program ends when something is wrong: one sentence with the next step, and a code (docs/cli.md).

use std::fmt;
use std::process::ExitCode;

use fika_call::room::Decline;
use fika_call::session::CertificateFault;
use fika_call::signal::Refusal;
use fika_call::view::EndReason;
use fika_engine::CommandError;
use fika_net::signal::{CreateError, ManageError};

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
            EndReason::Left | EndReason::EndedByHost => return None,
            EndReason::RoomNotFound => {
                (Kind::Link, "This link opens no room (any more), or not with this passcode: ask for a new link.")
            }
            EndReason::Denied => (Kind::Link, "The host did not let you in."),
            EndReason::Removed => (Kind::Link, "The host put you out."),
            EndReason::RoomFull => (Kind::Link, "The room is full: wait until somebody leaves."),
            EndReason::TooManyRequests => (Kind::Link, "The server refuses for now: try again in a minute."),
            EndReason::Version => (Kind::Link, "The server speaks another version: update Fika."),
            EndReason::ServerUnreachable => {
                (Kind::Connection, "The server does not answer: check the address and that it runs.")
            }
            EndReason::Protocol => (Kind::Connection, "What answers there is no Fika server: check the address."),
            EndReason::CertificateExpired => (Kind::Connection, certificate(CertificateFault::Expired)),
            EndReason::CertificateWrongName => (Kind::Connection, certificate(CertificateFault::WrongName)),
            EndReason::CertificateUnknown => (Kind::Connection, certificate(CertificateFault::UnknownAuthority)),
            EndReason::CertificateInvalid => (Kind::Connection, certificate(CertificateFault::Invalid)),
            // Offered by the app alone.
            EndReason::Lost | EndReason::Interrupted => {
                (Kind::Connection, "The connection was lost: check the network and join again.")
            }
        };
        Some(Self::new(kind, sentence))
    }
}

/// What is wrong with the server's certificate, and the next step.
const fn certificate(fault: CertificateFault) -> &'static str {
    match fault {
        CertificateFault::Expired => {
            "The server's certificate is out of date, or the clock of this computer is wrong: check the clock, else tell who \
             runs the server."
        }
        CertificateFault::WrongName => {
            "The server's certificate is for another name: check the address, else tell who runs the server."
        }
        CertificateFault::UnknownAuthority => {
            "This computer does not know the authority that signed the server's certificate: install the authority's \
             certificate, or name its file with --ca."
        }
        CertificateFault::Invalid => "The server's certificate is not valid: tell who runs the server.",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<ManageError> for Failure {
    fn from(error: ManageError) -> Self {
        let (kind, sentence) = match error {
            ManageError::NotFound => (Kind::Link, "This key opens no such room (any more): check link and key."),
            ManageError::Declined(Decline::NotHere) => (Kind::Link, "That is not there (any more): see room show."),
            ManageError::Declined(Decline::NotAllowed) => (Kind::Link, "This may not be done to them."),
            ManageError::Declined(Decline::TooFast) => (Kind::Link, "That was too fast: try again in a moment."),
            ManageError::Declined(Decline::Full) => (Kind::Link, "There is no place for that: the room is full."),
            ManageError::Refused(Refusal::Version) => (Kind::Link, "The server speaks another version: update Fika."),
            ManageError::Refused(_) => (Kind::Link, "The server refuses for now: try again in a minute."),
            ManageError::Unreachable => {
                (Kind::Connection, "The server does not answer: check the address and that it runs.")
            }
            ManageError::Certificate(fault) => (Kind::Connection, certificate(fault)),
            _ => (Kind::Connection, "What answers there is no Fika server: check the address."),
        };
        Self::new(kind, sentence)
    }
}

impl From<CreateError> for Failure {
    fn from(error: CreateError) -> Self {
        let (kind, sentence) = match error {
            CreateError::TooManyRequests => (Kind::Link, "The server refuses for now: try again in a minute."),
            CreateError::Version => (Kind::Link, "The server speaks another version: update Fika."),
            CreateError::Protocol => (Kind::Connection, "What answers there is no Fika server: check the address."),
            CreateError::Certificate(fault) => (Kind::Connection, certificate(fault)),
            _ => (Kind::Connection, "The server does not answer: check the address and that it runs."),
        };
        Self::new(kind, sentence)
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
