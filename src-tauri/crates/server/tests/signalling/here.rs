//! The server inside a program, where its user can be called.

use std::net::SocketAddr;

use fika_call::identity::Identity;
use fika_call::ring::proof;
use fika_call::signal::{ClientMessage, PROTOCOL_VERSION, ServerMessage};
use fika_server::local::Local;
use fika_server::{Config, Server};

use crate::client::Client;

async fn asks_to_listen(server: &Server, amir: &Identity) -> Client {
    let mut client = Client::connect(server).await;
    let key = amir.public().to_string();
    client.send(ClientMessage::Listen { version: PROTOCOL_VERSION, key }).await;
    client
}

#[tokio::test]
async fn calls_are_taken_for_programs_of_the_same_computer() {
    let amir = Identity::from_seed(&[2; 32], true);
    let own = |address: [u8; 4]| Config { anyone_may_listen: false, ..Config::new(SocketAddr::from((address, 0))) };
    let server = Server::bind(own([127, 0, 0, 1])).await.unwrap();
    let mut client = asks_to_listen(&server, &amir).await;
    let Some(ServerMessage::Challenge { nonce }) = client.receive().await else { panic!("no challenge") };
    client.send(ClientMessage::Prove { signature: proof(&amir, &nonce) }).await;
    assert_eq!(client.receive().await, Some(ServerMessage::Listening { presence: true }));
    // From any other address, which a connection to this one has on Linux.
    #[cfg(target_os = "linux")]
    {
        let server = Server::bind(own([127, 0, 0, 2])).await.unwrap();
        asks_to_listen(&server, &amir).await.assert_refused(fika_call::signal::Refusal::BadMessage).await;
    }
}

#[tokio::test]
async fn who_can_be_called_and_has_rooms_has_one_server() {
    let local = Local::new(0, Vec::new());
    // Without a network nobody can be called; rooms are there for this computer alone.
    let Ok(held) = local.hold().await else { return };
    let again = local.hold().await.unwrap();
    assert_eq!(held.local_addr(), again.local_addr());
    assert_eq!(local.open_room().await.unwrap().server.port(), Some(held.local_addr().port()));
    let address = held.local_addr();
    drop((held, again));
    assert_eq!(local.hold().await.unwrap().local_addr(), address, "it goes on for its rooms");
}
