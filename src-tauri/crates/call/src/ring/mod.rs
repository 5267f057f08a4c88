//! Calls that ring: who calls whom, what came of it, and when a room is entered because of it.
//!
//! Pure: told the time, given every random id. One ring comes in and one goes out at a time; whoever calls somebody who is
//! busy is told so. Nothing here opens a device: a room is entered only after the user's own word, [`Wish::Answer`] or
//! [`Wish::Call`].

mod io;
mod line;
pub mod nearby;
pub mod presence;
mod seal;
#[cfg(test)]
mod tests;
mod view;
pub mod ways;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use io::{CallId, Incoming, Input, Invitation, Missed, News, Outgoing, OutgoingState, Output, Reply, Wish};
pub use line::{LineCommand, LineEvent, MAX_SERVERS, Reach};
pub use seal::{Answering, Calling, MAX_SEALED, SealError, answer, call, open, proof, proves};
pub use view::{ContactView, IncomingView, MissedView, OutgoingView, RingView};

use crate::identity::IdentityKey;

/// How long it rings.
pub const RINGS: Duration = Duration::from_secs(45);
/// Characters of what is said while declining.
pub const MAX_MESSAGE: usize = 200;
/// Bytes of a call's id.
pub const CALL_BYTES: usize = 16;
/// Calls that are remembered, so that none rings twice. Full: the oldest is forgotten.
const SEEN: usize = 64;

/// What rings here and elsewhere.
#[derive(Debug, Default)]
pub struct Ring {
    incoming: Option<Incoming>,
    outgoing: Option<Outgoing>,
    occupied: bool,
    strangers: bool,
    seen: VecDeque<CallId>,
    outputs: VecDeque<Output>,
}

impl Ring {
    pub fn incoming(&self) -> Option<&Incoming> {
        self.incoming.as_ref()
    }

    pub fn outgoing(&self) -> Option<&Outgoing> {
        self.outgoing.as_ref()
    }

    pub fn handle_input(&mut self, input: Input, now: Instant) {
        match input {
            Input::Wish(wish) => self.wish(wish, now),
            Input::Occupied(occupied) => self.occupied(occupied),
            Input::Joined => {
                // Somebody else may have come by the link; whoever is called is still told where we are.
                if self.outgoing.as_ref().is_some_and(|outgoing| outgoing.state == OutgoingState::Answered) {
                    self.outgoing = None;
                    self.changed();
                }
            }
            Input::Incoming { call, from, saved, nearby, invitation } => {
                // Whoever may not ring learns nothing, not even that somebody is here. A stranger would be met through a TURN
                // server alone, which is not there for a call on the local network.
                if saved || self.strangers && !nearby {
                    self.comes_in(Incoming { call, from, saved, invitation, until: now + RINGS });
                }
            }
            Input::News { call, news } => self.news(&call, news),
            Input::Strangers(may) => self.strangers = may,
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(incoming) = self.incoming.take_if(|incoming| incoming.until <= now) {
            self.missed(&incoming);
            self.changed();
        }
        let over = |outgoing: &&mut Outgoing| outgoing.state.is_open() && outgoing.until <= now;
        if let Some(outgoing) = self.outgoing.as_mut().filter(over) {
            outgoing.state = OutgoingState::NoAnswer;
            let call = outgoing.call.clone();
            self.outputs.push_back(Output::Hang { call });
            self.changed();
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let outgoing = self.outgoing.as_ref().filter(|outgoing| outgoing.state.is_open());
        self.incoming.iter().map(|it| it.until).chain(outgoing.map(|it| it.until)).min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn wish(&mut self, wish: Wish, now: Instant) {
        match wish {
            Wish::Call { call, to, video } => self.call(call, to, video, now),
            Wish::Cancel => self.cancel(),
            Wish::Answer { call } => self.answer(&call),
            Wish::Decline { call, message } => {
                if self.take_incoming(&call).is_some() {
                    self.reply(call, Reply::Declined { message: message.and_then(|message| cut(&message)) });
                }
            }
        }
    }

    fn news(&mut self, call: &CallId, news: News) {
        match news {
            News::Ended => {
                if let Some(incoming) = self.take_incoming(call) {
                    self.missed(&incoming);
                }
            }
            News::Reply(reply) => self.replied(call, reply),
            News::Unreachable => self.ends(call, OutgoingState::Unreachable),
            News::Failed => self.ends(call, OutgoingState::Failed),
        }
    }

    fn call(&mut self, call: CallId, to: IdentityKey, video: bool, now: Instant) {
        self.hang();
        // Whoever calls somebody who is calling them answers.
        if let Some(incoming) = self.incoming.take_if(|incoming| incoming.from == to) {
            self.enter(incoming);
            return self.changed();
        }
        // And whoever calls somebody else does not.
        if let Some(incoming) = self.incoming.take() {
            self.reply(incoming.call.clone(), Reply::Busy);
            self.missed(&incoming);
        }
        let until = now + RINGS;
        self.outputs.push_back(Output::Open { call: call.clone(), to, video });
        self.outgoing = Some(Outgoing { call, to, video, state: OutgoingState::Calling, message: None, until });
        self.changed();
    }

    fn cancel(&mut self) {
        self.hang();
        if let Some(outgoing) = self.outgoing.take() {
            if outgoing.state != OutgoingState::Answered {
                self.outputs.push_back(Output::Leave);
            }
            self.changed();
        }
    }

    fn answer(&mut self, call: &CallId) {
        let Some(incoming) = self.take_incoming(call) else { return };
        self.hang();
        self.outgoing = None;
        self.enter(incoming);
    }

    fn occupied(&mut self, occupied: bool) {
        // Whoever has left the room of the outgoing call has given it up.
        if self.occupied && !occupied && self.outgoing.is_some() {
            self.hang();
            self.outgoing = None;
            self.changed();
        }
        self.occupied = occupied;
    }

    fn comes_in(&mut self, incoming: Incoming) {
        let call = incoming.call.clone();
        if self.seen.contains(&call) {
            return;
        }
        if self.seen.len() == SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(call.clone());
        let crossing = self.outgoing.as_ref().filter(|it| it.to == incoming.from && it.state.is_open());
        if let Some(ours) = crossing.map(|outgoing| outgoing.call.clone()) {
            // Both call each other: the room of the smaller id is the one, and the other side does the same.
            if ours <= call {
                return;
            }
            self.hang();
            self.outgoing = None;
            self.outputs.push_back(Output::Leave);
            self.enter(incoming);
            return self.changed();
        }
        if self.occupied || self.incoming.is_some() || self.outgoing.is_some() {
            self.reply(call, Reply::Busy);
            return self.missed(&incoming);
        }
        self.incoming = Some(incoming);
        self.reply(call, Reply::Ringing);
        self.changed();
    }

    fn replied(&mut self, call: &CallId, reply: Reply) {
        let Some(outgoing) = self.outgoing.as_mut().filter(|it| it.call == *call && it.state.is_open()) else { return };
        outgoing.state = match reply {
            Reply::Ringing => OutgoingState::Ringing,
            Reply::Accepted => OutgoingState::Answered,
            Reply::Declined { message } => {
                outgoing.message = message.and_then(|message| cut(&message));
                OutgoingState::Declined
            }
            Reply::Busy => OutgoingState::Busy,
        };
        if outgoing.state != OutgoingState::Ringing {
            self.outputs.push_back(Output::Hang { call: call.clone() });
        }
        self.changed();
    }

    /// The outgoing call has ended without its callee.
    fn ends(&mut self, call: &CallId, state: OutgoingState) {
        let Some(outgoing) = self.outgoing.as_mut().filter(|it| it.call == *call && it.state.is_open()) else { return };
        // Their line broke while it rang: their app has heard nothing of an end, but the server tells it.
        outgoing.state = state;
        self.outputs.push_back(Output::Hang { call: call.clone() });
        self.changed();
    }

    fn hang(&mut self) {
        if let Some(outgoing) = self.outgoing.as_ref().filter(|outgoing| outgoing.state.is_open()) {
            self.outputs.push_back(Output::Hang { call: outgoing.call.clone() });
        }
    }

    fn enter(&mut self, incoming: Incoming) {
        self.reply(incoming.call, Reply::Accepted);
        let Invitation { link, video, .. } = incoming.invitation;
        self.outputs.push_back(Output::Enter { link, video, relayed: !incoming.saved });
    }

    fn take_incoming(&mut self, call: &CallId) -> Option<Incoming> {
        let incoming = self.incoming.take_if(|incoming| incoming.call == *call)?;
        self.changed();
        Some(incoming)
    }

    fn missed(&mut self, incoming: &Incoming) {
        let Invitation { name, video, .. } = incoming.invitation.clone();
        self.outputs.push_back(Output::Missed(Missed { from: incoming.from, name, video }));
    }

    fn reply(&mut self, call: CallId, reply: Reply) {
        self.outputs.push_back(Output::Reply { call, reply });
    }

    fn changed(&mut self) {
        if self.outputs.back() != Some(&Output::Changed) {
            self.outputs.push_back(Output::Changed);
        }
    }
}

/// As long as a message may be, without what would break a line of text; `None` if nothing is left.
fn cut(message: &str) -> Option<String> {
    let message: String = message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect();
    Some(message.trim().to_owned()).filter(|message| !message.is_empty())
}
