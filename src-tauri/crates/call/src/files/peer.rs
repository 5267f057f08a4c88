//! What is agreed between us and one participant: people coming and going, offers and answers, messages. What moves then is
//! in `moving`.

use std::time::Instant;

use super::name::{safe_media_type, safe_name};
use super::pace::Pace;
use super::transfer::{In, Out, State, Transfer, Way};
use super::wire::{FileEnd, FileMessage};
use super::{DiskTask, Files, MAX_OFFERS, MAX_SHOWN, MAX_STRAY, Output};
use crate::ParticipantId;
use crate::machine::clean_name;
use crate::session::PeerState;
use crate::view::Notification;

pub(super) struct Peer {
    pub(super) id: ParticipantId,
    pub(super) name: String,
    /// The way for files stands.
    pub(super) open: bool,
    /// Packets come and go.
    pub(super) reached: bool,
    pub(super) pace: Pace,
    pub(super) budget: Option<u32>,
    pub(super) stray: usize,
    next_id: u32,
}

impl Peer {
    pub(super) fn set_state(&mut self, state: PeerState) -> bool {
        let reached = state == PeerState::Connected;
        std::mem::replace(&mut self.reached, reached) != reached
    }
}

impl Files {
    /// Somebody is there.
    pub(super) fn peer(&mut self, id: &ParticipantId, name: &str) {
        let name = clean_name(name);
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == *id) {
            self.changed |= peer.name != name;
            for transfer in self.transfers.iter_mut().filter(|transfer| transfer.peer == *id) {
                transfer.person.clone_from(&name);
            }
            peer.name = name;
            return;
        }
        self.peers.push(Peer {
            id: id.clone(),
            name,
            open: false,
            reached: false,
            pace: Pace::default(),
            budget: None,
            stray: 0,
            next_id: 1,
        });
    }

    pub(super) fn left(&mut self, id: &ParticipantId) {
        self.gone(id, FileEnd::PeerLeft);
    }

    /// The safety words differ: nothing goes to or comes from them any more.
    pub(super) fn cut(&mut self, id: &ParticipantId) {
        self.gone(id, FileEnd::Cancelled);
    }

    fn gone(&mut self, id: &ParticipantId, why: FileEnd) {
        self.peers.retain(|peer| peer.id != *id);
        let live = self.transfers.iter().filter(|transfer| transfer.peer == *id && transfer.is_live());
        let keys: Vec<u32> = live.map(|transfer| transfer.key).collect();
        keys.into_iter().for_each(|key| self.end(key, why, false));
    }

    /// A way for files, perhaps in place of an earlier one.
    pub(super) fn opened(&mut self, id: &ParticipantId, now: Instant) {
        self.interrupt(id);
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == *id) else { return };
        peer.open = true;
        peer.stray = 0;
        peer.pace.reset();
        let mut say = Vec::new();
        for transfer in self.transfers.iter_mut().filter(|transfer| transfer.peer == *id && transfer.outgoing()) {
            match transfer.state {
                State::Offered => {
                    transfer.since = now;
                    say.push(offer(transfer));
                }
                State::Interrupted => say.push(FileMessage::Resume { id: transfer.id }),
                _ => {}
            }
        }
        for message in say {
            self.send(id, &message);
        }
    }

    /// What was accepted waits until the way is there again.
    pub(super) fn interrupt(&mut self, id: &ParticipantId) {
        for transfer in self.transfers.iter_mut().filter(|each| each.peer == *id && each.is_under_way()) {
            self.changed |= transfer.state != State::Interrupted;
            transfer.state = State::Interrupted;
            if let Way::Out(out) = &mut transfer.way {
                out.under_way.clear();
                out.skip |= out.reading;
            }
        }
    }

    pub(super) fn offer(&mut self, path: &str, to: Option<ParticipantId>, now: Instant) {
        let to: Vec<(ParticipantId, String)> = self
            .peers
            .iter()
            .filter(|peer| to.as_ref().is_none_or(|to| *to == peer.id))
            .map(|peer| (peer.id.clone(), peer.name.clone()))
            .collect();
        for (id, name) in to {
            let Some(number) = self.peers.iter_mut().find(|peer| peer.id == id).map(|peer| {
                let number = peer.next_id;
                peer.next_id = peer.next_id.wrapping_add(1);
                number
            }) else {
                continue;
            };
            let Some(key) = self.add(number, (id, name), Way::Out(Out::default()), now) else { return };
            if let Some(transfer) = self.find(key) {
                // Until the disk has said how it is called.
                transfer.name = safe_name(path);
            }
            self.task(DiskTask::Open { key, path: path.to_owned() });
        }
    }

    /// `None`: there are too many already.
    fn add(&mut self, id: u32, peer: (ParticipantId, String), way: Way, now: Instant) -> Option<u32> {
        if self.transfers.len() >= MAX_SHOWN {
            let ended = self.transfers.iter().position(|transfer| !transfer.is_live())?;
            self.transfers.remove(ended);
        }
        let key = self.next_key;
        self.next_key = self.next_key.wrapping_add(1);
        self.transfers.push(Transfer::new(key, id, peer, way, now));
        self.changed = true;
        Some(key)
    }

    pub(super) fn accept(&mut self, key: u32) {
        let Some(transfer) = self.find(key) else { return };
        if transfer.outgoing() || transfer.state != State::Offered {
            return;
        }
        transfer.state = State::Preparing;
        let name = transfer.name.clone();
        self.changed = true;
        self.task(DiskTask::Create { key, name });
    }

    pub(super) fn decline(&mut self, key: u32) {
        let Some(transfer) = self.find(key) else { return };
        if transfer.outgoing() || transfer.state != State::Offered {
            return;
        }
        transfer.state = State::Declined;
        let (peer, id) = (transfer.peer.clone(), transfer.id);
        self.changed = true;
        self.send(&peer, &FileMessage::Decline { id });
    }

    /// Nothing of ours: tolerated up to a point.
    pub(super) fn stray(&mut self, from: &ParticipantId, bytes: usize) {
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == *from) else { return };
        // An empty one costs time too.
        peer.stray += bytes + 256;
        if peer.stray > MAX_STRAY {
            self.break_off(from);
        }
    }

    pub(super) fn break_off(&mut self, from: &ParticipantId) {
        let of_peer = self.transfers.iter().filter(|transfer| transfer.peer == *from && transfer.is_live());
        let keys: Vec<u32> = of_peer.map(|transfer| transfer.key).collect();
        keys.into_iter().for_each(|key| self.end(key, FileEnd::BrokeRules, true));
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == *from) {
            peer.open = false;
        }
        self.outputs.push_back(Output::Close { to: from.clone() });
    }

    pub(super) fn theirs(&mut self, from: &ParticipantId, id: u32) -> Option<&mut Transfer> {
        let theirs = |each: &&mut Transfer| each.peer == *from && each.id == id && !each.outgoing();
        self.transfers.iter_mut().rfind(theirs)
    }

    pub(super) fn ours(&mut self, to: &ParticipantId, id: u32) -> Option<&mut Transfer> {
        self.transfers.iter_mut().find(|each| each.peer == *to && each.id == id && each.outgoing())
    }

    pub(super) fn message(&mut self, from: &ParticipantId, message: FileMessage, now: Instant) {
        match message {
            FileMessage::Offer { id, name, size, media_type } => self.offered(from, id, &name, size, &media_type, now),
            FileMessage::Resume { id } => self.resumed(from, id),
            FileMessage::End { id, sha256 } => self.end_of(from, id, sha256),
            FileMessage::Withdraw { id, reason } => {
                if let Some(key) = self.theirs(from, id).map(|transfer| transfer.key) {
                    self.end(key, reason, false);
                }
            }
            FileMessage::Accept { id, offset } => self.accepted(from, id, offset, now),
            FileMessage::Decline { id } => {
                let Some(transfer) = self.ours(from, id).filter(|each| each.state == State::Offered) else { return };
                transfer.state = State::Declined;
                let key = transfer.key;
                self.changed = true;
                self.task(DiskTask::Forget { key });
            }
            FileMessage::Ack { id, offset } => self.acked(from, id, offset, now),
            FileMessage::Saved { id } => {
                let Some(transfer) = self.ours(from, id).filter(|each| each.is_under_way()) else { return };
                transfer.set(State::Done, now);
                if let Way::Out(out) = &mut transfer.way {
                    out.acked = transfer.size;
                }
                let key = transfer.key;
                self.changed = true;
                self.task(DiskTask::Forget { key });
            }
            FileMessage::Stop { id, reason } => {
                if let Some(key) = self.ours(from, id).map(|transfer| transfer.key) {
                    self.end(key, reason, false);
                }
            }
        }
    }

    fn offered(&mut self, from: &ParticipantId, id: u32, name: &str, size: u64, kind: &str, now: Instant) {
        // Each costs a little, also one that is declined.
        self.stray(from, 0);
        if self.theirs(from, id).is_some() {
            // Said again after a reconnect.
            return;
        }
        let Some(person) = self.peers.iter().find(|peer| peer.id == *from).map(|peer| peer.name.clone()) else {
            return;
        };
        let open = |each: &&Transfer| each.peer == *from && !each.outgoing() && each.state == State::Offered;
        let many = self.transfers.iter().filter(open).count() >= MAX_OFFERS;
        let key = if many { None } else { self.add(id, (from.clone(), person.clone()), Way::In(In::default()), now) };
        let Some(key) = key else {
            return self.send(from, &FileMessage::Stop { id, reason: FileEnd::TooMany });
        };
        let (max_size, name) = (self.max_size, safe_name(name));
        let Some(transfer) = self.find(key) else { return };
        transfer.name.clone_from(&name);
        transfer.size = size;
        transfer.media_type = safe_media_type(kind);
        if size > max_size {
            return self.end(key, FileEnd::TooLarge, true);
        }
        self.outputs.push_back(Output::Notify(Notification::FileOffered { name: person, file: name }));
    }

    fn resumed(&mut self, from: &ParticipantId, id: u32) {
        let answer = match self.theirs(from, id) {
            Some(transfer) if transfer.state == State::Done => FileMessage::Saved { id },
            // The disk answers in a moment.
            Some(transfer) if transfer.state == State::Preparing => return,
            Some(transfer) if transfer.is_under_way() => {
                let Way::In(come) = &mut transfer.way else { return };
                transfer.state = State::Moving;
                // What was received is on its way to the disk, in order.
                let offset = come.received;
                FileMessage::Accept { id, offset }
            }
            Some(Transfer { state: State::Declined, .. }) => FileMessage::Decline { id },
            Some(Transfer { end: Some(reason), .. }) => FileMessage::Stop { id, reason: *reason },
            _ => FileMessage::Stop { id, reason: FileEnd::Unknown },
        };
        self.changed = true;
        self.send(from, &answer);
    }
}

pub(super) fn offer(transfer: &Transfer) -> FileMessage {
    let Transfer { id, name, size, media_type, .. } = transfer;
    FileMessage::Offer { id: *id, name: name.clone(), size: *size, media_type: media_type.clone() }
}
