//! The thread `files`: reads files that are sent and writes those that are received. What is not finished lies under a hidden
//! name in the folder of downloads and is deleted when it is given up; what is finished gets a name that nothing has there.
//! Nothing is ever opened or run.
//!
//! Tasks wait in a queue of [`TASKS`], more than the rules of `call::files` let be under way; full: that file fails.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use fika_call::files::name::numbered;
use fika_call::files::{DiskEvent, DiskTask, FileEnd};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use crate::event::Event;
use crate::thread::{self, SpawnError, Thread};

const TASKS: usize = 8192;
/// Names that are tried for one file.
const MAX_NUMBER: u32 = 999;
const BUFFER: usize = 64 * 1024;

/// In the order in which they end: without tasks the thread ends.
pub(crate) struct Disk {
    tasks: mpsc::Sender<DiskTask>,
    _thread: Thread,
}

impl Disk {
    pub(crate) fn start(folder: Option<PathBuf>, events: mpsc::Sender<Event>) -> Result<Self, SpawnError<io::Error>> {
        let (tasks, mut inbox) = mpsc::channel(TASKS);
        let answers = events.clone();
        let build = move || Ok(Worker { folder, sources: HashMap::new(), targets: HashMap::new() });
        let thread = thread::spawn("files", events, build, move |mut worker: Worker, stop| {
            while let Some(task) = inbox.blocking_recv().filter(|_| !stop.is_set()) {
                if let Some(event) = worker.run(task)
                    && answers.blocking_send(Event::Disk(event)).is_err()
                {
                    return;
                }
            }
        })?;
        Ok(Self { tasks, _thread: thread })
    }

    /// What happened at once, which is only that the thread takes nothing.
    pub(crate) fn ask(&self, task: DiskTask) -> Option<DiskEvent> {
        let task = match self.tasks.try_send(task) {
            Ok(()) => return None,
            Err(mpsc::error::TrySendError::Full(task) | mpsc::error::TrySendError::Closed(task)) => task,
        };
        let reason = FileEnd::CannotWrite;
        match task {
            DiskTask::Forget { .. } | DiskTask::Seek { .. } => None,
            DiskTask::Open { key, .. } | DiskTask::Read { key, .. } | DiskTask::Digest { key } => {
                Some(DiskEvent::Failed { key, reason: FileEnd::CannotRead })
            }
            DiskTask::Create { key, .. } | DiskTask::Write { key, .. } | DiskTask::Finish { key, .. } => {
                Some(DiskEvent::Failed { key, reason })
            }
        }
    }
}

struct Worker {
    folder: Option<PathBuf>,
    sources: HashMap<u32, Source>,
    targets: HashMap<u32, Target>,
}

struct Source {
    file: File,
    hash: Sha256,
}

struct Target {
    file: NamedTempFile,
    name: String,
    hash: Sha256,
    total: u64,
}

impl Worker {
    fn run(&mut self, task: DiskTask) -> Option<DiskEvent> {
        match task {
            DiskTask::Open { key, path } => Some(self.open(key, Path::new(&path))),
            DiskTask::Seek { key, offset } => {
                let source = self.sources.get_mut(&key)?;
                let failed = |_| DiskEvent::Failed { key, reason: FileEnd::CannotRead };
                source.seek(offset).map_err(failed).err()
            }
            DiskTask::Read { key, length } => {
                let source = self.sources.get_mut(&key)?;
                Some(match source.read(length) {
                    Ok(bytes) => DiskEvent::Read { key, bytes },
                    Err(_) => DiskEvent::Failed { key, reason: FileEnd::CannotRead },
                })
            }
            DiskTask::Digest { key } => {
                let source = self.sources.get(&key)?;
                Some(DiskEvent::Digest { key, sha256: hex(source.hash.clone()) })
            }
            DiskTask::Create { key, name } => Some(match self.create(name) {
                Ok(target) => {
                    self.targets.insert(key, target);
                    DiskEvent::Created { key }
                }
                Err(error) => DiskEvent::Failed { key, reason: writing(&error) },
            }),
            DiskTask::Write { key, bytes } => {
                let target = self.targets.get_mut(&key)?;
                Some(match target.file.write_all(&bytes) {
                    Ok(()) => {
                        target.hash.update(&bytes);
                        target.total += bytes.len() as u64;
                        DiskEvent::Written { key, total: target.total }
                    }
                    Err(error) => DiskEvent::Failed { key, reason: writing(&error) },
                })
            }
            DiskTask::Finish { key, sha256 } => {
                let target = self.targets.remove(&key)?;
                if !hex(target.hash.clone()).eq_ignore_ascii_case(&sha256) {
                    return Some(DiskEvent::Failed { key, reason: FileEnd::WrongHash });
                }
                Some(match keep(target) {
                    Ok(name) => DiskEvent::Saved { key, name },
                    Err(error) => DiskEvent::Failed { key, reason: writing(&error) },
                })
            }
            DiskTask::Forget { key } => {
                self.sources.remove(&key);
                self.targets.remove(&key);
                None
            }
        }
    }

    fn open(&mut self, key: u32, path: &Path) -> DiskEvent {
        let opened = || {
            // Before it is opened: a pipe would wait for its other end.
            if !std::fs::metadata(path)?.is_file() {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            io::Result::Ok((file, size))
        };
        match opened() {
            Ok((file, size)) => {
                self.sources.insert(key, Source { file, hash: Sha256::new() });
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                DiskEvent::Opened { key, name, size }
            }
            Err(error) => {
                tracing::info!(%error, "a file cannot be sent");
                DiskEvent::Failed { key, reason: FileEnd::CannotRead }
            }
        }
    }

    fn create(&self, name: String) -> io::Result<Target> {
        let folder = self.folder.as_deref().ok_or(io::ErrorKind::NotFound)?;
        std::fs::create_dir_all(folder)?;
        let file = tempfile::Builder::new().prefix(".fika-").suffix(".part").tempfile_in(folder)?;
        Ok(Target { file, name, hash: Sha256::new(), total: 0 })
    }
}

impl Source {
    fn read(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        (&mut self.file).take(length as u64).read_to_end(&mut bytes)?;
        self.hash.update(&bytes);
        Ok(bytes)
    }

    /// The hash is of everything before, so that is read again.
    fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.hash = Sha256::new();
        let mut buffer = vec![0; BUFFER];
        let mut left = offset;
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            self.file.read_exact(&mut buffer[..length])?;
            self.hash.update(&buffer[..length]);
            left -= length as u64;
        }
        Ok(())
    }
}

/// In its place, under a name that nothing has.
fn keep(target: Target) -> io::Result<String> {
    let Target { mut file, name, .. } = target;
    file.flush()?;
    file.as_file().sync_all()?;
    let folder = file.path().parent().map(Path::to_owned).ok_or(io::ErrorKind::NotFound)?;
    for number in 1..=MAX_NUMBER {
        let name = numbered(&name, number);
        match file.persist_noclobber(folder.join(&name)) {
            Ok(_) => return Ok(name),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => file = error.file,
            Err(error) => return Err(error.error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn writing(error: &io::Error) -> FileEnd {
    tracing::info!(%error, "a file cannot be kept");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => FileEnd::DiskFull,
        _ => FileEnd::CannotWrite,
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(folder: &Path) -> Worker {
        Worker { folder: Some(folder.to_owned()), sources: HashMap::new(), targets: HashMap::new() }
    }

    fn receive(worker: &mut Worker, key: u32, name: &str, bytes: &[u8], sha256: &str) -> Option<DiskEvent> {
        assert_eq!(worker.run(DiskTask::Create { key, name: name.into() }), Some(DiskEvent::Created { key }));
        let total = bytes.len() as u64;
        let written = worker.run(DiskTask::Write { key, bytes: bytes.to_vec() });
        assert_eq!(written, Some(DiskEvent::Written { key, total }));
        worker.run(DiskTask::Finish { key, sha256: sha256.into() })
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_unfinished_stays() {
        let folder = tempfile::tempdir().unwrap();
        let downloads = folder.path().join("new");
        let mut worker = worker(&downloads);
        let hash = hex(Sha256::new_with_prefix(b"hej"));
        for (key, saved) in [(1, "a.tar.gz"), (2, "a (2).tar.gz"), (3, "a (3).tar.gz")] {
            let event = receive(&mut worker, key, "a.tar.gz", b"hej", &hash);
            assert_eq!(event, Some(DiskEvent::Saved { key, name: saved.into() }));
        }
        let wrong = receive(&mut worker, 4, "b", b"hej!", &hash);
        assert_eq!(wrong, Some(DiskEvent::Failed { key: 4, reason: FileEnd::WrongHash }));
        worker.run(DiskTask::Create { key: 5, name: "c".into() });
        worker.run(DiskTask::Forget { key: 5 });
        assert_eq!(names(&downloads), ["a (2).tar.gz", "a (3).tar.gz", "a.tar.gz"]);
        assert_eq!(std::fs::read(downloads.join("a.tar.gz")).unwrap(), b"hej");
    }

    #[test]
    fn what_cannot_be_written_has_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), b"").unwrap();
        let mut worker = worker(&folder.path().join("file"));
        let failed = worker.run(DiskTask::Create { key: 1, name: "a".into() });
        assert_eq!(failed, Some(DiskEvent::Failed { key: 1, reason: FileEnd::CannotWrite }));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_as_such() {
        let full = File::options().write(true).open("/dev/full").unwrap().write_all(b"x").unwrap_err();
        assert_eq!(writing(&full), FileEnd::DiskFull);
    }

    #[test]
    fn a_file_is_read_from_anywhere_with_the_hash_of_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("källa.bin");
        let content: Vec<u8> = (0..200_000u32).map(|at| at as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let mut worker = worker(folder.path());
        let path = path.to_str().unwrap().to_owned();
        let opened = worker.run(DiskTask::Open { key: 1, path });
        assert_eq!(opened, Some(DiskEvent::Opened { key: 1, name: "källa.bin".into(), size: 200_000 }));
        worker.run(DiskTask::Read { key: 1, length: 50_000 });
        assert_eq!(worker.run(DiskTask::Seek { key: 1, offset: 150_000 }), None);
        let read = worker.run(DiskTask::Read { key: 1, length: 60_000 });
        assert_eq!(read, Some(DiskEvent::Read { key: 1, bytes: content[150_000..].to_vec() }));
        let sha256 = hex(Sha256::new_with_prefix(&content));
        assert_eq!(worker.run(DiskTask::Digest { key: 1 }), Some(DiskEvent::Digest { key: 1, sha256 }));
        let beyond = worker.run(DiskTask::Seek { key: 1, offset: 300_000 });
        assert_eq!(beyond, Some(DiskEvent::Failed { key: 1, reason: FileEnd::CannotRead }), "it has become shorter");
    }

    #[test]
    fn what_is_no_file_is_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let mut worker = worker(folder.path());
        for path in [folder.path().to_str().unwrap(), "/nowhere/at/all", ""] {
            let failed = worker.run(DiskTask::Open { key: 1, path: path.into() });
            assert_eq!(failed, Some(DiskEvent::Failed { key: 1, reason: FileEnd::CannotRead }), "{path}");
        }
    }
}
