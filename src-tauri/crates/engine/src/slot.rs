//! A queue of one between two threads: the latest value wins. Full: the unread value is replaced.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::thread::Stop;

pub(crate) struct Slot<T> {
    value: Mutex<Option<T>>,
    changed: Condvar,
}

impl<T> Slot<T> {
    pub(crate) fn new() -> Self {
        Self { value: Mutex::new(None), changed: Condvar::new() }
    }

    /// Never waits. What nobody has taken is dropped.
    pub(crate) fn put(&self, value: T) {
        // The old one is dropped after the lock is free: it may be big.
        let _before = self.lock().replace(value);
        self.changed.notify_one();
    }

    /// Adds to what waits. Never waits itself.
    pub(crate) fn merge(&self, add: impl FnOnce(&mut T))
    where
        T: Default,
    {
        add(self.lock().get_or_insert_default());
        self.changed.notify_one();
    }

    /// Waits for a value. `None`: `stop` is set.
    pub(crate) fn take(&self, stop: &Stop) -> Option<T> {
        self.take_unless(stop, || false).flatten()
    }

    /// Like [`Slot::take`]; `Some(None)`: nothing has come, but `ready` is, which [`Slot::wake`] lets it look at.
    pub(crate) fn take_unless(&self, stop: &Stop, ready: impl Fn() -> bool) -> Option<Option<T>> {
        let waiting = |value: &mut Option<T>| value.is_none() && !stop.is_set() && !ready();
        let mut value = self.changed.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        if stop.is_set() { None } else { Some(value.take()) }
    }

    /// Something waits to be taken.
    pub(crate) fn is_pending(&self) -> bool {
        self.lock().is_some()
    }

    /// Lets who waits look at what else it waits for.
    pub(crate) fn wake(&self) {
        // Behind the lock, so that nobody is between looking and waiting.
        let _value = self.lock();
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::*;
    use crate::thread;

    #[test]
    fn the_latest_wins() {
        let slot = Slot::new();
        slot.put(1);
        slot.put(2);
        assert!(slot.is_pending());
        assert_eq!(slot.take(&Stop::default()), Some(2));
        assert!(!slot.is_pending());
    }

    #[test]
    fn what_waits_grows() {
        let slot = Slot::<Vec<u8>>::new();
        slot.merge(|waiting| waiting.push(1));
        slot.merge(|waiting| waiting.push(2));
        assert_eq!(slot.take(&Stop::default()), Some(vec![1, 2]));
    }

    #[test]
    fn wakes_who_waits() {
        let slot = Arc::new(Slot::new());
        let (taken, mut seen) = mpsc::channel(4);
        let (inbox, wake) = (Arc::clone(&slot), Arc::clone(&slot));
        let run = move |(), stop: &Stop| {
            while let Some(value) = inbox.take(stop) {
                taken.blocking_send(value).unwrap();
            }
        };
        let (events, _keep) = mpsc::channel(1);
        let thread = thread::spawn::<_, std::io::Error>("test", events, || Ok(()), run).unwrap();
        slot.put("a");
        assert_eq!(seen.blocking_recv(), Some("a"));
        drop(thread.waking(move || wake.wake()));
        assert_eq!(seen.blocking_recv(), None);
    }
}
