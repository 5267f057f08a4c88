//! A real page's connection: who gets in, what arrives, and how the credit holds pictures back.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly anywhere")]

use std::sync::Arc;

use fika_media::{I420, Resolution};
use fika_surface::websocket::{APP_ORIGINS, WebSocketSurface};
use fika_surface::{Fit, Layout, TileId, TileRect, VideoSurface};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

const HEADER: usize = 32;

fn surface() -> WebSocketSurface {
    WebSocketSurface::start(&tokio::runtime::Handle::current(), &APP_ORIGINS).unwrap()
}

async fn open(url: &str, origin: Option<&str>) -> Result<Socket, Error> {
    let mut request = url.into_client_request()?;
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

async fn page(surface: &WebSocketSurface) -> Socket {
    open(surface.url(), Some("tauri://localhost")).await.unwrap()
}

fn refused(result: Result<Socket, Error>) -> bool {
    matches!(result, Err(Error::Http(response)) if response.status() == 403)
}

fn layout(tiles: &[(&str, f64, f64)]) -> Layout {
    let rect = |&(id, width, height): &(&str, f64, f64)| TileRect {
        id: TileId(id.into()),
        x: 0.0,
        y: 0.0,
        width,
        height,
        radius: 20.0,
        fit: Fit::Cover,
        mirror: false,
        z: 0,
        dim: false,
        zoom: None,
    };
    Layout { device_pixel_ratio: 1.0, tiles: tiles.iter().map(rect).collect(), ..Layout::default() }
}

fn grey(size: (u32, u32), luma: u8) -> Arc<I420> {
    let mut image = I420::black(Resolution::new(size.0, size.1));
    image.planes_mut().0.fill(luma);
    Arc::new(image)
}

async fn text(socket: &mut Socket) -> String {
    match socket.next().await.unwrap().unwrap() {
        Message::Text(text) => text.to_string(),
        other => panic!("not a text: {} bytes", other.len()),
    }
}

async fn picture(socket: &mut Socket) -> Vec<u8> {
    match socket.next().await.unwrap().unwrap() {
        Message::Binary(bytes) => bytes.to_vec(),
        other => panic!("not a picture: {other}"),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

async fn ack(socket: &mut Socket, picture: &[u8]) {
    let tile = u32::from(u16::from_le_bytes([picture[6], picture[7]]));
    let bytes = [tile.to_le_bytes(), word(picture, 8).to_le_bytes()].concat();
    socket.send(Message::Binary(bytes.into())).await.unwrap();
}

#[tokio::test]
async fn only_the_apps_page_with_the_token_gets_in() {
    let surface = surface();
    let url = surface.url();
    assert_eq!(url.rsplit('/').next().unwrap().len(), 32, "128 bits");
    assert!(refused(open(url, None).await));
    assert!(refused(open(url, Some("https://tauri.localhost.example.org")).await));
    assert!(refused(open(url, Some("null")).await));
    let mut wrong = url.to_owned();
    let last = if wrong.pop() == Some('0') { '1' } else { '0' };
    wrong.push(last);
    assert!(refused(open(&wrong, Some("tauri://localhost")).await));
    assert!(refused(open(&url.replace("127.0.0.1", "localhost"), Some("tauri://localhost")).await));
    assert!(open(url, Some("https://tauri.localhost")).await.is_ok());
}

#[tokio::test]
async fn pictures_arrive_in_the_size_of_their_tile() {
    let surface = surface();
    surface.set_layout(layout(&[("me/camera", 80.0, 60.0), ("p1/camera", 320.0, 180.0)]));
    let mut page = page(&surface).await;
    assert_eq!(text(&mut page).await, r#"{"tiles":["me/camera","p1/camera"]}"#);

    surface.present(&TileId("p2/camera".into()), grey((64, 36), 1));
    surface.present(&TileId("p1/camera".into()), grey((640, 360), 200));
    let first = picture(&mut page).await;
    assert_eq!(&first[..8], b"FIKA\x01\x00\x01\x00");
    assert_eq!((word(&first, 12) & 0xffff, word(&first, 12) >> 16), (320, 180));
    assert_eq!(first.len(), HEADER + 320 * 180 * 3 / 2);
    assert!(first[HEADER..HEADER + 320 * 180].iter().all(|&y| y == 200));
    ack(&mut page, &first).await;

    surface.set_layout(layout(&[("p1/camera", 320.0, 180.0)]));
    assert_eq!(text(&mut page).await, r#"{"tiles":["p1/camera"]}"#);
    surface.clear(&TileId("p1/camera".into()));
    assert_eq!(text(&mut page).await, r#"{"clear":"p1/camera"}"#);
    surface.present(&TileId("p1/camera".into()), grey((64, 36), 90));
    let second = picture(&mut page).await;
    assert_eq!((second[6], second.len()), (0, HEADER + 64 * 36 * 3 / 2), "never enlarged, and under its new index");
    assert!(word(&second, 8) > word(&first, 8));
    assert_eq!(word(&second, 24), word(&first, 24), "the same tile");
}

#[tokio::test]
async fn a_page_that_does_not_draw_is_sent_two_pictures_then_the_newest() {
    let surface = surface();
    let tile = TileId("me/camera".into());
    surface.set_layout(layout(&[("me/camera", 64.0, 36.0)]));
    let mut page = page(&surface).await;
    text(&mut page).await;

    surface.present(&tile, grey((64, 36), 1));
    let first = picture(&mut page).await;
    surface.present(&tile, grey((64, 36), 2));
    let second = picture(&mut page).await;
    for luma in 3..=50 {
        surface.present(&tile, grey((64, 36), luma));
    }
    ack(&mut page, &second).await;
    let third = picture(&mut page).await;
    assert_eq!((first[HEADER], second[HEADER], third[HEADER]), (1, 2, 50));

    let stats = surface.stats();
    assert_eq!((stats[0].presented, stats[0].drawn), (50, 1));
    assert!(stats[0].latency_ms > 0.0);
}

#[tokio::test]
async fn a_reloaded_page_takes_over_and_sees_the_last_picture() {
    let surface = surface();
    surface.set_layout(layout(&[("me/camera", 64.0, 36.0)]));
    let mut old = page(&surface).await;
    text(&mut old).await;
    surface.present(&TileId("me/camera".into()), grey((64, 36), 7));
    picture(&mut old).await;

    let mut new = page(&surface).await;
    assert_eq!(text(&mut new).await, r#"{"tiles":["me/camera"]}"#);
    assert_eq!(picture(&mut new).await[HEADER], 7);
    assert!(!matches!(old.next().await, Some(Ok(Message::Binary(_) | Message::Text(_)))), "the old one is closed");
}

#[tokio::test]
async fn nonsense_ends_the_connection_and_nothing_else() {
    let surface = surface();
    surface.set_layout(layout(&[("me/camera", 64.0, 36.0)]));
    let mut bad = page(&surface).await;
    text(&mut bad).await;
    bad.send(Message::Binary(vec![1, 2, 3].into())).await.unwrap();
    assert!(!matches!(bad.next().await, Some(Ok(Message::Binary(_) | Message::Text(_)))));

    let mut good = page(&surface).await;
    text(&mut good).await;
    surface.present(&TileId("me/camera".into()), grey((64, 36), 9));
    assert_eq!(picture(&mut good).await[HEADER], 9);
}

#[tokio::test]
async fn a_dropped_surface_closes_its_page() {
    let surface = surface();
    let mut page = page(&surface).await;
    text(&mut page).await;
    drop(surface);
    assert!(!matches!(page.next().await, Some(Ok(Message::Binary(_) | Message::Text(_)))));
}
