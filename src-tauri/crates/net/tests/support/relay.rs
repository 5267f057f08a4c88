//! A signalling server in memory, on a runtime of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use fika_call::signal::{ClientMessage, ParticipantInfo, Refusal, Sealed, ServerMessage};
use fika_call::{ParticipantId, RoomId};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_tungstenite::tungstenite::Message;

/// A sealed message that went through.
#[derive(Clone, Debug)]
pub(crate) struct Relayed {
    pub(crate) from: ParticipantId,
    pub(crate) to: ParticipantId,
    pub(crate) payload: Sealed,
}

pub(crate) struct Relay {
    pub(crate) url: url::Url,
    state: Arc<State>,
    relayed: mpsc::UnboundedReceiver<Relayed>,
    runtime: Option<tokio::runtime::Runtime>,
}

struct State {
    seats: Mutex<HashMap<ParticipantId, Seat>>,
    relayed: mpsc::UnboundedSender<Relayed>,
    cut: broadcast::Sender<()>,
    open: watch::Sender<bool>,
    welcome: Option<Message>,
}

struct Seat {
    info: ParticipantInfo,
    out: mpsc::UnboundedSender<ServerMessage>,
}

impl Relay {
    pub(crate) fn start() -> Self {
        Self::with_welcome(None)
    }

    /// A server that says this instead of `joined`.
    pub(crate) fn with_welcome(welcome: Option<Message>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (relayed_end, relayed) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            seats: Mutex::default(),
            relayed: relayed_end,
            cut: broadcast::Sender::new(1),
            open: watch::Sender::new(true),
            welcome,
        });
        let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let accepting = Arc::clone(&state);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&accepting)));
            }
        });
        Self { url, state, relayed, runtime: Some(runtime) }
    }

    /// The next message that goes from one participant to another.
    pub(crate) async fn relayed(&mut self) -> Relayed {
        self.relayed.recv().await.unwrap()
    }

    pub(crate) fn try_relayed(&mut self) -> Option<Relayed> {
        self.relayed.try_recv().ok()
    }

    /// Breaks every connection; new ones are let in when `open` is called.
    pub(crate) fn cut(&self) {
        self.state.open.send_replace(false);
        let _ = self.state.cut.send(());
    }

    pub(crate) fn open(&self) {
        self.state.open.send_replace(true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut cut = state.cut.subscribe();
    state.open.subscribe().wait_for(|open| *open).await.unwrap();
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let (out, mut waiting) = mpsc::unbounded_channel();
    let mut me = None;
    loop {
        tokio::select! {
            _ = cut.recv() => return,
            Some(message) = waiting.recv() => {
                let text = serde_json::to_string(&message).unwrap();
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            message = socket.next() => {
                let Some(Ok(Message::Text(text))) = message else { break };
                let message = serde_json::from_str(&text).expect("the client speaks the protocol");
                if let (ClientMessage::Join { .. }, Some(welcome)) = (&message, &state.welcome) {
                    let _ = socket.send(welcome.clone()).await;
                    continue;
                }
                if !state.on_message(message, &mut me, &out) {
                    break;
                }
            }
        }
    }
    if let Some(me) = me {
        state.leave(&me);
    }
}

impl State {
    fn on_message(
        &self,
        message: ClientMessage,
        me: &mut Option<ParticipantId>,
        out: &mpsc::UnboundedSender<ServerMessage>,
    ) -> bool {
        let mut seats = self.seats.lock().unwrap();
        match message {
            ClientMessage::Create { .. } => {
                let _ = out.send(ServerMessage::Created { room: RoomId::from_bytes([3; 10]), host_key: "key".into() });
            }
            ClientMessage::Join { room, name, media, resume, .. } => {
                if room != super::room() {
                    let _ = out.send(ServerMessage::Refused { reason: Refusal::RoomNotFound });
                    return true;
                }
                let resumed = resume.map(ParticipantId).filter(|id| seats.contains_key(id));
                let you = resumed.clone().unwrap_or_else(|| ParticipantId(format!("p{}", seats.len() + 1)));
                let info = ParticipantInfo { id: you.clone(), name, media, away: false };
                let others = seats.values().filter(|seat| seat.info.id != you);
                let participants = others.clone().map(|seat| seat.info.clone()).collect();
                let joined = ServerMessage::Joined {
                    you: you.clone(),
                    resume: you.0.clone(),
                    participants,
                    ice_servers: vec![],
                };
                let _ = out.send(joined);
                if resumed.is_none() {
                    others.for_each(|seat| {
                        let _ = seat.out.send(ServerMessage::ParticipantJoined { participant: info.clone() });
                    });
                }
                seats.insert(you.clone(), Seat { info, out: out.clone() });
                *me = Some(you);
            }
            ClientMessage::SetMedia { media } => {
                let Some(me) = me.as_ref() else { return false };
                let Some(seat) = seats.get_mut(me) else { return false };
                seat.info.media = media;
                let participant = seat.info.clone();
                for seat in seats.values().filter(|seat| seat.info.id != *me) {
                    let _ = seat.out.send(ServerMessage::ParticipantChanged { participant: participant.clone() });
                }
            }
            ClientMessage::Signal { to, payload } => {
                let Some(from) = me.clone() else { return false };
                let _ = self.relayed.send(Relayed { from: from.clone(), to: to.clone(), payload: payload.clone() });
                if let Some(seat) = seats.get(&to) {
                    let _ = seat.out.send(ServerMessage::Signal { from, payload });
                }
            }
            ClientMessage::Leave => return false,
            ClientMessage::Ping => {
                let _ = out.send(ServerMessage::Pong);
            }
            // Of a room with roles: tested with the real server.
            _ => {}
        }
        true
    }

    fn leave(&self, me: &ParticipantId) {
        let mut seats = self.seats.lock().unwrap();
        seats.remove(me);
        for seat in seats.values() {
            let _ = seat.out.send(ServerMessage::ParticipantLeft { participant: me.clone() });
        }
    }
}
