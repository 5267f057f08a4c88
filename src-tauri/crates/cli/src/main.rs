//! fika-cli: the headless twin of the app. Same engine; sources and sinks from the command line. See docs/cli.md.

mod args;
mod call;
mod fail;
mod identity;
mod list;
mod ports;
mod record;
mod ring;
mod room;
mod serve;
mod source;
mod stats;
mod stop;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use fika_net::Trust;
use tracing_subscriber::EnvFilter;

use crate::args::{Arguments, Command};
use crate::fail::{Failure, Kind};

fn main() -> ExitCode {
    // Says what is wrong with the arguments itself, with code 2.
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("FIKA_LOG").unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("fika-cli: {failure}");
            failure.code()
        }
    }
}

// One worker: with two, every packet wakes the one that sleeps, which finds nothing left to do.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn run(Arguments { ca, command }: Arguments) -> Result<(), Failure> {
    let trust = ca.as_deref().map(trust).transpose()?.unwrap_or_default();
    match command {
        Command::Devices { json } => {
            list::run(json);
            Ok(())
        }
        Command::Serve { listen } => serve::run(listen).await,
        Command::Call { media } => call::run(None, media, trust).await,
        Command::Join { link, media } => call::run(Some(link), media, trust).await,
        Command::Ring(arguments) => ring::ring(*arguments, trust).await,
        Command::Listen(arguments) => ring::listen(*arguments, trust).await,
        Command::Room { command } => room::run(command, trust).await,
    }
}

fn trust(file: &Path) -> Result<Trust, Failure> {
    let named = |error| Failure::new(Kind::Usage, format!("--ca {}: {error}.", file.display()));
    Trust::with_file(file).map_err(named)
}
