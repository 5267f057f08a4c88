//! What the actor does for each output of the call machine.

use std::sync::Arc;

use fika_call::machine::{self, Attempt, Output};
use fika_call::session::{Request, SessionCommand};
use fika_call::signal::MAX_PARTICIPANTS;
use fika_call::view::TileKey;
use fika_media::device::{DeviceError, DeviceId, DeviceKind};

use crate::actor::Actor;
use crate::event::Event;
use crate::ports::{IncomingMedia, IncomingTrack};
use crate::session::Running;
use crate::{audio, camera, decode, devices};

/// Video threads of one session; tracks beyond are not shown.
const MAX_DECODERS: usize = 2 * MAX_PARTICIPANTS;

impl Actor {
    pub(crate) async fn perform(&mut self) {
        while let Some(output) = self.call.poll_output() {
            match output {
                Output::OpenRoom { attempt, server } => self.open_room(attempt, server),
                Output::Connect(request) => self.connect(request).await,
                Output::Session(command) => {
                    if matches!(command, SessionCommand::Leave) {
                        self.beside_left();
                    }
                    self.expect_pictures(&command);
                    self.tell_session(command).await;
                }
                Output::Disconnect => {
                    self.disconnect().await;
                    self.beside_left();
                }
                Output::OpenDevice { kind, attempt, id } => {
                    self.open_device(devices::kind_from_call(kind), attempt, id.map(DeviceId));
                }
                Output::CloseDevice { kind } => self.close_device(kind),
                Output::SetSending(media) => {
                    self.sending = media;
                    self.update_audio_out().await;
                    self.update_video();
                }
                Output::ForceKeyframe => self.threads.encode.want(|wanted| wanted.keyframe = true),
                Output::SetVideoProfile { main } => self.threads.encode.want(|wanted| wanted.main_profile = main),
                Output::SetVideoBitrate(bitrate) => self.threads.encode.want(|wanted| wanted.bitrate = bitrate),
                Output::SetVideoWant(want) => self.threads.encode.want(|wanted| wanted.want = want),
                Output::SetSelfView { shown } => self.threads.camera.show(shown),
                Output::SetAudioLoss(percent) => self.threads.audio.send(audio::Command::Loss(percent)).await,
                Output::SetConstantAudio { on } => {
                    self.constant_audio = on;
                    self.threads.audio.send(audio::Command::Constant(on)).await;
                }
                // Nobody may be listening.
                Output::Notify(notification) => drop(self.out.notifications.send(notification)),
                Output::ContactsChanged => drop(self.out.contacts.send_replace(self.call.contacts().to_vec())),
                Output::ChatChanged => drop(self.out.chat.send_replace(self.call.chat())),
                Output::ViewChanged => drop(self.out.view.send_replace(self.call.view().clone())),
            }
        }
    }

    /// Pictures that nobody looks at stop on purpose.
    fn expect_pictures(&mut self, command: &SessionCommand) {
        let SessionCommand::WantVideo { participant, source, want } = command else { return };
        let Some(session) = &mut self.session else { return };
        let of_track = |decoder: &&mut decode::Decode| {
            (&decoder.track.participant, decoder.track.source) == (participant, *source)
        };
        session.decoders.iter_mut().filter(of_track).for_each(|decoder| decoder.expect(!want.is_none()));
    }

    fn open_room(&self, attempt: Attempt, server: Option<url::Url>) {
        let (rooms, events) = (Arc::clone(&self.config.rooms), self.events_sender.clone());
        tokio::spawn(async move {
            let result = rooms.open(server).await;
            // Fails only when the engine is gone.
            let _ = events.send(Event::Room { attempt, result }).await;
        });
    }

    async fn connect(&mut self, request: Request) {
        self.disconnect().await;
        let bitrate = request.max_video_bitrate;
        self.threads.encode.want(|wanted| {
            wanted.bitrate = bitrate;
            wanted.main_profile = false;
        });
        let (session, arrived) = Running::new(self.config.connector.connect(request));
        self.session = Some(session);
        self.beside.arrived = Some(arrived);
        self.update_audio_out().await;
        self.update_video();
    }

    async fn disconnect(&mut self) {
        self.beside.arrived = None;
        let Some(session) = self.session.take() else { return };
        // Nothing is sent any more before the session's channels go.
        self.update_audio_out().await;
        self.update_video();
        self.threads.audio.send(audio::Command::DropTracks).await;
        // Clears the tiles and joins the decode threads.
        drop(session);
    }

    /// Waits while the session's queue is full. What comes after its end has no receiver.
    pub(crate) async fn tell_session(&self, command: SessionCommand) {
        if let Some(session) = &self.session {
            let _ = session.commands.send(command).await;
        }
    }

    /// For what is asked again until it happens: never waits, and leaves room for the rest.
    pub(crate) fn ask_session(&self, command: SessionCommand) {
        if let Some(session) = &self.session
            && session.commands.capacity() > session.commands.max_capacity() / 2
        {
            let _ = session.commands.try_send(command);
        }
    }

    pub(crate) async fn track(&mut self, incoming: IncomingTrack) {
        let Some(session) = &mut self.session else { return };
        let IncomingTrack { track, media } = incoming;
        let sync = session.syncs.of(&track.participant, track.source);
        match media {
            IncomingMedia::Audio(packets) => {
                self.threads.audio.send(audio::Command::Track { track, packets, sync }).await;
            }
            IncomingMedia::Video(units) => {
                // A track that replaces another of the same source takes its tile.
                session
                    .decoders
                    .retain(|d| (&d.track.participant, d.track.source) != (&track.participant, track.source));
                if session.decoders.len() == MAX_DECODERS {
                    tracing::warn!("more video tracks than are decoded");
                    return;
                }
                self.decoders = self.decoders.wrapping_add(1);
                let parts = decode::Parts {
                    track,
                    units,
                    sync,
                    frames: Arc::clone(&self.config.frames),
                    clock: Arc::clone(&self.config.clock),
                    events: self.events_sender.clone(),
                };
                match decode::Decode::start(self.decoders, parts) {
                    Ok(decoder) => session.decoders.push(decoder),
                    Err(error) => tracing::error!(%error, "a video track is not shown"),
                }
            }
        }
    }

    fn open_device(&mut self, kind: DeviceKind, attempt: Attempt, id: Option<DeviceId>) {
        match kind {
            DeviceKind::Camera => {
                self.attempts.camera = attempt;
                self.threads.camera.request(camera::Request::Open { attempt, id });
            }
            DeviceKind::Microphone => {
                self.attempts.microphone = attempt;
                self.threads.microphone.open(attempt, id, self.threads.audio.port());
            }
            DeviceKind::Speaker => {
                self.attempts.speaker = attempt;
                self.threads.speaker.open(attempt, id, self.threads.audio.port());
            }
        }
    }

    fn close_device(&mut self, kind: machine::DeviceKind) {
        match kind {
            machine::DeviceKind::Camera => self.threads.camera.request(camera::Request::Close),
            machine::DeviceKind::Microphone => self.threads.microphone.close(),
            machine::DeviceKind::Speaker => self.threads.speaker.close(),
        }
    }

    /// The thread that held or opened the device is gone.
    pub(crate) async fn device_gone(&mut self, kind: DeviceKind) {
        let attempt = match kind {
            DeviceKind::Camera => self.attempts.camera,
            DeviceKind::Microphone => self.attempts.microphone,
            DeviceKind::Speaker => self.attempts.speaker,
        };
        if kind == DeviceKind::Camera {
            self.config.frames.clear(&TileKey::me());
        }
        let problem = devices::problem(&DeviceError::Failed(String::new()));
        let kind = devices::kind_to_call(kind);
        // One of the two matches what the machine waits for.
        self.input(machine::Input::DeviceFailed { kind, attempt, problem }).await;
        self.input(machine::Input::DeviceLost { kind, attempt, problem }).await;
    }

    pub(crate) async fn update_audio_out(&mut self) {
        let out = self.session.as_ref().filter(|_| self.sending.microphone).map(|session| session.audio.clone());
        self.threads.audio.send(audio::Command::Send(out)).await;
    }

    fn update_video(&self) {
        let out = self.session.as_ref().filter(|_| self.sending.camera).map(|session| session.video.clone());
        self.threads.encode.want(|wanted| {
            // The far side begins with a keyframe.
            wanted.keyframe |= out.is_some() && wanted.out.is_none();
            wanted.out = out;
        });
    }
}
