//! Why a stream ended, passed from a callback to the reader without a lock. The first reason stands.

use std::sync::atomic::{AtomicU8, Ordering};

use cpal::ErrorKind;
use fika_media::device::DeviceError;

const NONE: u8 = 0;
const DISCONNECTED: u8 = 1;
const BUSY: u8 = 2;
const DENIED: u8 = 3;
const FAILED: u8 = 4;

#[derive(Debug, Default)]
pub(super) struct Fault(AtomicU8);

impl Fault {
    /// What the stream's error means for it; `false`: nothing, it goes on.
    pub(super) fn set(&self, kind: ErrorKind) -> bool {
        let code = match kind {
            // The stream moved to another device, or missed something, and goes on.
            ErrorKind::DeviceChanged | ErrorKind::Xrun | ErrorKind::RealtimeDenied => return false,
            ErrorKind::DeviceNotAvailable | ErrorKind::StreamInvalidated | ErrorKind::HostUnavailable => DISCONNECTED,
            ErrorKind::DeviceBusy => BUSY,
            ErrorKind::PermissionDenied => DENIED,
            _ => FAILED,
        };
        self.put(code)
    }

    /// The device is not in the list any more.
    pub(super) fn disconnect(&self) -> bool {
        self.put(DISCONNECTED)
    }

    pub(super) fn check(&self) -> Result<(), DeviceError> {
        match self.0.load(Ordering::Acquire) {
            NONE => Ok(()),
            DISCONNECTED => Err(DeviceError::Disconnected),
            BUSY => Err(DeviceError::Busy),
            DENIED => Err(DeviceError::PermissionDenied),
            _ => Err(DeviceError::Failed("the sound stream ended".to_owned())),
        }
    }

    fn put(&self, code: u8) -> bool {
        self.0.compare_exchange(NONE, code, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// The same for an error while opening.
pub(super) fn of_open(error: &cpal::Error) -> DeviceError {
    match error.kind() {
        ErrorKind::DeviceBusy => DeviceError::Busy,
        ErrorKind::PermissionDenied => DeviceError::PermissionDenied,
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated => {
            DeviceError::NotFound
        }
        ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation => DeviceError::Unsupported(error.to_string()),
        _ => DeviceError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stands() {
        let fault = Fault::default();
        assert_eq!(fault.check(), Ok(()));
        assert!(fault.set(ErrorKind::StreamInvalidated));
        assert!(!fault.set(ErrorKind::DeviceBusy), "the output reports a dead server twice");
        assert_eq!(fault.check(), Err(DeviceError::Disconnected));
    }

    #[test]
    fn a_stream_that_goes_on_has_no_fault() {
        let fault = Fault::default();
        for kind in [ErrorKind::DeviceChanged, ErrorKind::Xrun, ErrorKind::RealtimeDenied] {
            assert!(!fault.set(kind));
        }
        assert_eq!(fault.check(), Ok(()));
    }
}
