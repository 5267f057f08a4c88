//! The C library's functions that a camera program calls, taken over. Each first asks cheaply whether it concerns a
//! camera and else passes the call on unchanged. No panic leaves a hook. Any thread.

use std::ffi::{CStr, c_char, c_int, c_long, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::camera::Node;
use crate::{listing, nodes, real};

/// The answer of a system call: a value or an error number.
pub(crate) type Answer = Result<c_int, c_int>;

#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: the caller's promises are passed on; so in every hook below.
    unsafe { opened(path).unwrap_or_else(|| real::open(path, flags, mode)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    unsafe { opened(path).unwrap_or_else(|| real::open64(path, flags, mode)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    unsafe { opened(path).unwrap_or_else(|| real::openat(directory, path, flags, mode)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    unsafe { opened(path).unwrap_or_else(|| real::openat64(directory, path, flags, mode)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    if nodes::is_ours(fd) {
        guarded(|| {
            nodes::remove(fd);
            Ok(0)
        });
    }
    unsafe { real::close(fd) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    if nodes::is_ours(fd) { controlled(fd, request, argument) } else { unsafe { real::ioctl(fd, request, argument) } }
}

/// Some libraries issue their ioctls this way.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_ioctl && nodes::is_ours(a as c_int) {
        return c_long::from(controlled(a as c_int, b as c_ulong, c as *mut c_void));
    }
    unsafe { real::syscall(number, a, b, c, d, e, f) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mmap(
    at: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: libc::off64_t,
) -> *mut c_void {
    let fd = if nodes::is_ours(fd) { nodes::with(fd, |node| node.memory()).unwrap_or(fd) } else { fd };
    unsafe { real::mmap(at, length, protection, flags, fd, offset) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mmap64(
    at: *mut c_void,
    length: usize,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: libc::off64_t,
) -> *mut c_void {
    unsafe { mmap(at, length, protection, flags, fd, offset) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn opendir(path: *const c_char) -> *mut libc::DIR {
    let directory = unsafe { real::opendir(path) };
    if !directory.is_null() && unsafe { CStr::from_ptr(path) } == c"/dev" {
        guarded(|| {
            listing::start(directory);
            Ok(0)
        });
    }
    directory
}

#[unsafe(no_mangle)]
unsafe extern "C" fn readdir64(directory: *mut libc::DIR) -> *mut libc::dirent64 {
    if listing::is_ours(directory)
        && let Ok(Some(entry)) = catch_unwind(|| listing::next(directory))
    {
        return entry;
    }
    unsafe { real::readdir64(directory) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn closedir(directory: *mut libc::DIR) -> c_int {
    if listing::is_ours(directory) {
        guarded(|| {
            listing::end(directory);
            Ok(0)
        });
    }
    unsafe { real::closedir(directory) }
}

/// `None`: not a camera's path.
unsafe fn opened(path: *const c_char) -> Option<c_int> {
    if path.is_null() {
        return None;
    }
    // SAFETY: a path ends with a zero.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    if let Some(number) = path.strip_prefix(b"/dev/video") {
        let number = std::str::from_utf8(number).ok()?.parse().ok()?;
        return Some(guarded(|| Node::open(number)));
    }
    let number = path.strip_prefix(b"/sys/class/video4linux/video")?.strip_suffix(b"/name")?;
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some(guarded(|| Node::open_name(number)))
}

fn controlled(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    // SAFETY: the request says what the argument points to, as in the kernel.
    guarded(|| nodes::with(fd, |node| unsafe { node.control(request, argument) }).unwrap_or(Err(libc::EBADF)))
}

fn guarded(work: impl FnOnce() -> Answer) -> c_int {
    match catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(libc::EIO)) {
        Ok(value) => value,
        Err(error) => {
            // SAFETY: the address of this thread's error number is always valid.
            unsafe { *libc::__errno_location() = error };
            -1
        }
    }
}
