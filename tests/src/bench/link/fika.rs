//! `fika-cli` at one end of the path.

use std::path::PathBuf;

use anyhow::Context as _;
use fika_media::Timestamp;

use super::{End, MAX_BITRATE, Picture, Place};
use crate::cli::{self, Running, STATS, inbound};

pub(super) struct Cli {
    running: Running,
    times: PathBuf,
    _folder: tempfile::TempDir,
}

impl Cli {
    pub(super) fn start(place: &Place<'_>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let times = folder.path().join("times.csv");
        let starter = place.right.map(|right| right.starter()).unwrap_or_default();
        let mut command = cli::under(&starter);
        command.args(["join", place.link, "--speaker", "none", "--max-bitrate", &MAX_BITRATE.to_string()]);
        if place.sends {
            let file = |path: &std::path::Path| format!("file:{}", path.display());
            command.args(["--camera", &file(&place.media.clip), "--microphone", &file(&place.media.sound)]);
        } else {
            command.args(["--camera", "none", "--microphone", "none", "--record-times"]).arg(&times).args(STATS);
        }
        Ok(Self { running: Running::start(&mut command), times, _folder: folder })
    }
}

impl End for Cli {
    fn pid(&self) -> u32 {
        self.running.pid()
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        self.running.stats("pictures arrive", |stats| inbound(stats, "video", "framesDecoded") > 0.0);
        self.running.ignore();
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Vec<Picture>> {
        self.running.interrupt();
        self.running.end();
        if !self.times.exists() {
            return Ok(Vec::new());
        }
        let rows = cli::read_rows(&self.times, "index,presented_us,captured_us,width,height");
        let picture = |row: &Vec<String>| -> anyhow::Result<Picture> {
            let time = |field: &str| field.parse().map(Timestamp::from_micros);
            Ok(Picture { at: time(&row[1])?, captured: time(&row[2]).ok(), lines: row[4].parse().context("a height")? })
        };
        rows.iter().map(picture).collect()
    }
}
