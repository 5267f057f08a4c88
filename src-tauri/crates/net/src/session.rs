//! The two halves of a session's channels: [`Session`] for the engine, `Ends` for the task that runs the session.

use fika_call::session::{DataIn, DataOut, RemoteTrack, SessionCommand, SessionEvent};
use fika_media::EncodedFrame;
use fika_media::jitter::{AudioPacket, VideoUnit};
use tokio::sync::mpsc;

/// Full: the engine waits.
pub const COMMAND_QUEUE: usize = 16;
/// Full: the session waits, statistics are left out.
pub const EVENT_QUEUE: usize = 64;
/// Full: the peer's media waits, and is lost in the end.
pub const TRACK_QUEUE: usize = 16;
/// Access units between encoder and network. Full: the encoder skips raw pictures; encoded ones are never dropped. What waits
/// here is late, so there is room for no more than a late task needs.
pub const VIDEO_QUEUE: usize = 2;
/// Access units on their way to one peer. Full: all wait, and so in the end the encoder; a peer that stays behind the others
/// is left out up to the next keyframe.
pub(crate) const PEER_VIDEO_QUEUE: usize = 1;
/// Opus packets from the microphone, 200 ms. Full: the newest is dropped by who sends.
pub const AUDIO_QUEUE: usize = 10;
/// Received units of one track. Full: video is dropped up to the next keyframe, which is asked for; sound is dropped.
pub const INCOMING_QUEUE: usize = 64;

/// To data channels, of all peers together. Full: the engine keeps what it has until there is room.
pub const DATA_QUEUE: usize = 64;
/// From data channels, of all peers together. Full: the channels are read no further, and who sends slows down.
pub const ARRIVED_QUEUE: usize = 64;

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
    /// To data channels.
    pub data: mpsc::Sender<DataOut>,
    /// From data channels.
    pub arrived: mpsc::Receiver<DataIn>,
}

/// A remote track and its media; the channel ends with the track.
#[derive(Debug)]
pub struct IncomingTrack {
    pub track: RemoteTrack,
    pub media: IncomingMedia,
}

#[derive(Debug)]
pub enum IncomingMedia {
    Audio(mpsc::Receiver<AudioPacket>),
    Video(mpsc::Receiver<VideoUnit>),
}

pub(crate) struct Ends {
    pub(crate) commands: mpsc::Receiver<SessionCommand>,
    pub(crate) events: mpsc::Sender<SessionEvent>,
    pub(crate) tracks: mpsc::Sender<IncomingTrack>,
    pub(crate) video: mpsc::Receiver<EncodedFrame>,
    pub(crate) audio: mpsc::Receiver<EncodedFrame>,
    pub(crate) data: mpsc::Receiver<DataOut>,
    pub(crate) arrived: mpsc::Sender<DataIn>,
}

pub(crate) fn channels() -> (Session, Ends) {
    let (commands, commands_end) = mpsc::channel(COMMAND_QUEUE);
    let (events_end, events) = mpsc::channel(EVENT_QUEUE);
    let (tracks_end, tracks) = mpsc::channel(TRACK_QUEUE);
    let (video, video_end) = mpsc::channel(VIDEO_QUEUE);
    let (audio, audio_end) = mpsc::channel(AUDIO_QUEUE);
    let (data, data_end) = mpsc::channel(DATA_QUEUE);
    let (arrived_end, arrived) = mpsc::channel(ARRIVED_QUEUE);
    let session = Session { commands, events, tracks, video, audio, data, arrived };
    let ends = Ends {
        commands: commands_end,
        events: events_end,
        tracks: tracks_end,
        video: video_end,
        audio: audio_end,
        data: data_end,
        arrived: arrived_end,
    };
    (session, ends)
}
