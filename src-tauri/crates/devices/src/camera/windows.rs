//! Cameras on Windows: Media Foundation through the capture library.
//!
//! The library initialises COM and Media Foundation once for the process, on the first thread that touches it, and shuts
//! them down with the last camera, on whichever thread that is. So every thread here that calls it brings its own: COM in
//! the apartment that the library wants, and a count on Media Foundation, which then lives as long as a thread needs it.

use fika_media::device::DeviceError;
use nokhwa::utils::FrameFormat;

use super::mode::{Mode, PixelFormat};
pub(super) use super::portable::{Known, cameras, fault, is_present, prepare};
use crate::thread::Worker;

const APARTMENT_THREADED: u32 = 0x2;
const DISABLE_OLE1DDE: u32 = 0x4;
/// MF_VERSION: the version of the interface in the upper half, of its definitions in the lower.
const MF_VERSION: u32 = 0x0002_0070;
const MF_NO_SOCKET: u32 = 0x1;

#[link(name = "ole32")]
unsafe extern "system" {
    fn CoInitializeEx(reserved: *mut std::ffi::c_void, mode: u32) -> i32;
    fn CoUninitialize();
}

#[link(name = "mfplat")]
unsafe extern "system" {
    fn MFStartup(version: u32, flags: u32) -> i32;
    fn MFShutdown() -> i32;
}

/// A thread on which the capture library may be called, until it is dropped, on the same thread.
pub(super) struct CameraThread {
    com: bool,
    media_foundation: bool,
    /// Not `Send`: both are counted for the thread that began.
    _here: std::marker::PhantomData<*const ()>,
}

/// To be called first on a thread that calls the capture library, and kept until its last camera is dropped.
pub(super) fn enter_camera_thread() -> CameraThread {
    // SAFETY: the calls take no pointers of ours. A failure is a negative code, and is not undone in `drop`.
    let (com, media_foundation) = unsafe {
        (
            CoInitializeEx(std::ptr::null_mut(), APARTMENT_THREADED | DISABLE_OLE1DDE),
            MFStartup(MF_VERSION, MF_NO_SOCKET),
        )
    };
    if com < 0 || media_foundation < 0 {
        tracing::debug!(
            com = format!("{com:#x}"),
            media_foundation = format!("{media_foundation:#x}"),
            "no cameras here"
        );
    }
    CameraThread { com: com >= 0, media_foundation: media_foundation >= 0, _here: std::marker::PhantomData }
}

impl Drop for CameraThread {
    fn drop(&mut self) {
        // SAFETY: each undoes one call of `enter_camera_thread` that succeeded, on its thread.
        unsafe {
            if self.media_foundation {
                MFShutdown();
            }
            if self.com {
                CoUninitialize();
            }
        }
    }
}

/// Windows asks nobody: its privacy settings let an open fail.
pub(super) fn permitted() -> Result<(), DeviceError> {
    Ok(())
}

pub(super) fn modes(index: u32) -> Result<Vec<Mode>, DeviceError> {
    super::portable::modes(index, |format| match format {
        FrameFormat::YUYV => Some(PixelFormat::Yuyv),
        FrameFormat::NV12 => Some(PixelFormat::Nv12),
        FrameFormat::MJPEG => Some(PixelFormat::Mjpeg),
        _ => None,
    })
}

/// There is no way to end the wait; the thread is abandoned.
pub(super) fn interrupt(_worker: &Worker) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_come_and_go_while_others_stay() {
        let _stays = enter_camera_thread();
        for _ in 0..3 {
            let thread = std::thread::spawn(|| {
                let entered = enter_camera_thread();
                assert!(entered.com, "the thread had no other apartment");
            });
            thread.join().unwrap();
        }
        let again = enter_camera_thread();
        assert!(again.com, "the same apartment once more");
    }
}
