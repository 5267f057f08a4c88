//! Rooms and invites that outlive the program, in an SQLite file. One thread owns the connection and writes; the hub
//! hands it changes and goes on. Read once, at the start.
//!
//! The queue holds [`QUEUE`] changes. Full: the change is not made, and who asked is told to try again. Kept are digests
//! and options, the label of an invite, and nothing else of people. What is over is deleted at the start.

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use fika_call::RoomId;
use fika_call::door::InviteOptions;
use fika_call::signal::ServerMessage;
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::mpsc;

use crate::keys::Seed;
use crate::random;
use crate::rooms::{ConnectionId, Digest, Kept, KeptInvite, KeptRoom};

const QUEUE: usize = 256;
/// How long another program may hold the file.
const BUSY: Duration = Duration::from_secs(5);
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS seed (bytes BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS rooms (
        id TEXT PRIMARY KEY,
        host_key BLOB NOT NULL,
        passcode BLOB,
        waiting_room INTEGER NOT NULL,
        invite_only INTEGER NOT NULL,
        until INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS invites (
        room TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
        id TEXT NOT NULL,
        digest BLOB NOT NULL,
        label TEXT,
        single_use INTEGER NOT NULL,
        until INTEGER,
        skip_waiting INTEGER NOT NULL,
        co_host INTEGER NOT NULL,
        used INTEGER NOT NULL,
        revoked INTEGER NOT NULL,
        PRIMARY KEY (room, id)
    ) STRICT;
    PRAGMA user_version = 1;
";
const VERSION: u32 = 1;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Check the folder, its rights and the disk.
    #[error("the database cannot be used: {0}")]
    File(#[from] rusqlite::Error),
    /// Update the server, or give it another folder.
    #[error("the database was made by a newer fika-server")]
    Newer,
    #[error("the thread of the database does not start: {0}")]
    Thread(#[from] std::io::Error),
}

/// What is on disk, and the way to write there.
pub struct Store {
    pub(crate) seed: Seed,
    pub(crate) rooms: Vec<KeptRoom>,
    pub(crate) writer: Writer,
}

/// Dropping it waits until everything is written.
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    pub(crate) answers: Option<mpsc::Receiver<Answer>>,
}

/// Written together, and then answered.
pub(crate) struct Job {
    pub(crate) what: Vec<Kept>,
    pub(crate) answer: Option<(ConnectionId, ServerMessage)>,
}

/// Goes to this connection; `None`: it could not be written.
pub(crate) type Answer = (ConnectionId, Option<ServerMessage>);

impl Store {
    /// Opens `fika.db` in `folder`, or makes it. `unix`: now.
    pub fn open(folder: &Path, unix: u32) -> Result<Self, StoreError> {
        Self::with(Connection::open(folder.join("fika.db"))?, unix)
    }

    fn with(mut file: Connection, unix: u32) -> Result<Self, StoreError> {
        file.busy_timeout(BUSY)?;
        let version: u32 = file.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version > VERSION {
            return Err(StoreError::Newer);
        }
        file.pragma_update(None, "journal_mode", "WAL")?;
        file.pragma_update(None, "foreign_keys", true)?;
        file.execute_batch(SCHEMA)?;
        file.execute("DELETE FROM rooms WHERE until <= ?1", [unix])?;
        let seed = seed(&file)?;
        let rooms = rooms(&file)?;
        let (jobs, mut inbox) = mpsc::channel::<Job>(QUEUE);
        let (outbox, answers) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || {
            while let Some(Job { what, answer }) = inbox.blocking_recv() {
                let written = write(&mut file, &what);
                if let Err(error) = &written {
                    tracing::error!(%error, "the database is not written");
                }
                if let Some((to, message)) = answer {
                    // Nobody waits for it when the server is gone.
                    let _ = outbox.blocking_send((to, written.is_ok().then_some(message)));
                }
            }
        })?;
        Ok(Self { seed, rooms, writer: Writer { jobs: Some(jobs), thread: Some(thread), answers: Some(answers) } })
    }
}

impl Writer {
    /// `false`: the queue is full.
    pub(crate) fn write(&self, job: Job) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(job).is_ok())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        // Answers have no reader any more: the thread does not wait for one.
        self.answers = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn seed(file: &Connection) -> rusqlite::Result<Seed> {
    let found = file.query_row("SELECT bytes FROM seed", [], |row| row.get::<_, [u8; 32]>(0)).optional()?;
    match found {
        Some(bytes) => Ok(Seed(bytes)),
        None => {
            let seed = Seed(random::bytes());
            file.execute("INSERT INTO seed (bytes) VALUES (?1)", [seed.0.as_slice()])?;
            Ok(seed)
        }
    }
}

fn rooms(file: &Connection) -> rusqlite::Result<Vec<KeptRoom>> {
    let mut rooms = file.prepare("SELECT id, host_key, passcode, waiting_room, invite_only, until FROM rooms")?;
    let rooms = rooms.query_map([], |row| {
        Ok(KeptRoom {
            id: RoomId(row.get(0)?),
            host_key: Digest(row.get(1)?),
            passcode: row.get::<_, Option<[u8; 32]>>(2)?.map(Digest),
            waiting_room: row.get(3)?,
            invite_only: row.get(4)?,
            until: row.get(5)?,
            invites: Vec::new(),
        })
    })?;
    let mut rooms = rooms.collect::<rusqlite::Result<Vec<_>>>()?;
    let columns = "id, digest, label, single_use, until, skip_waiting, co_host, used, revoked";
    let mut invites = file.prepare(&format!("SELECT {columns} FROM invites WHERE room = ?1 ORDER BY rowid"))?;
    for room in &mut rooms {
        let found = invites.query_map([&room.id.0], |row| {
            Ok(KeptInvite {
                id: row.get(0)?,
                digest: Digest(row.get(1)?),
                options: InviteOptions {
                    label: row.get(2)?,
                    single_use: row.get(3)?,
                    until: row.get(4)?,
                    skip_waiting: row.get(5)?,
                    co_host: row.get(6)?,
                },
                used: row.get(7)?,
                revoked: row.get(8)?,
            })
        })?;
        room.invites = found.collect::<rusqlite::Result<_>>()?;
    }
    Ok(rooms)
}

fn write(file: &mut Connection, what: &[Kept]) -> rusqlite::Result<()> {
    let transaction = file.transaction()?;
    for change in what {
        match change {
            Kept::Room(room) => {
                transaction.execute(
                    "INSERT INTO rooms (id, host_key, passcode, waiting_room, invite_only, until)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (id) DO UPDATE SET waiting_room = ?4, invite_only = ?5, until = ?6",
                    params![
                        room.id.0,
                        room.host_key.0,
                        room.passcode.map(|passcode| passcode.0),
                        room.waiting_room,
                        room.invite_only,
                        room.until
                    ],
                )?;
            }
            Kept::Invite(room, KeptInvite { id, digest, options, used, revoked }) => {
                let InviteOptions { label, single_use, until, skip_waiting, co_host } = options;
                transaction.execute(
                    "INSERT INTO invites
                       (room, id, digest, label, single_use, until, skip_waiting, co_host, used, revoked)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                     ON CONFLICT (room, id) DO UPDATE SET used = ?9, revoked = ?10",
                    params![room.0, id, digest.0, label, single_use, until, skip_waiting, co_host, used, revoked],
                )?;
            }
            Kept::Gone(room) => {
                transaction.execute("DELETE FROM rooms WHERE id = ?1", [&room.0])?;
            }
        }
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(until: u32) -> KeptRoom {
        KeptRoom {
            id: RoomId("aaaa-aaaa-aaaa-aaaa".into()),
            host_key: Digest([1; 32]),
            passcode: Some(Digest([2; 32])),
            waiting_room: true,
            invite_only: false,
            until,
            invites: Vec::new(),
        }
    }

    fn invite() -> KeptInvite {
        let options =
            InviteOptions { label: Some("Maja".into()), single_use: true, until: Some(9), ..Default::default() };
        KeptInvite { id: "i1".into(), digest: Digest([3; 32]), options, used: 0, revoked: false }
    }

    #[test]
    fn what_is_written_is_read_again_until_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), 100).unwrap();
        assert!(store.rooms.is_empty());
        let seed = store.seed.0;
        let used = KeptInvite { used: 1, revoked: true, ..invite() };
        let id = room(0).id;
        let what =
            vec![Kept::Room(room(200)), Kept::Invite(id.clone(), invite()), Kept::Invite(id.clone(), used.clone())];
        assert!(store.writer.write(Job { what, answer: None }));
        drop(store);

        let store = Store::open(folder.path(), 199).unwrap();
        assert_eq!(store.seed.0, seed);
        assert_eq!(store.rooms, [KeptRoom { invites: vec![used], ..room(200) }]);
        drop(store);
        assert!(Store::open(folder.path(), 200).unwrap().rooms.is_empty(), "it is over");

        let store = Store::open(folder.path(), 100).unwrap();
        assert!(store.writer.write(Job { what: vec![Kept::Room(room(200))], answer: None }));
        assert!(store.writer.write(Job { what: vec![Kept::Gone(id)], answer: None }));
        drop(store);
        assert!(Store::open(folder.path(), 100).unwrap().rooms.is_empty());
    }

    #[tokio::test]
    async fn the_answer_comes_when_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path(), 100).unwrap();
        let answer = ServerMessage::Invites { invites: Vec::new() };
        let job = |what| Job { what, answer: Some((ConnectionId(7), answer.clone())) };
        assert!(store.writer.write(job(vec![Kept::Room(room(200))])));
        // An invite to a room that is not there.
        assert!(store.writer.write(job(vec![Kept::Invite(RoomId("b".into()), invite())])));
        let answers = store.writer.answers.as_mut().unwrap();
        assert_eq!(answers.recv().await, Some((ConnectionId(7), Some(answer))));
        assert_eq!(answers.recv().await, Some((ConnectionId(7), None)));
    }

    #[test]
    fn a_file_of_a_newer_server_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path(), 100).unwrap());
        let file = Connection::open(folder.path().join("fika.db")).unwrap();
        file.pragma_update(None, "user_version", VERSION + 1).unwrap();
        drop(file);
        assert!(matches!(Store::open(folder.path(), 100), Err(StoreError::Newer)));
    }
}
