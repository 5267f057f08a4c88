//! Pictures to the page's canvases over a WebSocket on the loopback interface.
//!
//! A server task takes the page's connection, one at a time: a new one replaces the old (after a reload). Only who
//! knows the random path and comes from the app's own page is let in. The thread `surface` converts pictures and
//! queues them; each connection has one task that writes its queue and reads the acks.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use fika_media::I420;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;

use crate::convert::Converter;
use crate::protocol::{self, ACK_BYTES, Ack, HEADER_BYTES, Header};
use crate::tiles::{CREDIT, MAX_TILES, Tiles, Work};
use crate::{Layout, TileId, TileStats, VideoSurface};

/// Where the app's page comes from on the three platforms.
pub const APP_ORIGINS: [&str; 3] = ["tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"];
/// Messages to one page: the credit of all tiles and as many texts. Full: the page reads nothing any more; it is
/// disconnected and connects anew.
const QUEUE: usize = 2 * CREDIT * MAX_TILES;
const TOKEN_BYTES: usize = 16;

/// Why there is no surface.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    #[error("no port on the loopback interface: {0}")]
    Bind(#[source] io::Error),
    #[error("no random numbers from the system")]
    Random,
    #[error("no thread: {0}")]
    Thread(#[source] io::Error),
}

/// Serves until it is dropped.
pub struct WebSocketSurface {
    shared: Arc<Shared>,
    url: String,
    server: tokio::task::JoinHandle<()>,
    converter: Option<JoinHandle<()>>,
}

impl WebSocketSurface {
    /// Listens on a free port. `origins`: the pages that may connect, usually [`APP_ORIGINS`].
    pub fn start(runtime: &tokio::runtime::Handle, origins: &[&str]) -> Result<Self, StartError> {
        let token = token()?;
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).map_err(StartError::Bind)?;
        listener.set_nonblocking(true).map_err(StartError::Bind)?;
        let host = listener.local_addr().map_err(StartError::Bind)?.to_string();
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(StartError::Bind)?
        };
        let shared = Arc::new(Shared::default());
        let converter = std::thread::Builder::new()
            .name("surface".into())
            .spawn({
                let shared = shared.clone();
                move || convert_until_stopped(&shared)
            })
            .map_err(StartError::Thread)?;
        let url = format!("ws://{host}/{token}");
        let gate = Gate { token, host, origins: origins.iter().map(|o| (*o).to_owned()).collect() };
        let app = Router::new().route("/{token}", get(connect)).with_state(Arc::new((gate, shared.clone())));
        let listener = listener.tap_io(|socket| {
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "the page's socket keeps its delay");
            }
        });
        let server = runtime.spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the server of the tiles has stopped");
            }
        });
        Ok(Self { shared, url, server, converter: Some(converter) })
    }

    /// For the page only: whoever has it and its origin sees the pictures.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl VideoSurface for WebSocketSurface {
    fn set_layout(&self, layout: Layout) {
        let mut state = self.shared.lock();
        if state.tiles.set_layout(&layout) {
            let text = protocol::tiles_text(state.tiles.ids());
            state.send(Message::Text(text.into()));
        }
        self.shared.wake.notify_one();
    }

    fn present(&self, tile: &TileId, image: Arc<I420>) {
        if self.shared.lock().tiles.present(tile, image, Instant::now()) {
            self.shared.wake.notify_one();
        }
    }

    fn clear(&self, tile: &TileId) {
        let mut state = self.shared.lock();
        if state.tiles.clear(tile) {
            state.send(Message::Text(protocol::clear_text(tile).into()));
        }
    }

    fn stats(&self) -> Vec<TileStats> {
        self.shared.lock().tiles.stats(Instant::now())
    }
}

impl Drop for WebSocketSurface {
    fn drop(&mut self) {
        self.server.abort();
        {
            let mut state = self.shared.lock();
            state.stopping = true;
            state.page = None;
        }
        self.shared.wake.notify_one();
        if self.converter.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the tiles has panicked");
        }
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<Inner>,
    /// There may be something to convert, or it is time to stop.
    wake: Condvar,
}

#[derive(Default)]
struct Inner {
    tiles: Tiles,
    page: Option<Page>,
    last_page: u64,
    stopping: bool,
}

struct Page {
    id: u64,
    queue: mpsc::Sender<Message>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn send(&mut self, message: Message) {
        if self.page.as_ref().is_some_and(|page| page.queue.try_send(message).is_err()) {
            self.page = None;
        }
    }
}

fn convert_until_stopped(shared: &Shared) {
    let mut converter = Converter::default();
    loop {
        let Some((work, page)) = next_work(shared) else { return };
        let converted = converter.convert(&work.image, &work.target);
        let mut state = shared.lock();
        let same_page = state.page.as_ref().is_some_and(|p| p.id == page);
        match (converted, state.tiles.index_of(&work)) {
            (Some((mut message, size)), Some(tile)) if same_page => {
                let header = Header {
                    tile,
                    seq: work.seq,
                    width: size.width as u16,
                    height: size.height as u16,
                    sent: unix_ms(),
                    serial: work.serial,
                };
                if let Some(place) = message.first_chunk_mut::<HEADER_BYTES>() {
                    header.write(place);
                }
                state.send(Message::Binary(message.into()));
            }
            _ => state.tiles.give_back(&work),
        }
    }
}

/// Waits for a picture that may be sent, and says to which page. `None`: it is time to stop.
fn next_work(shared: &Shared) -> Option<(Work, u64)> {
    let mut state = shared.lock();
    loop {
        if state.stopping {
            return None;
        }
        if let Some(page) = state.page.as_ref().map(|p| p.id)
            && let Some(work) = state.tiles.take()
        {
            return Some((work, page));
        }
        state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

fn unix_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

/// Who may connect.
struct Gate {
    token: String,
    host: String,
    origins: Vec<String>,
}

impl Gate {
    /// The host is checked too: a foreign name that resolves to this computer is not ours.
    fn lets_in(&self, token: &str, headers: &HeaderMap) -> bool {
        let value = |name| headers.get(name).and_then(|v| v.to_str().ok());
        token == self.token
            && value(header::HOST) == Some(&self.host)
            && value(header::ORIGIN).is_some_and(|origin| self.origins.iter().any(|o| o == origin))
    }
}

async fn connect(
    Path(token): Path<String>,
    State(state): State<Arc<(Gate, Arc<Shared>)>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let (gate, shared) = &*state;
    if !gate.lets_in(&token, &headers) {
        tracing::warn!("a stranger asked for the tiles and was refused");
        return StatusCode::FORBIDDEN.into_response();
    }
    let shared = shared.clone();
    upgrade.max_message_size(ACK_BYTES).on_upgrade(move |socket| serve(socket, shared))
}

/// One connection, until it or the surface ends or another one takes its place.
async fn serve(socket: WebSocket, shared: Arc<Shared>) {
    let (mut out, mut incoming) = socket.split();
    let (queue, mut queued) = mpsc::channel(QUEUE);
    let id = {
        let mut state = shared.lock();
        if state.stopping {
            return;
        }
        state.last_page += 1;
        let id = state.last_page;
        state.page = Some(Page { id, queue });
        let text = protocol::tiles_text(state.tiles.ids());
        state.send(Message::Text(text.into()));
        state.tiles.restart();
        id
    };
    shared.wake.notify_one();
    let write = async {
        while let Some(message) = queued.recv().await {
            if out.send(message).await.is_err() {
                return;
            }
        }
    };
    let read = async {
        while let Some(Ok(message)) = incoming.next().await {
            let Message::Binary(bytes) = message else { continue };
            let Some(ack) = Ack::read(&bytes) else { return };
            shared.lock().tiles.drawn(ack.seq, Instant::now());
            shared.wake.notify_one();
        }
    };
    tokio::select! {
        () = write => (),
        () = read => (),
    }
    let mut state = shared.lock();
    if state.page.as_ref().is_some_and(|page| page.id == id) {
        state.page = None;
        state.tiles.restart();
    }
}

fn token() -> Result<String, StartError> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| StartError::Random)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
