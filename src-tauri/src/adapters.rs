//! The engine's ports on the app's side: peer-to-peer sessions from `net`, rooms from the server inside the app or the
//! configured one, pictures to the surface. Nothing is decided here.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use fika_call::door::RoomOptions;
use fika_call::invite::{Invite, SECRET_BYTES, Secret};
use fika_call::session::Request;
use fika_call::view::{EndReason, TileKey};
use fika_call::{ParticipantId, TrackSource};
use fika_engine::{Connector, FrameSink, IncomingMedia, IncomingTrack, Rooms, Session, VisibleTile};
use fika_media::{AudioFrame, Clock, Timestamp, VideoFrame};
use fika_net::Trust;
use fika_net::mesh::Network;
use fika_net::ring::{self, Here};
use fika_net::signal::CreateError;
use fika_server::local::Local;
use fika_surface::{Layout, TileId, TileRect, VideoSurface as _};
use tokio::sync::mpsc;

use crate::identity::Key;
use crate::video::Video;

/// Calls between everybody and everybody.
pub(crate) struct Mesh {
    pub(crate) clock: Clock,
    pub(crate) key: Key,
    pub(crate) trust: Trust,
}

impl Connector for Mesh {
    fn connect(&self, request: Request) -> Session {
        let network = Network { trust: self.trust.clone(), ..Network::default() };
        let key = self.key.clone();
        let identity = async move { Some(key.get().await) };
        let fika_net::Session { commands, events, tracks, video, audio, data, arrived } =
            fika_net::mesh::connect(request, network, identity, self.clock.clone());
        Session { commands, events, tracks: renamed(tracks), video, audio, data, arrived }
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
    here: Arc<Local>,
    trust: Trust,
}

impl RoomsHereOrThere {
    pub(crate) fn new(here: Arc<Local>, trust: Trust) -> Self {
        Self { here, trust }
    }
}

/// The server of this program as a place on the local network.
pub(crate) fn here(local: Arc<Local>) -> Here {
    ring::here(move || {
        let local = Arc::clone(&local);
        async move { local.hold().await.ok().map(|server| (server.local_addr(), server)) }
    })
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
            let options = RoomOptions::default();
            let created = fika_net::signal::create_room(&server, &self.trust, options).await;
            let (room, host_key) = created.map_err(|error| match error {
                CreateError::TooManyRequests => EndReason::TooManyRequests,
                CreateError::Version => EndReason::Version,
                CreateError::Protocol => EndReason::Protocol,
                CreateError::Certificate(fault) => fault.into(),
                _ => EndReason::ServerUnreachable,
            })?;
            let invite = Invite::open(server, room, Secret::from_bytes(secret));
            Ok(Invite { host_key: Some(host_key), ..invite })
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

/// What can be seen in a layout of the page, in device pixels.
pub(crate) fn visible(layout: &Layout) -> Vec<VisibleTile> {
    let pixels = |side: f64| (side * layout.device_pixel_ratio).round().max(0.0) as u32;
    let seen = |tile: &TileRect| {
        let (width, height) = (pixels(tile.width), pixels(tile.height));
        Some(VisibleTile { tile: key(&tile.id)?, width, height })
    };
    layout.tiles.iter().filter_map(seen).collect()
}

const SOURCES: [(TrackSource, &str); 4] = [
    (TrackSource::Camera, "camera"),
    (TrackSource::Microphone, "microphone"),
    (TrackSource::ScreenShare, "screenShare"),
    (TrackSource::ScreenShareAudio, "screenShareAudio"),
];

/// The page builds the same name from the view.
fn id(tile: &TileKey) -> TileId {
    let name = SOURCES.iter().find(|(source, _)| *source == tile.source).map_or("", |(_, name)| name);
    TileId(format!("{}/{name}", tile.participant.0))
}

/// `None`: no such tile can exist.
fn key(id: &TileId) -> Option<TileKey> {
    let (participant, name) = id.0.rsplit_once('/')?;
    let (source, _) = SOURCES.iter().find(|(_, known)| *known == name)?;
    Some(TileKey { participant: ParticipantId(participant.into()), source: *source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_named_as_the_page_names_them() {
        assert_eq!(id(&TileKey::me()).0, "me/camera");
        let share = TileKey { participant: ParticipantId("p7".into()), source: TrackSource::ScreenShare };
        assert_eq!(id(&share).0, "p7/screenShare");
        assert_eq!(key(&id(&share)), Some(share));
        assert_eq!((key(&TileId("p7".into())), key(&TileId("p7/x".into()))), (None, None));
    }

    #[test]
    fn what_the_page_shows_is_told_in_device_pixels() {
        let layout = Layout {
            device_pixel_ratio: 2.0,
            tiles: vec![TileRect {
                id: TileId("me/camera".into()),
                x: 0.0,
                y: 0.0,
                width: 160.2,
                height: f64::NAN,
                radius: 0.0,
                fit: fika_surface::Fit::Cover,
                mirror: false,
                z: 0,
                dim: false,
                zoom: None,
            }],
            ..Layout::default()
        };
        assert_eq!(visible(&layout), [VisibleTile { tile: TileKey::me(), width: 320, height: 0 }]);
    }
}
