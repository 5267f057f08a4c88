//! Waiting of an OS thread for whatever comes first: a tokio channel, a device's wake-up ([`crate::thread::Thread::wake`])
//! or a time. Everything ends in an
//! `unpark`, which is safe to call from an audio callback; nothing queues here.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;

/// Belongs to the thread that made it.
pub(crate) struct Parker {
    waker: Waker,
}

/// What a channel holds right now.
pub(crate) enum Polled<T> {
    Value(T),
    /// The thread is unparked when there is more.
    Empty,
    Closed,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

impl Parker {
    /// For the current thread.
    pub(crate) fn new() -> Self {
        Self { waker: Waker::from(Arc::new(Unpark(std::thread::current()))) }
    }

    /// Takes one value without waiting. After [`Polled::Empty`] the next one ends [`Parker::park`].
    pub(crate) fn poll<T>(&self, receiver: &mut Receiver<T>) -> Polled<T> {
        match receiver.poll_recv(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Some(value)) => Polled::Value(value),
            Poll::Ready(None) => Polled::Closed,
            Poll::Pending => Polled::Empty,
        }
    }

    /// Waits for a wake-up, at most `timeout`. May return early.
    pub(crate) fn park(&self, timeout: Option<Duration>) {
        match timeout {
            Some(timeout) => std::thread::park_timeout(timeout),
            None => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn a_value_ends_the_wait() {
        let (sender, mut receiver) = mpsc::channel(4);
        let parker = Parker::new();
        assert!(matches!(parker.poll(&mut receiver), Polled::Empty));
        let other = std::thread::spawn(move || sender.blocking_send(5).unwrap());
        loop {
            match parker.poll(&mut receiver) {
                Polled::Value(5) => break,
                Polled::Empty => parker.park(None),
                _ => unreachable!(),
            }
        }
        other.join().unwrap();
        assert!(matches!(parker.poll(&mut receiver), Polled::Closed));
    }
}
