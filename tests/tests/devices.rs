//! The device code that users run, against virtual cameras and a sound server of its own: pictures and sound arrive, and
//! each fault comes out as its own error.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails where its bed does")]

#[path = "devices/alsa.rs"]
mod alsa;
#[path = "devices/cameras.rs"]
mod cameras;
#[path = "devices/pipewire.rs"]
mod pipewire;
#[path = "devices/sound.rs"]
mod sound;

use std::time::{Duration, Instant};

/// How long an expected thing may take on a slow machine before the test fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// Asks again until there is an answer; fails after [`DEADLINE`].
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}
