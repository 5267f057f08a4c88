//! The engine's ports to the network: peer-to-peer sessions, and rooms from here or from a server.

use std::pin::Pin;
use std::sync::Arc;

use fika_call::door::RoomOptions;
use fika_call::identity::Identity;
use fika_call::invite::{Invite, SECRET_BYTES, Secret};
use fika_call::session::Request;
use fika_call::view::EndReason;
use fika_engine::{Connector, IncomingMedia, IncomingTrack, Rooms, Session};
use fika_media::Clock;
use fika_net::Trust;
use fika_net::mesh::Network;
use fika_net::ring::{self, Here};
use fika_net::signal::CreateError;
use fika_server::local::Local;
use tokio::sync::mpsc;

/// Calls of everybody with everybody.
pub(crate) struct Mesh {
    pub(crate) clock: Clock,
    pub(crate) network: Network,
    pub(crate) identity: Identity,
}

impl Connector for Mesh {
    fn connect(&self, request: Request) -> Session {
        let identity = std::future::ready(Some(self.identity.clone()));
        let fika_net::Session { commands, events, tracks, video, audio, data, arrived } =
            fika_net::mesh::connect(request, self.network.clone(), identity, self.clock.clone());
        Session { commands, events, tracks: renamed(tracks), video, audio, data, arrived }
    }
}

/// The same tracks under the engine's names. Full: the session waits.
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

/// On the server that is named, else on this computer for as long as the program runs.
pub(crate) struct HereOrThere {
    here: Arc<Local>,
    trust: Trust,
}

impl HereOrThere {
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

impl Rooms for HereOrThere {
    fn open(&self, server: Option<url::Url>) -> Pin<Box<dyn Future<Output = Result<Invite, EndReason>> + Send + '_>> {
        Box::pin(async move {
            let Some(server) = server else {
                return self.here.open_room().await.map_err(|error| {
                    tracing::warn!(%error, "no room on this computer");
                    EndReason::ServerUnreachable
                });
            };
            let options = RoomOptions::default();
            let created = fika_net::signal::create_room(&server, &self.trust, options).await;
            let (room, host_key) = created.map_err(|error| match error {
                CreateError::TooManyRequests => EndReason::TooManyRequests,
                CreateError::Version => EndReason::Version,
                CreateError::Protocol => EndReason::Protocol,
                CreateError::Certificate(fault) => fault.into(),
                _ => EndReason::ServerUnreachable,
            })?;
            let mut secret = [0; SECRET_BYTES];
            getrandom::fill(&mut secret).expect("the system gives random numbers");
            let invite = Invite::open(root(server), room, Secret::from_bytes(secret));
            Ok(Invite { host_key: Some(host_key), ..invite })
        })
    }
}

/// Links name a server without a path.
pub(crate) fn root(mut server: url::Url) -> url::Url {
    server.set_path("/");
    server.set_query(None);
    server.set_fragment(None);
    server
}
