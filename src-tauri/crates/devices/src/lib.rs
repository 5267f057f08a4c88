//! Devices of this machine: cameras, microphones, speakers, and the clock their frames are stamped with.
//!
//! Threads: `camera` (one for each open camera), `audio-device`, `device-watch`. Everything that a device can do wrong
//! comes out as a [`fika_media::device::DeviceError`]; a device that hangs costs its thread, never the caller.

mod audio;
mod camera;
pub mod clock;
mod names;
mod system;
mod thread;
mod watch;

pub use system::System;
