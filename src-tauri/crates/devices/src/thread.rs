//! The one way this crate starts a thread: named, its panics logged, its end observable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A thread that can be waited for with a deadline. Dropping it neither stops nor joins the thread.
pub(crate) struct Worker {
    handle: JoinHandle<()>,
    /// Nothing is ever sent: the other end closes when the thread's work is over.
    over: Receiver<()>,
}

/// Starts `work` on a thread called `name`. A panic inside is logged and ends only that thread.
pub(crate) fn spawn(name: &'static str, work: impl FnOnce() + Send + 'static) -> std::io::Result<Worker> {
    let (alive, over) = sync_channel(1);
    let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _alive: SyncSender<()> = alive;
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            tracing::error!(thread = name, "the thread panicked");
        }
    })?;
    Ok(Worker { handle, over })
}

impl Worker {
    /// Whether the thread's work ended within `timeout`.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        matches!(self.over.recv_timeout(timeout), Err(RecvTimeoutError::Disconnected))
    }

    /// Whether the caller runs on this thread.
    pub(crate) fn is_current(&self) -> bool {
        self.handle.thread().id() == std::thread::current().id()
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn handle(&self) -> &JoinHandle<()> {
        &self.handle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    #[test]
    fn a_panic_ends_the_thread_and_nothing_else() {
        let worker = spawn("test", || panic!("expected by the test")).unwrap();
        assert!(worker.wait(DEADLINE));
    }

    #[test]
    fn a_blocked_thread_does_not_block_the_waiter() {
        let (release, blocked) = sync_channel::<()>(1);
        let worker = spawn("test", move || {
            let _ = blocked.recv();
        })
        .unwrap();
        assert!(!worker.wait(Duration::ZERO));
        drop(release);
        assert!(worker.wait(DEADLINE));
    }
}
