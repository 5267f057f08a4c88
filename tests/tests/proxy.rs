//! fika-server behind nginx, with the configuration that docs/self-hosting.md tells people to write: links of the proxy work
//! in `fika-cli` and in a browser, and whoever guesses is stopped by their own address, not by the proxy's.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use fika_call::RoomId;
use fika_call::door::Entry;
use fika_call::signal::{ClientMessage, MediaState, PATH, PROTOCOL_VERSION, Refusal, ServerMessage};
use fika_tests::cli::NO_MEDIA;
use fika_tests::guest::{Guest, Way};
use fika_tests::nginx::{self, Nginx};
use fika_tests::rooms::{Room, Seat, Server, in_room};
use fika_tests::tls::{Certificate, HOST, Visit};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// Wrong rooms of one address before it is stopped: the burst of docs/protocol.md.
const GUESSES: usize = 12;

struct House {
    _folder: tempfile::TempDir,
    certificate: Certificate,
    server: Server,
    nginx: Nginx,
}

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = Certificate::make();
        let server = Server::start(&folder.path().join("data"), &["--behind-proxy"]);
        let own = [("127.0.0.1:7420", server.socket())];
        let block = |port| nginx::guide("server {", port, &certificate, &own);
        let nginx = Nginx::start(folder.path(), block).unwrap();
        Self { certificate, server, nginx, _folder: folder }
    }

    fn address(&self) -> String {
        format!("https://{}", self.nginx.address)
    }
}

#[test]
fn a_link_of_the_proxy_works_in_programs_and_in_a_browser() {
    let house = House::open();
    let meeting = Room::open_secure_at(&house.address(), &house.certificate, &["--waiting-room"]);
    assert!(meeting.link.starts_with(&house.address()), "{}", meeting.link);
    let trusted = house.certificate.trusted();
    let more = ["--host-key", &meeting.key, &trusted[0], &trusted[1]];
    let mut karin = Seat::take(&meeting.link, "Karin", &NO_MEDIA, &more);
    karin.view("host", |view| view["room"]["isHost"] == true);

    let pin = Some(house.certificate.pin.clone());
    let mut maja = Guest::open(&meeting.link, &Way { trusted: pin, ..Way::default() });
    maja.introduce("Maja");
    maja.press("join-now");
    maja.until_phase("waiting");
    karin.view("a knock", |view| view["room"]["waiting"][0]["name"] == "Maja");
    karin.say("admit Maja");
    maja.until_phase("inCall");
    karin.view("connected", |view| in_room(view, "Maja") && view["connection"] == "connected");
    karin.say("chat through the proxy");
    maja.press("chat");
    maja.until_reads("chat-panel", "through the proxy");
    karin.say("end");
    maja.until_ended("endedByHost");
    assert_eq!(karin.ended(), Some(0));
    house.server.stop();
}

#[test]
fn who_guesses_is_known_by_their_own_address() {
    let house = House::open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let knock = |from: [u8; 4], number: usize| {
        let (nginx, authority) = (house.nginx.address, house.certificate.authority());
        runtime.block_on(async move {
            let visit = Visit::open_from(IpAddr::from(from), nginx, HOST, &authority).await.unwrap();
            let mut request = format!("wss://{nginx}{PATH}").into_client_request().unwrap();
            // A lie, and another one each time.
            let lie = format!("198.51.100.{number}").parse().unwrap();
            request.headers_mut().insert("x-forwarded-for", lie);
            let (mut socket, _) = tokio_tungstenite::client_async(request, visit.stream).await.unwrap();
            let join = ClientMessage::Join {
                version: PROTOCOL_VERSION,
                room: RoomId("aaaa-aaaa-aaaa-aaaa".into()),
                name: "Mallory".into(),
                media: MediaState { microphone: false, camera: false },
                resume: None,
                entry: Entry::default(),
            };
            socket.send(Message::text(serde_json::to_string(&join).unwrap())).await.unwrap();
            loop {
                let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
                return serde_json::from_str::<ServerMessage>(&text).unwrap();
            }
        })
    };
    let refused = |reason| ServerMessage::Refused { reason };
    // A slow machine lets time pass, and with it comes leave for another one.
    let answers = (0..4 * GUESSES).map(|number| knock([127, 0, 0, 1], number));
    let wrong = answers.take_while(|answer| *answer == refused(Refusal::RoomNotFound)).count();
    assert!((GUESSES..4 * GUESSES).contains(&wrong), "{wrong} guesses, whatever it says of itself");
    assert_eq!(knock([127, 0, 0, 1], 250), refused(Refusal::TooManyRequests));
    assert_eq!(knock([127, 0, 0, 2], 251), refused(Refusal::RoomNotFound), "somebody else behind the same proxy");
    house.server.stop();
}
