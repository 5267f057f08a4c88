//! A signalling server that sits between the people of a room and the real one, and may have the link's secret: what a broken
//! or hostile server could do. It runs on a runtime of its own; each connection has a task, nothing queues.
#![allow(clippy::unwrap_used, reason = "also what tests call is a test")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use fika_call::identity::{Identity, LIFETIME, Offering, Seats};
use fika_call::invite::{Invite, Secret};
use fika_call::seal::{self, Key};
use fika_call::signal::{Binding, ClientMessage, PATH, ParticipantInfo, PeerBody, PeerMessage, Sealed, ServerMessage};
use fika_call::{ParticipantId, RoomId};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

/// What it does to the messages that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Passes everything on.
    None,
    /// Names a certificate of its own, without the link's secret: it changes what is sealed.
    Blind,
    /// Names a certificate of its own.
    SwapFingerprint,
    /// Takes the bindings away, as if both had old clients.
    Strip,
    /// Takes the bindings away and names a certificate of its own.
    StripAndSwap,
    /// An offer signed by a key of its own, two days ago.
    Expired,
    /// The answer's binding is the offer's.
    Reflect,
    /// Every offer comes again, after whatever follows it.
    Replay,
    /// Adds somebody to the room who has no link, and speaks for them.
    Ghost,
    /// Whoever is put out never hears of it: neither why, nor that the server has closed.
    Deaf,
}

/// The id of who is added.
pub const GHOST: &str = "zzzzzzzzzzzzzzzz";

pub struct Between {
    /// The room's link through here.
    pub link: String,
    state: Arc<State>,
    runtime: Option<tokio::runtime::Runtime>,
}

struct State {
    server: url::Url,
    room: RoomId,
    key: Key,
    attack: Attack,
    mallory: Identity,
    nonces: AtomicU64,
    /// Offers that have passed: by whom, and with which binding.
    offers: Mutex<Vec<(ParticipantId, Sealed, Option<Binding>)>>,
    /// What was said to somebody who was added.
    to_ghost: Mutex<Vec<(ParticipantId, Sealed)>>,
    /// Candidates that have passed, and lines of descriptions that name some.
    candidates: Mutex<Vec<String>>,
}

impl Between {
    pub fn start(link: &str, attack: Attack) -> Self {
        Self::listen("127.0.0.1", link, attack)
    }

    /// At this address.
    pub fn listen(address: &str, link: &str, attack: Attack) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind((address, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut invite = Invite::parse(link).unwrap();
        let mut server = invite.server.join(PATH).unwrap();
        server.set_scheme("ws").unwrap();
        invite.server = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let state = Arc::new(State {
            server,
            key: Key::derive(&invite.secret, &invite.room),
            room: invite.room.clone(),
            attack,
            mallory: Identity::from_seed(&[0xee; 32], true),
            nonces: AtomicU64::default(),
            offers: Mutex::default(),
            to_ghost: Mutex::default(),
            candidates: Mutex::default(),
        });
        let accepting = Arc::clone(&state);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&accepting)));
            }
        });
        Self { link: invite.link(), state, runtime: Some(runtime) }
    }

    /// Every candidate that somebody has told somebody else so far.
    pub fn candidates(&self) -> Vec<String> {
        self.state.candidates.lock().unwrap().clone()
    }

    /// How much was said to the ghost, and whether anything of it can be read without the link.
    pub fn said_to_ghost(&self) -> (usize, bool) {
        let stranger = Key::derive(&Secret::from_bytes([9; 16]), &self.state.room);
        let said = self.state.to_ghost.lock().unwrap();
        let ghost = ParticipantId(GHOST.into());
        let read = said.iter().any(|(from, payload)| seal::open(&stranger, from, &ghost, payload).is_ok());
        (said.len(), read)
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let Ok(mut client) = tokio_tungstenite::accept_async(stream).await else { return };
    let Ok((mut server, _)) = tokio_tungstenite::connect_async(state.server.as_str()).await else { return };
    let (mut me, mut deaf) = (None, false);
    loop {
        tokio::select! {
            message = client.next() => {
                let Some(Ok(message)) = message else { return };
                for message in state.of_client(message, me.as_ref()) {
                    // What is said to a server that has closed is lost.
                    let closed = !deaf && server.send(message).await.is_err();
                    if closed && state.attack != Attack::Deaf {
                        return;
                    }
                    deaf |= closed;
                }
            }
            message = server.next(), if !deaf => {
                let Some(Ok(message)) = message else { return };
                if state.is_end(&message) {
                    deaf = true;
                    continue;
                }
                for message in state.of_server(message, &mut me) {
                    if client.send(message).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

impl State {
    fn of_client(&self, message: Message, me: Option<&ParticipantId>) -> Vec<Message> {
        let Message::Text(text) = &message else { return vec![message] };
        let (Ok(ClientMessage::Signal { to, payload }), Some(me)) = (ClientMessage::parse(text), me) else {
            return vec![message];
        };
        if to.0 == GHOST {
            self.to_ghost.lock().unwrap().push((me.clone(), payload));
            return Vec::new();
        }
        let signal = |payload| {
            let message = ClientMessage::Signal { to: to.clone(), payload };
            Message::text(serde_json::to_string(&message).unwrap())
        };
        self.tamper(me, &to, payload).into_iter().map(signal).collect()
    }

    /// What somebody who is put out must not hear.
    fn is_end(&self, message: &Message) -> bool {
        let refused = |text: &str| matches!(serde_json::from_str(text), Ok(ServerMessage::Refused { .. }));
        self.attack == Attack::Deaf
            && match message {
                Message::Text(text) => refused(text),
                message => message.is_close(),
            }
    }

    fn of_server(&self, message: Message, me: &mut Option<ParticipantId>) -> Vec<Message> {
        let Message::Text(text) = &message else { return vec![message] };
        let Ok(ServerMessage::Joined { you, .. }) = serde_json::from_str(text) else { return vec![message] };
        *me = Some(you.clone());
        let mut messages = vec![message];
        if self.attack == Attack::Ghost {
            let ghost = ParticipantId(GHOST.into());
            let participant = ParticipantInfo {
                id: ghost.clone(),
                name: "Ghost".into(),
                media: fika_call::signal::MediaState { microphone: true, camera: true },
                away: false,
            };
            let stranger = Key::derive(&Secret::from_bytes([9; 16]), &self.room);
            let hello = PeerMessage { session: "ghost".into(), seq: 0, body: PeerBody::Restart };
            let payload = seal::seal(&stranger, &ghost, &you, self.nonce(), &hello);
            for message in
                [ServerMessage::ParticipantJoined { participant }, ServerMessage::Signal { from: ghost, payload }]
            {
                messages.push(Message::text(serde_json::to_string(&message).unwrap()));
            }
        }
        messages
    }

    fn note(&self, body: &PeerBody) {
        let mut candidates = self.candidates.lock().unwrap();
        match body {
            PeerBody::Candidate { candidate: Some(candidate), .. } => candidates.push(candidate.clone()),
            PeerBody::Offer { sdp, .. } | PeerBody::Answer { sdp, .. } => {
                candidates.extend(sdp.lines().filter(|line| line.contains("candidate:")).map(str::to_owned));
            }
            _ => {}
        }
    }

    fn nonce(&self) -> [u8; 12] {
        let number = self.nonces.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        std::array::from_fn(|at| if at < 4 { 0xee } else { number[at - 4] })
    }

    /// What goes on in place of `payload`.
    fn tamper(&self, from: &ParticipantId, to: &ParticipantId, payload: Sealed) -> Vec<Sealed> {
        let Ok(mut message) = seal::open(&self.key, from, to, &payload) else { return vec![payload] };
        self.note(&message.body);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let described = matches!(message.body, PeerBody::Offer { .. } | PeerBody::Answer { .. });
        match (self.attack, &mut message.body) {
            (Attack::Blind, _) if described => {
                let mut bytes = payload.0.into_bytes();
                let middle = bytes.len() / 2;
                bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
                return vec![Sealed(String::from_utf8(bytes).unwrap())];
            }
            (Attack::SwapFingerprint, PeerBody::Offer { sdp, .. } | PeerBody::Answer { sdp, .. }) => {
                *sdp = swapped(sdp)
            }
            (Attack::StripAndSwap, PeerBody::Offer { sdp, binding } | PeerBody::Answer { sdp, binding }) => {
                (*sdp, *binding) = (swapped(sdp), None);
            }
            (Attack::Strip, PeerBody::Offer { binding, .. } | PeerBody::Answer { binding, .. }) => *binding = None,
            (Attack::Expired, PeerBody::Offer { sdp, binding }) => {
                let seats = Seats { room: self.room.clone(), us: from.clone(), them: to.clone() };
                let (session, then) = (message.session.as_str(), now - 2 * LIFETIME);
                let (_, old) = Offering::new(&seats, Some(&self.mallory), session, &print(sdp), [7; 64], then);
                *binding = old;
            }
            (Attack::Reflect | Attack::Replay, PeerBody::Offer { binding, .. }) => {
                self.offers.lock().unwrap().push((from.clone(), payload.clone(), binding.clone()));
                return vec![payload];
            }
            (Attack::Reflect, PeerBody::Answer { binding, .. }) => {
                *binding = self.offers.lock().unwrap().last().and_then(|(_, _, binding)| binding.clone());
            }
            (Attack::Replay, _) => {
                let offers = self.offers.lock().unwrap();
                let again = offers.iter().filter(|(by, ..)| by == from).map(|(_, offer, _)| offer.clone());
                return std::iter::once(payload).chain(again).collect();
            }
            _ => return vec![payload],
        }
        vec![seal::seal(&self.key, from, to, self.nonce(), &message)]
    }
}

/// The same description with the certificate of somebody else.
fn swapped(sdp: &str) -> String {
    let line = |line: &str| match line.strip_prefix("a=fingerprint:") {
        Some(_) => format!("a=fingerprint:sha-256 {}\r\n", ["EE"; 32].join(":")),
        None => format!("{line}\r\n"),
    };
    sdp.lines().map(line).collect()
}

/// SHA-256 of the certificate that a description names.
fn print(sdp: &str) -> [u8; 32] {
    let line = sdp.lines().find_map(|line| line.strip_prefix("a=fingerprint:sha-256 ")).unwrap();
    let bytes: Vec<u8> = line.trim().split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    bytes.try_into().unwrap()
}
