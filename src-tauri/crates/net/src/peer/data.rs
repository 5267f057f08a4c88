//! The data channels of one connection. Two tokio tasks for each: one reads, one writes.
//!
//! Both sides make the same channels, so nothing is announced, and what comes before our end of a channel is ready is lost
//! ([`Greeting`]). What arrives waits until the engine takes it; then the crate
//! reads no further and who sends slows down. What is to be sent waits up to [`LINE_QUEUE`] messages, and in the crate up to
//! [`SEND_BUFFER`].

use std::sync::Arc;

use bytes::BytesMut;
use fika_call::ParticipantId;
use fika_call::session::{DataChannel, DataCommand, DataEvent, DataIn};
use rtc::data_channel::RTCDataChannelInit;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use webrtc::data_channel::{DataChannel as Channel, DataChannelEvent};
use webrtc::error::Result;
use webrtc::peer_connection::PeerConnection;

/// More than the rules of files let be under way. Full: the channel is closed.
const LINE_QUEUE: usize = 1024;
/// Bytes on their way in the crate. Full: the task that writes waits.
pub(super) const SEND_BUFFER: usize = 1024 * 1024;
/// The byte order mark, with which sessions of T.140 begin; readers pass over it.
const GREETING: &str = "\u{feff}";

/// Where the channels of all connections meet.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) arrived: mpsc::Sender<DataIn>,
    pub(crate) lines: mpsc::Sender<Line>,
}

/// A channel that stands.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) participant: ParticipantId,
    pub(crate) channel: DataChannel,
    pub(crate) queue: mpsc::Sender<DataCommand>,
}

pub(super) type Channels = Vec<(DataChannel, Arc<dyn Channel>)>;

/// Before the descriptions are made.
pub(super) async fn open(connection: &dyn PeerConnection) -> Result<Channels> {
    let mut channels = Vec::new();
    for channel in DataChannel::ALL {
        let init = RTCDataChannelInit {
            ordered: true,
            protocol: channel.protocol().to_owned(),
            negotiated: Some(channel.id()),
            ..Default::default()
        };
        channels.push((channel, connection.create_data_channel(channel.label(), Some(init)).await?));
    }
    Ok(channels)
}

pub(super) fn serve(channels: Channels, participant: &ParticipantId, post: &Post, tasks: &mut JoinSet<()>) {
    for (channel, end) in channels {
        let (queue, commands) = mpsc::channel(LINE_QUEUE);
        tasks.spawn(write(Arc::clone(&end), commands));
        tasks.spawn(read(end, channel, participant.clone(), post.clone(), queue));
    }
}

async fn read(
    end: Arc<dyn Channel>,
    channel: DataChannel,
    participant: ParticipantId,
    post: Post,
    queue: mpsc::Sender<DataCommand>,
) {
    let tell = async |event| post.arrived.send(DataIn { from: participant.clone(), channel, event }).await.is_ok();
    // Kept weakly once it stands: where nothing can be sent any more, nothing is read either.
    let mut queue = Some(queue);
    let mut sending = None;
    let mut greeting = Greeting::default();
    while let Some(event) = end.poll().await {
        if sending.as_ref().is_some_and(|queue: &mpsc::WeakSender<DataCommand>| queue.upgrade().is_none()) {
            break;
        }
        let message = match event {
            DataChannelEvent::OnOpen => {
                greet(queue.as_ref());
                continue;
            }
            DataChannelEvent::OnMessage(message) => message,
            DataChannelEvent::OnClose => break,
            _ => continue,
        };
        if greeting.heard()
            && let Some(queue) = queue.take()
        {
            greet(Some(&queue));
            sending = Some(queue.downgrade());
            // The way there comes first: who hears that it is open may send at once.
            let line = Line { participant: participant.clone(), channel, queue };
            if post.lines.send(line).await.is_err() || !tell(DataEvent::Open).await {
                return;
            }
        }
        let event = match message.is_string.then(|| String::from_utf8(message.data.to_vec())) {
            Some(Ok(text)) if text == GREETING => continue,
            Some(Ok(text)) => DataEvent::Text(text),
            Some(Err(_)) => continue,
            None => DataEvent::Binary(message.data.to_vec()),
        };
        if !tell(event).await {
            return;
        }
    }
    if sending.is_some() {
        tell(DataEvent::Closed).await;
    }
}

fn greet(queue: Option<&mpsc::Sender<DataCommand>>) {
    // The first and second of what waits there.
    let _ = queue.map(|queue| queue.try_send(DataCommand::Text(GREETING.to_owned())));
}

/// Each side greets when its end is ready, and once more when it hears the other for the first time; before that it says
/// nothing else. So the greeting of who is ready last is heard, and answered, however much before it was lost.
#[derive(Default)]
struct Greeting {
    heard: bool,
}

impl Greeting {
    /// Something came. Whether it is the first: then both ends are ready.
    fn heard(&mut self) -> bool {
        !std::mem::replace(&mut self.heard, true)
    }
}

async fn write(end: Arc<dyn Channel>, mut commands: mpsc::Receiver<DataCommand>) {
    while let Some(command) = commands.recv().await {
        let sent = match command {
            DataCommand::Text(text) => end.send_text(&text).await,
            DataCommand::Binary(bytes) => end.send(BytesMut::from(&bytes[..])).await,
            DataCommand::Close => break,
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "a data channel has ended");
            break;
        }
    }
    if let Err(error) = end.close().await {
        tracing::debug!(%error, "a data channel does not close in order");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct End {
        ready: bool,
        greeting: Greeting,
    }

    /// Two ends, of which `first` is ready before the other; what reaches an end that is not ready is lost.
    fn both_heard(first: usize) -> bool {
        let mut ends = [End::default(), End::default()];
        for index in [first, 1 - first] {
            ends[index].ready = true;
            let mut to = 1 - index;
            while ends[to].ready && ends[to].greeting.heard() {
                to = 1 - to;
            }
        }
        ends.iter().all(|end| end.greeting.heard)
    }

    #[test]
    fn both_ends_hear_each_other_whoever_is_ready_first() {
        assert!(both_heard(0));
        assert!(both_heard(1));
    }
}
