//! Pictures: conversion, scaling, H.264, their jitter buffer.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use fika_media::frame::Pool;
use fika_media::h264::Decoder;
use fika_media::h264::encode::{Config, Encoder, Profile};
use fika_media::jitter::VideoUnit;
use fika_media::jitter::video::{Buffer, Next};
use fika_media::scale::{Fit, Scaler};
use fika_media::test::Pattern;
use fika_media::{
    EncodedFrame, I420, Resolution, Timestamp, VideoDecoder as _, VideoEncoder as _, VideoFrame, convert,
};

const LARGE: Resolution = Resolution::new(1280, 720);
const SMALL: Resolution = Resolution::new(640, 360);
const FRAME_RATE: u32 = 30;

/// A second of what a camera might see.
fn pictures(size: Resolution) -> Vec<VideoFrame> {
    let mut pattern = Pattern::new(size, FRAME_RATE).with_grain(3);
    let at = |number: u32| Timestamp(i64::from(number) * 1_000_000 / i64::from(FRAME_RATE));
    (0..FRAME_RATE).map(|number| pattern.frame(at(number))).collect()
}

fn encoded() -> Vec<EncodedFrame> {
    let mut encoder = encoder();
    pictures(SMALL).iter().filter_map(|picture| encoder.encode(picture, false).expect("it encodes")).collect()
}

fn encoder() -> Encoder {
    let (frame_rate, bitrate, profile) = (FRAME_RATE as f32, 600_000, Profile::Main);
    Encoder::new(Config { resolution: SMALL, frame_rate, bitrate, profile }).expect("there is an encoder")
}

fn convert(bytes: usize, convert: fn(&[u8], &mut I420) -> Result<(), convert::Error>) -> Box<dyn FnMut()> {
    let data: Vec<u8> = (0..bytes).map(|at| (at * 7 % 251) as u8).collect();
    let mut pool = Pool::default();
    Box::new(move || {
        for _ in 0..3 {
            let mut image = pool.take(LARGE);
            convert(&data, &mut image).expect("enough bytes");
            black_box(pool.share(image));
        }
    })
}

pub(super) fn yuyv() -> Box<dyn FnMut()> {
    convert(LARGE.pixels() as usize * 2, convert::yuyv)
}

pub(super) fn nv12() -> Box<dyn FnMut()> {
    convert(I420::len(LARGE), convert::nv12)
}

fn scale(to: Resolution) -> Box<dyn FnMut()> {
    let from = Pattern::new(LARGE, FRAME_RATE).frame(Timestamp::ZERO);
    let (mut scaler, mut image) = (Scaler::default(), I420::black(to));
    Box::new(move || {
        for _ in 0..3 {
            scaler.scale(&from.image, &mut image, Fit::Crop);
            black_box(&image);
        }
    })
}

pub(super) fn scale_half() -> Box<dyn FnMut()> {
    scale(SMALL)
}

pub(super) fn scale_quarter() -> Box<dyn FnMut()> {
    scale(Resolution::new(320, 180))
}

pub(super) fn encode() -> Box<dyn FnMut()> {
    let (mut encoder, pictures) = (encoder(), pictures(SMALL));
    Box::new(move || {
        for picture in &pictures {
            black_box(encoder.encode(picture, false).expect("it encodes"));
        }
    })
}

pub(super) fn decode() -> Box<dyn FnMut()> {
    let (mut decoder, units) = (Decoder::default(), encoded());
    Box::new(move || {
        for unit in &units {
            black_box(decoder.decode(unit).expect("it decodes"));
        }
    })
}

pub(super) fn jitter() -> Box<dyn FnMut()> {
    let unit = |number: i64| {
        let pts = Timestamp(number * 1_000_000 / i64::from(FRAME_RATE));
        // Up to 20 ms late, never the same.
        let arrived = pts + Duration::from_micros(50_000 + number as u64 * 7_919 % 20_000);
        let payload = Bytes::from(vec![0; 6_000]);
        VideoUnit {
            frame: EncodedFrame { pts, keyframe: number == 0, payload },
            arrived,
            after_gap: false,
            captured: None,
            sender_time: None,
        }
    };
    let units: Vec<VideoUnit> = (0..10 * i64::from(FRAME_RATE)).map(unit).collect();
    let mut buffer = Buffer::default();
    Box::new(move || {
        for unit in &units {
            let mut now = unit.arrived;
            buffer.insert(unit.clone(), now);
            loop {
                match buffer.next(now) {
                    Next::Decode(unit) => drop(black_box(unit)),
                    Next::Wait(at) if at.since(unit.arrived) < Duration::from_millis(10) => now = at,
                    _ => break,
                }
            }
        }
    })
}
