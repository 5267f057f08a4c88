//! Fika's engine: threads, queues and the clock. One actor runs `call`, drives `media`, and reaches the world through
//! the ports in [`ports`]. The app and fika-cli are two shells around the same [`EngineHandle`].

pub mod command;
pub mod ports;

pub use command::Command;
pub use ports::{Connector, FrameSink, IncomingMedia, IncomingTrack, Rooms, Session};
