//! What a shell may ask of the engine. Values are checked by the call machine, not by the shell.

use fika_call::ParticipantId;
use fika_call::files::FileInput;
use fika_call::identity::IdentityKey;
use fika_call::invite::LinkError;
use fika_call::machine::RoomInput;
use fika_call::text::TextInput;
use fika_call::view::CallSettings;
use fika_media::device::{DeviceId, DeviceKind};

#[derive(Clone, Debug)]
pub enum Command {
    /// Open a room (on the configured server, else on this computer) and go to its lobby.
    NewCall,
    /// Read a link and go to the lobby of its room. A bad link is the reply's error and changes nothing.
    OpenInvite {
        link: String,
    },
    /// The same for a link that came from outside the app: with the devices off, and in a call it is only told.
    OpenLink {
        link: String,
    },
    /// The program ended in the middle of the call of this link, and runs again.
    OfferRejoin {
        link: String,
    },
    /// The user answers a call: into the room of this link at once. `relayed`: the caller does not learn our addresses.
    Answer {
        link: String,
        video: bool,
        relayed: bool,
    },
    /// From the lobby into the call, with microphone and camera as they are in the preview.
    Join,
    Leave,
    /// From the lobby or the after-call screen back home: devices are released.
    Home,
    /// From the after-call screen or a lost connection back into the same room.
    Rejoin,
    SetMicrophone {
        on: bool,
    },
    SetCamera {
        on: bool,
    },
    /// `None`: the system's default. Remembered by the shell.
    SelectDevice {
        kind: DeviceKind,
        id: Option<DeviceId>,
    },
    /// Open the device again after a fault.
    RetryDevice {
        kind: DeviceKind,
    },
    /// Two soft notes through the speaker, if it is open.
    PlayTestSound,
    SetName {
        name: String,
    },
    Settings(CallSettings),
    /// Chat, hands, reactions, and what hosts do.
    Room(RoomInput),
    /// Files to and from others.
    File(FileInput),
    /// Real-time text.
    Text(TextInput),
    /// The user has compared the safety words with this participant.
    CompareWords {
        participant: ParticipantId,
        same: bool,
    },
    /// Somebody of the call is remembered under this name.
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
}

/// Why a command changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Ask for the link again.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The engine was shut down.
    #[error("the engine has stopped")]
    Stopped,
}
