//! Names of things, as W3C and LiveKit use them.

use serde::{Deserialize, Serialize};

/// Server-made room id: 80 random bits as `abcd-efgh-ijkl-mnop` (base32, lower case).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, specta::Type, ts_rs::TS)]
pub struct RoomId(pub String);

/// Server-made, new at each join.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, specta::Type, ts_rs::TS)]
pub struct ParticipantId(pub String);

/// Unique within its participant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, specta::Type, ts_rs::TS)]
pub struct TrackId(pub String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub enum TrackKind {
    Audio,
    Video,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, specta::Type, ts_rs::TS)]
#[serde(rename_all = "camelCase")]
pub enum TrackSource {
    Camera,
    Microphone,
    ScreenShare,
    ScreenShareAudio,
}

impl TrackSource {
    pub const fn kind(self) -> TrackKind {
        match self {
            Self::Camera | Self::ScreenShare => TrackKind::Video,
            Self::Microphone | Self::ScreenShareAudio => TrackKind::Audio,
        }
    }
}
