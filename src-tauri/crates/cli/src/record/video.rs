//! Pictures as presented, as y4m, and FILE.y4m.csv with the times of each. A file has one size, which is
//! given or that of the first picture: others are scaled to it.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use fika_media::scale::{Fit, Scaler};
use fika_media::{I420, Resolution, Timestamp, VideoFrame};

use super::writer::Writer;

/// Pictures under way to the disk: two seconds, up to 80 MB of 720p.
const QUEUE: usize = 60;
const COLUMNS: &str = "index,presented_us,captured_us";

pub(super) struct VideoFile {
    path: PathBuf,
    writer: Writer<Presented>,
}

struct Presented {
    frame: VideoFrame,
    at: Timestamp,
    captured: Option<Timestamp>,
}

impl VideoFile {
    /// `size`: of all pictures; `None`: that of the first.
    pub(super) fn create(path: &Path, frame_rate: u32, size: Option<Resolution>) -> std::io::Result<Self> {
        let pictures = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let mut times = path.as_os_str().to_owned();
        times.push(".csv");
        let times = BufWriter::new(File::create(times)?);
        let write = move |items| write(items, pictures, times, frame_rate, size).map_err(|error| error.to_string());
        Ok(Self { path: path.to_owned(), writer: Writer::start(QUEUE, write)? })
    }

    pub(super) fn put(&self, frame: VideoFrame, at: Timestamp, captured: Option<Timestamp>) {
        self.writer.put(Presented { frame, at, captured });
    }

    pub(super) fn finish(&self) -> Option<String> {
        self.writer.finish().map(|error| format!("{} is not complete, {error}.", self.path.display()))
    }
}

fn write(
    items: Receiver<Presented>,
    mut pictures: BufWriter<File>,
    mut times: BufWriter<File>,
    frame_rate: u32,
    size: Option<Resolution>,
) -> std::io::Result<()> {
    let (mut scaler, mut scaled) = (Scaler::default(), None::<I420>);
    writeln!(times, "{COLUMNS}")?;
    for (index, Presented { frame, at, captured }) in items.iter().enumerate() {
        let to = scaled.get_or_insert_with(|| I420::black(size.unwrap_or(frame.size())));
        if index == 0 {
            let size = to.size();
            // What I420 is: BT.601 limited range, chroma as H.264 places it.
            writeln!(
                pictures,
                "YUV4MPEG2 W{} H{} F{frame_rate}:1 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED",
                size.width, size.height
            )?;
        }
        pictures.write_all(b"FRAME\n")?;
        if to.size() == frame.size() {
            pictures.write_all(frame.image.data())?;
        } else {
            scaler.scale(&frame.image, to, Fit::Stretch);
            pictures.write_all(to.data())?;
        }
        let captured = captured.map(|captured| captured.as_micros().to_string()).unwrap_or_default();
        writeln!(times, "{index},{},{captured}", at.as_micros())?;
    }
    pictures.flush()?;
    times.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_two_sizes_and_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.y4m");
        let file = VideoFile::create(&path, 30, None).unwrap();
        let frame = |side| VideoFrame::new(Timestamp::ZERO, I420::black(Resolution::new(side, side)));
        file.put(frame(4), Timestamp(10), Some(Timestamp(7)));
        file.put(frame(2), Timestamp(20), None);
        assert_eq!(file.finish(), None);
        let bytes = std::fs::read(&path).unwrap();
        let header = b"YUV4MPEG2 W4 H4 F30:1 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED\n";
        assert!(bytes.starts_with(header));
        assert_eq!(bytes.len(), header.len() + 2 * (6 + 24));
        let times = std::fs::read_to_string(folder.path().join("a.y4m.csv")).unwrap();
        assert_eq!(times, format!("{COLUMNS}\n0,10,7\n1,20,\n"));
    }

    #[test]
    fn a_size_that_is_asked_for_is_that_of_all_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.y4m");
        let file = VideoFile::create(&path, 30, Some(Resolution::new(8, 4))).unwrap();
        file.put(VideoFrame::new(Timestamp::ZERO, I420::black(Resolution::new(4, 4))), Timestamp(10), None);
        assert_eq!(file.finish(), None);
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.starts_with(b"YUV4MPEG2 W8 H4 "));
        assert!(bytes.ends_with(&[128; 16]));
    }
}
