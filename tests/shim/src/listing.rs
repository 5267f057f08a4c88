//! Cameras among the entries of `/dev`. Any thread; listings of other directories take no lock.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::real;
use crate::setup::{self, Fault};

static COUNT: AtomicUsize = AtomicUsize::new(0);
static LISTINGS: OnceLock<Mutex<HashMap<usize, Listing>>> = OnceLock::new();

struct Listing {
    /// The next camera to tell of.
    next: usize,
    entry: Box<libc::dirent64>,
}

/// The directory is `/dev`.
pub(crate) fn start(directory: *mut libc::DIR) {
    // SAFETY: a zeroed entry is a valid one with an empty name.
    let entry = Box::new(unsafe { std::mem::zeroed() });
    listings().insert(directory as usize, Listing { next: 0, entry });
    COUNT.fetch_add(1, Ordering::AcqRel);
}

pub(crate) fn is_ours(directory: *mut libc::DIR) -> bool {
    COUNT.load(Ordering::Acquire) > 0 && listings().contains_key(&(directory as usize))
}

/// The next camera's entry; `None`: all are told, the real directory follows. It is valid until the next call.
pub(crate) fn next(directory: *mut libc::DIR) -> Option<*mut libc::dirent64> {
    let setup = setup::get();
    let mut listings = listings();
    let listing = listings.get_mut(&(directory as usize))?;
    while listing.next < setup.devices.len() {
        let number = listing.next;
        listing.next += 1;
        if setup.has(Fault::Unplug, number) {
            continue;
        }
        let entry = &mut *listing.entry;
        entry.d_ino = 1 + number as u64;
        entry.d_type = libc::DT_CHR;
        entry.d_reclen = size_of::<libc::dirent64>() as u16;
        let name = format!("video{number}\0");
        for (to, from) in entry.d_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        return Some(entry);
    }
    drop(listings);
    // Cameras that the machine really has stay out of the test.
    loop {
        // SAFETY: the directory is open: its program is reading it.
        let entry = unsafe { real::readdir64(directory) };
        // SAFETY: the entry is null or valid until the next read.
        if entry.is_null() || !unsafe { (*entry).d_name }.map(|c| c as u8).starts_with(b"video") {
            return Some(entry);
        }
    }
}

pub(crate) fn end(directory: *mut libc::DIR) {
    if listings().remove(&(directory as usize)).is_some() {
        COUNT.fetch_sub(1, Ordering::AcqRel);
    }
}

fn listings() -> MutexGuard<'static, HashMap<usize, Listing>> {
    LISTINGS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}
