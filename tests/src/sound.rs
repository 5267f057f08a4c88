//! A tone through the device port: what plays it and what hears it. Runs on the thread of the test.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fika_media::device::{DeviceError, Wake};
use fika_media::{AudioFrame, AudioRead, AudioSink, AudioSource, Timestamp, tone};

pub const TONE_HZ: f64 = 997.0;
/// Samples of a second.
pub const SECOND: usize = 48_000;
/// How long a wake-up may take on a slow machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A wake-up that the test can wait for.
pub fn wake() -> (Wake, Receiver<()>) {
    let (woken, wakes) = sync_channel(1);
    let woken = Mutex::new(woken);
    // The test's own lock; one that is woken already needs no second time.
    (Arc::new(move || drop(woken.lock().map(|woken| woken.try_send(())))), wakes)
}

/// Reads on until `samples` are there.
pub fn listen(source: &mut dyn AudioSource, wakes: &Receiver<()>, samples: usize) -> Result<Vec<f32>, DeviceError> {
    let mut heard = Vec::new();
    let mut frame = AudioFrame::silence(Timestamp::ZERO);
    while heard.len() < samples {
        match source.read(&mut frame)? {
            AudioRead::Frame { .. } => heard.extend_from_slice(&frame.samples),
            AudioRead::Empty => wakes.recv_timeout(DEADLINE).expect("the microphone wakes its reader"),
        }
    }
    Ok(heard)
}

/// [`TONE_HZ`], and nothing beside it.
pub fn is_tone(samples: &[f32]) -> bool {
    let at = |hz| tone::amplitude(samples, hz);
    at(TONE_HZ) > 0.4 && at(TONE_HZ * 1.02) < 0.05 && at(TONE_HZ / 1.02) < 0.05
}

/// Keeps the speaker supplied with a tone, until it fails or `stop` says so.
pub fn sing(sink: &mut dyn AudioSink, wakes: &Receiver<()>, mut stop: impl FnMut() -> bool) -> Result<(), DeviceError> {
    let mut sine = tone::Sine::new(TONE_HZ, 0.5);
    let mut frame = AudioFrame::silence(Timestamp::ZERO);
    while !stop() {
        for _ in 0..sink.wanted() {
            sine.fill(&mut frame);
            sink.write(&frame)?;
        }
        wakes.recv_timeout(DEADLINE).expect("the speaker wakes its writer");
    }
    Ok(())
}
