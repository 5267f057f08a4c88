//! The engine's actor: one task that owns the call machine and everything that it decides about. One select over what
//! the shells ask, what the session says, what threads and devices tell, and the next deadline; each becomes an input of
//! the machine, and each output is performed at once ([`crate::perform`]).

use std::sync::Arc;
use std::time::Duration;

use fika_call::chat::ChatView;
use fika_call::files::FilesView;
use fika_call::identity::Contact;
use fika_call::invite::Invite;
use fika_call::machine::{self, Call, Input, VisibleTile};
use fika_call::session::{DataIn, DataOut, RoomEvent, SessionCommand, SessionEvent};
use fika_call::signal::MediaState;
use fika_call::text::TextView;
use fika_call::view::{CallView, Levels, Notification};
use fika_media::Timestamp;
use fika_media::device::{DeviceInfo, DeviceKind};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

use crate::beside::{Beside, next_data};
use crate::command::{Command, CommandError};
use crate::encode::Encode;
use crate::event::{EVENT_QUEUE, Event};
use crate::handle::{Ask, COMMAND_QUEUE, EngineHandle, NOTIFICATION_QUEUE};
use crate::session::{Happened, Running};
use crate::stats::Stats;
use crate::threads::{Threads, start_audio, start_camera};
use crate::{Config, StartError, audio, devices};

/// Encode and audio threads that are started again after a panic, in all.
const MAX_RESTARTS: u32 = 8;

pub(crate) fn start(config: Config) -> Result<EngineHandle, StartError> {
    let (asks, inbox) = mpsc::channel(COMMAND_QUEUE);
    let (events_sender, events) = mpsc::channel(EVENT_QUEUE);
    let (levels, levels_out) = watch::channel(Levels::default());
    let (devices, devices_out) = watch::channel(Vec::new());
    let (stats, stats_out) = watch::channel(Stats::default());
    let (visible, visible_in) = watch::channel(None);
    let (notifications, _) = broadcast::channel(NOTIFICATION_QUEUE);
    let threads = Threads::start(&config, &events_sender)?;
    let mut call = Call::new(machine::Config {
        ice_servers: config.ice_servers.clone(),
        max_video_bitrate: config.video.max_bitrate,
        contacts: config.contacts.clone(),
    });
    call.handle_input(Input::Settings(config.settings.clone()), Instant::now().into_std());
    let (view, view_out) = watch::channel(call.view().clone());
    let (chat, chat_out) = watch::channel(call.chat());
    let beside = Beside::start(&config, &events_sender).map_err(|error| StartError::Threads(error.to_string()))?;
    let (files, files_out) = watch::channel(beside.files.view());
    let (text, text_out) = watch::channel(beside.texts.view());
    let (contacts, contacts_out) = watch::channel(call.contacts().to_vec());
    let awake = (config.sleepless)();
    let actor = Actor {
        awake,
        call,
        beside,
        config,
        threads,
        events_sender,
        session: None,
        sending: MediaState::default(),
        constant_audio: false,
        attempts: Attempts::default(),
        decoders: 0,
        restarts: 0,
        out: Out { view, chat, contacts, files, text, levels, devices, stats, notifications: notifications.clone() },
    };
    tokio::spawn(actor.run(inbox, events, visible_in));
    Ok(EngineHandle {
        asks,
        visible,
        view: view_out,
        chat: chat_out,
        contacts: contacts_out,
        files: files_out,
        text: text_out,
        levels: levels_out,
        devices: devices_out,
        stats: stats_out,
        notifications,
    })
}

pub(crate) struct Actor {
    pub(crate) call: Call,
    pub(crate) beside: Beside,
    pub(crate) config: Config,
    pub(crate) threads: Threads,
    pub(crate) events_sender: mpsc::Sender<Event>,
    pub(crate) session: Option<Running>,
    pub(crate) sending: MediaState,
    /// What a new audio thread is told too.
    pub(crate) constant_audio: bool,
    pub(crate) attempts: Attempts,
    /// Decode threads so far.
    pub(crate) decoders: u32,
    restarts: u32,
    /// The last second that we were awake.
    pub(crate) awake: Timestamp,
    pub(crate) out: Out,
}

/// The latest values that shells see.
pub(crate) struct Out {
    pub(crate) view: watch::Sender<CallView>,
    pub(crate) chat: watch::Sender<ChatView>,
    pub(crate) files: watch::Sender<FilesView>,
    pub(crate) text: watch::Sender<TextView>,
    pub(crate) contacts: watch::Sender<Vec<Contact>>,
    pub(crate) levels: watch::Sender<Levels>,
    pub(crate) devices: watch::Sender<Vec<DeviceInfo>>,
    pub(crate) stats: watch::Sender<Stats>,
    pub(crate) notifications: broadcast::Sender<Notification>,
}

/// The last attempt to open each kind of device.
#[derive(Default)]
pub(crate) struct Attempts {
    pub(crate) camera: machine::Attempt,
    pub(crate) microphone: machine::Attempt,
    pub(crate) speaker: machine::Attempt,
}

enum Next {
    Ask(Option<Ask>),
    Event(Event),
    Session(Happened),
    Visible(Vec<VisibleTile>),
    Second,
    Deadline,
    /// The session takes data.
    Room,
    Data(DataIn),
}

impl Actor {
    async fn run(
        mut self,
        mut asks: mpsc::Receiver<Ask>,
        mut events: mpsc::Receiver<Event>,
        mut visible: watch::Receiver<Option<Vec<VisibleTile>>>,
    ) {
        let (devices, sender) = (Arc::clone(&self.config.devices), self.events_sender.clone());
        let watching = tokio::task::spawn_blocking(move || devices::watch(&devices, &sender));
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut done = Vec::new();
        let (mut asked, mut stopping) = (true, false);
        self.perform().await;
        while !(stopping && self.session.is_none()) {
            let due = [self.call.poll_timeout(), self.beside.poll_timeout()];
            let deadline = due.into_iter().flatten().min().map(Instant::from_std);
            let out = self.session.as_ref().map(|session| session.data.clone());
            let next = tokio::select! {
                biased;
                ask = asks.recv(), if asked => Next::Ask(ask),
                () = room_for_data(out), if self.beside.has_unsent() => Next::Room,
                happened = next_of(&mut self.session) => Next::Session(happened),
                Some(event) = events.recv() => Next::Event(event),
                Ok(()) = visible.changed() => Next::Visible(visible.borrow_and_update().clone().unwrap_or_default()),
                () = sleep_until(deadline) => Next::Deadline,
                _ = second.tick() => Next::Second,
                // Last, however much it is.
                data = next_data(&mut self.beside.arrived) => Next::Data(data),
            };
            match next {
                Next::Ask(Some(Ask::Command { command, reply })) => {
                    let result = self.command(command).await;
                    // Who asked may not wait for the answer.
                    let _ = reply.send(result);
                }
                Next::Ask(ask) => {
                    match ask {
                        Some(Ask::Shutdown { done: waits }) => done.push(waits),
                        _ => asked = false,
                    }
                    asks.close();
                    stopping = true;
                    self.input(Input::Home).await;
                }
                Next::Session(happened) => self.session_happened(happened).await,
                Next::Event(event) => self.event(event).await,
                Next::Visible(tiles) => self.input(Input::Visible(tiles)).await,
                Next::Deadline => {
                    self.input(Input::Timeout).await;
                    self.beside_timeout();
                }
                Next::Room => self.perform_beside(),
                Next::Data(data) => self.beside_data(data),
                Next::Second => self.second().await,
            }
        }
        // Whoever waits for room in it gets an error instead.
        drop(events);
        self.end(watching, done).await;
    }

    /// Closing devices and joining threads may block.
    async fn end(self, watching: tokio::task::JoinHandle<Box<dyn Send>>, done: Vec<oneshot::Sender<()>>) {
        let guard = watching.await;
        let threads = (self.threads, self.beside);
        let ended = tokio::task::spawn_blocking(move || drop((threads, guard))).await;
        if ended.is_err() {
            tracing::error!("a device panicked while it was closed");
        }
        for waits in done {
            let _ = waits.send(());
        }
    }

    pub(crate) async fn input(&mut self, input: Input) {
        self.call.handle_input(input, Instant::now().into_std());
        self.perform().await;
    }

    async fn command(&mut self, command: Command) -> Result<(), CommandError> {
        let input = match command {
            Command::NewCall => Input::NewCall,
            Command::OpenInvite { link } => Input::OpenInvite(Invite::parse(&link)?),
            Command::OpenLink { link } => Input::OpenLink(Invite::parse(&link)?),
            Command::OfferRejoin { link } => Input::OfferRejoin(Invite::parse(&link)?),
            Command::Answer { link, video, relayed } => Input::Answer { invite: Invite::parse(&link)?, video, relayed },
            Command::Join => Input::Join,
            Command::Leave => Input::Leave,
            Command::Home => Input::Home,
            Command::Rejoin => Input::Rejoin,
            Command::SetMicrophone { on } => Input::SetMicrophone { on },
            Command::SetCamera { on } => Input::SetCamera { on },
            Command::SelectDevice { kind, id } => {
                Input::SelectDevice { kind: devices::kind_to_call(kind), id: id.map(|id| id.0) }
            }
            Command::RetryDevice { kind } => Input::RetryDevice { kind: devices::kind_to_call(kind) },
            Command::PlayTestSound => {
                self.threads.audio.send(audio::Command::TestSound).await;
                return Ok(());
            }
            Command::SetName { name } => Input::SetName { name },
            Command::Settings(settings) => Input::Settings(settings),
            Command::Room(input) => Input::Room(input),
            Command::File(input) => {
                self.file_input(input);
                return Ok(());
            }
            Command::Text(input) => {
                self.text_input(input);
                return Ok(());
            }
            Command::CompareWords { participant, same } => Input::WordsCompared { participant, same },
            Command::SaveContact { participant, name } => Input::SaveContact { participant, name },
            Command::RenameContact { key, name } => Input::RenameContact { key, name },
            Command::ForgetContact { key } => Input::ForgetContact { key },
            Command::ForgetContacts => Input::ForgetContacts,
        };
        self.input(input).await;
        Ok(())
    }

    async fn session_happened(&mut self, happened: Happened) {
        match happened {
            Happened::Event(event) => {
                if let (Some(session), SessionEvent::Stats { participant, stats }) = (&mut self.session, &event) {
                    session.peers.insert(participant.clone(), stats.clone());
                }
                if let (Some(session), SessionEvent::ParticipantLeft(id)) = (&mut self.session, &event) {
                    session.peers.remove(id);
                    session.syncs.forget(id);
                }
                if let (Some(session), SessionEvent::Room(RoomEvent::Waiting { .. })) = (&mut self.session, &event) {
                    session.peers.clear();
                }
                self.beside_session(&event);
                self.input(Input::Session(event)).await;
            }
            Happened::Track(track) => self.track(track).await,
            Happened::Gone => self.input(Input::SessionGone).await,
        }
    }

    async fn event(&mut self, event: Event) {
        let input = match event {
            Event::Room { attempt, result: Ok(invite) } => Input::RoomOpened { attempt, invite },
            Event::Room { attempt, result: Err(reason) } => Input::RoomFailed { attempt, reason },
            Event::DeviceOpened { kind, attempt, id } => {
                let (id, name) = devices::opened(&self.out.devices.borrow(), kind, id.as_ref());
                Input::DeviceOpened { kind: devices::kind_to_call(kind), attempt, id, name }
            }
            Event::DeviceFailed { kind, attempt, error } => {
                tracing::info!(?kind, %error, "a device could not be opened");
                let problem = devices::problem(&error);
                Input::DeviceFailed { kind: devices::kind_to_call(kind), attempt, problem }
            }
            Event::DeviceLost { kind, attempt, error } => {
                tracing::info!(?kind, %error, "a device was lost");
                let problem = devices::problem(&error);
                Input::DeviceLost { kind: devices::kind_to_call(kind), attempt, problem }
            }
            Event::Devices(list) => {
                let input = Input::Devices(devices::to_call(&list));
                self.out.devices.send_replace(list);
                input
            }
            Event::Received { participant } => Input::MediaReceived { participant },
            Event::Video { participant, shown } => Input::Video { participant, shown },
            Event::KeyframeNeeded { participant, source } => {
                return self.ask_session(SessionCommand::RequestKeyframe { participant, source });
            }
            Event::Levels(levels) => {
                self.out.levels.send_replace(levels.clone());
                Input::Levels(levels)
            }
            Event::Disk(event) => return self.beside_disk(event),
            Event::Panicked { thread } => return self.panicked(&thread).await,
        };
        self.input(input).await;
    }

    /// What the thread did is done by a new one; what it held is opened again.
    async fn panicked(&mut self, thread: &str) {
        if self.restarts == MAX_RESTARTS {
            tracing::error!(thread, "too many threads panicked, this one is not started again");
            return;
        }
        self.restarts += 1;
        let config = &self.config;
        let (audio_in, audio_out) = (&self.threads.microphone, &self.threads.speaker);
        let mut gone = Vec::new();
        let result = match thread {
            "video-encode" => {
                let pictures = Arc::clone(&self.threads.pictures);
                Encode::start(self.threads.encode.wanted(), pictures, self.events_sender.clone())
                    .map(|encode| self.threads.encode = encode)
                    .map_err(|error| error.to_string())
            }
            "camera" => {
                gone.push(DeviceKind::Camera);
                start_camera(config, &self.threads.pictures, &self.events_sender)
                    .map(|camera| self.threads.camera = camera)
                    .map_err(|error| error.to_string())
            }
            "audio" => {
                gone.extend([DeviceKind::Microphone, DeviceKind::Speaker]);
                start_audio(config, audio_in, audio_out, &self.events_sender)
                    .map(|audio| self.threads.audio = audio)
                    .map_err(|error| error.to_string())
            }
            "files" => {
                self.beside_gone();
                return;
            }
            thread => {
                // A decode thread: its tile has gone dark, the call goes on.
                if let Some(participant) = self.session.as_ref().and_then(|session| session.decoded_by(thread)) {
                    self.input(Input::Video { participant, shown: false }).await;
                }
                return;
            }
        };
        if let Err(error) = result {
            tracing::error!(thread, error, "the thread does not start again");
        }
        self.update_audio_out().await;
        if thread == "audio" {
            self.threads.audio.send(audio::Command::Constant(self.constant_audio)).await;
        }
        let deaf = thread == "audio" && self.session.is_some();
        for kind in gone {
            self.device_gone(kind).await;
        }
        if deaf {
            // The remote tracks went with the thread: a call without sound is none.
            self.input(Input::SessionGone).await;
        }
    }
}

/// Until the session takes something for a data channel.
async fn room_for_data(out: Option<mpsc::Sender<DataOut>>) {
    let Some(out) = out else { return };
    // Closed: what waits has no receiver, and is dropped.
    drop(out.reserve().await);
}

async fn next_of(session: &mut Option<Running>) -> Happened {
    match session {
        Some(session) => session.next().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
