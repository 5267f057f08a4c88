//! A thread that writes one file, behind a bounded queue. Full: what comes is left out and counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

pub(super) struct Writer<T> {
    queue: Mutex<Option<SyncSender<T>>>,
    thread: Mutex<Option<JoinHandle<Result<(), String>>>>,
    left_out: AtomicU64,
}

impl<T: Send + 'static> Writer<T> {
    pub(super) fn start(
        capacity: usize,
        write: impl FnOnce(Receiver<T>) -> Result<(), String> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, items) = sync_channel(capacity);
        let thread = std::thread::Builder::new().name("record".to_owned()).spawn(move || write(items))?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), left_out: AtomicU64::new(0) })
    }

    /// Never waits for the disk.
    pub(super) fn put(&self, item: T) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.as_ref().map(|queue| queue.try_send(item)) {
            Some(Err(TrySendError::Full(_))) => drop(self.left_out.fetch_add(1, Ordering::Relaxed)),
            // Closed: finished, or the thread has failed and will say so.
            Some(Ok(()) | Err(TrySendError::Disconnected(_))) | None => {}
        }
    }

    /// Waits until everything is written. What went wrong, as the end of a sentence.
    pub(super) fn finish(&self) -> Option<String> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let failed = match thread.join() {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some("the writing thread panicked".to_owned()),
        };
        let left_out = self.left_out.load(Ordering::Relaxed);
        failed.or_else(|| (left_out > 0).then(|| format!("{left_out} pieces were left out, the disk is too slow")))
    }
}
