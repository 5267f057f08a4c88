//! Brings what the engine sends over data channels to the connection that has the channel.
//!
//! One tokio task. It never waits for a channel: one that is full belongs to a peer that reads nothing, and is closed.

use std::collections::HashMap;

use fika_call::ParticipantId;
use fika_call::session::{DataChannel, DataCommand, DataOut};
use tokio::sync::mpsc;

use crate::peer::Line;

/// Ends with the session. A later line of the same peer replaces the one before.
pub(super) async fn run(mut data: mpsc::Receiver<DataOut>, mut lines: mpsc::Receiver<Line>) {
    let mut open: HashMap<(ParticipantId, DataChannel), mpsc::Sender<DataCommand>> = HashMap::new();
    loop {
        tokio::select! {
            biased;
            line = lines.recv() => match line {
                Some(Line { participant, channel, queue }) => {
                    open.retain(|_, queue| !queue.is_closed());
                    open.insert((participant, channel), queue);
                }
                None => return,
            },
            Some(DataOut { to, channel, command }) = data.recv() => {
                let key = (to, channel);
                let Some(queue) = open.get(&key) else { continue };
                if queue.try_send(command).is_err() {
                    tracing::debug!("a data channel takes nothing");
                    open.remove(&key);
                }
            }
        }
    }
}
