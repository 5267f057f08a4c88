//! Chat messages whose answer has not come: after a broken connection those are lost that the server does not replay. Told by
//! tag which connection carried it: what waited for the new one is not doubted. A plain value.
//!
//! Bounded by [`MOST`]; full: the oldest is believed to have arrived.

use fika_call::signal::ServerMessage;

const MOST: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Unanswered {
    sent: Vec<u32>,
    /// Over connections before.
    doubtful: Vec<u32>,
}

impl Unanswered {
    /// Goes over the connection of now.
    pub(super) fn sent(&mut self, tag: u32) {
        if self.sent.len() == MOST {
            self.sent.remove(0);
        }
        self.sent.push(tag);
    }

    /// The tags of what is lost.
    pub(super) fn hear(&mut self, message: &ServerMessage) -> Vec<u32> {
        match message {
            ServerMessage::Joined { .. } => {
                self.doubtful.append(&mut self.sent);
                let over = self.doubtful.len().saturating_sub(MOST);
                self.doubtful.drain(..over);
            }
            ServerMessage::Chat { tag: Some(tag), .. } | ServerMessage::Declined { tag: Some(tag), .. } => {
                self.sent.retain(|one| one != tag);
                self.doubtful.retain(|one| one != tag);
            }
            // After all that is replayed.
            ServerMessage::Room { .. } => return std::mem::take(&mut self.doubtful),
            _ => {}
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use fika_call::ParticipantId;
    use fika_call::chat::{ChatMessage, MessageId};
    use fika_call::room::{Decline, RoomState};
    use fika_call::signal::Sealed;

    use super::*;

    fn joined() -> ServerMessage {
        let you = ParticipantId("me".into());
        ServerMessage::Joined { you, resume: String::new(), participants: Vec::new(), ice_servers: Vec::new() }
    }

    fn replayed(tag: u32) -> ServerMessage {
        let (from, name) = (ParticipantId("me".into()), String::new());
        let payload = Sealed(String::new());
        let message = ChatMessage { id: MessageId(tag), from, name, to: None, at: 0, payload, reactions: Vec::new() };
        ServerMessage::Chat { message, tag: Some(tag), history: true }
    }

    #[test]
    fn lost_is_what_an_old_connection_took_and_nobody_replays() {
        let mut unanswered = Unanswered::default();
        let room = ServerMessage::Room { state: RoomState::default() };
        assert!(unanswered.hear(&joined()).is_empty() && unanswered.hear(&room).is_empty());
        (1..=4).for_each(|tag| unanswered.sent(tag));
        unanswered.hear(&replayed(1));
        unanswered.hear(&ServerMessage::Declined { tag: Some(2), reason: Decline::TooFast });
        unanswered.hear(&joined());
        unanswered.sent(5);
        unanswered.hear(&replayed(3));
        assert_eq!(unanswered.hear(&room), [4], "the fifth is on its way");
        assert!(unanswered.hear(&room).is_empty());
        unanswered.hear(&joined());
        assert_eq!(unanswered.hear(&room), [5]);
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let mut unanswered = Unanswered::default();
        for round in 0..3 {
            (0..=MOST as u32).for_each(|tag| unanswered.sent(round * 1000 + tag));
            unanswered.hear(&joined());
        }
        assert_eq!(unanswered.doubtful.len(), MOST);
    }
}
