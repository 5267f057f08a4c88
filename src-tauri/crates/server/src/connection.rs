//! One WebSocket: reads and checks messages for the hub, writes what the hub has queued.
//!
//! One tokio task for each connection. It stops reading while the hub's queue is full; what it writes is bounded by
//! [`crate::outgoing`], and a write that takes too long ends it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket};
use fika_call::signal::{ClientMessage, Refusal};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, timeout};

use crate::hub::Event;
use crate::limits::{Bucket, Rate};
use crate::outgoing::{Outgoing, Waiting};
use crate::rooms::ConnectionId;

/// Heartbeats that may fail to come before the connection counts as gone.
const MISSED_HEARTBEATS: u32 = 3;
/// How long a connection may take to ask for something.
const FIRST_MESSAGE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) heartbeat: Duration,
    pub(crate) messages: Rate,
    pub(crate) bytes: Rate,
}

pub(crate) async fn run(socket: WebSocket, id: ConnectionId, address: IpAddr, rules: Rules, hub: mpsc::Sender<Event>) {
    let (outgoing, waiting) = Outgoing::channel();
    if hub.send(Event::Connected { id, outgoing }).await.is_err() {
        return;
    }
    let (sink, stream) = socket.split();
    let patience = rules.heartbeat * MISSED_HEARTBEATS;
    let mut writer = std::pin::pin!(write(sink, waiting, rules.heartbeat, patience));
    let end = tokio::select! {
        () = &mut writer => None,
        end = read(stream, id, address, rules, &hub) => Some(end),
    };
    match end {
        Some(End::Offended(reason)) => {
            if hub.send(Event::Offended { id, reason }).await.is_ok() {
                let _ = timeout(patience, writer).await;
            }
        }
        Some(End::Gone) | None => {}
    }
    // The hub has gone only when the whole server has.
    let _ = hub.send(Event::Gone { id }).await;
}

enum End {
    Offended(Refusal),
    Gone,
}

async fn read(
    mut stream: SplitStream<WebSocket>,
    id: ConnectionId,
    address: IpAddr,
    rules: Rules,
    hub: &mpsc::Sender<Event>,
) -> End {
    let start = Instant::now();
    let mut messages = Bucket::new(rules.messages, start);
    let mut bytes = Bucket::new(rules.bytes, start);
    let mut spoken = false;
    loop {
        let patience = rules.heartbeat * MISSED_HEARTBEATS;
        let Ok(Some(Ok(message))) = timeout(patience, stream.next()).await else { return End::Gone };
        let now = Instant::now();
        let length = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(data) | Message::Ping(data) | Message::Pong(data) => data.len(),
            Message::Close(_) => return End::Gone,
        };
        if !messages.take(1.0, now) || !bytes.take(length as f64, now) {
            return End::Offended(Refusal::TooManyRequests);
        }
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return End::Offended(Refusal::BadMessage),
            _ if !spoken && now.duration_since(start) > FIRST_MESSAGE => return End::Gone,
            _ => continue,
        };
        let message = match ClientMessage::parse(&text) {
            Ok(message) => message,
            Err(reason) => return End::Offended(reason),
        };
        spoken = true;
        if hub.send(Event::Message { id, address, message }).await.is_err() {
            return End::Gone;
        }
    }
}

/// Until the hub lets go of the queue, or the other end of the socket.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut waiting: mpsc::Receiver<Waiting>,
    heartbeat: Duration,
    patience: Duration,
) {
    let mut beat = tokio::time::interval(heartbeat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.tick().await;
    loop {
        let message = tokio::select! {
            biased;
            next = waiting.recv() => match next {
                Some(next) => {
                    if let Some(at) = next.not_before {
                        tokio::time::sleep_until(at.into()).await;
                    }
                    Message::Text(next.text)
                }
                None => break,
            },
            _ = beat.tick() => Message::Ping(Default::default()),
        };
        if !matches!(timeout(patience, sink.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
    let _ = timeout(patience, sink.close()).await;
}
