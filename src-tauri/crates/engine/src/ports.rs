//! What the engine needs from the world. Each port has a real and a test implementation.
//!
//! Devices come through [`Devices`], which `media` defines because device crates know only `media`.

use std::future::Future;
use std::pin::Pin;

use fika_call::invite::Invite;
use fika_call::session::{DataIn, DataOut, RemoteTrack, Request, SessionCommand, SessionEvent};
use fika_call::view::{EndReason, TileKey};
use fika_media::jitter::{AudioPacket, VideoUnit};
use fika_media::{EncodedFrame, Timestamp, VideoFrame};
use tokio::sync::mpsc;

pub use fika_media::device::Devices;

/// Access units between encoder and network. Full: the encode thread skips raw pictures; encoded ones are never dropped.
pub const VIDEO_QUEUE: usize = 2;
/// Opus packets between the audio thread and the network (200 ms). Full: the newest is dropped and counted.
pub const AUDIO_QUEUE: usize = 10;
/// Received units between the network and a decode thread. Full: the network drops up to the next keyframe and asks for one.
pub const INCOMING_QUEUE: usize = 64;

/// Begins a session: peer-to-peer mesh, LiveKit, in-memory.
pub trait Connector: Send + Sync {
    /// Returns at once; what happens comes as events. Called inside the engine's tokio runtime.
    fn connect(&self, request: Request) -> Session;
}

/// The engine's ends of a session's channels. Dropping it leaves the room.
pub struct Session {
    pub commands: mpsc::Sender<SessionCommand>,
    pub events: mpsc::Receiver<SessionEvent>,
    /// Remote tracks as they start.
    pub tracks: mpsc::Receiver<IncomingTrack>,
    /// Our camera, H.264, bounded by [`VIDEO_QUEUE`].
    pub video: mpsc::Sender<EncodedFrame>,
    /// Our microphone, Opus, bounded by [`AUDIO_QUEUE`].
    pub audio: mpsc::Sender<EncodedFrame>,
    /// To the data channels of all peers. Full: the actor keeps what it has until there is room.
    pub data: mpsc::Sender<DataOut>,
    /// From the data channels of all peers. Full: who sends slows down.
    pub arrived: mpsc::Receiver<DataIn>,
}

/// A remote track and its media; the channel ends with the track.
pub struct IncomingTrack {
    pub track: RemoteTrack,
    pub media: IncomingMedia,
}

pub enum IncomingMedia {
    Audio(mpsc::Receiver<AudioPacket>),
    Video(mpsc::Receiver<VideoUnit>),
}

/// Opens rooms: on this computer, or on the server named.
pub trait Rooms: Send + Sync {
    fn open(&self, server: Option<url::Url>) -> Pin<Box<dyn Future<Output = Result<Invite, EndReason>> + Send + '_>>;
}

/// Where pictures go: the surface of the app, the recorder of fika-cli. Called on decode and camera threads; never blocks.
pub trait FrameSink: Send + Sync {
    /// `captured`: on this machine's clock, where the sender said so. `now`: when it is handed over for display.
    fn present(&self, tile: &TileKey, frame: &VideoFrame, captured: Option<Timestamp>, now: Timestamp);
    /// The tile has no pictures any more.
    fn clear(&self, tile: &TileKey);
    /// The mixed playout, 10 ms each, from the first sample on; for recording. `pts`: when it is heard.
    fn played(&self, frame: &fika_media::AudioFrame);
}
