//! What passes between the engine and a session (peer-to-peer mesh, LiveKit, in-memory). The two halves are bounded
//! channels made by the connector; these are the values in them.

use std::time::Duration;

use crate::chat::{ChatBody, MessageId, MessageReaction};
use crate::door::Entry;
use crate::identity::PeerIdentity;
use crate::room::{Asked, Decline, Moderation, Reaction, RoomState, WaitingGuest};
use crate::signal::{IceServer, MediaState};
use crate::{ParticipantId, RoomId, TrackId, TrackSource, VideoWant};

mod data;

pub use data::{DataChannel, DataCommand, DataEvent, DataIn, DataOut};

/// Where to go and as whom.
#[derive(Clone, Debug)]
pub struct Request {
    /// WebSocket base, e.g. `ws://192.168.1.5:7420` or `wss://meet.example.org`.
    pub server: url::Url,
    pub room: RoomId,
    pub secret: crate::invite::Secret,
    pub name: String,
    pub media: MediaState,
    /// What the server gets to see at the door.
    pub entry: Entry,
    /// Added to those that the server names.
    pub ice_servers: Vec<IceServer>,
    pub privacy: ConnectionPrivacy,
    /// Upper limit of the video that we send, bits a second.
    pub max_video_bitrate: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum ConnectionPrivacy {
    /// Direct where possible.
    #[default]
    Automatic,
    /// Local addresses stay hidden: only addresses that a STUN or TURN server saw are told.
    HideLocal,
    /// Only through a TURN server.
    RelayOnly,
}

#[derive(Clone, Debug)]
pub enum SessionCommand {
    SetMedia(MediaState),
    /// Ask the sender of this track for a keyframe (PLI; the session limits the rate).
    RequestKeyframe {
        participant: ParticipantId,
        source: TrackSource,
    },
    /// Tell the sender of this track how much of it is shown. Lost while the signalling is away.
    WantVideo {
        participant: ParticipantId,
        source: TrackSource,
        want: VideoWant,
    },
    /// Send our video to this participant, or no longer; at first to everybody. Begins with the next keyframe.
    ServeVideo {
        participant: ParticipantId,
        on: bool,
    },
    /// No media to or from this participant any more, whatever they say; for as long as they keep their seat.
    Cut {
        participant: ParticipantId,
    },
    /// To the server. Lost while the signalling is away; a chat message then comes back as `ChatLost`.
    Room(RoomCommand),
    /// Try again now, without waiting for the next attempt of the back-off.
    Reconnect,
    /// Answered by `Closed { reason: Left }`.
    Leave,
}

/// What somebody does in a room beside media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomCommand {
    Moderate(Moderation),
    SetName(String),
    SetHand {
        up: bool,
    },
    React(Reaction),
    /// Sealed by the session. Answered by `Chat` or `ChatLost` with the same tag.
    Chat {
        tag: u32,
        to: Option<ParticipantId>,
        body: ChatBody,
    },
    ReactToMessage {
        message: MessageId,
        reaction: Reaction,
        on: bool,
    },
}

/// What the server says of the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomEvent {
    /// Before the door. In a call: sent out before it, everybody there is gone for us.
    Waiting {
        host: Option<String>,
    },
    State(RoomState),
    WaitingRoom(Vec<WaitingGuest>),
    /// Be silent now.
    Muted {
        by: Option<ParticipantId>,
    },
    CameraStopped {
        by: Option<ParticipantId>,
    },
    Asked {
        by: Option<ParticipantId>,
        what: Asked,
    },
    Reacted {
        participant: ParticipantId,
        reaction: Reaction,
    },
    Chat(Said),
    MessageReactions {
        message: MessageId,
        reactions: Vec<MessageReaction>,
    },
    ChatLost {
        tag: u32,
    },
    Declined(Decline),
}

/// A chat message that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub id: MessageId,
    pub from: ParticipantId,
    pub name: String,
    pub to: Option<ParticipantId>,
    /// Seconds since 1970.
    pub at: u32,
    pub body: ChatBody,
    pub reactions: Vec<MessageReaction>,
    /// Of our own message.
    pub tag: Option<u32>,
    /// Said before we came.
    pub history: bool,
}

#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// We have a seat. Comes again with the same ids after a resumed connection, with a new `you` after a full rejoin.
    Joined {
        you: ParticipantId,
        participants: Vec<Participant>,
    },
    ParticipantJoined(Participant),
    ParticipantChanged(Participant),
    ParticipantLeft(ParticipantId),
    /// State of the media path to one participant.
    PeerState {
        participant: ParticipantId,
        state: PeerState,
    },
    /// Whose certificate the connection is made with. Comes before the connection; again with the words.
    PeerIdentity {
        participant: ParticipantId,
        identity: PeerIdentity,
    },
    /// State of the signalling connection.
    SignalState(SignalState),
    Room(RoomEvent),
    /// A receiver asks for a keyframe (PLI or FIR, rate-limited).
    KeyframeRequested {
        source: TrackSource,
    },
    /// A receiver says how much of our video it shows.
    VideoWanted {
        participant: ParticipantId,
        source: TrackSource,
        want: VideoWant,
    },
    /// Whether every connected peer decodes H.264 Main profile; before the first such event send constrained baseline.
    VideoProfile {
        main: bool,
    },
    /// What the link takes now, bits a second, for all we send by video.
    VideoBitrate(u32),
    /// Largest loss that a receiver of our sound reports, per cent.
    AudioLoss(u8),
    /// Once a second for each peer.
    Stats {
        participant: ParticipantId,
        stats: PeerStats,
    },
    /// The last event.
    Closed(CloseReason),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    pub id: ParticipantId,
    pub name: String,
    pub media: MediaState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    Connecting,
    Connected,
    /// Nothing arrives; ICE may recover by itself.
    Disconnected,
    /// Given up until a restart.
    Failed,
    /// Only a TURN server may be used, and none lets us in. Tried again.
    NoRelay,
    /// The peer's description is not sealed with the link's secret, or not signed by the peer: somebody sits in between,
    /// or the link has a typo.
    Untrusted,
    /// Cut off by us.
    Cut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalState {
    Connected,
    Reconnecting,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    Left,
    RoomNotFound,
    RoomFull,
    TooManyRequests,
    /// Update the app (or the server).
    Version,
    /// Nobody answers there.
    ServerUnreachable,
    /// The server spoke nonsense.
    Protocol,
    /// Whoever answers there is not shown to be the server.
    Certificate(CertificateFault),
    /// All attempts failed for 60 s.
    Lost,
    /// A host did not let us in.
    Denied,
    /// A host put us out.
    Removed,
    /// A host ended the meeting for all.
    Ended,
}

/// What is wrong with the certificate of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Too old or too young; or the clock of this computer is wrong.
    #[error("the server's certificate is out of date, or the clock of this computer is wrong")]
    Expired,
    /// It is somebody else's.
    #[error("the server's certificate is for another name")]
    WrongName,
    /// Neither this computer nor we know who has signed it.
    #[error("the server's certificate is signed by an authority that this computer does not know")]
    UnknownAuthority,
    /// Anything else: withdrawn, not for servers, not readable.
    #[error("the server's certificate is not valid")]
    Invalid,
}

/// Cumulative counters with the W3C webrtc-stats names, of one peer.
#[derive(Clone, Debug, Default)]
pub struct PeerStats {
    pub round_trip_time: Option<Duration>,
    pub available_outgoing_bitrate: Option<u32>,
    /// Addresses in use; `None` until there are some.
    pub pair: Option<CandidatePair>,
    pub outbound: Vec<OutboundStats>,
    pub inbound: Vec<InboundStats>,
}

/// Which kinds of addresses a connection runs between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CandidatePair {
    pub local: CandidateType,
    pub remote: CandidateType,
}

/// RTCIceCandidateType of W3C webrtc-stats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CandidateType {
    Host,
    /// As a STUN server saw it.
    Srflx,
    /// As the peer saw it.
    Prflx,
    /// At a TURN server.
    Relay,
}

impl PeerStats {
    /// The media goes through a TURN server.
    pub fn relayed(&self) -> bool {
        self.pair.is_some_and(|pair| [pair.local, pair.remote].contains(&CandidateType::Relay))
    }
}

#[derive(Clone, Debug)]
pub struct OutboundStats {
    pub source: TrackSource,
    pub bytes_sent: u64,
    pub packets_sent: u64,
    pub retransmitted_packets_sent: u64,
    pub nack_count: u64,
    pub pli_count: u64,
    pub fir_count: u64,
    /// From the receiver's reports (RFC 3550): fraction 0 to 1, and its jitter.
    pub fraction_lost: Option<f64>,
    pub remote_packets_lost: Option<i64>,
    pub remote_jitter: Option<Duration>,
}

#[derive(Clone, Debug)]
pub struct InboundStats {
    pub source: TrackSource,
    pub bytes_received: u64,
    pub packets_received: u64,
    pub packets_lost: i64,
    pub jitter: Duration,
    pub nack_count: u64,
    pub pli_count: u64,
}

/// A remote track that has started: names the media channel that comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteTrack {
    pub participant: ParticipantId,
    pub id: TrackId,
    pub source: TrackSource,
}
