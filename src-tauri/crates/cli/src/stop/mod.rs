//! Ctrl-C and what else asks the program to end; one file for each platform.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::requested;
#[cfg(windows)]
pub(crate) use windows::requested;
