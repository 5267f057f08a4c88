//! Sound: Opus, voice processing, the mix, the jitter buffer.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use fika_media::jitter::AudioPacket;
use fika_media::jitter::audio::Buffer;
use fika_media::mix::Mixer;
use fika_media::opus::{Config, Decoder, Encoder};
use fika_media::voice::{self, Processor};
use fika_media::{AudioDecoder, AudioEncoder as _, AudioFrame, CodecError, EncodedFrame, Timestamp};

/// Frames of 10 ms in a second.
const SECOND: i64 = 100;

/// Bursts of noise, louder and quieter like syllables, the same each time.
fn speech(seed: u32) -> Vec<AudioFrame> {
    let (mut state, mut low) = (seed, 0.0);
    let mut sample = |at: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        low += ((state >> 8) as f32 / (1 << 24) as f32 - 0.5 - low) * 0.2;
        low * (at as f32 / 4_000.0).sin().max(0.0)
    };
    let frame = |number: i64| {
        let mut frame = AudioFrame::silence(Timestamp::from_millis(number * 10));
        let begin = number as usize * frame.samples.len();
        frame.samples.iter_mut().enumerate().for_each(|(at, out)| *out = sample(begin + at));
        frame
    };
    (0..SECOND).map(frame).collect()
}

fn encoder() -> Encoder {
    Encoder::new(Config::default()).expect("there is an encoder")
}

pub(super) fn encode() -> Box<dyn FnMut()> {
    let (mut encoder, speech) = (encoder(), speech(1));
    Box::new(move || {
        for frame in &speech {
            black_box(encoder.encode(frame).expect("it encodes"));
        }
    })
}

pub(super) fn decode() -> Box<dyn FnMut()> {
    let mut encoder = encoder();
    let packets: Vec<EncodedFrame> =
        speech(1).iter().filter_map(|frame| encoder.encode(frame).expect("it encodes")).collect();
    let mut decoder = Decoder::new().expect("there is a decoder");
    Box::new(move || {
        let mut out = [0.0; 960];
        for packet in &packets {
            black_box(decoder.decode(&packet.payload, &mut out).expect("it decodes"));
        }
    })
}

pub(super) fn voice() -> Box<dyn FnMut()> {
    let (mut processor, near, far) = (Processor::new(voice::Config::default()), speech(1), speech(2));
    Box::new(move || {
        for (near, far) in near.iter().zip(&far) {
            processor.play(far);
            let mut heard = near.clone();
            processor.capture(&mut heard);
            black_box(&heard);
        }
    })
}

pub(super) fn mix() -> Box<dyn FnMut()> {
    let (mut mixer, voices) = (Mixer::default(), [1, 2, 3, 4].map(speech));
    Box::new(move || {
        for number in 0..SECOND as usize {
            let mut out = AudioFrame::silence(Timestamp::ZERO);
            mixer.mix(voices.iter().map(|voice| &voice[number]), &mut out);
            black_box(&out);
        }
    })
}

/// Decodes nothing, so that the buffer alone is counted.
struct Silence;

impl AudioDecoder for Silence {
    fn decode(&mut self, _packet: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        out[..960].fill(0.0);
        Ok(960)
    }

    fn recover(&mut self, _next: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        out.fill(0.0);
        Ok(out.len())
    }

    fn conceal(&mut self, out: &mut [f32]) -> Result<usize, CodecError> {
        out.fill(0.0);
        Ok(out.len())
    }
}

pub(super) fn jitter() -> Box<dyn FnMut()> {
    let packet = |number: u64| AudioPacket {
        sequence: number,
        timestamp: number * 960,
        // Up to 15 ms late, never the same.
        arrived: Timestamp::from_millis(100 + number as i64 * 20) + Duration::from_micros(number * 7_919 % 15_000),
        sender_time: None,
        payload: Bytes::from(vec![0; 80]),
    };
    let packets: Vec<AudioPacket> = (0..500).map(packet).collect();
    let mut buffer = Buffer::default();
    Box::new(move || {
        let mut out = AudioFrame::silence(Timestamp::ZERO);
        for packet in &packets {
            let now = packet.arrived;
            buffer.insert(packet.clone());
            for half in 0..2 {
                buffer.pull(now + Duration::from_millis(half * 10), &mut Silence, &mut out);
                black_box(&out);
            }
        }
    })
}
