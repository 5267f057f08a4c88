//! How an instance stops: alone it lets people finish; beside others it sends them there, a few at a time.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Hub;
use crate::rooms::{Now, RESUME};

/// Connections that are sent to the other instances at a time, so that these are not asked by all at once.
const AT_A_TIME: usize = 50;
const PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Draining {
    /// Nobody is left. Whoever drains may have lost patience.
    done: Option<oneshot::Sender<()>>,
    /// When the next ones are sent away.
    pub(super) next: Option<Instant>,
}

impl Hub {
    pub(super) fn drain(&mut self, done: oneshot::Sender<()>, now: Now) {
        let next = (!self.log.is_alone()).then(Instant::now);
        self.draining = Some(Draining { done: Some(done), next });
        self.drain_more(now);
        self.drained();
    }

    pub(super) fn drain_more(&mut self, now: Now) {
        let Some(draining) = &mut self.draining else { return };
        if draining.next.is_none_or(|next| Instant::now() < next) {
            return;
        }
        draining.next = Some(Instant::now() + PAUSE);
        let some: Vec<_> = self.connections.keys().copied().take(AT_A_TIME).collect();
        for id in some {
            self.connections.remove(&id);
            self.gone(id, RESUME, now);
        }
        self.drained();
    }

    pub(super) fn drained(&mut self) {
        let left = if self.log.is_alone() { self.house.count().participants } else { self.connections.len() };
        if left == 0
            && let Some(draining) = &mut self.draining
            && let Some(done) = draining.done.take()
        {
            draining.next = None;
            let _ = done.send(());
        }
    }
}
