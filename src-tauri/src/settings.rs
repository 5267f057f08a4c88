//! The user's settings: one JSON file in the configuration folder, read once at the start and written whole at each
//! change, through a temporary file that replaces it. Owned by the app state; commands call it, one at a time.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fika_call::view::CallSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const FILE: &str = "settings.json";
/// Where a file that cannot be read is kept, so that nothing the user chose is lost.
const BROKEN: &str = "settings.json.broken";
/// Version of the file's shape.
const VERSION: u32 = 1;
/// Larger files are not ours.
const MAX_BYTES: u64 = 256 * 1024;
/// More than there are actions.
const MAX_SHORTCUTS: usize = 64;
/// Longest text in a setting, in characters.
const MAX_TEXT: usize = 1024;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppSettings {
    pub(crate) call: CallSettings,
    pub(crate) appearance: Appearance,
    pub(crate) controls: Controls,
}

/// Keys and sounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Controls {
    /// Where the user chose other keys than the page has.
    pub(crate) shortcuts: Vec<ShortcutChoice>,
    /// A host hears it when somebody waits to be let in.
    pub(crate) knock_sound: bool,
    /// Calls that come in, and those that go out, are heard.
    pub(crate) ring_sound: bool,
}

impl Default for Controls {
    fn default() -> Self {
        Self { shortcuts: Vec::new(), knock_sound: true, ring_sound: true }
    }
}

/// Both in the words of the page, which alone knows what they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShortcutChoice {
    pub(crate) action: String,
    pub(crate) keys: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Appearance {
    pub(crate) theme: Theme,
    pub(crate) contrast: Contrast,
    pub(crate) language: Language,
    /// Our own picture is shown as in a mirror.
    pub(crate) mirror_self: bool,
    pub(crate) self_view_corner: Corner,
    pub(crate) self_view_hidden: bool,
    /// How the people of a call stand.
    pub(crate) arrangement: Arrangement,
    /// Pictures are drawn by the page also where the app could draw them: for whoever sees wrong pictures.
    pub(crate) draw_in_page: bool,
}

impl Default for Appearance {
    fn default() -> Self {
        Self {
            theme: Theme::System,
            contrast: Contrast::System,
            language: Language::System,
            mirror_self: true,
            self_view_corner: Corner::BottomRight,
            self_view_hidden: false,
            arrangement: Arrangement::Auto,
            draw_in_page: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Contrast {
    System,
    More,
    Normal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Language {
    System,
    En,
    Sv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Corner {
    TopLeft,
    TopRight,
    BottomLeft,
    BottomRight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Arrangement {
    /// One other person large, more in a grid.
    Auto,
    Grid,
    /// Who speaks is large, the others stand in a strip.
    Speaker,
}

/// The settings and the folder they live in.
pub(crate) struct SettingsFile {
    folder: PathBuf,
    current: Mutex<AppSettings>,
}

impl SettingsFile {
    /// Reads the file in `folder`. No file: defaults. A file that is no settings: defaults, and the file is kept aside.
    pub(crate) fn open(folder: PathBuf) -> Self {
        let current = match read(&folder.join(FILE)) {
            Ok(settings) => settings.unwrap_or_default(),
            Err(cause) => {
                let kept = std::fs::rename(folder.join(FILE), folder.join(BROKEN)).is_ok();
                tracing::warn!(%cause, kept, "the settings cannot be read: starting with the defaults");
                AppSettings::default()
            }
        };
        Self { folder, current: Mutex::new(current) }
    }

    pub(crate) fn get(&self) -> AppSettings {
        self.lock().clone()
    }

    /// Changes the settings and writes them. They hold for this run even when they cannot be written.
    pub(crate) fn update(&self, change: impl FnOnce(&mut AppSettings)) -> std::io::Result<AppSettings> {
        let mut current = self.lock();
        let mut next = current.clone();
        change(&mut next);
        next.call.name = limited(next.call.name);
        for text in [&mut next.call.camera, &mut next.call.microphone, &mut next.call.speaker, &mut next.call.server] {
            *text = text.take().map(limited);
        }
        next.controls.shortcuts.truncate(MAX_SHORTCUTS);
        for choice in &mut next.controls.shortcuts {
            for text in [&mut choice.action, &mut choice.keys] {
                *text = limited(std::mem::take(text));
            }
        }
        if *current != next {
            *current = next;
            write(&self.folder, FILE, &File { version: VERSION, settings: &current })?;
        }
        Ok(current.clone())
    }

    fn lock(&self) -> MutexGuard<'_, AppSettings> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limited(text: String) -> String {
    text.chars().take(MAX_TEXT).collect()
}

fn read(path: &Path) -> Result<Option<AppSettings>, String> {
    read_text(path)?.map(|text| parse(&text)).transpose()
}

/// A value from a file of ours; `None`: there is no such file.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    read_text(path)?.map(|text| serde_json::from_str(&text).map_err(|e| e.to_string())).transpose()
}

fn read_text(path: &Path) -> Result<Option<String>, String> {
    let size = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if size > MAX_BYTES {
        return Err("the file is too large".into());
    }
    std::fs::read_to_string(path).map(Some).map_err(|e| e.to_string())
}

/// Settings from the text of a file. What an older file does not know keeps its default, what a newer one knows beyond
/// ours is ignored.
pub(crate) fn parse(text: &str) -> Result<AppSettings, String> {
    let file: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if !file.is_object() {
        return Err("the file holds no settings".into());
    }
    let mut settings = serde_json::to_value(AppSettings::default()).map_err(|e| e.to_string())?;
    overlay(&mut settings, file);
    serde_json::from_value(settings).map_err(|e| e.to_string())
}

/// Takes over the values of `file` that `defaults` has a place for.
fn overlay(defaults: &mut Value, file: Value) {
    match (defaults, file) {
        (Value::Object(defaults), Value::Object(file)) => {
            for (key, value) in file {
                if let Some(default) = defaults.get_mut(&key) {
                    overlay(default, value);
                }
            }
        }
        (default, value) => *default = value,
    }
}

#[derive(Serialize)]
struct File<'a> {
    version: u32,
    #[serde(flatten)]
    settings: &'a AppSettings,
}

/// Writes `value` to the file `name` in `folder`, which always holds the whole of the old or of the new.
pub(crate) fn write(folder: &Path, name: &str, value: &impl Serialize) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, value)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changed() -> AppSettings {
        let mut settings = AppSettings::default();
        settings.call.name = "Åsa".into();
        settings.call.camera = Some("cam-1".into());
        settings.call.presence = true;
        settings.appearance.theme = Theme::Dark;
        settings.appearance.self_view_corner = Corner::TopLeft;
        settings.controls.shortcuts = vec![ShortcutChoice { action: "chat".into(), keys: "Ctrl+KeyB".into() }];
        settings
    }

    fn text(settings: &AppSettings) -> String {
        serde_json::to_string(&File { version: VERSION, settings }).unwrap()
    }

    #[test]
    fn settings_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let written = SettingsFile::open(folder.path().join("new")).update(|s| *s = changed()).unwrap();
        assert_eq!(written, changed());
        assert_eq!(SettingsFile::open(folder.path().join("new")).get(), changed());
        assert!(!folder.path().join("new").join(BROKEN).exists());
    }

    #[test]
    fn a_file_cut_in_half_is_kept_aside_and_the_next_write_works() {
        let folder = tempfile::tempdir().unwrap();
        SettingsFile::open(folder.path().into()).update(|s| *s = changed()).unwrap();
        let whole = std::fs::read(folder.path().join(FILE)).unwrap();
        std::fs::write(folder.path().join(FILE), &whole[..whole.len() / 2]).unwrap();

        let settings = SettingsFile::open(folder.path().into());
        assert_eq!(settings.get(), AppSettings::default());
        assert_eq!(std::fs::read(folder.path().join(BROKEN)).unwrap(), &whole[..whole.len() / 2]);
        settings.update(|s| *s = changed()).unwrap();
        assert_eq!(SettingsFile::open(folder.path().into()).get(), changed());
    }

    #[test]
    fn older_and_newer_files_are_read() {
        assert_eq!(parse(r#"{"version": 0}"#), Ok(AppSettings::default()));
        let newer = r#"{"version": 9, "call": {"name": "Bo", "hat": 1}, "appearance": {"theme": "light"}, "more": []}"#;
        let settings = parse(newer).unwrap();
        assert_eq!((settings.call.name.as_str(), settings.appearance.theme), ("Bo", Theme::Light));
        assert!(settings.appearance.mirror_self);
        assert!(
            !settings.call.reachable && !settings.call.presence,
            "what tells others of us is off until it is wished for"
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_no_settings() {
        assert!(parse(r#"{"appearance": 3}"#).is_err());
        assert!(parse("[]").is_err());
        assert!(parse("").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_damage_panics_and_a_shorter_file_never_passes(cut in 0usize..400, at in 0usize..400, byte: u8) {
            let whole = text(&changed());
            let cut = cut.min(whole.len() - 1);
            if whole.is_char_boundary(cut) {
                prop_assert!(parse(&whole[..cut]).is_err());
            }
            let mut damaged = whole.into_bytes();
            let at = at.min(damaged.len() - 1);
            damaged[at] = byte;
            let _ = parse(&String::from_utf8_lossy(&damaged));
        }
    }
}
