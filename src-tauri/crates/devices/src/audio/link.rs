//! What a stream's callbacks, its reader or writer and the thread `audio-device` share about its life.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use super::device_thread::Command;
use super::fault::Fault;

/// Each stream has its own, so a late callback of a closed stream can only report to nobody.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) fault: Fault,
    closing: AtomicBool,
    owner: Option<SyncSender<Command>>,
}

impl Link {
    pub(super) fn new(owner: SyncSender<Command>) -> Self {
        Self { fault: Fault::default(), closing: AtomicBool::new(false), owner: Some(owner) }
    }

    #[cfg(test)]
    pub(super) fn detached() -> Self {
        Self { fault: Fault::default(), closing: AtomicBool::new(false), owner: None }
    }

    /// From here on the stream's callbacks are ignored: closing a stream makes some sound systems report an error.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        if let Some(owner) = &self.owner {
            // A full queue means that the thread is awake and will look anyway.
            let _ = owner.try_send(Command::Tidy);
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}
