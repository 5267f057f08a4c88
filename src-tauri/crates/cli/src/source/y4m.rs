//! YUV4MPEG2 files, 4:2:0 with 8 bits: the header, then pictures, read in a loop.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use fika_media::device::DeviceError;
use fika_media::{I420, Resolution};

/// Longest header line that is looked at.
const MAX_LINE: u64 = 1024;
const MAX_SIDE: u32 = 4096;

pub(super) struct Reader {
    file: BufReader<File>,
    header: Header,
    /// Where the first picture begins.
    begin: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    resolution: Resolution,
    /// Pictures in so many seconds.
    rate: (u32, u32),
}

impl Reader {
    /// `None`: not such a file.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let mut file = BufReader::with_capacity(1 << 20, File::open(path).ok()?);
        let header = parse(&line(&mut file)?)?;
        let begin = file.stream_position().ok()?;
        Some(Self { file, header, begin })
    }

    pub(super) fn resolution(&self) -> Resolution {
        self.header.resolution
    }

    /// Pictures in a duration.
    pub(super) fn rate(&self) -> (u32, Duration) {
        let (pictures, seconds) = self.header.rate;
        (pictures, Duration::from_secs(u64::from(seconds)))
    }

    /// Fills `image`, whose pixels do not matter. After the last picture comes the first.
    pub(super) fn next(&mut self, image: I420) -> Result<I420, DeviceError> {
        let failed = |error: std::io::Error| DeviceError::Failed(error.to_string());
        let mut data = image.into_data();
        data.resize(I420::len(self.header.resolution), 0);
        let mut again = false;
        loop {
            let starts = line(&mut self.file).is_some_and(|line| line.starts_with("FRAME"));
            if starts && self.file.read_exact(&mut data).is_ok() {
                break;
            }
            if std::mem::replace(&mut again, true) {
                return Err(DeviceError::Failed("the file holds no whole picture".to_owned()));
            }
            self.file.seek(SeekFrom::Start(self.begin)).map_err(failed)?;
        }
        I420::from_data(self.header.resolution, data).ok_or(DeviceError::Failed("the picture is empty".to_owned()))
    }
}

fn line(file: &mut BufReader<File>) -> Option<String> {
    let mut line = Vec::new();
    file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).ok()?;
    if line.pop() != Some(b'\n') {
        return None;
    }
    String::from_utf8(line).ok()
}

fn parse(line: &str) -> Option<Header> {
    let mut words = line.split(' ');
    if words.next() != Some("YUV4MPEG2") {
        return None;
    }
    let (mut width, mut height, mut rate) = (0, 0, (30, 1));
    for word in words.filter(|word| !word.is_empty()) {
        let (tag, value) = word.split_at_checked(1)?;
        match tag {
            "W" => width = value.parse().ok()?,
            "H" => height = value.parse().ok()?,
            "F" => {
                let (pictures, seconds) = value.split_once(':')?;
                rate = (pictures.parse().ok()?, seconds.parse().ok()?);
            }
            "C" if !matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => return None,
            _ => {}
        }
    }
    let usable = (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height);
    let steady = rate.0 > 0 && rate.1 > 0 && rate.0 / rate.1 <= 240 && rate.1 / rate.0 <= 10;
    (usable && steady).then_some(Header { resolution: Resolution::new(width, height), rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let header = |text| parse(text).map(|header| (header.resolution.width, header.resolution.height, header.rate));
        assert_eq!(header("YUV4MPEG2 W176 H144 F30000:1001 Ip A128:117 C420mpeg2"), Some((176, 144, (30000, 1001))));
        assert_eq!(header("YUV4MPEG2 W16 H16"), Some((16, 16, (30, 1))));
        for wrong in [
            "",
            "YUV4MPEG",
            "YUV4MPEG2 W0 H16 F30:1",
            "YUV4MPEG2 W99999 H16 F30:1",
            "YUV4MPEG2 W16 H16 F30:0",
            "YUV4MPEG2 W16 H16 F30",
            "YUV4MPEG2 W16 H16 F30:1 C444",
            "YUV4MPEG2 W16 H16 F30:1 C420p10",
            "YUV4MPEG2 Wx H16",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn pictures_come_in_a_loop_and_half_ones_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.y4m");
        let mut bytes = b"YUV4MPEG2 W2 H2 F1:1\n".to_vec();
        for level in [1, 2] {
            bytes.extend_from_slice(b"FRAME\n");
            bytes.extend_from_slice(&[level; 6]);
        }
        bytes.extend_from_slice(b"FRAME\n\x03");
        std::fs::write(&path, bytes).unwrap();
        let mut reader = Reader::open(&path).unwrap();
        let mut next = || reader.next(I420::black(Resolution::new(2, 2))).unwrap().data()[0];
        assert_eq!([next(), next(), next(), next()], [1, 2, 1, 2]);
        std::fs::write(&path, "YUV4MPEG2 W2 H2 F1:1\nFRAME\nx").unwrap();
        assert!(Reader::open(&path).unwrap().next(I420::black(Resolution::new(2, 2))).is_err());
        std::fs::write(&path, "something else\n").unwrap();
        assert!(Reader::open(&path).is_none());
    }
}
