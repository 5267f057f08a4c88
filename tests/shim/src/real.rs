//! The functions behind the hooks, looked up once. Any thread.

use std::ffi::{CStr, c_char, c_int, c_long, c_ulong, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

/// Declares a function that calls the next definition of `$name` behind this library.
macro_rules! next {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        pub(crate) unsafe fn $name($($argument: $type),*) -> $result {
            static FOUND: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
            const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!(),
            };
            // SAFETY: the symbol is the C library's function of that name; variadic ones read only the arguments that
            // their caller has given, however many are passed on.
            unsafe {
                let function: unsafe extern "C" fn($($type),*) -> $result = std::mem::transmute(find(&FOUND, NAME));
                function($($argument),*)
            }
        }
    )*};
}

next! {
    fn open(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int;
    fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int;
    fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int;
    fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int;
    fn close(fd: c_int) -> c_int;
    fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int;
    fn syscall(number: c_long, a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long) -> c_long;
    fn mmap(at: *mut c_void, length: usize, protection: c_int, flags: c_int, fd: c_int, offset: libc::off64_t) -> *mut c_void;
    fn opendir(path: *const c_char) -> *mut libc::DIR;
    fn readdir64(directory: *mut libc::DIR) -> *mut libc::dirent64;
    fn closedir(directory: *mut libc::DIR) -> c_int;
}

unsafe fn find(found: &AtomicPtr<c_void>, name: &CStr) -> *mut c_void {
    let known = found.load(Ordering::Acquire);
    if !known.is_null() {
        return known;
    }
    // SAFETY: the name ends with a zero.
    let function = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    if function.is_null() {
        // Without the C library's function nothing can go on.
        std::process::abort();
    }
    found.store(function, Ordering::Release);
    function
}
