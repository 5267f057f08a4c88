//! The thread `audio-device`: owns the connection to the sound system and every open stream, because streams may not
//! change threads, and looks after them: it notices devices that vanish without a word.
//!
//! Commands come through a queue of [`COMMANDS`]; when it is full the asker is told that the sound system is busy.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use fika_media::device::{DeviceError, DeviceId, DeviceInfo, DeviceKind, Wake};

use super::drift::Rate;
use super::host::{Listed, Sound};
use super::link::Link;
use super::microphone::Microphone;
use super::speaker::Speaker;
use super::{open, platform};
use crate::clock::Precise;
use crate::thread;

/// Commands that may wait.
const COMMANDS: usize = 16;
/// How often open streams are checked against the device list. PulseAudio moves a stream whose device is unplugged to
/// another one without a word. Asking takes well under a millisecond.
const CHECK_EVERY: Duration = Duration::from_millis(500);

pub(super) enum Command {
    List(SyncSender<Vec<DeviceInfo>>),
    OpenMicrophone(Request, SyncSender<Result<Microphone, DeviceError>>),
    OpenSpeaker(Request, SyncSender<Result<Speaker, DeviceError>>),
    /// A stream was closed by its reader or writer.
    Tidy,
}

pub(super) struct Request {
    /// `None`: the system's default.
    pub(super) id: Option<DeviceId>,
    pub(super) wake: Wake,
    /// For the open stream to report to. The thread keeps none itself, so that it ends with the last user.
    pub(super) owner: SyncSender<Command>,
}

/// Starts the thread. It ends when every sender is gone: the owner's and those of the open streams.
pub(super) fn start() -> std::io::Result<SyncSender<Command>> {
    let (sender, commands) = sync_channel(COMMANDS);
    thread::spawn("audio-device", move || {
        Thread { sound: None, streams: Vec::new(), master: Rate::default(), precise: None }.run(&commands);
    })?;
    Ok(sender)
}

/// An open stream.
struct Open {
    /// Dropping it ends the stream.
    _stream: cpal::Stream,
    device: String,
    link: Arc<Link>,
    wake: Wake,
}

struct Thread {
    sound: Option<Sound>,
    streams: Vec<Open>,
    /// The clock of the speaker that was opened last.
    master: Rate,
    /// While sound plays or is captured, which is also when a call paces its packets.
    precise: Option<Precise>,
}

impl Thread {
    fn run(mut self, commands: &Receiver<Command>) {
        let mut checked = Instant::now();
        loop {
            // Without an open stream there is nothing to look after and the thread sleeps.
            let command = if self.streams.is_empty() {
                commands.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                commands.recv_timeout(CHECK_EVERY.saturating_sub(checked.elapsed()))
            };
            platform::silence();
            // Before anything is opened: a card that is used by one app only must be free again.
            self.tidy();
            match command {
                Ok(command) => self.perform(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.keep_time();
            if checked.elapsed() >= CHECK_EVERY {
                checked = Instant::now();
                if !self.streams.is_empty() {
                    self.listed();
                }
            }
        }
    }

    fn perform(&mut self, command: Command) {
        // An asker that does not wait any more drops what it gets, which closes it again.
        match command {
            Command::List(reply) => {
                let _ = reply.send(self.listed().infos());
            }
            Command::OpenMicrophone(request, reply) => {
                let _ = reply.send(self.open(DeviceKind::Microphone, request, open::microphone));
            }
            Command::OpenSpeaker(request, reply) => {
                let _ = reply.send(self.open(DeviceKind::Speaker, request, open::speaker));
            }
            Command::Tidy => {}
        }
    }

    fn open<End>(&mut self, kind: DeviceKind, request: Request, open: open::Opener<End>) -> Result<End, DeviceError> {
        let listed = self.listed();
        let (id, device) = listed.find(kind, request.id.as_ref())?;
        let link = Arc::new(Link::new(request.owner));
        let (stream, end) = open(device, &link, &request.wake, &self.master)?;
        self.streams.push(Open { _stream: stream, device: id, link, wake: request.wake });
        Ok(end)
    }

    /// The devices now. Streams whose device has gone are told.
    fn listed(&mut self) -> Listed {
        let listed = self.look();
        for stream in &self.streams {
            if !listed.has(&stream.device) && stream.link.fault.disconnect() {
                (stream.wake)();
            }
        }
        listed
    }

    fn look(&mut self) -> Listed {
        if self.sound.as_ref().is_some_and(Sound::is_outdated) {
            self.sound = None;
        }
        let listed = self.sound.as_ref().and_then(Sound::list);
        if let Some(listed) = listed {
            return listed;
        }
        // The first time, and after a sound server has died: its connection never works again.
        self.sound = Sound::connect();
        self.sound.as_ref().and_then(Sound::list).unwrap_or_default()
    }

    fn keep_time(&mut self) {
        if self.streams.is_empty() {
            self.precise = None;
        } else if self.precise.is_none() {
            self.precise = Some(Precise::begin());
        }
    }

    fn tidy(&mut self) {
        self.streams.retain(|stream| !stream.link.is_closing());
    }
}
