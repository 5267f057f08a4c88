//! The whole server: who is let in and how long that takes, what is counted, how it stops, TLS.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fika_call::door::{Entry, InviteOptions, RoomOptions};
use fika_call::room::{Decline, Moderation};
use fika_call::signal::{ClientMessage, MediaState, PATH, PROTOCOL_VERSION, Refusal, Sealed, ServerMessage};
use fika_call::{ParticipantId, RoomId};
use fika_server::limits::Rate;
use fika_server::store::Store;
use fika_server::tls::Tls;
use fika_server::{Config, Limits, Server};
use tokio_tungstenite::{Connector, connect_async_tls_with_config};

use crate::client::{Client, receive_news, sit};
use crate::{config, get_from};

async fn open(server: &Server, options: RoomOptions) -> (Client, RoomId, String) {
    let mut client = Client::connect(server).await;
    client.send(ClientMessage::Create { version: PROTOCOL_VERSION, options, again: None }).await;
    match client.receive().await {
        Some(ServerMessage::Created { room, host_key }) => (client, room, host_key),
        other => panic!("not created: {other:?}"),
    }
}

async fn knock(server: &Server, room: &RoomId, entry: Entry) -> (Client, Option<ServerMessage>) {
    let mut client = Client::connect(server).await;
    let (room, name, media) = (room.clone(), "Maja".to_owned(), MediaState::default());
    client.send(ClientMessage::Join { version: PROTOCOL_VERSION, room, name, media, resume: None, entry }).await;
    let answer = client.receive().await;
    (client, answer)
}

fn passcode(text: &str) -> Entry {
    Entry { passcode: Some(text.into()), ..Entry::default() }
}

#[tokio::test]
async fn unknown_wrong_and_locked_are_answered_alike_and_not_at_once() {
    let server = Server::bind(config()).await.unwrap();
    let options = RoomOptions { passcode: Some("1234".into()), ..RoomOptions::default() };
    let (mut owner, room, host_key) = open(&server, options).await;
    let (_karin, joined) = knock(&server, &room, passcode("1234")).await;
    assert!(matches!(joined, Some(ServerMessage::Joined { .. })));
    let unknown = RoomId("aaaa-aaaa-aaaa-aaaa".into());
    let wrong_key = Entry { host_key: Some("wrong".into()), ..Entry::default() };
    let wrong_code = Entry { invite: Some("wrong".into()), ..passcode("1234") };
    let mut cases = vec![(&unknown, passcode("1234")), (&room, passcode("4321")), (&room, Entry::default())];
    cases.extend([(&room, wrong_key), (&room, wrong_code)]);
    for (room, entry) in cases {
        let start = Instant::now();
        let (mut client, answer) = knock(&server, room, entry).await;
        assert_eq!(answer, Some(ServerMessage::Refused { reason: Refusal::RoomNotFound }));
        assert!(start.elapsed() >= Duration::from_millis(250), "each as late as the others");
        assert_eq!(client.receive().await, None);
    }
    owner.send(ClientMessage::Moderate { action: Moderation::SetLocked { on: true } }).await;
    owner.send(ClientMessage::Ping).await;
    while owner.receive().await != Some(ServerMessage::Pong) {}
    let (_, answer) = knock(&server, &room, passcode("1234")).await;
    assert_eq!(answer, Some(ServerMessage::Refused { reason: Refusal::RoomNotFound }));
    let (_, answer) = knock(&server, &room, Entry { host_key: Some(host_key), ..Entry::default() }).await;
    assert!(matches!(answer, Some(ServerMessage::Joined { .. })), "{answer:?}");
}

#[tokio::test]
async fn who_guesses_is_stopped_and_who_sits_there_is_not_disturbed() {
    let limits = Limits { guesses: Rate::per_minute(1, 3), ..Limits::default() };
    let server = Server::bind(Config { limits, ..config() }).await.unwrap();
    let options = RoomOptions { passcode: Some("1234".into()), ..RoomOptions::default() };
    let (_owner, room, _) = open(&server, options).await;
    let (mut karin, _) = knock(&server, &room, passcode("1234")).await;
    let mut answers = Vec::new();
    for guess in 0..5 {
        let (_, answer) = knock(&server, &room, passcode(&format!("{guess}"))).await;
        match answer {
            Some(ServerMessage::Refused { reason }) => answers.push(reason),
            other => panic!("{other:?}"),
        }
    }
    let (wrong, stopped) = (Refusal::RoomNotFound, Refusal::TooManyRequests);
    assert_eq!(answers, [wrong, wrong, wrong, stopped, stopped]);
    karin.send(ClientMessage::Chat { tag: 5, to: None, payload: Sealed("x".into()) }).await;
    match karin.receive_news().await {
        Some(ServerMessage::Chat { tag, .. }) => assert_eq!(tag, Some(5)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_counted_names_nobody() {
    let metrics = Some(([127, 0, 0, 1], 0).into());
    let server = Server::bind(Config { metrics, ..config() }).await.unwrap();
    let room = server.create_room().await.unwrap().room;
    let seat = sit(&server, &room, "Elin", None).await;
    let text = get_from(server.metrics_addr().unwrap(), "/metrics").await;
    assert!(text.contains("\nfika_rooms 1\n") && text.contains("\nfika_participants 1\n"), "{text}");
    for secret in ["Elin", &room.0, &seat.you.0, "127.0.0.1"] {
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(!body.contains(secret), "{secret} in {body}");
    }
    let public = get_from(server.local_addr(), "/metrics").await;
    assert!(public.starts_with("HTTP/1.1 404"), "not for the public");
}

#[tokio::test]
async fn a_draining_server_ends_when_the_last_one_has_left() {
    let server = Server::bind(config()).await.unwrap();
    let room = server.create_room().await.unwrap().room;
    let mut seat = sit(&server, &room, "Elin", None).await;
    let leave = async {
        // Refused as soon as the hub drains.
        while !matches!(
            knock(&server, &room, Entry::default()).await.1,
            Some(ServerMessage::Refused { reason: Refusal::TooManyRequests })
        ) {}
        assert!(get_from(server.local_addr(), "/healthz").await.starts_with("HTTP/1.1 503"));
        seat.client.send(ClientMessage::Ping).await;
        seat.client.send(ClientMessage::Leave).await;
    };
    tokio::join!(server.drain(), leave);
}

#[tokio::test]
async fn a_token_is_renewed_by_coming_back_and_is_a_jwt() {
    let server = Server::bind(config()).await.unwrap();
    let room = server.create_room().await.unwrap().room;
    let first = sit(&server, &room, "Elin", None).await;
    assert_eq!(first.resume.split('.').count(), 3);
    assert!(first.resume.starts_with("eyJ"), "{}", first.resume);
    let (you, resume) = (first.you.clone(), first.resume.clone());
    drop(first);
    let mut tampered = resume.clone();
    let at = tampered.len() / 2;
    let other = if &tampered[at..=at] == "A" { "B" } else { "A" };
    tampered.replace_range(at..=at, other);
    assert_ne!(sit(&server, &room, "Eve", Some(tampered)).await.you, you, "somebody new");
    assert_eq!(sit(&server, &room, "Elin", Some(resume)).await.you, you);
}

#[tokio::test]
async fn rooms_of_a_later_day_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let now = || u32::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let store = || Some(Store::open(folder.path(), now()).unwrap());
    let server = Server::bind(Config { store: store(), ..config() }).await.unwrap();
    let options = RoomOptions { invite_only: true, until: Some(now() + 3600), ..RoomOptions::default() };
    let (mut owner, room, host_key) = open(&server, options).await;
    owner.send(ClientMessage::MakeInvite { options: InviteOptions::default() }).await;
    let code = match owner.receive_news().await {
        Some(ServerMessage::InviteMade { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    drop(server);
    // The file is free when the hub has ended.
    while owner.receive().await.is_some() {}

    let server = Server::bind(Config { store: store(), ..config() }).await.unwrap();
    assert_eq!(
        knock(&server, &room, Entry::default()).await.1,
        Some(ServerMessage::Refused { reason: Refusal::RoomNotFound })
    );
    let invited = Entry { invite: Some(code), ..Entry::default() };
    let (_maja, answer) = knock(&server, &room, invited).await;
    assert!(matches!(answer, Some(ServerMessage::Joined { .. })), "{answer:?}");
    let mut owner = Client::connect(&server).await;
    owner.send(ClientMessage::Manage { version: PROTOCOL_VERSION, room, host_key }).await;
    loop {
        match owner.receive().await {
            Some(ServerMessage::Invites { invites }) => {
                assert_eq!(invites.iter().map(|invite| invite.used).collect::<Vec<_>>(), [1]);
                break;
            }
            Some(_) => {}
            None => panic!("no invites"),
        }
    }
    owner.send(ClientMessage::Moderate { action: Moderation::Admit { who: ParticipantId("nobody".into()) } }).await;
    let declined = ServerMessage::Declined { tag: None, reason: Decline::NotHere };
    assert_eq!(owner.receive_news().await, Some(declined));
}

#[tokio::test]
async fn with_a_certificate_it_speaks_tls_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(["meet.example.org".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let tls = Some(Tls::Given { certificate: certificate.clone(), key: key.clone() });
    let server = Server::bind(Config { tls, ..config() }).await.unwrap();

    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(server.local_addr()).await.unwrap();
    let url = format!("wss://meet.example.org{PATH}");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let name = rustls::pki_types::ServerName::try_from("meet.example.org").unwrap();
    let stream = connector.connect(name, stream).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(url.as_str(), stream).await.unwrap();
    use futures_util::SinkExt as _;
    let create = serde_json::to_string(&crate::client::create()).unwrap();
    socket.send(tokio_tungstenite::tungstenite::Message::text(create)).await.unwrap();
    assert!(matches!(receive_news(&mut socket).await, Some(ServerMessage::Created { .. })));

    // Plain text comes to nothing, and costs nobody anything.
    let plain = format!("ws://{}{PATH}", server.local_addr());
    let plain = connect_async_tls_with_config(plain.as_str(), None, false, Some(Connector::Plain)).await;
    assert!(plain.is_err());

    let wrong = Some(Tls::Given { certificate: key.clone(), key });
    assert!(Server::bind(Config { tls: wrong, ..config() }).await.is_err(), "a key is no certificate");
    let missing = Some(Tls::Given { certificate, key: folder.path().join("none") });
    assert!(Server::bind(Config { tls: missing, ..config() }).await.is_err());
}
