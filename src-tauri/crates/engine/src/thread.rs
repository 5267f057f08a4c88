//! The one way the engine starts an OS thread: named, built on the thread itself, its panics logged and reported to the
//! actor, stopped and joined when its owner drops it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use fika_media::device::Wake;
use tokio::sync::mpsc;

use crate::event::Event;

/// Tells a thread to end. Whoever waits is unparked when it is set.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A running thread. Dropping it sets its stop flag, wakes it and joins it.
pub(crate) struct Thread {
    stop: Stop,
    /// Wakes a thread that waits elsewhere than in `park`.
    wake: Box<dyn Fn() + Send + Sync>,
    handle: Option<JoinHandle<()>>,
}

/// Why there is no thread.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpawnError<E: fmt::Display + fmt::Debug> {
    #[error("no thread: {0}")]
    System(#[from] std::io::Error),
    #[error("{0}")]
    Build(E),
    #[error("the thread panicked while it was built")]
    Panicked,
}

/// Starts `run` on a thread called `name` with what `build` makes there, and returns when that is made. A panic in
/// either ends only this thread; the actor hears of it as [`Event::Panicked`].
pub(crate) fn spawn<S, E>(
    name: &str,
    events: mpsc::Sender<Event>,
    build: impl FnOnce() -> Result<S, E> + Send + 'static,
    run: impl FnOnce(S, &Stop) + Send + 'static,
) -> Result<Thread, SpawnError<E>>
where
    E: fmt::Display + fmt::Debug + Send + 'static,
{
    let stop = Stop::default();
    let (ready, built) = sync_channel(1);
    let (flag, thread) = (stop.clone(), name.to_owned());
    let body = move || {
        let state = match build() {
            Ok(state) => state,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let _ = ready.send(Ok(()));
        drop(ready);
        run(state, &flag);
    };
    let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        if catch_unwind(AssertUnwindSafe(body)).is_err() {
            tracing::error!(thread, "a thread panicked");
            // The queue is far longer than the number of threads; waiting here could wait for its own joiner.
            let _ = events.try_send(Event::Panicked { thread });
        }
    })?;
    match built.recv() {
        Ok(Ok(())) => Ok(Thread { stop, wake: Box::new(|| ()), handle: Some(handle) }),
        Ok(Err(error)) => {
            let _ = handle.join();
            Err(SpawnError::Build(error))
        }
        Err(_) => {
            let _ = handle.join();
            Err(SpawnError::Panicked)
        }
    }
}

impl Thread {
    /// `wake` is called after the stop flag is set.
    pub(crate) fn waking(mut self, wake: impl Fn() + Send + Sync + 'static) -> Self {
        self.wake = Box::new(wake);
        self
    }

    /// Unparks the thread; safe to call from an audio callback.
    pub(crate) fn wake(&self) -> Wake {
        let thread = self.handle.as_ref().map(|handle| handle.thread().clone());
        Arc::new(move || {
            if let Some(thread) = &thread {
                thread.unpark();
            }
        })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop.0.store(true, Ordering::Release);
        (self.wake)();
        if let Some(handle) = self.handle.take() {
            handle.thread().unpark();
            // A panic has been reported already.
            let _ = handle.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> (mpsc::Sender<Event>, mpsc::Receiver<Event>) {
        mpsc::channel(4)
    }

    #[test]
    fn is_named_stopped_and_joined() {
        let (events, _keep) = events();
        let (said, heard) = sync_channel(1);
        let thread = spawn::<_, std::io::Error>(
            "video-encode",
            events,
            || Ok(7),
            move |state, stop| {
                while !stop.is_set() {
                    std::thread::park();
                }
                said.send((state, std::thread::current().name().map(str::to_owned))).unwrap();
            },
        )
        .unwrap();
        drop(thread);
        assert_eq!(heard.try_recv().unwrap(), (7, Some("video-encode".to_owned())));
    }

    #[test]
    fn a_build_that_fails_is_the_answer() {
        let (events, mut happened) = events();
        let failed = spawn("audio", events, || Err::<(), _>("no codec"), |(), _| ());
        assert!(matches!(failed, Err(SpawnError::Build("no codec"))));
        assert!(happened.try_recv().is_err());
    }

    #[test]
    fn a_panic_is_reported() {
        let (events, mut happened) = events();
        let run = |(), _: &Stop| panic!("scripted");
        let thread = spawn::<_, std::io::Error>("video-decode-1", events, || Ok(()), run).unwrap();
        drop(thread);
        assert!(matches!(happened.try_recv(), Ok(Event::Panicked { thread }) if thread == "video-decode-1"));
    }
}
