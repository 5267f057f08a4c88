//! fika-server: the signalling server as a program. See docs/self-hosting.md.

mod stop;

use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Parser;
use fika_call::signal::IceServer;
use fika_server::acme::{self, Acme};
use fika_server::limits::Rate;
use fika_server::store::Store;
use fika_server::tls::Tls;
use fika_server::turn::{self, TurnSecret};
use fika_server::{Config, Limits, Server, redis};
use tracing_subscriber::EnvFilter;

const ALL_443: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 443);
const ALL_7420: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 7420);

/// Fika's signalling server: rooms, invites and the way between people; no media.
#[derive(Parser)]
#[command(name = "fika-server", version)]
struct Arguments {
    /// Speak TLS under this name, with a certificate that the server orders and renews by itself: port 443 of the name has to
    /// lead here. Whoever says this agrees to the terms of the authority.
    #[arg(long, value_name = "NAME", value_parser = domain, conflicts_with = "behind_proxy")]
    domain: Option<String>,
    /// Where to listen [default: 0.0.0.0:7420, with --domain [::]:443].
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Keep rooms of a later day, their invites and certificates here; made if it is not there. Without it nothing outlives the
    /// program, but with --domain it is $STATE_DIRECTORY, else fika-server in the user's folder for data.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Keep rooms in this Redis, which other instances use too: together they are one server, and each may stop or fail while
    /// people go on. The variable FIKA_STORE says the same without showing the password to other users of the computer.
    #[arg(long, value_name = "redis[s]://[USER:PASSWORD@]HOST[:PORT]")]
    store: Option<String>,
    /// The directory of the authority that signs certificates.
    #[arg(long, value_name = "URL", requires = "domain", default_value = acme::DIRECTORY, value_parser = directory)]
    acme_directory: url::Url,
    /// Believe this authority, in PEM, when talking to the one that signs certificates.
    #[arg(long, value_name = "FILE", requires = "domain")]
    acme_ca: Option<PathBuf>,
    /// Where the authority may write to.
    #[arg(long, value_name = "EMAIL", requires = "domain")]
    acme_contact: Option<String>,
    /// A STUN or TURN server for the people in a call: stun:HOST:PORT, or turn:HOST:PORT,USER,PASSWORD, or
    /// turn:HOST:PORT with --turn-secret-file. May be repeated.
    #[arg(long = "ice-server", value_name = "URL[,USER,PASSWORD]", value_parser = ice_server)]
    ice_servers: Vec<IceServer>,
    /// Sign credentials for each participant with the secret in this file, which the TURN server knows too (coturn:
    /// static-auth-secret); for the TURN servers that are named without a user.
    #[arg(long, value_name = "FILE")]
    turn_secret_file: Option<PathBuf>,
    /// Speak TLS with this certificate and its chain, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "domain")]
    tls_certificate: Option<PathBuf>,
    /// The key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Every request comes through a proxy that sets X-Forwarded-For.
    #[arg(long)]
    behind_proxy: bool,
    /// Tell Prometheus here, at /metrics; an address that the public does not reach.
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    /// When it is asked to stop: how long people may finish their meetings, while nobody new comes in.
    #[arg(long, value_name = "S", default_value_t = 30)]
    drain: u64,
    /// Attempts to join from one address, each minute.
    #[arg(long, value_name = "N", default_value_t = 120)]
    joins_per_minute: u32,
    /// Open sockets of one address.
    #[arg(long, value_name = "N", default_value_t = 256)]
    connections_per_address: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("FIKA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();

    // Before anybody is told that it runs: who asks it to stop right then is heard.
    let mut stop = stop::Requests::listen()?;
    let turn_secret = arguments.turn_secret_file.as_deref().map(secret).transpose()?;
    if turn_secret.is_none() && arguments.ice_servers.iter().any(turn::wants_credentials) {
        anyhow::bail!("a TURN server needs a user and a password, URL,USER,PASSWORD, or --turn-secret-file");
    }
    let usual: SocketAddr = if arguments.domain.is_some() { ALL_443 } else { ALL_7420 };
    let listen = arguments.listen.unwrap_or(usual);
    let data = arguments.data.or_else(|| arguments.domain.as_ref().and_then(|_| usual_data()));
    let automatic = match arguments.domain {
        Some(domain) => Some(Tls::Automatic(Acme {
            domain,
            directory: arguments.acme_directory,
            ca: arguments.acme_ca,
            contact: arguments.acme_contact,
            folder: data.clone().context("--domain needs --data FOLDER to keep the certificate")?,
        })),
        None => None,
    };
    let redis = arguments.store.or_else(|| std::env::var("FIKA_STORE").ok()).filter(|url| !url.is_empty());
    let shared = match &redis {
        Some(url) => Some(redis::open(url).await?),
        None => None,
    };
    let kept = data.as_deref().filter(|_| shared.is_none());
    let given = arguments.tls_certificate.zip(arguments.tls_key);
    let tls = automatic.or(given.map(|(certificate, key)| Tls::Given { certificate, key }));
    let scheme = if tls.is_some() { "https" } else { "http" };
    let joins = Rate::per_minute(arguments.joins_per_minute, arguments.joins_per_minute);
    let connections_per_address = arguments.connections_per_address;
    let config = Config {
        ice_servers: arguments.ice_servers,
        turn_secret,
        behind_proxy: arguments.behind_proxy,
        store: kept.map(store).transpose()?,
        shared,
        tls,
        metrics: arguments.metrics,
        limits: Limits { joins, connections_per_address, ..Limits::default() },
        ..Config::new(listen)
    };
    let server = Server::bind(config).await.with_context(|| format!("on {listen}"))?;
    // With port 0 this is how the real one is known. A reader that has gone away does not need it.
    let _ = writeln!(std::io::stdout(), "{scheme}://{}/", server.local_addr());
    let metrics = server.metrics_addr().map(|address| address.port());
    tracing::info!(port = server.local_addr().port(), metrics, "fika-server listens");
    stop.next().await;
    tracing::info!("fika-server lets nobody new in");
    tokio::select! {
        () = server.drain() => {}
        () = tokio::time::sleep(Duration::from_secs(arguments.drain)) => {}
        () = stop.next() => {}
    }
    tracing::info!("fika-server stops");
    Ok(())
}

/// systemd names the folder that a service has for itself.
fn usual_data() -> Option<PathBuf> {
    let own = std::env::var_os("STATE_DIRECTORY").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    own.or_else(|| dirs::data_dir().map(|folder| folder.join("fika-server")))
}

/// A name that an authority may sign.
fn domain(text: &str) -> Result<String, &'static str> {
    match url::Host::parse(text) {
        Ok(url::Host::Domain(name)) if name.contains('.') && !name.ends_with('.') => Ok(name),
        Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => Err("an address is no name: name the server as people do"),
        _ => Err("write a name that the internet knows, like meet.example.org"),
    }
}

fn directory(text: &str) -> Result<url::Url, &'static str> {
    let url = url::Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.host().is_some());
    url.ok_or("write it as https://HOST[:PORT]/PATH")
}

fn secret(file: &Path) -> anyhow::Result<TurnSecret> {
    let secret = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    let secret = secret.trim();
    anyhow::ensure!(!secret.is_empty(), "{}: there is no secret in it", file.display());
    Ok(TurnSecret::new(secret))
}

fn store(folder: &Path) -> anyhow::Result<Store> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is wrong")?.as_secs();
    Store::open(folder, u32::try_from(unix).unwrap_or(u32::MAX)).with_context(|| format!("{}", folder.display()))
}

/// `URL` or `URL,USER,PASSWORD`; the password may hold commas.
fn ice_server(text: &str) -> Result<IceServer, String> {
    let mut parts = text.splitn(3, ',');
    let url = parts.next().unwrap_or_default();
    let (scheme, _) = url.split_once(':').ok_or("write stun:HOST:PORT or turn:HOST:PORT,USER,PASSWORD")?;
    let (username, credential) = (parts.next().map(str::to_owned), parts.next().map(str::to_owned));
    match scheme {
        "stun" | "stuns" if username.is_none() => {}
        "turns" if url.ends_with("?transport=udp") => {
            return Err("TURN with TLS goes over TCP: write turns:HOST:PORT?transport=tcp".into());
        }
        "turn" | "turns" if username.is_some() == credential.is_some() => {}
        "turn" | "turns" => return Err("a user needs a password: URL,USER,PASSWORD".into()),
        _ => return Err("write stun:HOST:PORT or turn:HOST:PORT,USER,PASSWORD".into()),
    }
    Ok(IceServer { urls: vec![url.to_owned()], username, credential })
}
