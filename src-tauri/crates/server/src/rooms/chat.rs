//! What a room keeps of its chat: sealed, numbered, bounded. The oldest is forgotten first.

use std::collections::VecDeque;

use fika_call::ParticipantId;
use fika_call::chat::{ChatMessage, HISTORY, HISTORY_LETTERS, MessageId, MessageReaction};
use fika_call::room::{Decline, Reaction};
use fika_call::signal::{Sealed, ServerMessage};
use serde::{Deserialize, Serialize};

use super::room::Room;
use super::{Now, Output};

/// Reactions to one message, of all people together.
const MAX_REACTIONS: usize = 64;

#[derive(Default, Serialize, Deserialize)]
pub(super) struct History {
    messages: VecDeque<Kept>,
    letters: usize,
    last: u32,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    message: ChatMessage,
    tag: u32,
}

impl Kept {
    fn is_for(&self, who: &ParticipantId) -> bool {
        self.message.to.as_ref().is_none_or(|to| to == who || self.message.from == *who)
    }
}

impl History {
    /// What this participant may read, with the tags of their own.
    pub(super) fn of(&self, who: &ParticipantId) -> impl Iterator<Item = (ChatMessage, Option<u32>)> {
        let readable = self.messages.iter().filter(|kept| kept.is_for(who));
        readable.map(|kept| (kept.message.clone(), (kept.message.from == *who).then_some(kept.tag)))
    }

    /// Ids that somebody still knows from before are not given again: they count messages, this counts seconds.
    pub(super) fn begin_after(&mut self, unix: u32) {
        self.last = unix;
    }

    fn push(&mut self, message: ChatMessage, tag: u32) {
        self.letters += message.payload.0.len();
        self.messages.push_back(Kept { message, tag });
        while self.messages.len() > HISTORY || self.letters > HISTORY_LETTERS {
            let Some(oldest) = self.messages.pop_front() else { return };
            self.letters -= oldest.message.payload.0.len();
        }
    }

    fn next_id(&mut self) -> MessageId {
        self.last = self.last.wrapping_add(1);
        MessageId(self.last)
    }
}

impl Room {
    pub(super) fn chat(
        &mut self,
        me: &ParticipantId,
        tag: u32,
        to: Option<ParticipantId>,
        payload: Sealed,
        now: Now,
        outputs: &mut VecDeque<Output>,
    ) -> Result<(), Decline> {
        if to.as_ref().is_some_and(|to| to == me || !self.is_inside(to)) {
            return Err(Decline::NotHere);
        }
        let Some(person) = self.person_mut(me) else { return Err(Decline::NotHere) };
        if !person.chat.take(1.0, now.at) {
            return Err(Decline::TooFast);
        }
        let name = person.info.name.clone();
        let id = self.history.next_id();
        let message = ChatMessage { id, from: me.clone(), name, to, at: now.unix, payload, reactions: Vec::new() };
        for person in self.inside().filter(|person| reads(&message, &person.info.id)) {
            if let Some(to) = person.line.connection() {
                let tag = (person.info.id == *me).then_some(tag);
                let message = message.clone();
                outputs.push_back(Output::Send { to, message: ServerMessage::Chat { message, tag, history: false } });
            }
        }
        self.history.push(message, tag);
        Ok(())
    }

    pub(super) fn react_to_message(
        &mut self,
        me: &ParticipantId,
        id: MessageId,
        reaction: Reaction,
        on: bool,
        now: Now,
        outputs: &mut VecDeque<Output>,
    ) -> Result<(), Decline> {
        if !self.person_mut(me).is_some_and(|person| person.gestures.take(1.0, now.at)) {
            return Err(Decline::TooFast);
        }
        let kept = self.history.messages.iter_mut().find(|kept| kept.message.id == id && kept.is_for(me));
        let message = &mut kept.ok_or(Decline::NotHere)?.message;
        let mine = |one: &MessageReaction| one.from == *me && one.reaction == reaction;
        if on == message.reactions.iter().any(mine) {
            return Ok(());
        }
        if !on {
            message.reactions.retain(|one| !mine(one));
        } else if message.reactions.len() < MAX_REACTIONS {
            message.reactions.push(MessageReaction { from: me.clone(), reaction });
        } else {
            return Err(Decline::Full);
        }
        let message = message.clone();
        let news = ServerMessage::MessageReactions { message: id, reactions: message.reactions.clone() };
        for person in self.inside().filter(|person| reads(&message, &person.info.id)) {
            if let Some(to) = person.line.connection() {
                outputs.push_back(Output::Send { to, message: news.clone() });
            }
        }
        Ok(())
    }
}

fn reads(message: &ChatMessage, who: &ParticipantId) -> bool {
    message.to.as_ref().is_none_or(|to| to == who || message.from == *who)
}
