//! Coming back after a connection broke: what was said last, what is lost, and a room that the server has forgotten. In the
//! client's task.

use std::time::Duration;

use fika_call::ParticipantId;
use fika_call::door::RoomOptions;
use fika_call::signal::{ClientMessage, PROTOCOL_VERSION, ParticipantInfo, ServerMessage};
use tokio::time::timeout;

use super::{Client, End, FromServer, Socket};

const LAST_WORDS: Duration = Duration::from_secs(1);

impl Client {
    pub(super) async fn hear(&mut self, message: &ServerMessage) {
        self.memory.hear(message);
        for tag in self.unanswered.hear(message) {
            self.tell(FromServer::ChatLost { tag }).await;
        }
    }

    /// Nothing can be sent any more: the server has hung up, and what it said before that stands in what came.
    pub(super) async fn last_words(&mut self, socket: &mut Socket) -> Option<End> {
        let said = async {
            loop {
                let message = socket.receive().await.ok()?;
                if let Some(end) = self.on_message(message).await {
                    return Some(end);
                }
            }
        };
        timeout(LAST_WORDS, said).await.ok().flatten()
    }

    /// As we know it. Whoever has a token for it is back in their seat, whoever has none knocks.
    pub(super) async fn open_again(&mut self, socket: &mut Socket) -> Result<(), End> {
        let Some(host_key) = self.request.entry.host_key.clone() else { return Ok(()) };
        let (id, name, media) = (ParticipantId(String::new()), self.request.name.clone(), *self.media.borrow());
        let me = ParticipantInfo { id, name, media, away: true };
        let Some(again) = self.memory.again(host_key, me) else { return Ok(()) };
        // A passcode or invites may have guarded it, of which only the server knew.
        let options = RoomOptions { waiting_room: true, ..RoomOptions::default() };
        let create = ClientMessage::Create { version: PROTOCOL_VERSION, options, again: Some(Box::new(again)) };
        socket.send(&create).await.map_err(End::from)?;
        loop {
            match socket.receive().await.map_err(End::from)? {
                ServerMessage::Created { .. } => return Ok(()),
                ServerMessage::Refused { .. } => return Err(End::Gone),
                // Of the room, which comes again with the seat.
                _ => {}
            }
        }
    }
}
