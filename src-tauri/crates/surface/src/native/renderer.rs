//! The thread `surface` that converts the pictures of all windows, and the buffers that it fills. Waits on a condition
//! when there is nothing to convert.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::convert::Converter;
use super::mailbox::{Windows, Work};

/// Buffers kept for the next pictures, of all windows. Full: a buffer that comes back is freed.
const MAX_FREE_BUFFERS: usize = 8;

/// Draws pictures beneath the pages of any number of windows. Stops when it is dropped.
pub struct Renderer {
    pub(crate) shared: Arc<Shared>,
    converter: Option<JoinHandle<()>>,
}

#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// There may be something to convert, or it is time to stop.
    pub(crate) wake: Condvar,
    pub(crate) buffers: Buffers,
}

#[derive(Default)]
struct State {
    windows: Windows,
    stopping: bool,
}

/// Pixel buffers between two pictures.
#[derive(Default)]
pub(crate) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Renderer {
    pub fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let converter = std::thread::Builder::new().name("surface".into()).spawn({
            let shared = shared.clone();
            move || convert_until_stopped(&shared)
        })?;
        Ok(Self { shared, converter: Some(converter) })
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.wake.notify_one();
        if self.converter.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the tiles has panicked");
        }
    }
}

impl Shared {
    pub(crate) fn windows<T>(&self, act: impl FnOnce(&mut Windows) -> T) -> T {
        act(&mut self.lock().windows)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffers {
    fn take(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_default()
    }

    pub(crate) fn put(&self, buffer: Vec<u8>) {
        let mut free = self.lock();
        if free.len() < MAX_FREE_BUFFERS {
            free.push(buffer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn convert_until_stopped(shared: &Shared) {
    let mut converter = Converter::default();
    while let Some(work) = next_work(shared) {
        let mut pixels = shared.buffers.take();
        let size = converter.convert(&work.image, &work.target, &mut pixels);
        let unwanted = shared.windows(|windows| windows.done(&work, pixels, size));
        if let Some(buffer) = unwanted {
            shared.buffers.put(buffer);
        }
    }
}

/// Waits for a picture to convert. `None`: it is time to stop.
fn next_work(shared: &Shared) -> Option<Work> {
    let mut state = shared.lock();
    loop {
        if state.stopping {
            return None;
        }
        if let Some(work) = state.windows.take() {
            return Some(work);
        }
        state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}
