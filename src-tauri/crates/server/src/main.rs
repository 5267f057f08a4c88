//! fika-server: the signalling server as a program. See docs/self-hosting.md.

mod stop;

use std::io::IsTerminal as _;
use std::net::SocketAddr;

use anyhow::Context as _;
use clap::Parser;
use fika_call::signal::IceServer;
use fika_server::{Config, Server};
use tracing_subscriber::EnvFilter;

/// Fika's signalling server: rooms in memory, nothing stored, no media.
#[derive(Parser)]
#[command(name = "fika-server", version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:7420")]
    listen: SocketAddr,
    /// A STUN or TURN server for the people in a call: stun:HOST:PORT, or turn:HOST:PORT,USER,PASSWORD. May be repeated.
    #[arg(long = "ice-server", value_name = "URL[,USER,PASSWORD]", value_parser = ice_server)]
    ice_servers: Vec<IceServer>,
    /// Every request comes through a proxy that sets X-Forwarded-For.
    #[arg(long)]
    behind_proxy: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("FIKA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();

    let config = Config {
        ice_servers: arguments.ice_servers,
        behind_proxy: arguments.behind_proxy,
        ..Config::new(arguments.listen)
    };
    let server = Server::bind(config).await.with_context(|| format!("on {}", arguments.listen))?;
    tracing::info!(port = server.local_addr().port(), "fika-server listens");
    stop::requested().await?;
    tracing::info!("fika-server stops");
    Ok(())
}

/// `URL` or `URL,USER,PASSWORD`; the password may hold commas.
fn ice_server(text: &str) -> Result<IceServer, String> {
    let mut parts = text.splitn(3, ',');
    let url = parts.next().unwrap_or_default();
    let (scheme, _) = url.split_once(':').ok_or("write stun:HOST:PORT or turn:HOST:PORT,USER,PASSWORD")?;
    let (username, credential) = (parts.next().map(str::to_owned), parts.next().map(str::to_owned));
    match scheme {
        "stun" | "stuns" if username.is_none() => {}
        "turn" | "turns" if credential.is_some() => {}
        "turn" | "turns" => return Err("a TURN server needs a user and a password: URL,USER,PASSWORD".into()),
        _ => return Err("write stun:HOST:PORT or turn:HOST:PORT,USER,PASSWORD".into()),
    }
    Ok(IceServer { urls: vec![url.to_owned()], username, credential })
}
