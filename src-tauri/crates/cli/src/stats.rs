//! `--stats`: one JSON object a second (docs/cli.md). A write of one line a second may block the task for that long.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use fika_call::view::ConnectionState;
use fika_engine::Stats;
use serde::Serialize;

use crate::fail::{Failure, Kind};

pub(crate) struct StatsFile {
    file: File,
    failed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    connection_state: ConnectionState,
    #[serde(flatten)]
    stats: &'a Stats,
}

impl StatsFile {
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path)
            .map_err(|error| Failure::new(Kind::Usage, format!("{} cannot be written, {error}.", path.display())))?;
        Ok(Self { file, failed: false })
    }

    pub(crate) fn write(&mut self, connection_state: ConnectionState, stats: &Stats) {
        let line = Line { connection_state, stats };
        let mut text = serde_json::to_string(&line).expect("statistics are JSON");
        text.push('\n');
        if let Err(error) = self.file.write_all(text.as_bytes())
            && !std::mem::replace(&mut self.failed, true)
        {
            eprintln!("fika-cli: statistics are missing from now on, {error}.");
        }
    }
}
