//! The server over real WebSockets on loopback.

#![allow(clippy::unwrap_used)]

mod client;
mod here;
mod house;

use std::net::SocketAddr;

use fika_call::RoomId;
use fika_call::signal::{
    ClientMessage, IceServer, MAX_MESSAGE, MAX_PARTICIPANTS, MediaState, PATH, Refusal, Sealed, ServerMessage,
};
use fika_server::limits::Rate;
use fika_server::{Config, Limits, Server};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::client::{Client, create, receive_news, sit};

const UNLIMITED: Rate = Rate { per_second: 1e12, burst: 1e12 };

fn config() -> Config {
    Config::new(SocketAddr::from(([127, 0, 0, 1], 0)))
}

async fn server_and_room() -> (Server, RoomId) {
    let server = Server::bind(config()).await.unwrap();
    let room = server.create_room().await.unwrap().room;
    (server, room)
}

async fn get(server: &Server, path: &str) -> String {
    get_from(server.local_addr(), path).await
}

async fn get_from(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn two_people_meet_talk_and_part() {
    let (server, room) = server_and_room().await;
    let mut elin = sit(&server, &room, "Elin", None).await;
    let mut amir = sit(&server, &room, "Amir", None).await;
    assert_eq!(amir.participants, [elin.you.clone()]);
    match elin.client.receive_news().await {
        Some(ServerMessage::ParticipantJoined { participant }) => {
            assert_eq!((participant.id, participant.name.as_str()), (amir.you.clone(), "Amir"));
        }
        other => panic!("{other:?}"),
    }

    let payload = Sealed("c2VhbGVk".into());
    elin.client.send(ClientMessage::Signal { to: amir.you.clone(), payload: payload.clone() }).await;
    let expected = ServerMessage::Signal { from: elin.you.clone(), payload };
    assert_eq!(amir.client.receive_news().await, Some(expected));

    amir.client.send(ClientMessage::SetMedia { media: MediaState::default() }).await;
    match elin.client.receive_news().await {
        Some(ServerMessage::ParticipantChanged { participant }) => {
            assert_eq!(participant.media, MediaState::default());
        }
        other => panic!("{other:?}"),
    }

    elin.client.send(ClientMessage::Ping).await;
    assert_eq!(elin.client.receive_news().await, Some(ServerMessage::Pong));

    amir.client.send(ClientMessage::Leave).await;
    assert_eq!(amir.client.receive_news().await, None);
    let left = ServerMessage::ParticipantLeft { participant: amir.you };
    assert_eq!(elin.client.receive_news().await, Some(left));
}

#[tokio::test]
async fn a_broken_connection_gets_its_seat_back() {
    let (server, room) = server_and_room().await;
    let elin = sit(&server, &room, "Elin", None).await;
    let mut amir = sit(&server, &room, "Amir", None).await;
    let (id, resume) = (elin.you.clone(), elin.resume.clone());
    drop(elin);
    match amir.client.receive_news().await {
        Some(ServerMessage::ParticipantChanged { participant }) => assert!(participant.away),
        other => panic!("{other:?}"),
    }
    let elin = sit(&server, &room, "Elin", Some(resume.clone())).await;
    assert_eq!((elin.you, elin.participants), (id, vec![amir.you.clone()]));
    match amir.client.receive_news().await {
        Some(ServerMessage::ParticipantChanged { participant }) => assert!(!participant.away),
        other => panic!("{other:?}"),
    }
    // The old connection may still look alive to the server.
    let mut replaced = elin.client;
    let again = sit(&server, &room, "Elin", Some(resume)).await;
    assert_eq!(replaced.receive_news().await, None);
    assert_eq!(again.participants, [amir.you]);
}

#[tokio::test]
async fn a_client_opens_a_room_and_joins_it_on_the_same_connection() {
    let mut config = config();
    let turn =
        IceServer { urls: vec!["turn:192.0.2.1".into()], username: Some("u".into()), credential: Some("c".into()) };
    config.ice_servers = vec![turn.clone()];
    let server = Server::bind(config).await.unwrap();
    let mut client = Client::connect(&server).await;
    client.send(create()).await;
    let Some(ServerMessage::Created { room, .. }) = client.receive().await else { panic!("not created") };
    assert!(RoomId::parse(&room.0).is_some());
    match client.join(&room, "Elin", None).await {
        Some(ServerMessage::Joined { ice_servers, .. }) => assert_eq!(ice_servers, [turn]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn unknown_and_malformed_rooms_get_the_same_answer() {
    let (server, _) = server_and_room().await;
    for room in ["aaaa-aaaa-aaaa-aaaa", "", "../../etc", &"x".repeat(1000)] {
        let mut client = Client::connect(&server).await;
        let answer = client.join(&RoomId(room.into()), "Elin", None).await;
        assert_eq!(answer, Some(ServerMessage::Refused { reason: Refusal::RoomNotFound }));
        assert_eq!(client.receive().await, None);
    }
}

#[tokio::test]
async fn a_full_room_stays_as_it_is() {
    let (server, room) = server_and_room().await;
    let mut seats = Vec::new();
    for _ in 0..MAX_PARTICIPANTS {
        seats.push(sit(&server, &room, "Elin", None).await);
    }
    let mut late = Client::connect(&server).await;
    let answer = late.join(&room, "Amir", None).await;
    assert_eq!(answer, Some(ServerMessage::Refused { reason: Refusal::RoomFull }));
    seats.pop();
}

#[tokio::test]
async fn nonsense_is_refused_and_closed() {
    let (server, room) = server_and_room().await;
    let nested = "[".repeat(20_000);
    let texts = [
        "hello",
        "{}",
        "{\"type\":\"dance\"}",
        "{\"type\":\"create\",\"version\":2,\"extra\":1}",
        "{\"type\":\"setMedia\",\"media\":{\"microphone\":true,\"camera\":true}}",
        "{\"type\":\"signal\",\"to\":\"p\",\"payload\":\"x\"}",
        &nested,
    ];
    for text in texts {
        let mut client = Client::connect(&server).await;
        client.send_text(text.to_owned()).await;
        client.assert_refused(Refusal::BadMessage).await;
    }
    let mut client = Client::connect(&server).await;
    client.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    client.assert_refused(Refusal::BadMessage).await;

    let mut client = Client::connect(&server).await;
    client.send_text("{\"type\":\"join\",\"version\":3,\"because\":\"newer\"}".into()).await;
    client.assert_refused(Refusal::Version).await;

    // Somebody who sits in the room loses the seat at once.
    let mut elin = sit(&server, &room, "Elin", None).await;
    let mut amir = sit(&server, &room, "Amir", None).await;
    elin.client.receive_news().await;
    amir.client.send_text("hello".into()).await;
    amir.client.assert_refused(Refusal::BadMessage).await;
    let left = ServerMessage::ParticipantLeft { participant: amir.you };
    assert_eq!(elin.client.receive_news().await, Some(left));
}

#[tokio::test]
async fn too_large_messages_are_not_taken() {
    let (server, _) = server_and_room().await;
    let mut client = Client::connect(&server).await;
    client.send_text("x".repeat(MAX_MESSAGE + 1)).await;
    client.assert_refused(Refusal::BadMessage).await;

    let mut client = Client::connect(&server).await;
    // The server may close before everything is written.
    let _ = client.0.send(Message::text("x".repeat(4 * MAX_MESSAGE))).await;
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn a_talkative_connection_is_stopped() {
    let (server, _) = server_and_room().await;
    let mut client = Client::connect(&server).await;
    for _ in 0..200 {
        if client.0.send(Message::text("{\"type\":\"ping\"}")).await.is_err() {
            break;
        }
    }
    let mut pongs = 0;
    loop {
        match client.receive().await {
            Some(ServerMessage::Pong) => pongs += 1,
            Some(ServerMessage::Refused { reason }) => {
                assert_eq!(reason, Refusal::TooManyRequests);
                break;
            }
            // The refusal may be lost when the server closes while we still send.
            None => break,
            Some(other) => panic!("{other:?}"),
        }
    }
    assert!((100..200).contains(&pongs), "{pongs}");
}

#[tokio::test]
async fn an_address_opens_and_joins_only_so_often() {
    let mut config = config();
    config.limits = Limits { creates: Rate::per_minute(1, 1), joins: Rate::per_minute(1, 2), ..Limits::default() };
    let server = Server::bind(config).await.unwrap();
    let ask = || async {
        let mut client = Client::connect(&server).await;
        client.send(create()).await;
        client.receive().await
    };
    let Some(ServerMessage::Created { room, .. }) = ask().await else { panic!("not created") };
    let too_many = Some(ServerMessage::Refused { reason: Refusal::TooManyRequests });
    assert_eq!(ask().await, too_many);
    let _one = sit(&server, &room, "Elin", None).await;
    let _two = sit(&server, &room, "Amir", None).await;
    assert_eq!(Client::connect(&server).await.join(&room, "Noor", None).await, too_many);
}

#[tokio::test]
async fn rooms_of_the_app_are_opened_by_the_app_alone() {
    let server = Server::bind(Config { anyone_may_create: false, ..config() }).await.unwrap();
    let mut client = Client::connect(&server).await;
    client.send(create()).await;
    client.assert_refused(Refusal::TooManyRequests).await;
    let room = server.create_room().await.unwrap().room;
    sit(&server, &room, "Elin", None).await;
}

#[tokio::test]
async fn who_does_not_read_is_dropped_and_the_others_go_on() {
    let mut config = config();
    config.limits = Limits { messages: UNLIMITED, bytes: UNLIMITED, ..Limits::default() };
    let server = Server::bind(config).await.unwrap();
    let room = server.create_room().await.unwrap().room;
    let elin = sit(&server, &room, "Elin", None).await;
    let deaf = sit(&server, &room, "Amir", None).await;
    let (mut sink, mut stream) = elin.client.0.split();
    let message = ClientMessage::Signal { to: deaf.you.clone(), payload: Sealed("x".repeat(40 * 1024)) };
    let message = serde_json::to_string(&message).unwrap();
    let flood = async {
        loop {
            sink.send(Message::text(message.clone())).await.unwrap();
        }
    };
    let away = async {
        loop {
            match receive_news(&mut stream).await.unwrap() {
                ServerMessage::ParticipantChanged { participant } if participant.away => return participant.id,
                ServerMessage::ParticipantJoined { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let dropped = tokio::select! {
        never = flood => never,
        dropped = away => dropped,
    };
    assert_eq!(dropped, deaf.you);
}

#[tokio::test]
async fn a_silent_connection_is_noticed() {
    let mut config = config();
    config.heartbeat = std::time::Duration::from_millis(300);
    let server = Server::bind(config).await.unwrap();
    let room = server.create_room().await.unwrap().room;
    // Reads nothing, so its pongs are never written.
    let silent = sit(&server, &room, "Amir", None).await;
    let mut elin = sit(&server, &room, "Elin", None).await;
    match elin.client.receive_news().await {
        Some(ServerMessage::ParticipantChanged { participant }) => {
            assert_eq!((participant.id, participant.away), (silent.you.clone(), true));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_house_is_full_at_its_limit() {
    let mut config = config();
    config.limits = Limits { connections_per_address: 1, ..Limits::default() };
    let server = Server::bind(config).await.unwrap();
    let first = Client::connect(&server).await;
    let url = format!("ws://{}{PATH}", server.local_addr());
    assert!(connect_async(url.as_str()).await.is_err());
    drop(first);
}

#[tokio::test]
async fn pages_of_other_sites_cannot_connect() {
    let (server, _) = server_and_room().await;
    let mut request = format!("ws://{}{PATH}", server.local_addr()).into_client_request().unwrap();
    request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert!(connect_async(request).await.is_err());
}

#[tokio::test]
async fn the_page_behind_a_link_says_the_same_for_every_room() {
    let (server, room) = server_and_room().await;
    let page = get(&server, &format!("/j/{}", room.0)).await;
    assert!(page.starts_with("HTTP/1.1 200"));
    assert!(page.contains("Open this link in Fika") && page.contains("Öppna länken i Fika"));
    assert!(page.contains("content-security-policy: default-src 'none'"));
    assert!(page.contains("referrer-policy: no-referrer"));
    assert!(!page.contains("<script>"), "what is in the page itself is not run");
    let without_date = |page: &str| page.lines().filter(|line| !line.starts_with("date:")).collect::<String>();
    let unknown = get(&server, "/j/aaaa-aaaa-aaaa-aaaa").await;
    assert_eq!(without_date(&page), without_date(&unknown));
    assert!(get(&server, "/invite.css").await.contains("text/css"));
    assert!(get(&server, "/healthz").await.ends_with("ok"));
    assert!(get(&server, "/anything").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn dropping_the_server_closes_every_connection_and_the_door() {
    let (server, room) = server_and_room().await;
    let address = server.local_addr();
    let mut elin = sit(&server, &room, "Elin", None).await;
    drop(server);
    assert_eq!(elin.client.receive_news().await, None);
    // The listener closes in a task of its own; binding succeeds once it has.
    while Server::bind(Config::new(address)).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_computer_serves_its_own_rooms() {
    let local = fika_server::local::Local::new(0, Vec::new());
    let first = local.open_room().await.unwrap();
    let second = local.open_room().await.unwrap();
    assert_eq!(first.server, second.server, "one server for all rooms");
    assert_ne!((&first.room, &first.secret), (&second.room, &second.secret));
    let link = fika_call::invite::Invite { host_key: None, ..first.clone() };
    assert_eq!(fika_call::invite::Invite::parse(&first.link()), Ok(link), "the host key is not in it");
    let host = first.server.socket_addrs(|| None).unwrap()[0];
    let (socket, _) = connect_async(format!("ws://{host}{PATH}")).await.unwrap();
    let answer = Client(socket).join(&first.room, "Elin", None).await;
    assert!(matches!(answer, Some(ServerMessage::Joined { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_taken_port_is_no_obstacle() {
    let taken = fika_server::local::Local::new(0, Vec::new());
    let port = taken.open_room().await.unwrap().server.port().unwrap();
    let other = fika_server::local::Local::new(port, Vec::new());
    assert_ne!(other.open_room().await.unwrap().server.port(), Some(port));
}
