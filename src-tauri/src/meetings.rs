//! Meetings of a later day: planned here or taken out of a calendar file. One JSON file beside the settings, which its owner alone
//! reads, because it holds what opens their rooms; read once at the start and written whole at each change. What is over is
//! forgotten. At most [`MOST`]; those that are furthest away give way.
//!
//! Commands call it, one at a time; only planning waits for the network, and for no more than its ten seconds.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use fika_call::calendar::{self, CalendarError, Meeting};
use fika_call::door::RoomOptions;
use fika_call::invite::{HostKey, Invite, SECRET_BYTES, Secret};
use fika_engine::{Command, RoomInput};
use fika_net::Trust;
use fika_net::signal::create_room;
use serde::{Deserialize, Serialize};
use tauri::State;

use crate::commands::{Reply, send};
use crate::error::{UiError, UiErrorCode};
use crate::settings::write;
use crate::state::AppState;

const FILE: &str = "meetings.json";
/// Larger files are not ours.
const MAX_BYTES: u64 = 1024 * 1024;
const MOST: usize = 500;
/// How far a calendar file is read.
const AHEAD: i64 = 100 * DAY;
const DAY: i64 = 24 * 60 * 60;
/// How long a room is kept after its meeting.
const AFTER: u32 = 24 * 60 * 60;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    meeting: Meeting,
    /// Of a meeting that was planned here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host_key: Option<String>,
}

/// A meeting to come, for the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Planned {
    /// Names it in the other commands.
    pub(crate) id: String,
    pub(crate) meeting: Meeting,
    /// It was planned here: whoever opens it is the host.
    pub(crate) mine: bool,
}

pub(crate) struct Meetings {
    folder: PathBuf,
    trust: Trust,
    kept: Mutex<Vec<Kept>>,
}

impl Meetings {
    /// Reads the file in `folder`; one that cannot be read is an empty one.
    pub(crate) fn open(folder: PathBuf, trust: Trust) -> Self {
        let kept = read(&folder.join(FILE)).unwrap_or_default();
        Self { folder, trust, kept: Mutex::new(kept) }
    }

    fn list(&self) -> Vec<Planned> {
        let now = unix();
        let to_come = |kept: &&Kept| ends(kept) > now;
        let planned =
            |kept: &Kept| Planned { id: id(kept), meeting: kept.meeting.clone(), mine: kept.host_key.is_some() };
        self.lock().iter().filter(to_come).map(planned).collect()
    }

    fn find(&self, wanted: &str) -> Reply<Kept> {
        let found = self.lock().iter().find(|kept| id(kept) == wanted).cloned();
        found.ok_or_else(|| UiError::internal(&"there is no such meeting"))
    }

    /// A meeting that is there already keeps what makes us its host.
    fn add(&self, new: Vec<Kept>) {
        self.change(|kept| {
            for new in new {
                match kept.iter_mut().find(|known| id(known) == id(&new)) {
                    Some(known) => known.meeting = new.meeting,
                    None => kept.push(new),
                }
            }
        });
    }

    /// What cannot be written holds until the app ends; the user goes on.
    fn change(&self, change: impl FnOnce(&mut Vec<Kept>)) {
        let mut kept = self.lock();
        change(&mut kept);
        let now = unix();
        kept.retain(|kept| ends(kept) > now);
        kept.sort_by_key(|kept| kept.meeting.start);
        kept.truncate(MOST);
        if let Err(error) = write(&self.folder, FILE, &*kept) {
            tracing::warn!(%error, "the meetings cannot be written");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tauri::command]
#[specta::specta]
pub(crate) fn list_meetings(state: State<'_, AppState>) -> Reply<Vec<Planned>> {
    Ok(state.meetings.list())
}

/// Opens a room on the configured server, which keeps it until a day after the meeting.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_meeting(
    state: State<'_, AppState>,
    title: String,
    start: u32,
    minutes: u32,
    waiting_room: bool,
) -> Reply<Vec<Planned>> {
    let server = state.settings.get().call.server.filter(|server| !server.is_empty());
    let server = server.and_then(|server| url::Url::parse(&server).ok());
    let server = server.ok_or_else(|| UiError::new(UiErrorCode::NoServer, &"no meeting server is set"))?;
    let until = start.saturating_add(minutes.saturating_mul(60)).saturating_add(AFTER);
    let options = RoomOptions { waiting_room, until: Some(until), ..RoomOptions::default() };
    let opened = create_room(&server, &state.meetings.trust, options).await;
    let (room, host_key) = opened.map_err(|error| UiError::new(UiErrorCode::NotPlanned, &error))?;
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret).map_err(|error| UiError::internal(&error))?;
    let link = Invite::open(server, room, Secret::from_bytes(secret)).link();
    let meeting = Meeting::new(&title, start, minutes, &link);
    let meeting = meeting.ok_or_else(|| UiError::new(UiErrorCode::NotPlanned, &"no such time"))?;
    state.meetings.add(vec![Kept { meeting, host_key: Some(host_key.0) }]);
    Ok(state.meetings.list())
}

/// `zone`: the time zone of this computer, for times that name none.
#[tauri::command]
#[specta::specta]
pub(crate) fn import_meetings(state: State<'_, AppState>, file: String, zone: String) -> Reply<Vec<Planned>> {
    let now = unix();
    let found = calendar::read(file.as_bytes(), &zone, now, now.saturating_add(AHEAD))?;
    state.meetings.add(found.into_iter().map(|meeting| Kept { meeting, host_key: None }).collect());
    Ok(state.meetings.list())
}

/// To the lobby of its room, as its host if it was planned here.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_meeting(state: State<'_, AppState>, id: String) -> Reply {
    let kept = state.meetings.find(&id)?;
    send(&state, Command::OpenInvite { link: kept.meeting.link }).await?;
    match kept.host_key {
        Some(key) => send(&state, Command::Room(RoomInput::SetHostKey(HostKey(key)))).await,
        None => Ok(()),
    }
}

/// As a calendar file among the user's downloads; answers with its name there.
#[tauri::command]
#[specta::specta]
pub(crate) fn save_meeting(state: State<'_, AppState>, id: String) -> Reply<String> {
    let meeting = state.meetings.find(&id)?.meeting;
    let folder = dirs::download_dir().or_else(dirs::home_dir);
    let folder = folder.ok_or_else(|| UiError::internal(&"there is no folder for downloads"))?;
    let now = u32::try_from(unix()).unwrap_or(u32::MAX);
    save(&folder, &meeting, now).map_err(|error| UiError::internal(&error))
}

/// The room stays until its time is over.
#[tauri::command]
#[specta::specta]
pub(crate) fn forget_meeting(state: State<'_, AppState>, id: String) -> Reply<Vec<Planned>> {
    state.meetings.change(|kept| kept.retain(|kept| self::id(kept) != id));
    Ok(state.meetings.list())
}

/// Never over a file that is there.
fn save(folder: &Path, meeting: &Meeting, now: u32) -> std::io::Result<String> {
    let letters = meeting.title.chars().map(|c| if c.is_alphanumeric() || matches!(c, ' ' | '-') { c } else { '_' });
    let title: String = letters.take(60).collect();
    let title = title.trim();
    let title = if title.is_empty() { "Fika" } else { title };
    for count in 1..100 {
        let name = if count == 1 { format!("{title}.ics") } else { format!("{title} ({count}).ics") };
        match std::fs::File::create_new(folder.join(&name)) {
            Ok(mut file) => {
                std::io::Write::write_all(&mut file, meeting.file(now).as_bytes())?;
                return Ok(name);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

/// The same room at the same time is the same meeting.
fn id(kept: &Kept) -> String {
    let room = Invite::parse(&kept.meeting.link).map(|invite| invite.room.0).unwrap_or_default();
    format!("{room}-{}", kept.meeting.start)
}

fn ends(kept: &Kept) -> i64 {
    i64::from(kept.meeting.start) + i64::from(kept.meeting.minutes) * 60
}

fn read(path: &Path) -> Option<Vec<Kept>> {
    if std::fs::metadata(path).ok()?.len() > MAX_BYTES {
        return None;
    }
    let kept: Vec<Kept> = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let sound = |kept: &Kept| {
        let Meeting { title, start, minutes, link } = &kept.meeting;
        Meeting::new(title, *start, *minutes, link).as_ref() == Some(&kept.meeting)
    };
    Some(kept.into_iter().filter(sound).take(MOST).collect())
}

/// Seconds since 1970.
fn unix() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    i64::try_from(passed).unwrap_or(i64::MAX)
}

impl From<CalendarError> for UiError {
    fn from(error: CalendarError) -> Self {
        let code = match error {
            CalendarError::TooLarge => UiErrorCode::CalendarTooLarge,
            CalendarError::NoMeetings => UiErrorCode::NoMeetings,
            _ => UiErrorCode::NotACalendar,
        };
        Self::new(code, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://meet.example.org/j/aaaq-eaye-auda-oceb#MDEyMzQ1Njc4OWFiY2RlZg";

    fn later(title: &str, hours: u32) -> Kept {
        let start = u32::try_from(unix()).unwrap() + hours * 3600;
        Kept { meeting: Meeting::new(title, start, 30, LINK).unwrap(), host_key: None }
    }

    fn titles(meetings: &Meetings) -> Vec<String> {
        meetings.list().into_iter().map(|planned| planned.meeting.title).collect()
    }

    #[test]
    fn meetings_survive_a_restart_and_come_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let meetings = Meetings::open(folder.path().into(), Trust::default());
        let mine = Kept { host_key: Some("key".into()), ..later("b", 2) };
        meetings.add(vec![mine.clone(), later("a", 1)]);
        // The same one out of a calendar, under another name.
        meetings.add(vec![Kept { host_key: None, meeting: Meeting { title: "c".into(), ..mine.meeting } }]);
        let again = Meetings::open(folder.path().into(), Trust::default());
        assert_eq!(titles(&again), ["a", "c"]);
        assert_eq!(again.list().iter().map(|planned| planned.mine).collect::<Vec<_>>(), [false, true]);
        let id = again.list()[0].id.clone();
        again.change(|kept| kept.retain(|kept| self::id(kept) != id));
        assert_eq!(titles(&Meetings::open(folder.path().into(), Trust::default())), ["c"]);
    }

    #[test]
    fn what_is_over_or_no_meeting_is_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        let odd = serde_json::json!([
            { "title": "over", "start": 1000, "minutes": 30, "link": LINK },
            { "title": "elsewhere", "start": 4_000_000_000_u32, "minutes": 30, "link": "https://example.org/" },
            { "title": "fine", "start": 4_000_000_000_u32, "minutes": 30, "link": LINK },
        ]);
        std::fs::write(folder.path().join(FILE), odd.to_string()).unwrap();
        assert_eq!(titles(&Meetings::open(folder.path().into(), Trust::default())), ["fine"]);
        std::fs::write(folder.path().join(FILE), "[{").unwrap();
        assert!(Meetings::open(folder.path().into(), Trust::default()).list().is_empty());
    }

    #[test]
    fn a_file_has_a_name_of_its_own_and_stays_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let meeting = later("../../x: \"Budget\"", 1).meeting;
        assert_eq!(save(folder.path(), &meeting, 0).unwrap(), "______x_ _Budget_.ics");
        assert_eq!(save(folder.path(), &meeting, 0).unwrap(), "______x_ _Budget_ (2).ics");
        let untitled = Meeting { title: String::new(), ..meeting };
        assert_eq!(save(folder.path(), &untitled, 0).unwrap(), "Fika.ics");
        let text = std::fs::read_to_string(folder.path().join("Fika.ics")).unwrap();
        assert!(text.starts_with("BEGIN:VCALENDAR\r\n"), "{text}");
    }
}
