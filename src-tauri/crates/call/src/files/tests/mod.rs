//! Two sides with a disk and a wire in memory, on a clock that only the test moves; how files pass between them.

mod hostile;

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::*;
use crate::session::{Participant, PeerState};
use crate::signal::MediaState;

const MS: Duration = Duration::from_millis(1);

fn id(name: &str) -> ParticipantId {
    ParticipantId(name.into())
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the thread of the engine does.
#[derive(Default)]
struct Disk {
    sources: HashMap<String, Vec<u8>>,
    reading: HashMap<u32, (Vec<u8>, usize)>,
    writing: HashMap<u32, (String, Vec<u8>)>,
    kept: HashMap<String, Vec<u8>>,
    full_at: Option<usize>,
}

impl Disk {
    fn run(&mut self, task: DiskTask) -> Option<DiskEvent> {
        Some(match task {
            DiskTask::Open { key, path } => match self.sources.get(&path) {
                None => DiskEvent::Failed { key, reason: FileEnd::CannotRead },
                Some(bytes) => {
                    self.reading.insert(key, (bytes.clone(), 0));
                    DiskEvent::Opened { key, name: path, size: bytes.len() as u64 }
                }
            },
            DiskTask::Seek { key, offset } => {
                self.reading.get_mut(&key)?.1 = offset as usize;
                return None;
            }
            DiskTask::Read { key, length } => {
                let (bytes, at) = self.reading.get_mut(&key)?;
                let end = (*at + length).min(bytes.len());
                let read = bytes[*at..end].to_vec();
                *at = end;
                DiskEvent::Read { key, bytes: read }
            }
            DiskTask::Digest { key } => DiskEvent::Digest { key, sha256: hash(&self.reading.get(&key)?.0) },
            DiskTask::Create { key, name } => {
                self.writing.insert(key, (name, Vec::new()));
                DiskEvent::Created { key }
            }
            DiskTask::Write { key, bytes } => {
                let (_, written) = self.writing.get_mut(&key)?;
                if self.full_at.is_some_and(|full| written.len() + bytes.len() > full) {
                    return Some(DiskEvent::Failed { key, reason: FileEnd::DiskFull });
                }
                written.extend(bytes);
                DiskEvent::Written { key, total: written.len() as u64 }
            }
            DiskTask::Finish { key, sha256 } => {
                let (name, bytes) = self.writing.remove(&key)?;
                if hash(&bytes) != sha256 {
                    return Some(DiskEvent::Failed { key, reason: FileEnd::WrongHash });
                }
                self.kept.insert(name.clone(), bytes);
                DiskEvent::Saved { key, name }
            }
            DiskTask::Forget { key } => {
                self.reading.remove(&key);
                self.writing.remove(&key);
                return None;
            }
        })
    }
}

struct Side {
    files: Files,
    disk: Disk,
    told: Vec<Notification>,
    /// Bytes that were received and are not kept yet, at most.
    closed: bool,
}

struct Two {
    a: Side,
    b: Side,
    now: Instant,
    /// Pieces that passed since the way was opened; the way breaks after so many.
    pieces: usize,
    breaks_after: Option<usize>,
    /// Turns a byte of each piece.
    spoil: bool,
}

impl Side {
    fn new(other: &str, now: Instant) -> Self {
        let mut files = Files::default();
        let participant = Participant { id: id(other), name: other.to_uppercase(), media: MediaState::default() };
        files.handle_session(&SessionEvent::ParticipantJoined(participant), now);
        let state = PeerState::Connected;
        files.handle_session(&SessionEvent::PeerState { participant: id(other), state }, now);
        Self { files, disk: Disk::default(), told: Vec::new(), closed: false }
    }

    fn only(&self) -> FileView {
        let view = self.files.view();
        assert_eq!(view.files.len(), 1, "{view:?}");
        view.files[0].clone()
    }
}

impl Two {
    fn meet() -> Self {
        let now = Instant::now();
        let (a, b) = (Side::new("b", now), Side::new("a", now));
        let mut two = Self { a, b, now, pieces: 0, breaks_after: None, spoil: false };
        two.open();
        two
    }

    fn open(&mut self) {
        self.a.files.handle_data(&id("b"), DataEvent::Open, self.now);
        self.b.files.handle_data(&id("a"), DataEvent::Open, self.now);
        self.pieces = 0;
    }

    fn offer(&mut self, name: &str, bytes: &[u8]) {
        self.a.disk.sources.insert(name.into(), bytes.to_vec());
        self.a.files.handle_input(FileInput::Offer { path: name.into(), to: None }, self.now);
        self.run();
    }

    fn accept(&mut self) {
        let offered = self.b.files.view().files;
        for file in offered.iter().filter(|file| file.state == FileState::Offered) {
            self.b.files.handle_input(FileInput::Accept { key: file.key }, self.now);
        }
        self.run();
    }

    /// Until neither has anything to say. Each pass takes a millisecond.
    fn run(&mut self) {
        loop {
            self.now += MS;
            let said = self.pass(true) | self.pass(false);
            let due = [&self.a, &self.b].into_iter().filter_map(|side| side.files.poll_timeout()).min();
            if !said {
                match due.filter(|due| *due < self.now + Duration::from_secs(1)) {
                    Some(due) => self.now = self.now.max(due),
                    None => return,
                }
            }
            self.a.files.handle_timeout(self.now);
            self.b.files.handle_timeout(self.now);
        }
    }

    fn pass(&mut self, from_a: bool) -> bool {
        let now = self.now;
        let (here, there) = if from_a { (&mut self.a, &mut self.b) } else { (&mut self.b, &mut self.a) };
        let me = id(if from_a { "a" } else { "b" });
        let mut said = false;
        while let Some(output) = here.files.poll_output() {
            said = true;
            match output {
                Output::Send { text, .. } => there.files.handle_data(&me, DataEvent::Text(text), now),
                Output::SendPiece { mut bytes, .. } => {
                    self.pieces += 1;
                    if self.breaks_after.take_if(|after| self.pieces > *after).is_some() {
                        here.files.handle_data(&id(if from_a { "b" } else { "a" }), DataEvent::Closed, now);
                        there.files.handle_data(&me, DataEvent::Closed, now);
                        continue;
                    }
                    if self.spoil {
                        *bytes.last_mut().unwrap() ^= 1;
                    }
                    there.files.handle_data(&me, DataEvent::Binary(bytes), now);
                }
                Output::Close { .. } => here.closed = true,
                Output::Disk(task) => {
                    if let Some(event) = here.disk.run(task) {
                        here.files.handle_disk(event, now);
                    }
                }
                Output::Notify(notification) => here.told.push(notification),
                Output::Changed => {}
            }
        }
        said
    }
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 31 % 251) as u8).collect()
}

#[test]
fn a_file_is_offered_accepted_and_kept() {
    let mut two = Two::meet();
    let content = bytes(3_000_000);
    two.offer("bild.png", &content);
    let offered = two.b.only();
    assert_eq!((offered.name.as_str(), offered.size, offered.state), ("bild.png", 3_000_000, FileState::Offered));
    assert_eq!((offered.person.as_str(), offered.incoming), ("A", true));
    assert_eq!(two.b.told, [Notification::FileOffered { name: "A".into(), file: "bild.png".into() }]);
    assert!(two.b.disk.writing.is_empty(), "nothing is written before it is wanted");
    two.accept();
    assert_eq!(two.b.disk.kept.get("bild.png"), Some(&content));
    let (sent, got) = (two.a.only(), two.b.only());
    assert_eq!((sent.state, sent.done), (FileState::Done, 3_000_000));
    assert_eq!((got.state, got.done, got.saved_as.as_deref()), (FileState::Done, 3_000_000, Some("bild.png")));
}

#[test]
fn an_empty_file_is_a_file() {
    let mut two = Two::meet();
    two.offer("tom.txt", &[]);
    two.accept();
    assert_eq!(two.b.disk.kept.get("tom.txt"), Some(&Vec::new()));
    assert_eq!(two.a.only().state, FileState::Done);
}

#[test]
fn what_is_declined_or_cancelled_does_not_come() {
    let mut two = Two::meet();
    two.offer("a", &bytes(100));
    let key = two.b.only().key;
    two.b.files.handle_input(FileInput::Decline { key }, two.now);
    two.run();
    assert_eq!((two.a.only().state, two.b.only().state), (FileState::Declined, FileState::Declined));

    for by_sender in [true, false] {
        let mut two = Two::meet();
        two.offer("a", &bytes(2_000_000));
        two.breaks_after = Some(5);
        two.accept();
        two.open();
        let (side, key) = if by_sender { (&mut two.a, 1) } else { (&mut two.b, 1) };
        side.files.handle_input(FileInput::Cancel { key }, two.now);
        two.run();
        assert_eq!((two.a.only().end, two.b.only().end), (Some(FileEnd::Cancelled), Some(FileEnd::Cancelled)));
        assert!(two.b.disk.kept.is_empty() && two.b.disk.writing.is_empty() && two.a.disk.reading.is_empty());
    }
}

#[test]
fn it_goes_on_where_it_was_after_a_reconnect() {
    let mut two = Two::meet();
    let content = bytes(1_000_000);
    two.offer("a", &content);
    two.breaks_after = Some(20);
    two.accept();
    let (sent, got) = (two.a.only(), two.b.only());
    assert_eq!((sent.state, got.state), (FileState::Interrupted, FileState::Interrupted));
    assert!(got.done > 0 && got.done < 1_000_000);
    two.open();
    two.run();
    assert_eq!(two.b.disk.kept.get("a"), Some(&content));
    assert_eq!(two.a.only().state, FileState::Done);
    // Not all of it again.
    assert!(two.pieces * wire::MAX_PIECE < 1_000_000 + wire::MAX_PIECE * 64, "{}", two.pieces);
}

#[test]
fn bad_luck_with_disks_has_a_reason() {
    let mut two = Two::meet();
    two.a.files.handle_input(FileInput::Offer { path: "nowhere".into(), to: Some(id("b")) }, two.now);
    two.run();
    assert_eq!(two.a.only().end, Some(FileEnd::CannotRead));
    assert!(two.b.files.view().files.is_empty(), "nobody heard of it");

    let mut two = Two::meet();
    two.b.disk.full_at = Some(50_000);
    two.offer("a", &bytes(200_000));
    two.accept();
    assert_eq!((two.a.only().end, two.b.only().end), (Some(FileEnd::DiskFull), Some(FileEnd::DiskFull)));

    let mut two = Two::meet();
    two.spoil = true;
    two.offer("a", &bytes(200_000));
    two.accept();
    assert_eq!((two.a.only().end, two.b.only().end), (Some(FileEnd::WrongHash), Some(FileEnd::WrongHash)));
    assert!(two.b.disk.kept.is_empty());

    let mut two = Two::meet();
    two.offer("a", &bytes(200_000));
    two.a.disk.reading.get_mut(&1).unwrap().0.truncate(1000);
    two.accept();
    assert_eq!((two.a.only().end, two.b.only().end), (Some(FileEnd::Changed), Some(FileEnd::Changed)));
}

#[test]
fn who_leaves_takes_the_file_along_and_who_has_no_way_is_told() {
    let mut two = Two::meet();
    two.offer("a", &bytes(10));
    two.b.files.handle_session(&SessionEvent::ParticipantLeft(id("a")), two.now);
    assert_eq!(two.b.only().end, Some(FileEnd::PeerLeft));

    let mut two = Two::meet();
    two.a.files.handle_data(&id("b"), DataEvent::Closed, two.now);
    two.offer("a", &bytes(10));
    two.now += NO_CHANNEL;
    two.a.files.handle_timeout(two.now);
    assert_eq!(two.a.only().end, Some(FileEnd::NoChannel));
}

#[test]
fn one_after_the_other_to_a_participant() {
    let mut two = Two::meet();
    two.offer("a", &bytes(300_000));
    two.offer("b", &bytes(300_000));
    two.breaks_after = Some(3);
    two.accept();
    two.open();
    let states = |two: &Two| two.a.files.view().files.iter().map(|file| file.state).collect::<Vec<_>>();
    two.run();
    assert_eq!(states(&two), [FileState::Done, FileState::Done]);
    assert_eq!(two.b.disk.kept.len(), 2);
}
