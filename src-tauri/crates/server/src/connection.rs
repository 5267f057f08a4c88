//! One WebSocket: reads and checks messages for the hub, writes what the hub has queued.
//!
//! One tokio task for each connection. It stops reading while the hub's queue is full; what it writes is bounded by
//! [`crate::outgoing`], and a write that takes too long ends it.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use fika_call::signal::{ClientMessage, Refusal};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, timeout};

use crate::hub::{Event, Number};
use crate::limits::{Bucket, Rate};
use crate::moment::Clock;
use crate::outgoing::{Outgoing, Waiting};
use crate::rooms::{HUNG_UP, RESUME};

/// Heartbeats that may fail to come before the connection counts as gone.
const MISSED_HEARTBEATS: u32 = 3;
/// After the last word to somebody, what they still say is read for so long: a socket that is closed with something unread
/// takes back what was written to it.
const LINGER: Duration = Duration::from_secs(2);
/// How long a connection may take to ask for something.
const FIRST_MESSAGE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) heartbeat: Duration,
    pub(crate) messages: Rate,
    pub(crate) bytes: Rate,
}

pub(crate) async fn run(socket: WebSocket, id: Number, address: IpAddr, rules: Rules, hub: mpsc::Sender<Event>) {
    let (outgoing, waiting) = Outgoing::channel();
    if hub.send(Event::Connected { id, outgoing }).await.is_err() {
        return;
    }
    let (sink, mut stream) = socket.split();
    let patience = rules.heartbeat * MISSED_HEARTBEATS;
    let mut writer = std::pin::pin!(write(sink, waiting, rules.heartbeat, patience));
    let end = tokio::select! {
        end = &mut writer => end,
        end = read(&mut stream, id, address, rules, &hub) => end,
    };
    if let End::Offended(reason) = end
        && hub.send(Event::Offended { id, reason }).await.is_ok()
    {
        let _ = timeout(patience, writer).await;
    }
    // What has fallen silent has been so for a while already. The hub has gone only when the whole server has.
    let keep = if matches!(end, End::HungUp) { HUNG_UP } else { RESUME.saturating_sub(patience) };
    let _ = hub.send(Event::Gone { id, keep }).await;
    if !matches!(end, End::HungUp) {
        let _ = timeout(LINGER, async { while let Some(Ok(_)) = stream.next().await {} }).await;
    }
}

enum End {
    Offended(Refusal),
    /// The other end closed it.
    HungUp,
    /// Nothing came or went for too long, or the hub let go of it.
    Silent,
}

async fn read(
    stream: &mut SplitStream<WebSocket>,
    id: Number,
    address: IpAddr,
    rules: Rules,
    hub: &mpsc::Sender<Event>,
) -> End {
    let clock = Clock::new();
    let start = clock.now();
    let mut messages = Bucket::new(rules.messages, start);
    let mut bytes = Bucket::new(rules.bytes, start);
    let mut spoken = false;
    loop {
        let patience = rules.heartbeat * MISSED_HEARTBEATS;
        let message = match timeout(patience, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(_)) | None) => return End::HungUp,
            Err(_) => return End::Silent,
        };
        let now = clock.now();
        let length = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(data) | Message::Ping(data) | Message::Pong(data) => data.len(),
            Message::Close(_) => return End::HungUp,
        };
        if !messages.take(1.0, now) || !bytes.take(length as f64, now) {
            return End::Offended(Refusal::TooManyRequests);
        }
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return End::Offended(Refusal::BadMessage),
            _ if !spoken && now.since(start) > FIRST_MESSAGE => return End::Silent,
            _ => continue,
        };
        let message = match ClientMessage::parse(&text) {
            Ok(message) => message,
            Err(reason) => return End::Offended(reason),
        };
        spoken = true;
        if hub.send(Event::Message { id, address, message }).await.is_err() {
            return End::Silent;
        }
    }
}

/// Until the hub lets go of the queue, or the other end of the socket.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut waiting: mpsc::Receiver<Waiting>,
    heartbeat: Duration,
    patience: Duration,
) -> End {
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
        match timeout(patience, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::HungUp,
            Err(_) => return End::Silent,
        }
    }
    let _ = timeout(patience, sink.close()).await;
    End::Silent
}
