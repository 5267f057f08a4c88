//! Fika's engine: threads, queues and the clock. One actor runs `call`, drives `media`, and reaches the world through
//! the ports in [`ports`]. The app and fika-cli are two shells around the same [`EngineHandle`].

mod actor;
mod audio;
mod beside;
mod camera;
pub mod command;
mod decode;
mod devices;
mod disk;
mod encode;
mod event;
mod handle;
pub mod memory;
mod park;
mod perform;
pub mod ports;
mod rate;
mod report;
pub mod ring;
mod session;
mod slot;
pub mod stats;
mod sync;
mod thread;
mod threads;

use std::path::PathBuf;
use std::sync::Arc;

use fika_call::files;
use fika_call::identity::Contact;
use fika_call::signal::IceServer;
use fika_call::view::CallSettings;
use fika_media::{Clock, Resolution};

pub use command::{Command, CommandError};
pub use fika_call::files::FileInput;
pub use fika_call::machine::{RoomInput, VisibleTile};
pub use fika_call::text::TextInput;
pub use handle::EngineHandle;
pub use ports::{Connector, Devices, FrameSink, IncomingMedia, IncomingTrack, Rooms, Session};
pub use stats::Stats;

/// What an engine is made of.
pub struct Config {
    pub devices: Arc<dyn Devices>,
    pub connector: Arc<dyn Connector>,
    pub rooms: Arc<dyn Rooms>,
    pub frames: Arc<dyn FrameSink>,
    pub clock: Clock,
    /// Goes on while the computer sleeps.
    pub sleepless: Clock,
    pub settings: CallSettings,
    pub video: VideoConfig,
    /// Added to those that the server names.
    pub ice_servers: Vec<IceServer>,
    /// Who was saved or verified in earlier calls; the shell keeps them.
    pub contacts: Vec<Contact>,
    /// Echo, noise and gain of the microphone are processed. Off only where a measurement wants its sound untouched.
    pub voice_processing: bool,
    pub files: FilesConfig,
}

/// What becomes of files that others send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesConfig {
    /// Where they are kept. `None`: this system has no such place, and nothing can be received.
    pub folder: Option<PathBuf>,
    /// The largest that is taken, in bytes.
    pub max_size: u64,
}

impl Default for FilesConfig {
    fn default() -> Self {
        Self { folder: None, max_size: files::DEFAULT_MAX_SIZE }
    }
}

/// The most that our camera's video takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoConfig {
    pub resolution: Resolution,
    pub frame_rate: u32,
    /// Bits a second.
    pub max_bitrate: u32,
}

impl Default for VideoConfig {
    fn default() -> Self {
        Self { resolution: Resolution::new(1280, 720), frame_rate: 30, max_bitrate: 2_500_000 }
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The system gives no more threads.
    #[error("the engine's threads do not start: {0}")]
    Threads(String),
}

/// Starts the engine's actor and threads, inside the current tokio runtime. They end with [`EngineHandle::shutdown`], or
/// when the last handle is dropped.
pub fn start(config: Config) -> Result<EngineHandle, StartError> {
    actor::start(config)
}
