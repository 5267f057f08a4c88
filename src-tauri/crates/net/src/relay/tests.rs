use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

fn server(urls: &[&str]) -> IceServer {
    IceServer { urls: urls.iter().map(|url| (*url).to_owned()).collect(), username: None, credential: None }
}

fn read(urls: &[&str]) -> (Relays, Vec<IceServer>) {
    Relays::read(&[server(urls)], &Trust::default())
}

#[test]
fn only_streams_are_taken_out_of_a_configuration() {
    let udp = ["stun:a.example.org", "turn:a.example.org:3478", "turn:a.example.org?transport=udp", "nonsense"];
    let (relays, told) = read(&udp);
    assert_eq!((told, relays.servers.len(), relays.patience), (vec![server(&udp)], 0, PATIENCE));

    let (relays, told) = read(&["turn:a.example.org?transport=tcp", "turns:a.example.org:443?transport=tcp"]);
    let expected = server(&["turn:relay-0.fika.invalid:1?transport=udp", "turn:relay-1.fika.invalid:2?transport=udp"]);
    assert_eq!((told, relays.patience), (vec![expected], Duration::ZERO), "nothing else is waited for");
    let named = |host: &str, port, tls| Server { host: host.into(), port, tls };
    assert_eq!(relays.servers, [named("a.example.org", 3478, false), named("a.example.org", 443, true)]);
}

#[test]
fn what_cannot_be_reached_is_not_told() {
    let (relays, told) = read(&["turns:a.example.org?transport=udp"]);
    assert_eq!((told.len(), relays.servers.len()), (0, 0));
    let many: Vec<String> = (0..20).map(|port| format!("turns:a.example.org:{}", port + 1)).collect();
    let (_, told) = read(&many.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(told[0].urls.len(), MAX_SERVERS);
    let (relays, told) = read(&["turns:[2001:db8::1]", "turns:[2001:db8::1]:5349"]);
    assert_eq!((told[0].urls.len(), relays.servers.len()), (2, 1), "one server, however it is written");
}

#[test]
fn made_up_names_lead_to_made_up_addresses() {
    let (relays, _) = read(&["turns:a.example.org"]);
    let addresses = relays.resolve("relay-0.fika.invalid:1").unwrap();
    assert!(addresses.iter().all(|address| is_stand_in(address.ip()) && relays.server(address.port()).is_some()));
    assert!(addresses.iter().any(SocketAddr::is_ipv4) && addresses.iter().any(SocketAddr::is_ipv6));
    for other in ["a.example.org:443", "relay-0.fika.invalid:0", "relay-0.fika.invalid:2", "relay-0.fika.invalid"] {
        assert_eq!(relays.resolve(other), None, "{other}");
    }
}

const QUESTION: [u8; 20] = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
const DATA: [u8; 8] = [0x40, 0, 0, 4, 1, 2, 3, 4];

/// Lines to a server of the test's own, and the address that stands for it.
async fn lines() -> (TcpListener, Lines, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("turn:127.0.0.1:{}?transport=tcp", listener.local_addr().unwrap().port());
    let (relays, _) = read(&[&url]);
    let lines = Lines::new(Arc::new(relays), Some(Ipv4Addr::LOCALHOST.into()));
    (listener, lines, SocketAddr::new(STAND_IN_V4, 1))
}

async fn arrived(lines: &Lines) -> Arrived {
    std::future::poll_fn(|context| lines.poll_arrived(context)).await
}

#[tokio::test]
async fn datagrams_go_through_a_stream_and_come_back() {
    let (listener, lines, stand_in) = lines().await;
    for datagram in [&QUESTION[..], &DATA[..6], &[0x80; 12], &DATA] {
        lines.send(stand_in, datagram).unwrap();
    }
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut came = [0; 28];
    stream.read_exact(&mut came).await.unwrap();
    assert_eq!((&came[..20], &came[20..]), (&QUESTION[..], &DATA[..]), "what is no message of TURN is left out");
    stream.write_all(&[&DATA[..], &QUESTION[..7]].concat()).await.unwrap();
    stream.write_all(&QUESTION[7..]).await.unwrap();
    assert_eq!(arrived(&lines).await, (stand_in, Bytes::from_static(&DATA)));
    assert_eq!(arrived(&lines).await, (stand_in, Bytes::from_static(&QUESTION)));
}

#[tokio::test]
async fn a_stream_that_ends_is_told_and_not_opened_again() {
    let (listener, lines, stand_in) = lines().await;
    lines.send(stand_in, &QUESTION).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.unwrap();
    // Whatever the server says next, we have gone.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    while lines.send(stand_in, &QUESTION).is_ok() {
        tokio::task::yield_now().await;
    }
    drop(stream);
    assert!(lines.send(stand_in, &QUESTION).is_err());
    assert!(lines.send(SocketAddr::new(STAND_IN_V4, 2), &QUESTION).is_err(), "a server that is not named");
}

#[tokio::test]
async fn no_stream_is_opened_where_a_relay_over_udp_lets_us_in() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("turn:127.0.0.1:{}?transport=tcp", listener.local_addr().unwrap().port());
    let (relays, _) = read(&["turn:127.0.0.1:9", &url]);
    let relays = Arc::new(relays);
    let stand_in = SocketAddr::new(STAND_IN_V4, 1);
    let spared = Lines::new(Arc::clone(&relays), None);
    spared.send(stand_in, &QUESTION).unwrap();
    spared.spare();
    while spared.send(stand_in, &QUESTION).is_ok() {
        tokio::task::yield_now().await;
    }
    let needed = Lines::new(relays, None);
    needed.send(stand_in, &QUESTION).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut came = [0; 20];
    stream.read_exact(&mut came).await.unwrap();
    assert_eq!(came, QUESTION, "the first one that is accepted is not of who was spared");
}

#[tokio::test]
async fn a_server_that_reads_nothing_costs_a_bounded_queue() {
    let (listener, lines, stand_in) = lines().await;
    lines.send(stand_in, &QUESTION).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let long = [&[0x40, 0, 0x05, 0xdc][..], &[0; 1500]].concat();
    // More than the queue and the system's buffers of both ends hold.
    for _ in 0..20_000 {
        lines.send(stand_in, &long).unwrap();
        tokio::task::yield_now().await;
    }
    let queue = lock(&lines.lines);
    assert_eq!(queue[&stand_in].room(), 0, "what does not fit is lost");
    drop(stream);
}
