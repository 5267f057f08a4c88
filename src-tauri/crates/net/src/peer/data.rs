//! The data channels of one connection. Two tokio tasks for each: one reads, one writes.
//!
//! Both sides make the same channels, so nothing is announced. What arrives waits until the engine takes it; then the crate
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
    // Kept weakly from the opening on: where nothing can be sent any more, nothing is read either.
    let mut queue = Some(queue);
    let mut sending = None;
    while let Some(event) = end.poll().await {
        if sending.as_ref().is_some_and(|queue: &mpsc::WeakSender<DataCommand>| queue.upgrade().is_none()) {
            break;
        }
        let event = match event {
            DataChannelEvent::OnOpen => {
                let Some(queue) = queue.take() else { continue };
                sending = Some(queue.downgrade());
                // The way there comes first: who hears that it is open may send at once.
                let line = Line { participant: participant.clone(), channel, queue };
                if post.lines.send(line).await.is_err() {
                    return;
                }
                DataEvent::Open
            }
            DataChannelEvent::OnMessage(message) if message.is_string => match String::from_utf8(message.data.to_vec())
            {
                Ok(text) => DataEvent::Text(text),
                Err(_) => continue,
            },
            DataChannelEvent::OnMessage(message) => DataEvent::Binary(message.data.to_vec()),
            DataChannelEvent::OnClose => break,
            _ => continue,
        };
        if !tell(event).await {
            return;
        }
    }
    if sending.is_some() {
        tell(DataEvent::Closed).await;
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
