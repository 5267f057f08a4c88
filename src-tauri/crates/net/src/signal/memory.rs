//! What we know of the room, to open it again on a server that has forgotten it. A plain value; as large as the server's
//! messages, which are capped.

use fika_call::ParticipantId;
use fika_call::room::RoomState;
use fika_call::signal::{Again, MAX_PARTICIPANTS, ParticipantInfo, ServerMessage};

#[derive(Debug, Default)]
pub(super) struct Memory {
    you: Option<ParticipantId>,
    people: Vec<ParticipantInfo>,
    state: RoomState,
}

impl Memory {
    pub(super) fn hear(&mut self, message: &ServerMessage) {
        match message {
            ServerMessage::Joined { you, participants, .. } => {
                (self.you, self.people) = (Some(you.clone()), participants.clone());
            }
            ServerMessage::ParticipantJoined { participant } | ServerMessage::ParticipantChanged { participant } => {
                self.people.retain(|one| one.id != participant.id);
                if self.people.len() < MAX_PARTICIPANTS {
                    self.people.push(participant.clone());
                }
            }
            ServerMessage::ParticipantLeft { participant } => self.people.retain(|one| one.id != *participant),
            ServerMessage::Room { state } => self.state = state.clone(),
            ServerMessage::Waiting { .. } => *self = Self::default(),
            _ => {}
        }
    }

    /// `me`: as the others know us.
    pub(super) fn again(&self, host_key: String, me: ParticipantInfo) -> Option<Again> {
        let me = ParticipantInfo { id: self.you.clone()?, ..me };
        let others = self.people.iter().filter(|one| one.id != me.id).cloned();
        let people = [me.clone()].into_iter().chain(others).take(MAX_PARTICIPANTS).collect();
        Some(Again { host_key, people, state: self.state.clone() })
    }
}

#[cfg(test)]
mod tests {
    use fika_call::signal::MediaState;

    use super::*;

    fn info(id: &str) -> ParticipantInfo {
        ParticipantInfo { id: ParticipantId(id.into()), name: id.into(), media: MediaState::default(), away: false }
    }

    #[test]
    fn people_come_change_and_go() {
        let mut memory = Memory::default();
        assert_eq!(memory.again("key".into(), info("")), None, "was never there");
        let joined = ServerMessage::Joined {
            you: ParticipantId("me".into()),
            resume: String::new(),
            participants: vec![info("a"), info("b")],
            ice_servers: Vec::new(),
        };
        memory.hear(&joined);
        memory.hear(&ServerMessage::ParticipantJoined { participant: info("c") });
        memory.hear(&ServerMessage::ParticipantLeft { participant: ParticipantId("a".into()) });
        let renamed = ParticipantInfo { name: "Bo".into(), ..info("b") };
        memory.hear(&ServerMessage::ParticipantChanged { participant: renamed.clone() });
        let state = RoomState { locked: true, ..RoomState::default() };
        memory.hear(&ServerMessage::Room { state: state.clone() });
        let again = memory.again("key".into(), ParticipantInfo { id: ParticipantId(String::new()), ..info("me") });
        let people = vec![info("me"), info("c"), renamed];
        assert_eq!(again, Some(Again { host_key: "key".into(), people, state }));
    }
}
