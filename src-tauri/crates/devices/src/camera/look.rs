//! Looking which cameras there are. A thread `camera-list` does it, one at a time, because a driver may never answer;
//! whoever asks waits for a bounded time and else gets what was known before.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Camera, platform};
use crate::thread;

/// How long an asker waits for a look.
const TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Look(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Default)]
struct State {
    /// The thread is looking.
    busy: bool,
    cameras: Vec<Camera>,
    /// What is known about each node, so that looking again neither opens nor wakes a camera. The thread has it while
    /// it looks.
    known: platform::Known,
}

impl Look {
    /// The cameras now, in the system's order.
    pub(super) fn cameras(&self) -> Vec<Camera> {
        let mut state = self.0.lock();
        if !state.busy {
            let (shared, known) = (self.0.clone(), std::mem::take(&mut state.known));
            state.busy = thread::spawn("camera-list", move || shared.look(known)).is_ok();
        }
        let (state, waited) =
            self.0.done.wait_timeout_while(state, TIMEOUT, |state| state.busy).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            tracing::warn!("a camera does not answer; the list of cameras is an old one");
        }
        state.cameras.clone()
    }
}

impl Shared {
    fn look(&self, mut known: platform::Known) {
        let _entered = platform::enter_camera_thread();
        // Driver libraries panic on what they do not expect.
        let cameras = catch_unwind(AssertUnwindSafe(|| platform::cameras(&mut known))).unwrap_or_default();
        *self.lock() = State { busy: false, cameras, known };
        self.done.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
