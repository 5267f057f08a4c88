//! A wall clock that can be set, for programs that are started with it: libfaketime answers for the system. Everything that only
//! goes forward (`CLOCK_MONOTONIC`) stays as it is. What is set is seen a second later.

use std::path::PathBuf;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::isolated::Env;

pub struct WallClock {
    library: PathBuf,
    folder: TempDir,
}

impl WallClock {
    /// Ahead of the system's by this many seconds.
    pub fn new(ahead: i32) -> anyhow::Result<Self> {
        // Debian has a folder for each architecture.
        let found =
            std::fs::read_dir("/usr/lib")?.flatten().map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
        let library =
            found.into_iter().find(|path| path.exists()).context("libfaketime is there (Debian: libfaketime)")?;
        let clock = Self { library, folder: tempfile::tempdir()? };
        clock.set(ahead)?;
        Ok(clock)
    }

    pub fn set(&self, ahead: i32) -> anyhow::Result<()> {
        // Whole at once: it may be read at any moment.
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("{ahead:+}\n"))?;
        Ok(std::fs::rename(new, self.file())?)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }

    /// For programs that shall have it, as long as the `WallClock`.
    pub fn env(&self) -> Env {
        vec![
            ("LD_PRELOAD", self.library.clone().into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().into()),
            ("FAKETIME_CACHE_DURATION", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }
}
