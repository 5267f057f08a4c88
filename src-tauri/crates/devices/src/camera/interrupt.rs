//! Getting a thread out of a system call that waits for a camera for ever.
//!
//! On Linux a signal ends `poll` early. SIGURG is used: it is ignored by default, so a stray one does no harm. The
//! camera thread blocks all other signals, because any of them would end its wait as if the camera had failed.

use std::os::unix::thread::JoinHandleExt;

use crate::thread::Worker;

/// A thread whose wait for a camera can be ended.
pub(super) struct CameraThread;

/// To be called first on a camera thread.
pub(super) fn enter_camera_thread() -> CameraThread {
    // SAFETY: plain calls with pointers to values that live through them. The handler does nothing, so it may run at
    // any moment on any thread.
    unsafe {
        let mut current: libc::sigaction = std::mem::zeroed();
        let known = libc::sigaction(libc::SIGURG, std::ptr::null(), &mut current) == 0;
        // A handler that the process already has also ends the wait and stays.
        if known && (current.sa_sigaction == libc::SIG_DFL || current.sa_sigaction == libc::SIG_IGN) {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
            libc::sigemptyset(&mut action.sa_mask);
            // Whatever else a stray signal meets is restarted; `poll` never is.
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(libc::SIGURG, &action, std::ptr::null_mut());
        }
        let mut blocked: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut blocked);
        libc::sigdelset(&mut blocked, libc::SIGURG);
        libc::pthread_sigmask(libc::SIG_SETMASK, &blocked, std::ptr::null_mut());
    }
    CameraThread
}

/// Ends the wait the worker is in, if it is in one.
pub(super) fn interrupt(worker: &Worker) {
    // SAFETY: the handle is neither joined nor detached while it is borrowed, so the thread's id is valid.
    unsafe {
        libc::pthread_kill(worker.handle().as_pthread_t(), libc::SIGURG);
    }
}

extern "C" fn nothing(_signal: libc::c_int) {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_without_end_is_ended() {
        let (ready, started) = sync_channel(1);
        let worker = crate::thread::spawn("test", move || {
            let _entered = enter_camera_thread();
            ready.send(()).unwrap();
            // SAFETY: no descriptors are passed; the call waits until a signal comes.
            let result = unsafe { libc::poll(std::ptr::null_mut(), 0, -1) };
            assert_eq!(result, -1);
        })
        .unwrap();
        started.recv().unwrap();
        let ended = (0..1000).any(|_| {
            interrupt(&worker);
            worker.wait(Duration::from_millis(20))
        });
        assert!(ended);
    }
}
