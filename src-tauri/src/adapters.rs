//! The engine's ports on the app's side: peer-to-peer sessions from `net`, rooms from the server inside the app or the
//! configured one, pictures to the surface. Nothing is decided here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use fika_call::invite::{Invite, SECRET_BYTES, Secret};
use fika_call::session::Request;
use fika_call::view::{EndReason, TileKey};
use fika_call::{TrackSource, signal::IceServer};
use fika_engine::{Connector, FrameSink, IncomingMedia, IncomingTrack, Rooms, Session};
use fika_media::{AudioFrame, Clock, Timestamp, VideoFrame};
use fika_net::signal::CreateError;
use fika_server::local::{self, Local};
use fika_surface::{TileId, VideoSurface as _};
use tokio::sync::mpsc;

use crate::video::Video;

/// Calls between everybody and everybody.
pub(crate) struct Mesh {
    pub(crate) clock: Clock,
}

impl Connector for Mesh {
    fn connect(&self, request: Request) -> Session {
        let fika_net::Session { commands, events, tracks, video, audio } =
            fika_net::mesh::connect(request, self.clock.clone());
        Session { commands, events, tracks: renamed(tracks), video, audio }
    }
}

/// The same tracks under the engine's names. Full: `net` waits.
fn renamed(mut from: mpsc::Receiver<fika_net::IncomingTrack>) -> mpsc::Receiver<IncomingTrack> {
    let (to, tracks) = mpsc::channel(fika_net::TRACK_QUEUE);
    tokio::spawn(async move {
        while let Some(fika_net::IncomingTrack { track, media }) = from.recv().await {
            let media = match media {
                fika_net::IncomingMedia::Audio(packets) => IncomingMedia::Audio(packets),
                fika_net::IncomingMedia::Video(units) => IncomingMedia::Video(units),
            };
            if to.send(IncomingTrack { track, media }).await.is_err() {
                return;
            }
        }
    });
    tracks
}

/// Rooms on this computer or on a server.
pub(crate) struct RoomsHereOrThere {
    here: Local,
}

impl RoomsHereOrThere {
    pub(crate) fn new(ice_servers: Vec<IceServer>) -> Self {
        Self { here: Local::new(local::PORT, ice_servers) }
    }
}

impl Rooms for RoomsHereOrThere {
    fn open(&self, server: Option<url::Url>) -> Pin<Box<dyn Future<Output = Result<Invite, EndReason>> + Send + '_>> {
        Box::pin(async move {
            let Some(server) = server else {
                return self.here.open_room().await.map_err(|error| {
                    tracing::warn!(%error, "no room on this computer");
                    EndReason::ServerUnreachable
                });
            };
            let mut secret = [0; SECRET_BYTES];
            getrandom::fill(&mut secret).map_err(|_| EndReason::Protocol)?;
            let room = fika_net::signal::create_room(&server).await.map_err(|error| match error {
                CreateError::TooManyRequests => EndReason::TooManyRequests,
                CreateError::Version => EndReason::Version,
                CreateError::Protocol => EndReason::Protocol,
                _ => EndReason::ServerUnreachable,
            })?;
            Ok(Invite { server, room, secret: Secret::from_bytes(secret) })
        })
    }
}

/// Pictures to the tiles of the page.
pub(crate) struct Tiles {
    pub(crate) video: Arc<Video>,
}

impl FrameSink for Tiles {
    fn present(&self, tile: &TileKey, frame: &VideoFrame, _captured: Option<Timestamp>, _now: Timestamp) {
        self.video.present(&id(tile), frame.image.clone());
    }

    fn clear(&self, tile: &TileKey) {
        self.video.clear(&id(tile));
    }

    fn played(&self, _frame: &AudioFrame) {}
}

/// The page builds the same name from the view.
fn id(tile: &TileKey) -> TileId {
    let source = match tile.source {
        TrackSource::Camera => "camera",
        TrackSource::Microphone => "microphone",
        TrackSource::ScreenShare => "screenShare",
        TrackSource::ScreenShareAudio => "screenShareAudio",
    };
    TileId(format!("{}/{source}", tile.participant.0))
}

#[cfg(test)]
mod tests {
    use fika_call::ParticipantId;

    use super::*;

    #[test]
    fn tiles_are_named_as_the_page_names_them() {
        assert_eq!(id(&TileKey::me()).0, "me/camera");
        let share = TileKey { participant: ParticipantId("p7".into()), source: TrackSource::ScreenShare };
        assert_eq!(id(&share).0, "p7/screenShare");
    }
}
