//! Which file descriptors are cameras. Asked by every hook, so the answer for other descriptors takes no lock.

use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::camera::Node;

/// Cameras that may be open at once in a process.
const MAX_OPEN: usize = 32;
const FREE: i32 = -1;

static COUNT: AtomicUsize = AtomicUsize::new(0);
static OPEN: [AtomicI32; MAX_OPEN] = [const { AtomicI32::new(FREE) }; MAX_OPEN];
static NODES: OnceLock<Mutex<HashMap<c_int, Arc<Mutex<Node>>>>> = OnceLock::new();

pub(crate) fn is_ours(fd: c_int) -> bool {
    fd >= 0 && COUNT.load(Ordering::Acquire) > 0 && OPEN.iter().any(|slot| slot.load(Ordering::Acquire) == fd)
}

/// Locks the node behind `fd`.
pub(crate) fn with<T>(fd: c_int, work: impl FnOnce(&mut Node) -> T) -> Option<T> {
    let node = nodes().get(&fd).cloned()?;
    let mut node = node.lock().unwrap_or_else(PoisonError::into_inner);
    Some(work(&mut node))
}

/// `false`: too many are open.
pub(crate) fn insert(fd: c_int, node: Node) -> bool {
    nodes().insert(fd, Arc::new(Mutex::new(node)));
    let free = |slot: &&AtomicI32| slot.compare_exchange(FREE, fd, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    if OPEN.iter().find(free).is_none() {
        nodes().remove(&fd);
        return false;
    }
    COUNT.fetch_add(1, Ordering::AcqRel);
    true
}

pub(crate) fn remove(fd: c_int) {
    let taken = |slot: &&AtomicI32| slot.compare_exchange(fd, FREE, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    if OPEN.iter().find(taken).is_some() {
        COUNT.fetch_sub(1, Ordering::AcqRel);
        // In a forked child another thread may have held the lock for ever; the entry is then replaced later.
        if let Some(Ok(mut nodes)) = NODES.get().map(Mutex::try_lock) {
            nodes.remove(&fd);
        }
    }
}

fn nodes() -> MutexGuard<'static, HashMap<c_int, Arc<Mutex<Node>>>> {
    NODES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}
