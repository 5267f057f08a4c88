//! Signalling: one WebSocket to a fika-server, the messages of `fika_call::signal`.

mod backoff;
mod client;
mod manage;
mod memory;
mod plausible;
mod socket;
mod unanswered;

use std::time::Duration;

use fika_call::RoomId;
use fika_call::door::RoomOptions;
use fika_call::invite::HostKey;
use fika_call::session::CertificateFault;
use fika_call::signal::{ClientMessage, PROTOCOL_VERSION, Refusal, ServerMessage};

pub(crate) use client::{FromServer, ToServer, run};
pub use manage::{ManageError, Managed};
pub(crate) use socket::{Patience, Socket, SocketError};

use crate::trust::Trust;

/// How long opening a room may take.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// Check the address, or try again.
    #[error("nobody answers there")]
    Unreachable,
    /// Try again later.
    #[error("the server refuses for now: too many requests")]
    TooManyRequests,
    /// Update the app, or the server.
    #[error("the server speaks another version")]
    Version,
    /// There is something else at this address.
    #[error("this is not a Fika server")]
    Protocol,
    /// Whoever answers there is not shown to be the server: see to the certificate.
    #[error("{0}")]
    Certificate(CertificateFault),
}

/// Opens a room on the server at `server` (`http`, `https`, `ws` or `wss`). The key makes its bearer the host.
pub async fn create_room(
    server: &url::Url,
    trust: &Trust,
    options: RoomOptions,
) -> Result<(RoomId, HostKey), CreateError> {
    tokio::time::timeout(CREATE_TIMEOUT, create(server, trust, options)).await.unwrap_or(Err(CreateError::Unreachable))
}

async fn create(server: &url::Url, trust: &Trust, options: RoomOptions) -> Result<(RoomId, HostKey), CreateError> {
    let mut socket = Socket::open(server, trust, Patience::Usual).await?;
    socket.send(&ClientMessage::Create { version: PROTOCOL_VERSION, options, again: None }).await?;
    loop {
        match socket.receive().await? {
            ServerMessage::Created { room, host_key } => {
                let room = RoomId::parse(&room.0).ok_or(CreateError::Protocol)?;
                socket.close().await;
                return Ok((room, HostKey(host_key)));
            }
            // The new room's state and its empty waiting room.
            ServerMessage::Pong | ServerMessage::Room { .. } | ServerMessage::WaitingRoom { .. } => {}
            ServerMessage::Refused { reason } => {
                return Err(match reason {
                    Refusal::TooManyRequests | Refusal::RoomFull => CreateError::TooManyRequests,
                    Refusal::Version => CreateError::Version,
                    _ => CreateError::Protocol,
                });
            }
            _ => return Err(CreateError::Protocol),
        }
    }
}

impl From<SocketError> for CreateError {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Certificate(fault) => Self::Certificate(fault),
            SocketError::Gone => Self::Unreachable,
            SocketError::TooManyRequests => Self::TooManyRequests,
            SocketError::Nonsense => Self::Protocol,
        }
    }
}
