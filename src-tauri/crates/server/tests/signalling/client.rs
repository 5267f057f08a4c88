//! A client that speaks the protocol, and a person who sits in a room.

use fika_call::door::{Entry, RoomOptions};
use fika_call::signal::{ClientMessage, MediaState, PATH, PROTOCOL_VERSION, Refusal, ServerMessage};
use fika_call::{ParticipantId, RoomId};
use fika_server::Server;
use futures_util::{SinkExt as _, Stream, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const MEDIA: MediaState = MediaState { microphone: true, camera: true };

pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

pub(crate) struct Seat {
    pub(crate) client: Client,
    pub(crate) you: ParticipantId,
    pub(crate) resume: String,
    pub(crate) participants: Vec<ParticipantId>,
}

impl Client {
    pub(crate) async fn connect(server: &Server) -> Self {
        let (socket, _) = connect_async(format!("ws://{}{PATH}", server.local_addr())).await.unwrap();
        Self(socket)
    }

    pub(crate) async fn send(&mut self, message: ClientMessage) {
        self.send_text(serde_json::to_string(&message).unwrap()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// `None`: the server closed.
    pub(crate) async fn receive(&mut self) -> Option<ServerMessage> {
        receive(&mut self.0).await
    }

    pub(crate) async fn join(&mut self, room: &RoomId, name: &str, resume: Option<String>) -> Option<ServerMessage> {
        let (room, name) = (room.clone(), name.to_owned());
        let entry = Entry::default();
        self.send(ClientMessage::Join { version: PROTOCOL_VERSION, room, name, media: MEDIA, resume, entry }).await;
        self.receive().await
    }

    /// Skips what is told about the room as a whole.
    pub(crate) async fn receive_news(&mut self) -> Option<ServerMessage> {
        receive_news(&mut self.0).await
    }

    pub(crate) async fn assert_refused(mut self, expected: Refusal) {
        assert_eq!(self.receive_news().await, Some(ServerMessage::Refused { reason: expected }));
        assert_eq!(self.receive().await, None, "closed after the refusal");
    }
}

pub(crate) async fn receive(
    messages: &mut (impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin),
) -> Option<ServerMessage> {
    loop {
        match messages.next().await {
            Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Ping(_))) => {}
            None | Some(Err(_) | Ok(Message::Close(_))) => return None,
            Some(Ok(other)) => panic!("unexpected {other:?}"),
        }
    }
}

pub(crate) async fn receive_news(
    messages: &mut (impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin),
) -> Option<ServerMessage> {
    loop {
        let message = receive(messages).await;
        if !matches!(message, Some(ServerMessage::Room { .. } | ServerMessage::WaitingRoom { .. })) {
            return message;
        }
    }
}

pub(crate) fn create() -> ClientMessage {
    ClientMessage::Create { version: PROTOCOL_VERSION, options: RoomOptions::default(), again: None }
}

pub(crate) async fn sit(server: &Server, room: &RoomId, name: &str, resume: Option<String>) -> Seat {
    let mut client = Client::connect(server).await;
    match client.join(room, name, resume).await {
        Some(ServerMessage::Joined { you, resume, participants, .. }) => {
            Seat { client, you, resume, participants: participants.into_iter().map(|p| p.id).collect() }
        }
        other => panic!("not joined: {other:?}"),
    }
}
