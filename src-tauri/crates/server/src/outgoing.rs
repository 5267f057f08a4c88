//! What waits to be written to one participant.
//!
//! Filled by the hub's task, emptied by the connection's task. Bounded in messages and in bytes. Full: the participant
//! reads too slowly and is dropped; the server and the others are not held up.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// A newcomer to a full room gets seven offers with some twenty candidates each.
pub(crate) const QUEUE: usize = 256;
pub(crate) const QUEUE_BYTES: usize = 512 * 1024;

pub(crate) struct Outgoing {
    queue: mpsc::Sender<Waiting>,
    bytes: Arc<Semaphore>,
}

pub(crate) struct Waiting {
    pub(crate) text: Utf8Bytes,
    /// Written then at the earliest.
    pub(crate) not_before: Option<Instant>,
    /// Given back when the text is written.
    _bytes: OwnedSemaphorePermit,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Outgoing {
    pub(crate) fn channel() -> (Self, mpsc::Receiver<Waiting>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue, bytes: Arc::new(Semaphore::new(QUEUE_BYTES)) }, waiting)
    }

    /// Where nobody reads any more, it is lost: what the connection said before that may still wait for the hub, and its end comes
    /// behind it.
    pub(crate) fn push(&self, text: String, not_before: Option<Instant>) -> Result<(), Full> {
        let length = u32::try_from(text.len()).map_err(|_| Full)?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(length).map_err(|_| Full)?;
        match self.queue.try_send(Waiting { text: text.into(), not_before, _bytes: bytes }) {
            Err(TrySendError::Full(_)) => Err(Full),
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_and_few_large_messages_fill_it() {
        let (outgoing, mut waiting) = Outgoing::channel();
        assert!((0..QUEUE).all(|_| outgoing.push("x".into(), None).is_ok()));
        assert_eq!(outgoing.push("x".into(), None), Err(Full));
        assert!(waiting.try_recv().is_ok());
        assert_eq!(outgoing.push("x".into(), None), Ok(()));

        let (outgoing, mut waiting) = Outgoing::channel();
        let large = "x".repeat(QUEUE_BYTES / 4);
        assert!((0..4).all(|_| outgoing.push(large.clone(), None).is_ok()));
        assert_eq!(outgoing.push("x".into(), None), Err(Full));
        drop(waiting.try_recv());
        assert_eq!(outgoing.push("x".into(), None), Ok(()));
        drop(waiting);
        assert_eq!(outgoing.push("x".into(), None), Ok(()), "nobody reads too slowly");
    }
}
