//! Fika, the desktop app: wires the engine, its adapters and the window together. The main thread belongs to the
//! window; tokio's threads run the engine's actor, the network and the commands; the rest have names of their own.

mod adapters;
mod args;
mod beside;
mod bindings;
mod commands;
mod error;
mod events;
mod identity;
mod links;
mod logging;
mod meetings;
mod platform;
mod ring;
mod ringing;
mod room;
mod settings;
mod small;
mod state;
mod twin;
mod unfinished;
mod video;
mod window;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fika_call::identity::Contact;
use fika_engine::EngineHandle;
use fika_net::Trust;
use fika_server::local::Local;
use tauri::{Manager, RunEvent};
use tokio::sync::{oneshot, watch};

use crate::args::{Args, PROFILE_VARIABLE, VIDEO_VARIABLE};
use crate::identity::Key;
use crate::meetings::Meetings;
use crate::settings::{Language, SettingsFile};
use crate::small::SmallWindow;
use crate::state::AppState;
use crate::video::{Video, Wish};
use crate::words::Words;

/// How long leaving a call may hold up the end of the app.
const GOODBYE: Duration = Duration::from_secs(3);

/// Threads for packets and messages. With more, every packet wakes one that finds nothing left to do.
const WORKERS: usize = 1;

/// Runs until the window is closed. Says why where there is none.
pub fn run() -> ExitCode {
    platform::prepare();
    let mut language = Language::System;
    match run_app(&mut language) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error, language);
            ExitCode::FAILURE
        }
    }
}

/// `language` becomes that of the settings as soon as they are read.
fn run_app(language: &mut Language) -> anyhow::Result<()> {
    let args =
        Args::parse(std::env::args_os().skip(1), std::env::var_os(PROFILE_VARIABLE), std::env::var_os(VIDEO_VARIABLE))?;
    let folder = args.profile.clone().or_else(user_folder).context("this system has no place for settings")?;
    logging::start(&folder);
    let page_data = args.profile.as_ref().map(|profile| profile.join("page"));
    let people = folder.clone();
    let small = SmallWindow::open(folder.clone());
    let trust = Trust::default();
    let meetings = Meetings::open(folder.clone(), trust.clone());
    let settings = SettingsFile::open(folder);
    let first = settings.get();
    *language = first.appearance.language;
    platform::require_webview()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    tauri::async_runtime::set(runtime.handle().clone());
    if tauri::async_runtime::block_on(twin::hand_over(&people, args.link.as_deref())) {
        tracing::info!("the app runs already");
        return Ok(());
    }
    let video = Arc::new(Video::new(if first.appearance.draw_in_page { Wish::Page } else { args.video }));
    let key = Key::load(args.profile.as_deref(), platform::keychain);
    let contacts = identity::contacts(&people);
    let (engine, ring) = tauri::async_runtime::block_on(async {
        let local = Arc::<Local>::default();
        let rooms = adapters::RoomsHereOrThere::new(Arc::clone(&local), trust.clone());
        let engine = start(&settings, trust.clone(), rooms, video.clone(), key.clone(), contacts).await?;
        let line = ring::line(key.clone(), trust, local);
        let ring = ring::start(engine.clone(), line, first.call.clone(), &people);
        anyhow::Ok((engine, ring))
    })?;
    tauri::async_runtime::spawn(remember(engine.contacts(), people.clone()));
    let claim = unfinished::claim(&people);
    if claim.is_some() {
        // A link of now goes before a call of then.
        tauri::async_runtime::block_on(unfinished::offer(&engine, &people));
    }
    let link_error = args.link.and_then(|link| tauri::async_runtime::block_on(links::open(&engine, link)));
    let bindings = bindings::builder();
    let calls = claim.is_some().then(|| people.clone());
    let profile = people.clone();
    let (leave, leaves) = oneshot::channel();
    let mut leave = Some(leave);
    tauri::Builder::default()
        .invoke_handler(bindings.invoke_handler())
        .setup(move |app| {
            bindings.mount_events(app);
            events::forward(app.handle(), &engine, &ring);
            let (view, rings) = (engine.view(), ring.view());
            app.manage(AppState { engine, key, link_error, meetings, ring, settings, video: video.clone(), small });
            tauri::async_runtime::spawn(ringing::follow(app.handle().clone(), rings, page_data.clone()));
            let handle = app.handle().clone();
            let private = move || handle.state::<AppState>().settings.get().call.private;
            calls.map(|folder| tauri::async_runtime::spawn(unfinished::follow(view, folder, private)));
            // An error of this function ends the app with a panic, which its user does not see.
            let window = window::open(app, &first, page_data).and_then(|window| video.attach(&window));
            window.inspect_err(|error| tell(error, first.appearance.language))?;
            let handle = app.handle().clone();
            let visit = move |link| links::started_again(&handle, link);
            tauri::async_runtime::spawn(twin::receive(profile, leaves, visit));
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("the window does not open")?
        .run(move |app, event| {
            platform::opened(&event).into_iter().for_each(|link| links::arrived(app, link));
            if matches!(event, RunEvent::Exit) {
                // Whoever starts the app now gets one of their own.
                leave.take();
                let goodbye = app.state::<AppState>().engine.clone();
                let _ =
                    tauri::async_runtime::block_on(async { tokio::time::timeout(GOODBYE, goodbye.shutdown()).await });
                if claim.is_some() {
                    unfinished::forget(&people);
                }
            }
        });
    Ok(())
}

fn tell(error: &anyhow::Error, language: Language) {
    tracing::error!(error = format!("{error:#}"), "the app does not start");
    platform::tell(error, &Words::of(language));
}

fn user_folder() -> Option<PathBuf> {
    dirs::config_dir().map(|folder| folder.join("fika"))
}

/// Writes who is verified, whenever that changes.
async fn remember(mut contacts: watch::Receiver<Vec<Contact>>, folder: PathBuf) {
    while contacts.changed().await.is_ok() {
        let (now, folder) = (contacts.borrow_and_update().clone(), folder.clone());
        let _ = tauri::async_runtime::spawn_blocking(move || identity::keep_contacts(&folder, &now)).await;
    }
}

async fn start(
    settings: &SettingsFile,
    trust: Trust,
    rooms: adapters::RoomsHereOrThere,
    video: Arc<Video>,
    key: Key,
    contacts: Vec<Contact>,
) -> anyhow::Result<EngineHandle> {
    let clock = fika_devices::clock::clock();
    let engine = fika_engine::start(fika_engine::Config {
        devices: Arc::new(fika_devices::System::new()),
        connector: Arc::new(adapters::Mesh { clock: clock.clone(), key, trust }),
        rooms: Arc::new(rooms),
        frames: Arc::new(adapters::Tiles { video }),
        clock,
        sleepless: fika_devices::clock::sleepless(),
        settings: settings.get().call,
        video: fika_engine::VideoConfig::default(),
        ice_servers: Vec::new(),
        contacts,
        voice_processing: true,
        files: fika_engine::FilesConfig { folder: dirs::download_dir(), ..Default::default() },
    })?;
    Ok(engine)
}
