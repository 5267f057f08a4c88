//! The chat of one seat: what was said, what is on its way, what has not been read. Shown is what the server took; a
//! message of ours is on its way until it comes back.
//!
//! Bounded by [`MAX_LINES`]; full: the oldest is forgotten.

use super::people::clean_name;
use crate::ParticipantId;
use crate::chat::{
    ChatBody, ChatMessageView, ChatPartner, ChatState, ChatView, MessageId, MessageReaction, ReactionCount, clean_text,
};
use crate::room::Reaction;
use crate::session::{RoomCommand, Said};
use crate::view::Notification;

/// Messages that are shown.
pub const MAX_LINES: usize = 500;

#[derive(Debug, Default)]
pub(super) struct Chat {
    lines: Vec<Line>,
    next_key: u32,
    /// Never used twice, also not by a later chat of this program: see [`Chat::emptied`].
    next_tag: u32,
    unread: u32,
    /// The seat is new: what is replayed was said to others.
    fresh: bool,
    /// Something is to be shown anew.
    changed: bool,
}

#[derive(Debug)]
struct Line {
    key: u32,
    id: Option<MessageId>,
    /// Ours, as it was sent last.
    tag: Option<u32>,
    from: ParticipantId,
    name: String,
    to: Option<ChatPartner>,
    body: ChatBody,
    at: Option<u32>,
    state: ChatState,
    reactions: Vec<MessageReaction>,
}

impl Chat {
    /// For a new seat, with nothing in it.
    pub(super) fn emptied(&self) -> Self {
        let Self { next_key, next_tag, lines, .. } = self;
        Self { next_key: *next_key, next_tag: *next_tag, fresh: true, changed: !lines.is_empty(), ..Self::default() }
    }

    /// Everything that was replayed has been.
    pub(super) const fn settled(&mut self) {
        self.fresh = false;
    }

    pub(super) fn unread(&self) -> u32 {
        self.unread
    }

    pub(super) fn read(&mut self) {
        self.unread = 0;
    }

    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn send(
        &mut self,
        me: ParticipantId,
        name: String,
        to: Option<ChatPartner>,
        text: String,
        reply_to: Option<MessageId>,
    ) -> RoomCommand {
        let reply_to = reply_to.filter(|id| self.lines.iter().any(|line| line.id == Some(*id)));
        let body = ChatBody { text, reply_to };
        let tag = self.tag();
        let line = Line {
            key: 0,
            id: None,
            tag: Some(tag),
            from: me,
            name,
            to: to.clone(),
            body: body.clone(),
            at: None,
            state: ChatState::Sending,
            reactions: Vec::new(),
        };
        self.push(line);
        RoomCommand::Chat { tag, to: to.map(|to| to.id), body }
    }

    /// Sends a message again that was not sent.
    pub(super) fn retry(&mut self, key: u32) -> Option<RoomCommand> {
        let tag = self.tag();
        let line = self.lines.iter_mut().find(|line| line.key == key && line.state == ChatState::Failed)?;
        line.state = ChatState::Sending;
        line.tag = Some(tag);
        self.changed = true;
        Some(RoomCommand::Chat { tag, to: line.to.as_ref().map(|to| to.id.clone()), body: line.body.clone() })
    }

    pub(super) fn lost(&mut self, tag: u32) {
        let sending = |line: &&mut Line| line.tag == Some(tag) && line.state == ChatState::Sending;
        if let Some(line) = self.lines.iter_mut().find(sending) {
            line.state = ChatState::Failed;
            self.changed = true;
        }
    }

    /// What to tell about it.
    pub(super) fn said(&mut self, said: Said, me: Option<&ParticipantId>) -> Option<Notification> {
        let text = clean_text(&said.body.text);
        if text.is_empty() {
            return None;
        }
        if let Some(line) = self.lines.iter_mut().find(|line| line.id == Some(said.id)) {
            self.changed |= line.reactions != said.reactions;
            line.reactions = said.reactions;
            return None;
        }
        let mine = me == Some(&said.from);
        let sent = |line: &Line| mine && said.tag.is_some() && line.tag == said.tag && line.id.is_none();
        if let Some(at) = self.lines.iter().position(sent) {
            let mut line = self.lines.remove(at);
            line.id = Some(said.id);
            line.at = Some(said.at);
            line.state = ChatState::Sent;
            line.reactions = said.reactions;
            self.insert(line);
            return None;
        }
        let name = clean_name(&said.name);
        let private = said.to.is_some();
        let to = said.to.map(|id| {
            let id = if me == Some(&id) { ParticipantId("me".into()) } else { id };
            ChatPartner { id, name: String::new() }
        });
        let old = said.history && self.fresh;
        let notify = !mine && !old;
        let line = Line {
            key: 0,
            id: Some(said.id),
            tag: None,
            from: said.from,
            name: name.clone(),
            to,
            body: ChatBody { text, reply_to: said.body.reply_to },
            at: Some(said.at),
            state: ChatState::Sent,
            reactions: said.reactions,
        };
        self.push(line);
        self.unread = self.unread.saturating_add(u32::from(notify));
        notify.then_some(Notification::Chat { name, private })
    }

    pub(super) fn reactions(&mut self, id: MessageId, reactions: Vec<MessageReaction>) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.id == Some(id)) {
            self.changed |= line.reactions != reactions;
            line.reactions = reactions;
        }
    }

    pub(super) fn view(&self, me: Option<&ParticipantId>) -> ChatView {
        ChatView { messages: self.lines.iter().map(|line| line.view(me)).collect() }
    }

    fn tag(&mut self) -> u32 {
        self.next_tag = self.next_tag.wrapping_add(1);
        self.next_tag
    }

    fn push(&mut self, mut line: Line) {
        line.key = self.next_key;
        self.next_key = self.next_key.wrapping_add(1);
        self.insert(line);
        if self.lines.len() > MAX_LINES {
            self.lines.remove(0);
        }
    }

    /// In the server's order; what is on its way comes last.
    fn insert(&mut self, line: Line) {
        let at = match line.id {
            Some(id) => {
                self.lines.iter().rposition(|other| other.id.is_some_and(|other| other < id)).map_or(0, |at| at + 1)
            }
            None => self.lines.len(),
        };
        self.lines.insert(at, line);
        self.changed = true;
    }
}

impl Line {
    fn view(&self, me: Option<&ParticipantId>) -> ChatMessageView {
        let count = |reaction| {
            let of_this = self.reactions.iter().filter(|one| one.reaction == reaction);
            let mine = of_this.clone().any(|one| me == Some(&one.from));
            ReactionCount { reaction, count: u32::try_from(of_this.count()).unwrap_or(u32::MAX), mine }
        };
        ChatMessageView {
            key: self.key,
            id: self.id,
            from: self.from.clone(),
            name: self.name.clone(),
            mine: me == Some(&self.from),
            to: self.to.clone(),
            text: self.body.text.clone(),
            reply_to: self.body.reply_to,
            at: self.at,
            state: self.state,
            reactions: Reaction::ALL.into_iter().map(count).filter(|count| count.count > 0).collect(),
        }
    }
}
