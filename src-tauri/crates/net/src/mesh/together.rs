//! The room beyond media: what the engine says of it goes to the server, what the server says of it to the engine. Chat
//! is sealed and opened here.

use fika_call::seal;
use fika_call::session::{RoomCommand, RoomEvent, Said, SessionEvent};
use fika_call::signal::{ClientMessage, ServerMessage};

use super::room::Room;
use crate::signal::ToServer;

impl Room {
    pub(super) async fn on_room_command(&mut self, command: RoomCommand) {
        let message = match command {
            RoomCommand::Moderate(action) => ClientMessage::Moderate { action },
            RoomCommand::SetName(name) => ClientMessage::SetName { name },
            RoomCommand::SetHand { up } => ClientMessage::SetHand { up },
            RoomCommand::React(reaction) => ClientMessage::React { reaction },
            RoomCommand::ReactToMessage { message, reaction, on } => {
                ClientMessage::ReactToMessage { message, reaction, on }
            }
            RoomCommand::Chat { tag, to, body } => {
                let Some(you) = &self.you else { return self.tell_room(RoomEvent::ChatLost { tag }).await };
                let payload = seal::seal_chat(&self.key, you, to.as_ref(), crate::random::bytes(), &body);
                ClientMessage::Chat { tag, to, payload }
            }
        };
        let tag = if let ClientMessage::Chat { tag, .. } = message { Some(tag) } else { None };
        if self.outputs.to_server.try_send(ToServer::Room(message)).is_err() {
            match tag {
                Some(tag) => self.tell_room(RoomEvent::ChatLost { tag }).await,
                None => tracing::debug!("a message to the room is lost: the server is away"),
            }
        }
    }

    pub(super) async fn on_room_message(&mut self, message: ServerMessage) {
        let event = match message {
            ServerMessage::Room { state } => RoomEvent::State(state),
            ServerMessage::WaitingRoom { guests } => RoomEvent::WaitingRoom(guests),
            ServerMessage::Muted { by } => RoomEvent::Muted { by },
            ServerMessage::CameraStopped { by } => RoomEvent::CameraStopped { by },
            ServerMessage::Asked { by, what } => RoomEvent::Asked { by, what },
            ServerMessage::Reacted { participant, reaction } => RoomEvent::Reacted { participant, reaction },
            ServerMessage::MessageReactions { message, reactions } => {
                RoomEvent::MessageReactions { message, reactions }
            }
            ServerMessage::Declined { tag: Some(tag), .. } => RoomEvent::ChatLost { tag },
            ServerMessage::Declined { tag: None, reason } => RoomEvent::Declined(reason),
            ServerMessage::Chat { message, tag, history } => {
                match seal::open_chat(&self.key, &message.from, message.to.as_ref(), &message.payload) {
                    Ok(body) => RoomEvent::Chat(Said {
                        id: message.id,
                        from: message.from,
                        name: message.name,
                        to: message.to,
                        at: message.at,
                        body,
                        reactions: message.reactions,
                        tag,
                        history,
                    }),
                    Err(error) => {
                        tracing::warn!(%error, "a chat message is not shown");
                        return;
                    }
                }
            }
            _ => return,
        };
        self.tell_room(event).await;
    }

    /// Out before the door: the others are gone for us.
    pub(super) async fn on_waiting(&mut self, host: Option<String>) {
        self.peers.clear();
        self.epoch += 1;
        self.you = None;
        self.tell_room(RoomEvent::Waiting { host }).await;
    }

    pub(super) async fn tell_room(&self, event: RoomEvent) {
        self.tell(SessionEvent::Room(event)).await;
    }
}
