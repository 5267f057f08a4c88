//! Taking a seat in a room, as `sit` and the visits do it.

use fika_call::ParticipantId;
use fika_call::invite::HostKey;
use fika_call::view::{CallView, Phase};
use fika_engine::{Command, EngineHandle, RoomInput};

use super::args::Door;
use super::find;
use crate::args::{Media, Source};
use crate::fail::{Failure, Kind};

/// Through the lobby up to the door. Without a link a room is opened, whose link is returned.
pub(super) async fn take(
    engine: &EngineHandle,
    link: Option<&str>,
    media: &Media,
    door: &Door,
) -> Result<Option<String>, Failure> {
    let mut view = engine.view();
    engine.send(Command::SetCamera { on: media.camera != Some(Source::None) }).await?;
    engine.send(Command::SetMicrophone { on: media.microphone != Some(Source::None) }).await?;
    match link {
        Some(link) => engine.send(Command::OpenInvite { link: link.into() }).await?,
        None => engine.send(Command::NewCall).await?,
    }
    let lobby = until(&mut view, |view| view.phase == Phase::Lobby).await?;
    if let Some(key) = &door.host_key {
        engine.send(Command::Room(RoomInput::SetHostKey(HostKey(key.clone())))).await?;
    }
    if let Some(passcode) = &door.passcode {
        engine.send(Command::Room(RoomInput::SetPasscode(passcode.clone()))).await?;
    }
    engine.send(Command::Join).await?;
    Ok(lobby.invite.filter(|_| link.is_none()).map(|invite| invite.link))
}

/// The first view of this kind. The end of the call comes as a failure, even where it is a good end: what was waited for
/// does not come any more.
pub(super) async fn until(
    view: &mut tokio::sync::watch::Receiver<CallView>,
    wanted: impl Fn(&CallView) -> bool,
) -> Result<CallView, Failure> {
    let view = view.wait_for(|view| wanted(view) || view.phase == Phase::Ended).await.map_err(|_| stopped())?;
    match view.end.filter(|_| view.phase == Phase::Ended) {
        Some(reason) => Err(Failure::of_end(reason).unwrap_or_else(over)),
        None => Ok(view.clone()),
    }
}

/// Whom a word means, ourselves among them.
pub(super) fn person(word: &str, view: &CallView) -> Option<ParticipantId> {
    let inside = view.participants.iter().map(|person| (&person.id, person.name.as_str()));
    let waiting = view.room.iter().flat_map(|room| &room.waiting).map(|guest| (&guest.id, guest.name.as_str()));
    let me = view.me.id.iter().map(|id| (id, view.me.name.as_str()));
    find(word, inside.chain(waiting).chain(me))
}

pub(super) fn stopped() -> Failure {
    Failure::new(Kind::Connection, "The engine has stopped.")
}

/// Ended for all in the middle of it.
pub(super) fn over() -> Failure {
    Failure::new(Kind::Link, "The meeting was ended by its host.")
}
