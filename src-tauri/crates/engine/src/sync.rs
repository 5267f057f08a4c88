//! The playout sync of one participant, shared by the audio thread and the decode threads. The lock is held for a few
//! additions at a time; nobody waits inside it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fika_call::{ParticipantId, TrackSource};
use fika_media::playout::Sync;

#[derive(Clone, Debug, Default)]
pub(crate) struct SharedSync(Arc<Mutex<Sync>>);

impl SharedSync {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Sync> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One for what a participant's camera and microphone see and hear, another one for its screen.
#[derive(Debug, Default)]
pub(crate) struct Syncs(Vec<(ParticipantId, bool, SharedSync)>);

impl Syncs {
    pub(crate) fn of(&mut self, participant: &ParticipantId, source: TrackSource) -> SharedSync {
        let screen = matches!(source, TrackSource::ScreenShare | TrackSource::ScreenShareAudio);
        if let Some((.., sync)) = self.0.iter().find(|(id, of_screen, _)| id == participant && *of_screen == screen) {
            return sync.clone();
        }
        let sync = SharedSync::default();
        self.0.push((participant.clone(), screen, sync.clone()));
        sync
    }

    pub(crate) fn forget(&mut self, participant: &ParticipantId) {
        self.0.retain(|(id, ..)| id != participant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn camera_and_microphone_share_one_and_the_screen_has_its_own() {
        let mut syncs = Syncs::default();
        let [amir, elin] = ["amir", "elin"].map(|id| ParticipantId(id.into()));
        let same = |a: &SharedSync, b: &SharedSync| Arc::ptr_eq(&a.0, &b.0);
        let camera = syncs.of(&amir, TrackSource::Camera);
        assert!(same(&camera, &syncs.of(&amir, TrackSource::Microphone)));
        let screen = syncs.of(&amir, TrackSource::ScreenShare);
        assert!(same(&screen, &syncs.of(&amir, TrackSource::ScreenShareAudio)) && !same(&camera, &screen));
        assert!(!same(&camera, &syncs.of(&elin, TrackSource::Camera)));
        syncs.forget(&amir);
        assert!(!same(&camera, &syncs.of(&amir, TrackSource::Camera)));
    }
}
