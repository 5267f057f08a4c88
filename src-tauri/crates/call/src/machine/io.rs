//! What goes into the call machine and what comes out of it. Plain values; the engine turns its commands, the session's
//! events and the devices' results into [`Input`] and performs each [`Output`].

use std::time::Duration;

use crate::chat::MessageId;
use crate::identity::{Contact, IdentityKey};
use crate::invite::{HostKey, Invite};
use crate::room::{Moderation, Reaction};
use crate::session::{Request, SessionCommand, SessionEvent};
use crate::signal::{IceServer, MediaState};
use crate::view::{CallSettings, DeviceProblem, EndReason, Levels, Notification, TileKey};
use crate::{ParticipantId, VideoWant};

/// What does not change while the program runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Added to those that the server names.
    pub ice_servers: Vec<IceServer>,
    /// Upper limit of the video that we send, bits a second.
    pub max_video_bitrate: u32,
    /// Who was saved or verified in earlier calls.
    pub contacts: Vec<Contact>,
}

impl Default for Config {
    fn default() -> Self {
        Self { ice_servers: Vec::new(), max_video_bitrate: 2_500_000, contacts: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    Camera,
    Microphone,
    Speaker,
}

/// One entry of the device list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub kind: DeviceKind,
    pub id: String,
    pub name: String,
    pub is_default: bool,
}

/// Numbers the attempts to open something, so that the late answer to an earlier attempt is known and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attempt(pub u32);

/// Picture size and rate of one direction; zero while there is no picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VideoFigures {
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    /// The processor has no time for more.
    pub slowed: bool,
    /// The way to the others carries no more.
    pub limited: bool,
}

/// A tile that can be seen, in device pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibleTile {
    pub tile: TileKey,
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Debug)]
pub enum Input {
    // What the user does.
    /// Open a room and go to its lobby.
    NewCall,
    /// Go to the lobby of this room.
    OpenInvite(Invite),
    /// The same for a link that came from outside the app, from anybody: with the devices off. In a call it is only told.
    OpenLink(Invite),
    /// The program ended in the middle of this call, and runs again: offer to go back, with the devices off.
    OfferRejoin(Invite),
    /// The user answers a call: into the room of this link at once, out of wherever we are.
    Answer {
        invite: Invite,
        video: bool,
        /// The one who calls does not learn our addresses.
        relayed: bool,
    },
    /// From the lobby into the call.
    Join,
    Leave,
    /// Out of whatever is going on, back home.
    Home,
    /// From the after-call screen back into the same room.
    Rejoin,
    SetMicrophone {
        on: bool,
    },
    SetCamera {
        on: bool,
    },
    /// `None`: the system's default.
    SelectDevice {
        kind: DeviceKind,
        id: Option<String>,
    },
    RetryDevice {
        kind: DeviceKind,
    },
    SetName {
        name: String,
    },
    Settings(CallSettings),
    Room(RoomInput),
    /// The user has compared the words with this participant. Different: no media to or from them from now on.
    WordsCompared {
        participant: ParticipantId,
        same: bool,
    },
    /// The user saves somebody of the call under this name.
    SaveContact {
        participant: ParticipantId,
        name: String,
    },
    RenameContact {
        key: IdentityKey,
        name: String,
    },
    ForgetContact {
        key: IdentityKey,
    },
    /// Nobody is remembered any more.
    ForgetContacts,

    /// All tiles that can be seen now, in all windows. Before the first list everything counts as seen.
    Visible(Vec<VisibleTile>),

    // Answers to `Output::OpenRoom`.
    RoomOpened {
        attempt: Attempt,
        invite: Invite,
    },
    RoomFailed {
        attempt: Attempt,
        reason: EndReason,
    },

    // Answers to `Output::OpenDevice`, and what happens to the device later.
    DeviceOpened {
        kind: DeviceKind,
        attempt: Attempt,
        id: String,
        name: String,
    },
    /// It could not be opened.
    DeviceFailed {
        kind: DeviceKind,
        attempt: Attempt,
        problem: DeviceProblem,
    },
    /// It was open and has stopped; the engine has closed it.
    DeviceLost {
        kind: DeviceKind,
        attempt: Attempt,
        problem: DeviceProblem,
    },
    /// The complete list, at the start and after each change.
    Devices(Vec<Device>),

    /// From the session of the last `Output::Connect`.
    Session(SessionEvent),
    /// The channel of session events ended without a `Closed`.
    SessionGone,
    /// Media packets of this participant arrived; four times a second is often enough.
    MediaReceived {
        participant: ParticipantId,
    },
    /// Pictures of this participant's camera are shown, or no longer.
    Video {
        participant: ParticipantId,
        shown: bool,
    },
    /// Once a second in a call.
    Figures {
        send: VideoFigures,
        receive: VideoFigures,
    },
    /// Ten times a second.
    Levels(Levels),
    /// The computer slept for so long, and `now` may not show it.
    Slept(Duration),
    /// The time that `poll_timeout` named has come.
    Timeout,
}

/// What the user does in a room, beside microphone and camera. The server decides whether it may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomInput {
    /// For the next `Join` or `Rejoin`; empty: none.
    SetPasscode(String),
    /// That of the room in the lobby, from when it was opened.
    SetHostKey(HostKey),
    Moderate(Moderation),
    SetHand {
        up: bool,
    },
    React(Reaction),
    /// `to`: a participant; `None`: everybody.
    SendChat {
        text: String,
        to: Option<ParticipantId>,
        reply_to: Option<MessageId>,
    },
    /// Send a message again that was not sent; by its key in the view.
    RetryChat {
        key: u32,
    },
    ReactToMessage {
        message: MessageId,
        reaction: Reaction,
        on: bool,
    },
    /// The user has seen what there is in the chat.
    ReadChat,
    /// The user does not do what a host asks.
    DismissAsk,
}

#[derive(Clone, Debug)]
pub enum Output {
    /// Answered by `RoomOpened` or `RoomFailed`. `None`: on this computer.
    OpenRoom {
        attempt: Attempt,
        server: Option<url::Url>,
    },
    /// Begin a session. There is never more than one: `Disconnect` comes first.
    Connect(Request),
    /// To the session.
    Session(SessionCommand),
    /// Drop the session and what belongs to it: remote tracks, decoders, tiles.
    Disconnect,
    /// Answered by `DeviceOpened` or `DeviceFailed`. `None`: the default. An open device of this kind is closed first,
    /// and one that opens late for an earlier attempt is closed again at once.
    OpenDevice {
        kind: DeviceKind,
        attempt: Attempt,
        id: Option<String>,
    },
    CloseDevice {
        kind: DeviceKind,
    },
    /// What may be encoded and handed to the session from now on; at first nothing.
    SetSending(MediaState),
    /// Make the next picture of the camera a keyframe.
    ForceKeyframe,
    /// Whether the camera's encoder may use H.264 Main profile; constrained baseline after each `Connect`.
    SetVideoProfile {
        main: bool,
    },
    /// Bits a second, for the camera's encoder.
    SetVideoBitrate(u32),
    /// The most that anybody wants of our camera now; everything at first.
    SetVideoWant(VideoWant),
    /// Whether our own picture can be seen; at first it can.
    SetSelfView {
        shown: bool,
    },
    /// Per cent, for the microphone's encoder.
    SetAudioLoss(u8),
    /// Whether the microphone's packets all have one size, so that their sizes say nothing of what is said.
    SetConstantAudio {
        on: bool,
    },
    Notify(Notification),
    /// `Call::view` is another one now.
    ViewChanged,
    /// `Call::chat` is another one now.
    ChatChanged,
    /// `Call::contacts` are others now.
    ContactsChanged,
}
