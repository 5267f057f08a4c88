//! How the system asks the program to stop; one file for each platform, each with `Requests`.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::Requests;
#[cfg(windows)]
pub(crate) use windows::Requests;
