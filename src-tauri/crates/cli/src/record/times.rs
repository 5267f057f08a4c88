//! When each picture was presented, of which size, without the pictures themselves: what a long measurement needs.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use fika_media::{Resolution, Timestamp};

use super::writer::Writer;

/// Lines under way to the disk: half a minute.
const QUEUE: usize = 1000;
const COLUMNS: &str = "index,presented_us,captured_us,width,height";

struct Presented {
    at: Timestamp,
    captured: Option<Timestamp>,
    size: Resolution,
}

pub(super) struct TimesFile {
    path: PathBuf,
    writer: Writer<Presented>,
}

impl TimesFile {
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        let writer = Writer::start(QUEUE, move |items| {
            let mut write = || {
                writeln!(file, "{COLUMNS}")?;
                for (index, Presented { at, captured, size }) in items.iter().enumerate() {
                    let captured = captured.map(|captured| captured.as_micros().to_string()).unwrap_or_default();
                    writeln!(file, "{index},{},{captured},{},{}", at.as_micros(), size.width, size.height)?;
                }
                file.flush()
            };
            write().map_err(|error| error.to_string())
        })?;
        Ok(Self { path: path.to_owned(), writer })
    }

    pub(super) fn put(&self, size: Resolution, at: Timestamp, captured: Option<Timestamp>) {
        self.writer.put(Presented { at, captured, size });
    }

    pub(super) fn finish(&self) -> Option<String> {
        self.writer.finish().map(|error| format!("{} is not complete, {error}.", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("times.csv");
        let file = TimesFile::create(&path).unwrap();
        file.put(Resolution::new(640, 360), Timestamp(10), Some(Timestamp(7)));
        file.put(Resolution::new(1280, 720), Timestamp(20), None);
        assert_eq!(file.finish(), None);
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written, format!("{COLUMNS}\n0,10,7,640,360\n1,20,,1280,720\n"));
    }
}
