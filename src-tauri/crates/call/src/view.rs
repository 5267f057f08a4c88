//! The view model: one snapshot that the page mirrors. It shows what is desired beside what is; the page is never
//! optimistic. Lists are in order of joining.

mod notification;

use serde::{Deserialize, Serialize};

pub use self::notification::Notification;
pub use crate::identity::Trust;
use crate::room::{Asked, Reaction, Role, WaitingGuest};
use crate::session::{CertificateFault, ConnectionPrivacy};
use crate::{ParticipantId, TrackSource};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    pub phase: Phase,
    pub connection: ConnectionState,
    /// Set from the lobby on, kept on the after-call screen.
    pub invite: Option<InviteView>,
    pub me: MeView,
    pub participants: Vec<ParticipantView>,
    /// In a call, once the server has told it.
    pub room: Option<RoomView>,
    /// In phase `Waiting`: name of the host who can let us in.
    pub waiting_for: Option<String>,
    /// A host asks us to switch something on; answered by doing so or by dismissing it.
    pub ask: Option<AskView>,
    /// Chat messages that have not been read.
    pub unread: u32,
    /// Milliseconds since the first media connection of this call, in whole seconds; kept on the after-call screen.
    pub connected_for_ms: Option<u32>,
    /// In plain figures, once a second while connected.
    pub quality: Option<QualityView>,
    /// The worst thing to tell; one at a time.
    pub problem: Option<Problem>,
    /// Set in phase `Ended`.
    pub end: Option<EndReason>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// While a room is being opened `connection` is `Connecting`.
    #[default]
    Home,
    /// Preview: camera and microphone as set here are the join state.
    Lobby,
    Joining,
    /// Before the door: still the lobby, nobody sees or hears us.
    Waiting,
    InCall,
    Ended,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum ConnectionState {
    #[default]
    Idle,
    /// Alone in the room, or before its door.
    Waiting,
    Connecting,
    Connected,
    /// Nothing arrived for two seconds.
    Unstable,
    Reconnecting,
    /// Given up after 60 s; offers to rejoin.
    Lost,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct InviteView {
    pub link: String,
    /// The link works only on this network.
    pub local_only: bool,
    /// Host and port that the link names.
    pub host: String,
    /// We opened this room.
    pub mine: bool,
    /// The link says that a passcode is asked for.
    pub passcode: bool,
}

/// The room beyond its people. Of hands and the spotlight, `"me"` is us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct RoomView {
    /// We are host or co-host.
    pub may_moderate: bool,
    pub is_host: bool,
    /// Nobody more can join.
    pub locked: bool,
    /// Guests wait until they are let in.
    pub waiting_room: bool,
    /// Shown large for all.
    pub spotlight: Option<ParticipantId>,
    /// Raised hands, the first one up first.
    pub hands: Vec<ParticipantId>,
    /// Who waits, the first one first; empty unless we may let them in.
    pub waiting: Vec<WaitingGuest>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct AskView {
    /// Name of the host who asks.
    pub by: Option<String>,
    pub what: Asked,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct MeView {
    pub id: Option<ParticipantId>,
    pub name: String,
    pub role: Role,
    /// Place in the line of raised hands, from 1.
    pub hand: Option<u32>,
    /// Shown for some seconds.
    pub reaction: Option<Reaction>,
    pub microphone: CaptureView,
    pub camera: CaptureView,
    pub speaker: CaptureView,
}

/// A device of ours: what is wanted beside what is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct CaptureView {
    /// The user wants it on.
    pub wanted: bool,
    pub state: CaptureState,
    /// Name of the device in use.
    pub device_name: Option<String>,
    /// Id of the device in use.
    pub device_id: Option<String>,
    pub problem: Option<DeviceProblem>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum CaptureState {
    #[default]
    Off,
    Starting,
    On,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum DeviceProblem {
    Busy,
    PermissionDenied,
    NotFound,
    Disconnected,
    Stalled,
    Unsupported,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantView {
    pub id: ParticipantId,
    pub name: String,
    pub role: Role,
    /// Place in the line of raised hands, from 1.
    pub hand: Option<u32>,
    /// Shown for some seconds.
    pub reaction: Option<Reaction>,
    pub microphone_on: bool,
    pub camera_on: bool,
    /// Its pictures arrive.
    pub has_video: bool,
    pub speaking: bool,
    pub connection: ConnectionState,
    pub trust: Trust,
    /// They will have the same key next time; a guest in a browser has another one.
    pub lasting: bool,
    /// To compare with theirs: indices into the list of safety words.
    pub words: Option<Vec<u8>>,
    /// Verified under this name, and has another one now.
    pub saved_as: Option<String>,
    /// One of the contacts.
    pub saved: bool,
}

/// Which pictures a tile shows: `"me"` or a participant id, and the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct TileKey {
    pub participant: ParticipantId,
    pub source: TrackSource,
}

impl TileKey {
    /// The tile of our own camera.
    pub fn me() -> Self {
        Self { participant: ParticipantId("me".into()), source: TrackSource::Camera }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Quality {
    Good,
    Fair,
    Weak,
}

impl Quality {
    pub(crate) fn worse(self, other: Self) -> Self {
        if other as u8 > self as u8 { other } else { self }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct QualityView {
    pub level: Quality,
    /// What holds it back most; none when it is good, or when nothing comes.
    pub cause: Option<QualityCause>,
    pub round_trip_ms: Option<u32>,
    pub send_kbps: u32,
    pub receive_kbps: u32,
    /// Per cent, the worse direction.
    pub loss_percent: u32,
    pub relayed: bool,
    pub send_width: u32,
    pub send_height: u32,
    pub send_fps: u32,
    pub receive_width: u32,
    pub receive_height: u32,
    pub receive_fps: u32,
}

/// What holds a connection back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum QualityCause {
    /// What we send has to fit into `kbps`, so the picture is smaller than it could be.
    SlowUpload { kbps: u32 },
    /// Much is lost on the way.
    Loss,
    /// It takes long to the other side and back.
    LongWay,
    /// This computer has no time for a larger picture.
    Busy,
}

/// What the page reacts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Problem {
    CameraBusy,
    CameraDenied,
    CameraMissing,
    CameraLost,
    CameraFailed,
    MicrophoneBusy,
    MicrophoneDenied,
    MicrophoneMissing,
    MicrophoneLost,
    SpeakerMissing,
    /// The far side's description is not signed with the link's secret.
    Untrusted,
    /// Somebody has the name of a verified person, and another key.
    KeyChanged,
    /// The user has found that the words differ.
    WordsDiffer,
    /// Only a TURN server may be used, and none lets us in.
    NoRelay,
    NetworkLost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum EndReason {
    /// We left.
    Left,
    RoomNotFound,
    RoomFull,
    TooManyRequests,
    Version,
    ServerUnreachable,
    Protocol,
    /// The server's certificate is too old or too young, or the clock is wrong.
    CertificateExpired,
    CertificateWrongName,
    /// Nobody here knows who has signed it.
    CertificateUnknown,
    CertificateInvalid,
    Lost,
    /// The program ended in its middle, and runs again.
    Interrupted,
    /// A host did not let us in.
    Denied,
    /// A host put us out.
    Removed,
    /// A host ended the meeting for all.
    EndedByHost,
}

impl From<CertificateFault> for EndReason {
    fn from(fault: CertificateFault) -> Self {
        match fault {
            CertificateFault::Expired => Self::CertificateExpired,
            CertificateFault::WrongName => Self::CertificateWrongName,
            CertificateFault::UnknownAuthority => Self::CertificateUnknown,
            CertificateFault::Invalid => Self::CertificateInvalid,
        }
    }
}

/// Sound levels, ten times a second while a microphone or a call is open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct Levels {
    /// 0 to 100, our microphone after voice processing.
    pub microphone: u8,
    pub participants: Vec<ParticipantLevel>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantLevel {
    pub id: ParticipantId,
    pub level: u8,
}

/// What the engine needs to know of the user's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct CallSettings {
    pub name: String,
    pub camera: Option<String>,
    pub microphone: Option<String>,
    pub speaker: Option<String>,
    pub privacy: ConnectionPrivacy,
    /// Only through a TURN server, and packets of sound all of one size.
    pub private: bool,
    /// Base URL of a fika-server; none: this computer serves its own rooms on the local network.
    pub server: Option<String>,
    /// Whoever has our key can ring us at the server.
    pub reachable: bool,
    /// Contacts can ring us on the local network too, and we them, without any server. Off, nothing is said or asked there.
    pub nearby: bool,
    /// Also those who are no contacts.
    pub strangers_may_ring: bool,
    /// Contacts who do the same see that we can be called at the server, and we see it of them. Off, nothing is said or asked.
    pub presence: bool,
}

impl Default for CallSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            camera: None,
            microphone: None,
            speaker: None,
            privacy: ConnectionPrivacy::default(),
            private: false,
            server: None,
            reachable: false,
            nearby: false,
            strangers_may_ring: true,
            presence: false,
        }
    }
}
