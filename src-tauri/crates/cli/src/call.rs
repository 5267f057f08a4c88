//! `fika-cli call` and `fika-cli join`: one call from the lobby to its end, on the main task.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fika_call::identity::{Contact, Identity};
use fika_call::session::ConnectionPrivacy;
use fika_call::view::{CallSettings, CallView, CaptureState, ConnectionState, DeviceProblem, Phase, Problem};
use fika_engine::{Command, EngineHandle, FilesConfig, VideoConfig};
use fika_media::device::CameraRequest;
use fika_net::Trust;
use fika_net::mesh::Network;
use fika_server::local::Local;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::args::{Media, Sink, Source};
use crate::fail::{Failure, Kind};
use crate::identity;
use crate::ports::{HereOrThere, Mesh};
use crate::record::Recorder;
use crate::source::Sources;
use crate::stats::StatsFile;
use crate::stop;

/// How long devices may take to open before the call goes on without them.
const DEVICE_PATIENCE: Duration = Duration::from_secs(10);

/// `link`: of the room to join; `None`: opens one.
pub(crate) async fn run(link: Option<String>, media: Media, trust: Trust) -> Result<(), Failure> {
    let stats = media.stats.as_deref().map(StatsFile::create).transpose()?;
    let recorder = Arc::new(Recorder::create(&media)?);
    let engine = start(&media, trust, Arc::clone(&recorder)).await?;
    let ended = tokio::select! {
        ended = Running { engine: &engine, media: &media, stats }.run(link) => ended,
        () = stop::requested() => Ok(()),
    };
    engine.shutdown().await;
    // Everything has ended: nothing else waits for this thread.
    for sentence in recorder.finish() {
        eprintln!("fika-cli: {sentence}");
    }
    ended
}

/// Who we are, whom we know, and the server of this program.
pub(crate) struct Setup {
    pub(crate) identity: Identity,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) local: Arc<Local>,
}

pub(crate) async fn start(media: &Media, trust: Trust, recorder: Arc<Recorder>) -> Result<EngineHandle, Failure> {
    let identity = identity::open(media.seat.identity.as_deref())?;
    let setup = Setup { identity, contacts: Vec::new(), local: Arc::default() };
    let (engine, _) = start_as(media, trust, recorder, setup).await?;
    Ok(engine)
}

/// With the settings that the engine has begun with.
pub(crate) async fn start_as(
    media: &Media,
    trust: Trust,
    recorder: Arc<Recorder>,
    Setup { identity, contacts, local }: Setup,
) -> Result<(EngineHandle, CallSettings), Failure> {
    let clock = fika_devices::clock::clock();
    let request = CameraRequest { resolution: media.video.resolution, frame_rate: media.video.frame_rate };
    let camera = media.camera.clone().unwrap_or(Source::Default);
    let microphone = media.microphone.clone().unwrap_or(Source::Default);
    let speaker = media.speaker.clone().unwrap_or(Sink::Default);
    let cameras_clock = clock.clone();
    let voice_processing = !matches!(microphone, Source::Test | Source::Beep);
    let sources =
        tokio::task::spawn_blocking(move || Sources::open(camera, microphone, speaker, request, cameras_clock));
    let sources = sources.await.map_err(|_| Failure::new(Kind::Device, "A clip could not be opened."))??;
    let [camera, microphone, speaker] = sources.ids();
    let settings = CallSettings {
        name: media.seat.name.clone(),
        camera,
        microphone,
        speaker,
        privacy: if media.seat.relay_only { ConnectionPrivacy::RelayOnly } else { ConnectionPrivacy::Automatic },
        private: media.seat.private,
        server: media.server.as_ref().map(|url| url.to_string()),
        ..CallSettings::default()
    };
    let engine = fika_engine::start(fika_engine::Config {
        devices: Arc::new(sources),
        connector: Arc::new(Mesh { clock: clock.clone(), network: network(&media.seat.bind, trust.clone()), identity }),
        rooms: Arc::new(HereOrThere::new(local, trust)),
        frames: recorder,
        clock,
        sleepless: fika_devices::clock::sleepless(),
        settings: settings.clone(),
        video: VideoConfig {
            resolution: request.resolution,
            frame_rate: request.frame_rate,
            max_bitrate: media.max_bitrate * 1000,
        },
        ice_servers: media.seat.ice_servers.clone(),
        contacts,
        voice_processing,
        files: FilesConfig {
            folder: media.seat.downloads.clone().or_else(dirs::download_dir),
            max_size: u64::from(media.seat.max_file) << 20,
        },
    })
    .map_err(|error| Failure::new(Kind::Device, error.to_string()))?;
    Ok((engine, settings))
}

fn network(bind: &[SocketAddr], trust: Trust) -> Network {
    let network = if bind.is_empty() { Network::default() } else { Network::only(bind.to_vec()) };
    Network { trust, ..network }
}

pub(crate) struct Running<'a> {
    pub(crate) engine: &'a EngineHandle,
    pub(crate) media: &'a Media,
    pub(crate) stats: Option<StatsFile>,
}

impl Running<'_> {
    async fn run(mut self, link: Option<String>) -> Result<(), Failure> {
        let mut view = self.engine.view();
        let joins = link.is_some();
        self.engine.send(Command::SetCamera { on: self.media.camera != Some(Source::None) }).await?;
        self.engine.send(Command::SetMicrophone { on: self.media.microphone != Some(Source::None) }).await?;
        match link {
            Some(link) => self.engine.send(Command::OpenInvite { link }).await?,
            None => self.engine.send(Command::NewCall).await?,
        }
        let lobby = wait(&mut view, |view| view.phase == Phase::Lobby).await?;
        if let Some(invite) = lobby.invite.filter(|_| !joins) {
            // A reader that has gone away does not need it.
            let _ = writeln!(std::io::stdout(), "{}", invite.link);
        }
        self.devices(&mut view).await?;
        self.engine.send(Command::Join).await?;
        wait(&mut view, |view| view.phase == Phase::InCall).await?;
        self.stay(&mut view, joins).await?;
        self.engine.send(Command::Leave).await?;
        Ok(())
    }

    /// What was named on the command line must work; a default that is missing is only told.
    async fn devices(&self, view: &mut watch::Receiver<CallView>) -> Result<(), Failure> {
        let settled = |view: &CallView| {
            let me = &view.me;
            ![&me.camera, &me.microphone, &me.speaker].iter().any(|device| device.state == CaptureState::Starting)
        };
        let me = match timeout(DEVICE_PATIENCE, wait(view, settled)).await {
            Ok(view) => view?.me,
            Err(_) => view.borrow().me.clone(),
        };
        let Media { camera, microphone, speaker, .. } = self.media;
        let devices = [
            ("camera", me.camera, camera.is_some(), camera.as_ref().and_then(Source::device)),
            ("microphone", me.microphone, microphone.is_some(), microphone.as_ref().and_then(Source::device)),
            ("speaker", me.speaker, speaker.is_some(), speaker.as_ref().and_then(Sink::device)),
        ];
        for (name, device, named, id) in devices {
            let another = id.is_some() && device.device_id.as_deref().is_some_and(|open| Some(open) != id);
            let replaced = another.then_some(DeviceProblem::NotFound);
            let Some(problem) = device.problem.or(replaced).filter(|_| device.wanted) else { continue };
            let sentence = format!("The {name} {}.", words(problem));
            if named {
                return Err(Failure::new(Kind::Device, sentence));
            }
            eprintln!("fika-cli: {sentence}");
        }
        Ok(())
    }

    /// Until the call ends or its time is over.
    pub(crate) async fn stay(&mut self, view: &mut watch::Receiver<CallView>, joins: bool) -> Result<(), Failure> {
        let mut stats = self.engine.stats();
        stats.mark_unchanged();
        let mut leave_at = None;
        loop {
            let (phase, end, connection, problem) = {
                let view = view.borrow_and_update();
                (view.phase, view.end, view.connection, view.problem)
            };
            if let Some(reason) = end.filter(|_| phase == Phase::Ended) {
                return Failure::of_end(reason).map_or(Ok(()), Err);
            }
            if problem == Some(Problem::NoRelay) && leave_at.is_none() {
                let sentence = "No TURN server lets us in: check its address, user and password in --ice-server.";
                return Err(Failure::new(Kind::Connection, sentence));
            }
            if problem == Some(Problem::Untrusted) && joins && leave_at.is_none() {
                let sentence = "Who is in the room has another secret than this link: ask for the link again.";
                return Err(Failure::new(Kind::Link, sentence));
            }
            if connection == ConnectionState::Connected && leave_at.is_none() {
                leave_at = Some(self.media.duration.map(|duration| Instant::now() + duration));
            }
            let deadline = leave_at.flatten();
            tokio::select! {
                changed = view.changed() => changed.map_err(|_| stopped())?,
                changed = stats.changed() => {
                    changed.map_err(|_| stopped())?;
                    if let Some(file) = &mut self.stats {
                        file.write(connection, &stats.borrow_and_update());
                    }
                }
                () = async { sleep_until(deadline.unwrap_or_else(Instant::now)).await }, if deadline.is_some() => return Ok(()),
            }
        }
    }
}

/// The first view of this kind. The end of the call comes as a failure.
pub(crate) async fn wait(
    view: &mut watch::Receiver<CallView>,
    wanted: impl Fn(&CallView) -> bool,
) -> Result<CallView, Failure> {
    let view = view.wait_for(|view| wanted(view) || view.phase == Phase::Ended).await.map_err(|_| stopped())?;
    match view.end.filter(|_| view.phase == Phase::Ended).and_then(Failure::of_end) {
        Some(failure) => Err(failure),
        None => Ok(view.clone()),
    }
}

pub(crate) fn stopped() -> Failure {
    Failure::new(Kind::Connection, "The engine has stopped.")
}

fn words(problem: DeviceProblem) -> &'static str {
    match problem {
        DeviceProblem::Busy => "is used by another program: close that one",
        DeviceProblem::PermissionDenied => "may not be used: allow it in the system's settings",
        DeviceProblem::NotFound => "is not there: fika-cli devices lists those that are",
        DeviceProblem::Disconnected => "was unplugged",
        DeviceProblem::Stalled => "gives nothing: plug it in again",
        DeviceProblem::Unsupported => "offers nothing that can be used",
        DeviceProblem::Failed => "does not work: try again",
    }
}
