//! What the engine's threads and tasks tell the actor.

use fika_call::files::DiskEvent;
use fika_call::invite::Invite;
use fika_call::machine::Attempt;
use fika_call::view::{EndReason, Levels};
use fika_call::{ParticipantId, TrackSource};
use fika_media::device::{DeviceError, DeviceId, DeviceInfo, DeviceKind};

/// Between threads and the actor. Full: results of devices and rooms wait; what comes again by itself is dropped.
pub(crate) const EVENT_QUEUE: usize = 256;

#[derive(Debug)]
pub(crate) enum Event {
    Room {
        attempt: Attempt,
        result: Result<Invite, EndReason>,
    },
    DeviceOpened {
        kind: DeviceKind,
        attempt: Attempt,
        /// As asked for; `None`: the default.
        id: Option<DeviceId>,
    },
    DeviceFailed {
        kind: DeviceKind,
        attempt: Attempt,
        error: DeviceError,
    },
    /// It was open; it is closed now.
    DeviceLost {
        kind: DeviceKind,
        attempt: Attempt,
        error: DeviceError,
    },
    Devices(Vec<DeviceInfo>),
    /// Media of this participant arrived; four times a second.
    Received {
        participant: ParticipantId,
    },
    /// Its pictures are shown, or no longer.
    Video {
        participant: ParticipantId,
        shown: bool,
    },
    /// Repeated by the decode thread until one comes.
    KeyframeNeeded {
        participant: ParticipantId,
        source: TrackSource,
    },
    Levels(Levels),
    /// What the thread `files` has done.
    Disk(DiskEvent),
    Panicked {
        thread: String,
    },
}
