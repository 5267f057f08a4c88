//! Microphones and speakers.
//!
//! The thread `audio-device` owns all streams; their callbacks run in threads of the sound system and only copy. The
//! ends that are handed out never block.

mod config;
mod cushion;
mod device_thread;
mod drift;
mod fault;
mod filter;
mod host;
mod link;
mod microphone;
mod open;
mod resample;
mod samples;
mod speaker;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use device_thread::{Command, Request};
use fika_media::device::{DeviceError, DeviceId, DeviceInfo, Wake};
use fika_media::{AudioSink, AudioSource};
#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
use portable as platform;

/// A sound system that takes longer to answer hangs, and its thread is abandoned.
const ANSWER: Duration = Duration::from_secs(5);

/// The microphones and speakers of this machine.
#[derive(Default)]
pub(crate) struct Sounds {
    /// The way to the thread; `None` until it is needed, and after it was abandoned.
    thread: Mutex<Option<SyncSender<Command>>>,
}

impl Sounds {
    /// Microphones, then speakers. Empty when no sound system answers.
    pub(crate) fn list(&self) -> Vec<DeviceInfo> {
        self.ask(|_, reply| Command::List(reply)).unwrap_or_default()
    }

    pub(crate) fn open_microphone(
        &self,
        id: Option<&DeviceId>,
        wake: Wake,
    ) -> Result<Box<dyn AudioSource>, DeviceError> {
        let id = id.cloned();
        let end = self.ask(|owner, reply| Command::OpenMicrophone(Request { id, wake, owner }, reply))??;
        Ok(Box::new(end))
    }

    pub(crate) fn open_speaker(&self, id: Option<&DeviceId>, wake: Wake) -> Result<Box<dyn AudioSink>, DeviceError> {
        let id = id.cloned();
        let end = self.ask(|owner, reply| Command::OpenSpeaker(Request { id, wake, owner }, reply))??;
        Ok(Box::new(end))
    }

    fn ask<T>(&self, command: impl FnOnce(SyncSender<Command>, SyncSender<T>) -> Command) -> Result<T, DeviceError> {
        let thread = self.thread()?;
        let (reply, answer) = sync_channel(1);
        match thread.try_send(command(thread.clone(), reply)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(DeviceError::Failed("the sound system has too much to do".to_owned()));
            }
            Err(TrySendError::Disconnected(_)) => return Err(self.abandon("the sound thread ended")),
        }
        match answer.recv_timeout(ANSWER) {
            Ok(answer) => Ok(answer),
            Err(RecvTimeoutError::Timeout) => Err(self.abandon("the sound system does not answer")),
            Err(RecvTimeoutError::Disconnected) => Err(self.abandon("the sound thread ended")),
        }
    }

    fn thread(&self) -> Result<SyncSender<Command>, DeviceError> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            *thread = Some(device_thread::start().map_err(|error| DeviceError::Failed(error.to_string()))?);
        }
        thread.clone().ok_or_else(|| DeviceError::Failed("the sound thread ended".to_owned()))
    }

    /// The next question starts a new thread.
    fn abandon(&self, why: &str) -> DeviceError {
        tracing::warn!(why, "a sound thread is abandoned");
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = None;
        DeviceError::Failed(why.to_owned())
    }
}
