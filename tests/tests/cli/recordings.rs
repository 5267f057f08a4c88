//! What `fika-cli` has recorded: pictures with the marks of `--camera test`, sound with the tone of `--microphone test`.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use fika_media::marker::{self, Marker};
use fika_media::tone::amplitude;
use fika_media::{I420, Resolution};

/// What `--microphone test` plays, in Hz.
pub(crate) const TONE: f64 = 997.0;

/// Each picture with a readable mark, and its row of the times file: presented, captured.
pub(crate) fn markers(path: &Path) -> Vec<(Marker, [Option<i64>; 2])> {
    let mut times = path.as_os_str().to_owned();
    times.push(".csv");
    let times = std::fs::read_to_string(times).unwrap();
    let mut rows = times.lines();
    assert_eq!(rows.next(), Some("index,presented_us,captured_us"));
    let rows: Vec<[Option<i64>; 2]> = rows
        .enumerate()
        .map(|(index, row)| {
            let fields: Vec<&str> = row.split(',').collect();
            assert_eq!(fields[0], index.to_string());
            [fields[1].parse().ok(), fields[2].parse().ok()]
        })
        .collect();
    let pictures = pictures(path);
    assert_eq!(pictures.len(), rows.len(), "a row for each picture");
    pictures.iter().zip(rows).filter_map(|(image, row)| Some((marker::read(image)?, row))).collect()
}

pub(crate) fn pictures(path: &Path) -> Vec<I420> {
    let mut file = BufReader::new(std::fs::File::open(path).unwrap());
    let mut line = String::new();
    file.read_line(&mut line).unwrap();
    let number = |tag: char| line.split_whitespace().find_map(|word| word.strip_prefix(tag)?.parse().ok()).unwrap();
    let size = Resolution::new(number('W'), number('H'));
    let mut pictures = Vec::new();
    loop {
        let mut frame = String::new();
        if file.read_line(&mut frame).unwrap() == 0 {
            return pictures;
        }
        assert_eq!(frame, "FRAME\n");
        let mut data = vec![0; I420::len(size)];
        file.read_exact(&mut data).unwrap();
        pictures.push(I420::from_data(size, data).unwrap());
    }
}

pub(crate) fn samples(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap();
    reader.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32768.0).collect()
}

/// Amplitude of the test tone in the loudest second.
pub(crate) fn loudest(path: &Path) -> f32 {
    loudest_at(path, TONE)
}

pub(crate) fn loudest_at(path: &Path, frequency: f64) -> f32 {
    let samples = samples(path);
    samples.chunks_exact(48_000).map(|second| amplitude(second, frequency)).fold(0.0, f32::max)
}
