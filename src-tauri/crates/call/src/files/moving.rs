//! How an accepted file moves: pieces and their acknowledgements, what the disk answers, what may leave next.

use std::time::Instant;

use super::name::{media_type_of, safe_name};
use super::pace::{MAX_WINDOW, MIN_PIECE};
use super::peer::offer;
use super::transfer::{State, Transfer, Way};
use super::wire::{self, FileEnd, FileMessage};
use super::{DiskEvent, DiskTask, Files, Output};
use crate::ParticipantId;
use crate::view::Notification;

impl Files {
    pub(super) fn accepted(&mut self, from: &ParticipantId, id: u32, offset: u64, now: Instant) {
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

    pub(super) fn acked(&mut self, from: &ParticipantId, id: u32, offset: u64, now: Instant) {
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

    pub(super) fn end_of(&mut self, from: &ParticipantId, id: u32, sha256: String) {
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
            let ours = |each: &Transfer, state| each.peer == peer.id && each.outgoing() && each.state == state;
            let first = |state| self.transfers.iter().position(|each| ours(each, state));
            let next = first(State::Moving).or_else(|| first(State::Queued));
            let Some(transfer) = next.and_then(|at| self.transfers.get_mut(at)) else { continue };
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
