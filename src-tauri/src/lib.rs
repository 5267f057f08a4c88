//! Fika, the desktop app: wires the engine, its adapters and the window together. The main thread belongs to the
//! window; tokio's threads run the engine's actor, the network and the commands; the rest have names of their own.

mod adapters;
mod args;
mod beside;
mod bindings;
mod commands;
mod error;
mod events;
mod logging;
mod platform;
mod room;
mod settings;
mod small;
mod state;
mod video;
mod window;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fika_engine::{Command, EngineHandle};
use tauri::{Manager, RunEvent};

use crate::args::{Args, PROFILE_VARIABLE, VIDEO_VARIABLE};
use crate::error::{UiError, UiErrorCode};
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
    let page_data = args.profile.map(|profile| profile.join("page"));
    let small = SmallWindow::open(folder.clone());
    let settings = SettingsFile::open(folder);
    let first = settings.get();
    *language = first.appearance.language;
    platform::require_webview()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    tauri::async_runtime::set(runtime.handle().clone());
    let video = Arc::new(Video::new(if first.appearance.draw_in_page { Wish::Page } else { args.video }));
    let engine = tauri::async_runtime::block_on(start(&settings, video.clone()))?;
    let link_error = args.link.and_then(|link| tauri::async_runtime::block_on(open(&engine, link)));
    let bindings = bindings::builder();
    tauri::Builder::default()
        .invoke_handler(bindings.invoke_handler())
        .setup(move |app| {
            bindings.mount_events(app);
            events::forward(app.handle(), &engine);
            app.manage(AppState { engine, link_error, settings, video: video.clone(), small });
            // An error of this function ends the app with a panic, which its user does not see.
            let window = window::open(app, &first, page_data).and_then(|window| video.attach(&window));
            window.inspect_err(|error| tell(error, first.appearance.language))?;
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("the window does not open")?
        .run(|app, event| {
            if matches!(event, RunEvent::Exit) {
                let goodbye = app.state::<AppState>().engine.clone();
                let _ =
                    tauri::async_runtime::block_on(async { tokio::time::timeout(GOODBYE, goodbye.shutdown()).await });
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

async fn start(settings: &SettingsFile, video: Arc<Video>) -> anyhow::Result<EngineHandle> {
    let clock = fika_devices::clock::clock();
    let engine = fika_engine::start(fika_engine::Config {
        devices: Arc::new(fika_devices::System::new()),
        connector: Arc::new(adapters::Mesh { clock: clock.clone() }),
        rooms: Arc::new(adapters::RoomsHereOrThere::new(Vec::new())),
        frames: Arc::new(adapters::Tiles { video }),
        clock,
        settings: settings.get().call,
        video: fika_engine::VideoConfig::default(),
        ice_servers: Vec::new(),
        voice_processing: true,
        files: fika_engine::FilesConfig { folder: dirs::download_dir(), ..Default::default() },
    })?;
    Ok(engine)
}

/// To the lobby of the link that the app was started with. Joining is left to the user, and so is a link that leads
/// nowhere: the page says why.
async fn open(engine: &EngineHandle, link: String) -> Option<UiErrorCode> {
    engine.send(Command::OpenInvite { link }).await.err().map(|error| UiError::from(error).code)
}
