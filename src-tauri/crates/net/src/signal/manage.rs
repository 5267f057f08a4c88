//! The owner of a room without a seat: asks one thing after the other over a connection of its own.
//!
//! One task uses it. What comes meanwhile is remembered as the latest state; nothing is queued.

use std::time::Duration;

use fika_call::RoomId;
use fika_call::door::InviteInfo;
use fika_call::invite::HostKey;
use fika_call::room::{Decline, RoomState, WaitingGuest};
use fika_call::session::CertificateFault;
use fika_call::signal::{ClientMessage, PROTOCOL_VERSION, ParticipantInfo, Refusal, ServerMessage};

use super::socket::{Patience, Socket, SocketError};
use crate::trust::Trust;

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManageError {
    /// Check the address, or try again.
    #[error("nobody answers there")]
    Unreachable,
    /// Check link and key: the room may be over.
    #[error("this key opens no room there")]
    NotFound,
    /// See what it was about.
    #[error("the server declines")]
    Declined(Decline),
    /// Wait a minute, update, or check the address.
    #[error("the server refuses")]
    Refused(Refusal),
    /// There is something else at this address.
    #[error("this is not a Fika server")]
    Protocol,
    /// Whoever answers there is not shown to be the server: see to the certificate.
    #[error("{0}")]
    Certificate(CertificateFault),
}

/// The latest that the server said of the room.
pub struct Managed {
    socket: Socket,
    pub state: RoomState,
    pub participants: Vec<ParticipantInfo>,
    pub waiting: Vec<WaitingGuest>,
    pub invites: Vec<InviteInfo>,
}

impl Managed {
    pub async fn open(server: &url::Url, trust: &Trust, room: RoomId, key: &HostKey) -> Result<Self, ManageError> {
        let open = async {
            let mut socket = Socket::open(server, trust, Patience::Usual).await?;
            let manage = ClientMessage::Manage { version: PROTOCOL_VERSION, room, host_key: key.0.clone() };
            socket.send(&manage).await?;
            let mut managed = Self {
                socket,
                state: RoomState::default(),
                participants: Vec::new(),
                waiting: Vec::new(),
                invites: Vec::new(),
            };
            // The list of invites comes last.
            while !matches!(managed.next().await?, ServerMessage::Invites { .. }) {}
            Ok(managed)
        };
        tokio::time::timeout(PATIENCE, open).await.unwrap_or(Err(ManageError::Unreachable))
    }

    /// Does one thing; returns when everything has come that follows from it for the room. Answers with the last message
    /// that is an answer to the one who asks, such as `InviteMade`.
    pub async fn ask(&mut self, message: ClientMessage) -> Result<Option<ServerMessage>, ManageError> {
        let ask = async {
            self.socket.send(&message).await?;
            // Whatever the server says of the first comes before what it says of the second, but for invites, which are
            // written to disk first.
            let written = matches!(message, ClientMessage::MakeInvite { .. } | ClientMessage::RevokeInvite { .. });
            self.socket.send(&ClientMessage::Ping).await?;
            let (mut answer, mut ponged) = (None, false);
            while !ponged || written && answer.is_none() {
                match self.next().await? {
                    ServerMessage::Pong => ponged = true,
                    ServerMessage::Declined { reason, .. } => return Err(ManageError::Declined(reason)),
                    message @ (ServerMessage::InviteMade { .. } | ServerMessage::Invites { .. }) => {
                        answer = Some(message);
                    }
                    _ => {}
                }
            }
            Ok(answer)
        };
        tokio::time::timeout(PATIENCE, ask).await.unwrap_or(Err(ManageError::Unreachable))
    }

    /// After `Moderation::End` in a room that is not kept the server closes; that is no error there.
    pub async fn close(self) {
        self.socket.close().await;
    }

    async fn next(&mut self) -> Result<ServerMessage, ManageError> {
        let message = self.socket.receive().await?;
        match &message {
            ServerMessage::Room { state } => self.state = state.clone(),
            ServerMessage::WaitingRoom { guests } => self.waiting.clone_from(guests),
            ServerMessage::Invites { invites } => self.invites.clone_from(invites),
            ServerMessage::ParticipantJoined { participant } | ServerMessage::ParticipantChanged { participant } => {
                match self.participants.iter_mut().find(|known| known.id == participant.id) {
                    Some(known) => *known = participant.clone(),
                    None => self.participants.push(participant.clone()),
                }
            }
            ServerMessage::ParticipantLeft { participant } => {
                self.participants.retain(|known| known.id != *participant)
            }
            ServerMessage::Refused { reason: Refusal::RoomNotFound } => return Err(ManageError::NotFound),
            ServerMessage::Refused { reason } => return Err(ManageError::Refused(*reason)),
            _ => {}
        }
        Ok(message)
    }
}

impl From<SocketError> for ManageError {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Certificate(fault) => Self::Certificate(fault),
            SocketError::Gone => Self::Unreachable,
            SocketError::TooManyRequests => Self::Refused(Refusal::TooManyRequests),
            SocketError::Nonsense => Self::Protocol,
        }
    }
}
