//! What the commands reach: one owner for each thing, made at the start and kept until the app ends.

use std::sync::Arc;

use fika_engine::EngineHandle;
use fika_engine::ring::RingHandle;

use crate::error::UiErrorCode;
use crate::identity::Key;
use crate::meetings::Meetings;
use crate::settings::SettingsFile;
use crate::small::SmallWindow;
use crate::video::Video;

pub(crate) struct AppState {
    pub(crate) engine: EngineHandle,
    pub(crate) key: Key,
    /// Why the link on the command line leads nowhere.
    pub(crate) link_error: Option<UiErrorCode>,
    pub(crate) meetings: Meetings,
    pub(crate) ring: RingHandle,
    pub(crate) settings: SettingsFile,
    pub(crate) video: Arc<Video>,
    pub(crate) small: SmallWindow,
}
