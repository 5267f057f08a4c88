//! The thread `surface` that converts the pictures of all windows, and the buffers that it fills. Waits on a condition
//! when there is nothing to convert.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::convert::Converter;
use super::mailbox::{Windows, Work};

/// What buffers kept for the next pictures may take, of all windows. Full: those that came back first are freed.
const MAX_FREE_BYTES: usize = 12 << 20;

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

/// Pixel buffers between two pictures, the latest last.
#[derive(Default)]
pub(crate) struct Buffers(Mutex<VecDeque<Vec<u8>>>);

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
    /// One of exactly so many bytes: another would be filled with zeros where it is too small, and hold too much where it is
    /// too large. Empty where there is none.
    fn take(&self, bytes: usize) -> Vec<u8> {
        let mut free = self.lock();
        let at = free.iter().rposition(|buffer| buffer.len() == bytes);
        at.and_then(|at| free.remove(at)).unwrap_or_default()
    }

    pub(crate) fn put(&self, buffer: Vec<u8>) {
        let mut free = self.lock();
        free.push_back(buffer);
        let mut bytes: usize = free.iter().map(Vec::capacity).sum();
        while bytes > MAX_FREE_BYTES {
            bytes -= free.pop_front().map_or(bytes, |oldest| oldest.capacity());
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn convert_until_stopped(shared: &Shared) {
    let mut converter = Converter::default();
    while let Some(work) = next_work(shared) {
        let mut pixels = shared.buffers.take(work.target.bytes(work.image.size()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_serves_pictures_of_its_size_and_the_oldest_goes_first() {
        let buffers = Buffers::default();
        for bytes in [100, 200, 100] {
            buffers.put(vec![bytes as u8; bytes]);
        }
        assert_eq!(buffers.take(150), Vec::<u8>::new());
        assert_eq!(buffers.take(100).len(), 100);
        buffers.put(vec![0; MAX_FREE_BYTES - 200]);
        assert_eq!((buffers.take(100).len(), buffers.take(200).len()), (0, 200), "no room for all three");
        buffers.put(vec![0; MAX_FREE_BYTES + 1]);
        assert!(buffers.lock().is_empty(), "larger than all that may be kept");
    }
}
