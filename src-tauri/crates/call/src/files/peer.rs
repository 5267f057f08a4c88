//! What happens between us and one participant: people coming and going, messages, pieces, and what the disk answers.

use std::time::Instant;

use super::name::{media_type_of, safe_media_type, safe_name};
use super::pace::{MAX_WINDOW, MIN_PIECE, Pace};
use super::transfer::{In, Out, State, Transfer, Way};
use super::wire::{self, FileEnd, FileMessage};
use super::{DiskEvent, DiskTask, Files, MAX_OFFERS, MAX_SHOWN, MAX_STRAY, Output};
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
    stray: usize,
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

    fn break_off(&mut self, from: &ParticipantId) {
        let of_peer = self.transfers.iter().filter(|transfer| transfer.peer == *from && transfer.is_live());
        let keys: Vec<u32> = of_peer.map(|transfer| transfer.key).collect();
        keys.into_iter().for_each(|key| self.end(key, FileEnd::BrokeRules, true));
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == *from) {
            peer.open = false;
        }
        self.outputs.push_back(Output::Close { to: from.clone() });
    }

    fn theirs(&mut self, from: &ParticipantId, id: u32) -> Option<&mut Transfer> {
        let theirs = |each: &&mut Transfer| each.peer == *from && each.id == id && !each.outgoing();
        self.transfers.iter_mut().rfind(theirs)
    }

    fn ours(&mut self, to: &ParticipantId, id: u32) -> Option<&mut Transfer> {
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

    fn end_of(&mut self, from: &ParticipantId, id: u32, sha256: String) {
        let Some(transfer) = self.theirs(from, id).filter(|each| each.is_under_way()) else { return };
        let key = transfer.key;
        let Way::In(come) = &mut transfer.way else { return };
        if come.received != transfer.size {
            return self.end(key, FileEnd::BrokeRules, true);
        }
        // Said again after a reconnect, when the disk may be at work already.
        come.sha256.get_or_insert(sha256);
        transfer.state = State::Checking;
        self.changed = true;
        self.finish(key);
    }

    /// As soon as all of it is on the disk and its hash is known.
    fn finish(&mut self, key: u32) {
        let Some(transfer) = self.find(key) else { return };
        let size = transfer.size;
        let Way::In(come) = &mut transfer.way else { return };
        let Some(sha256) = come.sha256.clone().filter(|_| come.written == size && !come.finishing) else { return };
        come.finishing = true;
        self.task(DiskTask::Finish { key, sha256 });
    }

    fn accepted(&mut self, from: &ParticipantId, id: u32, offset: u64, now: Instant) {
        let Some(transfer) = self.ours(from, id) else { return };
        let fresh = transfer.state == State::Offered;
        if !fresh && transfer.state != State::Interrupted {
            return;
        }
        let key = transfer.key;
        let size = transfer.size;
        let Way::Out(out) = &mut transfer.way else { return };
        if offset > size || (fresh && offset > 0) {
            return self.end(key, FileEnd::BrokeRules, true);
        }
        (out.sent, out.acked) = (offset, offset);
        out.under_way.clear();
        out.digesting = false;
        transfer.set(State::Queued, now);
        self.changed = true;
        if !fresh {
            self.task(DiskTask::Seek { key, offset });
        }
    }

    fn acked(&mut self, from: &ParticipantId, id: u32, offset: u64, now: Instant) {
        let Some(transfer) = self.ours(from, id).filter(|each| each.state == State::Moving) else { return };
        let key = transfer.key;
        let Way::Out(out) = &mut transfer.way else { return };
        if offset > out.sent {
            return self.end(key, FileEnd::BrokeRules, true);
        }
        let mut answers = Vec::new();
        while let Some((end, bytes, at)) = out.under_way.front().copied().filter(|(end, ..)| *end <= offset) {
            out.under_way.pop_front();
            out.acked = end;
            answers.push((bytes, now.saturating_duration_since(at)));
        }
        transfer.has_moved();
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == *from) {
            answers.into_iter().for_each(|(bytes, answer)| peer.pace.on_ack(bytes, answer, now));
        }
    }

    pub(super) fn piece(&mut self, from: &ParticipantId, data: &[u8]) {
        let Some((id, offset, bytes)) = wire::read_piece(data) else { return self.break_off(from) };
        let ahead = |each: &Transfer| match &each.way {
            Way::In(come) if each.peer == *from && each.is_live() => come.received - come.written,
            _ => 0,
        };
        // Of all their files together, what the disk has not kept yet.
        let waiting: u64 = self.transfers.iter().map(ahead).sum();
        let Some(transfer) = self.theirs(from, id).filter(|each| each.state == State::Moving) else {
            return self.stray(from, data.len());
        };
        let key = transfer.key;
        let size = transfer.size;
        let Way::In(come) = &mut transfer.way else { return };
        let end = offset + bytes.len() as u64;
        // Small pieces cost as much as large ones: only the last one may be.
        let small = bytes.len() < MIN_PIECE && end != size;
        let flood = waiting + bytes.len() as u64 > 2 * MAX_WINDOW as u64;
        if offset != come.received || end > size || small || flood {
            return self.end(key, FileEnd::BrokeRules, true);
        }
        come.received = end;
        self.task(DiskTask::Write { key, bytes: bytes.to_vec() });
    }

    pub(super) fn disk(&mut self, event: DiskEvent, now: Instant) {
        match event {
            DiskEvent::Opened { key, name, size } => {
                let Some(transfer) = self.find(key).filter(|each| each.state == State::Preparing) else { return };
                (transfer.name, transfer.size) = (safe_name(&name), size);
                media_type_of(&name).clone_into(&mut transfer.media_type);
                transfer.set(State::Offered, now);
                let (message, peer) = (offer(transfer), transfer.peer.clone());
                self.changed = true;
                if size > wire::MAX_SIZE {
                    return self.end(key, FileEnd::TooLarge, false);
                }
                self.send(&peer, &message);
            }
            DiskEvent::Created { key } => {
                let Some(transfer) = self.find(key).filter(|each| each.state == State::Preparing) else { return };
                let (id, peer) = (transfer.id, transfer.peer.clone());
                transfer.set(State::Moving, now);
                self.changed = true;
                if let Some(peer) = self.peers.iter_mut().find(|each| each.id == peer) {
                    peer.stray = 0;
                }
                self.send(&peer, &FileMessage::Accept { id, offset: 0 });
            }
            DiskEvent::Read { key, bytes } => self.read(key, &bytes, now),
            DiskEvent::Digest { key, sha256 } => {
                let Some(transfer) = self.find(key).filter(|each| each.state == State::Moving) else { return };
                let (id, peer) = (transfer.id, transfer.peer.clone());
                let size = transfer.size;
                let Way::Out(out) = &mut transfer.way else { return };
                // Else it is of a pass before a reconnect.
                if !out.digesting || out.sent != size {
                    return;
                }
                transfer.set(State::Checking, now);
                self.changed = true;
                self.send(&peer, &FileMessage::End { id, sha256 });
            }
            DiskEvent::Written { key, total } => {
                let Some(transfer) = self.find(key).filter(|each| each.is_under_way()) else { return };
                let (id, peer, moving) = (transfer.id, transfer.peer.clone(), transfer.state == State::Moving);
                let Way::In(come) = &mut transfer.way else { return };
                come.written = total;
                transfer.has_moved();
                if moving {
                    self.send(&peer, &FileMessage::Ack { id, offset: total });
                }
                self.finish(key);
            }
            DiskEvent::Saved { key, name } => {
                let Some(transfer) = self.find(key).filter(|each| each.is_live()) else { return };
                let (id, peer, person) = (transfer.id, transfer.peer.clone(), transfer.person.clone());
                transfer.set(State::Done, now);
                transfer.saved_as = Some(name.clone());
                self.changed = true;
                self.send(&peer, &FileMessage::Saved { id });
                self.outputs.push_back(Output::Notify(Notification::FileSaved { name: person, file: name }));
            }
            DiskEvent::Failed { key, reason } => self.end(key, reason, true),
        }
    }

    fn read(&mut self, key: u32, bytes: &[u8], now: Instant) {
        let Some(transfer) = self.find(key) else { return };
        let (id, peer, moving) = (transfer.id, transfer.peer.clone(), transfer.state == State::Moving);
        let size = transfer.size;
        let Way::Out(out) = &mut transfer.way else { return };
        out.reading = false;
        if std::mem::take(&mut out.skip) || !moving {
            return;
        }
        let end = out.sent + bytes.len() as u64;
        // It has become shorter; the receiver would take a small piece in the middle for a breach of the rules.
        if bytes.is_empty() || end > size || (bytes.len() < MIN_PIECE && end != size) {
            return self.end(key, FileEnd::Changed, true);
        }
        let piece = wire::piece(id, out.sent, bytes);
        out.sent = end;
        out.under_way.push_back((end, bytes.len(), now));
        if let Some(peer) = self.peers.iter_mut().find(|each| each.id == peer) {
            peer.pace.on_sent(bytes.len(), now);
        }
        self.outputs.push_back(Output::SendPiece { to: peer, bytes: piece });
    }

    /// Starts what may start, and reads what may leave.
    pub(super) fn pump(&mut self, now: Instant) {
        self.peers.iter_mut().for_each(|peer| peer.pace.handle_timeout(now));
        let budget = self.peers.iter().filter_map(|peer| peer.budget).min();
        for peer in self.peers.iter_mut().filter(|peer| peer.open) {
            peer.pace.set_budget(budget);
            let ours = |each: &&mut Transfer| each.peer == peer.id && each.outgoing();
            let mut ours = self.transfers.iter_mut().filter(ours);
            let busy = |state| matches!(state, State::Moving);
            let mut moving = ours.find(|each| busy(each.state));
            if moving.is_none() {
                let queued =
                    |each: &&mut Transfer| each.peer == peer.id && each.outgoing() && each.state == State::Queued;
                moving = self.transfers.iter_mut().find(queued);
            }
            let Some(transfer) = moving else { continue };
            if transfer.state == State::Queued {
                transfer.set(State::Moving, now);
                self.changed = true;
            }
            let (key, size) = (transfer.key, transfer.size);
            let Way::Out(out) = &mut transfer.way else { continue };
            if out.reading || out.digesting {
                continue;
            }
            if out.sent == size {
                if out.under_way.is_empty() {
                    out.digesting = true;
                    self.outputs.push_back(Output::Disk(DiskTask::Digest { key }));
                }
                continue;
            }
            let in_flight = out.under_way.iter().map(|(_, bytes, _)| *bytes).sum();
            if let Some(length) = peer.pace.piece(in_flight, now) {
                out.reading = true;
                let length = length.min(usize::try_from(size - out.sent).unwrap_or(length));
                self.outputs.push_back(Output::Disk(DiskTask::Read { key, length }));
            }
        }
    }
}

fn offer(transfer: &Transfer) -> FileMessage {
    let Transfer { id, name, size, media_type, .. } = transfer;
    FileMessage::Offer { id: *id, name: name.clone(), size: *size, media_type: media_type.clone() }
}
