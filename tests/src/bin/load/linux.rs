//! Everything, on Linux.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use fika_call::RoomId;
use fika_call::door::{Entry, RoomOptions};
use fika_call::signal::{ClientMessage, HEARTBEAT_SECONDS, MediaState, PATH, PROTOCOL_VERSION, ServerMessage};
use fika_tests::process::{Usage, usage};
use fika_tests::program;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const IN_A_ROOM: usize = 8;

/// People join, then sit there: prints what that takes of the server as one JSON object.
#[derive(Parser)]
#[command(name = "load")]
struct Arguments {
    #[arg(long, default_value_t = 2000)]
    people: usize,
    /// Joins a minute.
    #[arg(long, default_value_t = 500)]
    joins: u32,
    /// Seconds for which all sit there.
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// Fail when the server takes more MiB than this.
    #[arg(long)]
    max_memory: Option<u64>,
    /// Fail when the server takes more per cent of one core than this, at joining or at sitting.
    #[arg(long)]
    max_cpu: Option<f64>,
}

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> anyhow::Result<Self> {
        let path = program::path("fika-server", "fika-server")?;
        let mut child = Command::new(path)
            .args(["--listen", "127.0.0.1:0", "--behind-proxy"])
            .env("FIKA_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its stdout")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("http://").context("an address")?.trim_end_matches('/').to_owned();
        Ok(Self { child, address })
    }

    fn usage(&self) -> anyhow::Result<Usage> {
        usage(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let server = Server::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&arguments, &server))
}

async fn run(arguments: &Arguments, server: &Server) -> anyhow::Result<()> {
    let lost = Arc::new(AtomicUsize::new(0));
    let mut pace = tokio::time::interval(Duration::from_secs(60) / arguments.joins);
    let before = server.usage()?;
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut room = None;
    for number in 0..arguments.people {
        pace.tick().await;
        let asked = Instant::now();
        let mut socket = connect(&server.address, number).await?;
        if number % IN_A_ROOM == 0 {
            room = Some(create(&mut socket).await?);
        }
        let room = room.clone().context("a room")?;
        join(&mut socket, room).await?;
        slowest = slowest.max(asked.elapsed());
        let lost = Arc::clone(&lost);
        tokio::spawn(async move {
            let end = sit(socket).await;
            eprintln!("somebody lost the seat: {end:?}");
            lost.fetch_add(1, Ordering::Relaxed);
        });
    }
    let joined = server.usage()?;
    let joining = per_cent(&before, &joined, start.elapsed());
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(arguments.idle)).await;
    let sat = server.usage()?;
    let idle = per_cent(&joined, &sat, start.elapsed());
    let memory = sat.pss / (1024 * 1024);
    let lost = lost.load(Ordering::Relaxed);
    let figures = json!({
        "people": arguments.people,
        "joinsPerMinute": arguments.joins,
        "cpuPercentJoining": joining,
        "cpuPercentIdle": idle,
        "memoryMiB": memory,
        "slowestJoinMs": slowest.as_secs_f64() * 1e3,
        "seatsLost": lost,
    });
    let mut out = std::io::stdout();
    std::io::Write::write_all(&mut out, format!("{figures}\n").as_bytes())?;
    ensure!(lost == 0, "{lost} people lost their seats");
    ensure!(arguments.max_memory.is_none_or(|most| memory <= most), "{memory} MiB");
    ensure!(arguments.max_cpu.is_none_or(|most| joining.max(idle) <= most), "{joining} and {idle} per cent of a core");
    Ok(())
}

/// Of one core.
fn per_cent(before: &Usage, after: &Usage, time: Duration) -> f64 {
    after.cpu.saturating_sub(before.cpu).as_secs_f64() / time.as_secs_f64() * 100.0
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(address: &str, number: usize) -> anyhow::Result<Socket> {
    let mut request = format!("ws://{address}{PATH}").into_client_request()?;
    let [_, a, b, c] = u32::try_from(number)?.to_be_bytes();
    request.headers_mut().insert("x-forwarded-for", format!("10.{a}.{b}.{c}").parse()?);
    Ok(connect_async(request).await?.0)
}

async fn create(socket: &mut Socket) -> anyhow::Result<RoomId> {
    say(socket, &ClientMessage::Create { version: PROTOCOL_VERSION, options: RoomOptions::default(), again: None })
        .await?;
    loop {
        match hear(socket).await? {
            ServerMessage::Created { room, .. } => return Ok(room),
            ServerMessage::Refused { reason } => bail!("no room: {reason:?}"),
            _ => {}
        }
    }
}

async fn join(socket: &mut Socket, room: RoomId) -> anyhow::Result<()> {
    let media = MediaState { microphone: true, camera: true };
    let (version, name, entry) = (PROTOCOL_VERSION, "somebody".to_owned(), Entry::default());
    say(socket, &ClientMessage::Join { version, room, name, media, resume: None, entry }).await?;
    loop {
        match hear(socket).await? {
            ServerMessage::Joined { .. } => return Ok(()),
            ServerMessage::Refused { reason } => bail!("no seat: {reason:?}"),
            _ => {}
        }
    }
}

/// Until the server is gone, which it should not be.
async fn sit(mut socket: Socket) -> anyhow::Result<()> {
    let mut beat = tokio::time::interval(Duration::from_secs(HEARTBEAT_SECONDS));
    loop {
        tokio::select! {
            _ = beat.tick() => say(&mut socket, &ClientMessage::Ping).await?,
            heard = hear(&mut socket) => if let ServerMessage::Refused { reason } = heard? { bail!("{reason:?}") },
        }
    }
}

async fn say(socket: &mut Socket, message: &ClientMessage) -> anyhow::Result<()> {
    Ok(socket.send(Message::text(serde_json::to_string(message)?)).await?)
}

async fn hear(socket: &mut Socket) -> anyhow::Result<ServerMessage> {
    loop {
        match socket.next().await.context("the server closed")?? {
            Message::Text(text) => return Ok(serde_json::from_str(&text)?),
            Message::Close(_) => bail!("the server closed"),
            _ => {}
        }
    }
}
