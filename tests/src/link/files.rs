//! A file beside a call in virtual time: the rules of `fika_call::files` on the path of sound and picture. A piece is several
//! packets, and what is lost of it is sent again, as SCTP does; its own window is left out, so nothing else holds the file
//! back.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use fika_call::files::pace::Pace;
use fika_media::Timestamp;
use fika_rtp::congestion::{Control, Spare};

/// A packet of a data channel, without headers, and these: SCTP, DTLS, UDP, IP.
const PACKET: usize = 1150;
const HEADERS: usize = 90;
/// What the picture leaves is asked this often, as in `net`.
const ASK: Duration = Duration::from_millis(100);
/// A packet that is not answered for so long is sent again.
const AGAIN: Duration = Duration::from_millis(800);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Part {
    piece: u64,
    index: usize,
    pub(super) bytes: usize,
}

impl Part {
    pub(super) const fn size(self) -> usize {
        self.bytes + HEADERS
    }
}

struct Piece {
    bytes: usize,
    sent: Timestamp,
    /// Not answered yet, and when they left the last time.
    missing: BTreeSet<Part>,
    again_at: Timestamp,
}

/// Who sends the file. It has no end.
pub(super) struct Giver {
    from: Timestamp,
    pace: Pace,
    spare: Spare,
    budget: Option<u32>,
    ask_at: Timestamp,
    pieces: VecDeque<Piece>,
    /// Number of the first of these.
    first: u64,
    /// Zero of the link's time.
    origin: Instant,
}

impl Giver {
    pub(super) fn new(from: Timestamp) -> Self {
        Self {
            from,
            pace: Pace::default(),
            spare: Spare::default(),
            budget: None,
            ask_at: Timestamp::ZERO,
            pieces: VecDeque::new(),
            first: 0,
            origin: Instant::now(),
        }
    }

    fn instant(&self, at: Timestamp) -> Instant {
        self.origin + at.since(Timestamp::ZERO)
    }

    pub(super) fn on_frame(&mut self) {
        self.spare.on_frame();
    }

    /// The other side has it.
    pub(super) fn on_answer(&mut self, part: Part, now: Timestamp) {
        let at = part.piece.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some(piece) = at.and_then(|at| self.pieces.get_mut(at)) {
            piece.missing.remove(&part);
        }
        // In order, as on the wire.
        while self.pieces.front().is_some_and(|piece| piece.missing.is_empty()) {
            let Some(piece) = self.pieces.pop_front() else { return };
            self.first += 1;
            self.pace.on_ack(piece.bytes, now.since(piece.sent), self.instant(now));
        }
    }

    /// What leaves now.
    pub(super) fn handle_timeout(&mut self, control: &Control, now: Timestamp) -> Vec<Part> {
        if self.ask_at <= now {
            self.ask_at = now + ASK;
            self.budget = self.spare.budget(control, now);
        }
        let mut leave = Vec::new();
        if now < self.from {
            return leave;
        }
        for piece in self.pieces.iter_mut().filter(|piece| piece.again_at <= now) {
            piece.again_at = now + AGAIN;
            leave.extend(&piece.missing);
        }
        let instant = self.instant(now);
        self.pace.handle_timeout(instant);
        self.pace.set_budget(self.budget);
        while let Some(bytes) = self.pace.piece(self.pieces.iter().map(|piece| piece.bytes).sum(), instant) {
            let number = self.first + self.pieces.len() as u64;
            let parts = (0..bytes.div_ceil(PACKET)).map(|index| Part {
                piece: number,
                index,
                bytes: PACKET.min(bytes - index * PACKET),
            });
            let missing: BTreeSet<Part> = parts.collect();
            leave.extend(&missing);
            self.pieces.push_back(Piece { bytes, sent: now, missing, again_at: now + AGAIN });
            self.pace.on_sent(bytes, instant);
        }
        leave
    }

    /// When something is due.
    pub(super) fn poll_timeout(&self, now: Timestamp) -> Timestamp {
        let again = self.pieces.iter().map(|piece| piece.again_at).min();
        let paced = self.pace.poll_timeout().map(|at| {
            let passed = at.saturating_duration_since(self.origin);
            (Timestamp::ZERO + passed).max(now + Duration::from_millis(1))
        });
        [again, paced, Some(self.from).filter(|from| *from > now)]
            .into_iter()
            .flatten()
            .fold(self.ask_at, Timestamp::min)
    }
}
