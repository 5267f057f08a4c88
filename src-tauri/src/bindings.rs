//! The typed seam to the page: which commands and events there are. `ui/src/lib/backend/bindings.ts` is made from it.

use tauri_specta::{Builder, collect_commands, collect_events};

use crate::{beside, commands, events, meetings, ring, room};

pub(crate) fn builder() -> Builder<tauri::Wry> {
    Builder::<tauri::Wry>::new()
        .disable_serde_phases()
        .commands(collect_commands![
            commands::start,
            commands::key_place,
            commands::new_call,
            commands::open_invite,
            commands::join,
            commands::leave,
            commands::home,
            commands::rejoin,
            commands::set_microphone,
            commands::set_camera,
            commands::select_device,
            commands::retry_device,
            commands::play_test_sound,
            commands::set_name,
            commands::save_settings,
            commands::set_layout,
            commands::surface_stats,
            commands::set_fullscreen,
            commands::set_small_window,
            room::set_passcode,
            room::moderate,
            room::set_hand,
            room::react,
            room::send_chat,
            room::retry_chat,
            room::react_to_message,
            room::compare_words,
            room::forget_contacts,
            room::read_chat,
            room::dismiss_ask,
            beside::send_file,
            beside::accept_file,
            beside::decline_file,
            beside::cancel_file,
            beside::set_text_on,
            beside::set_text_line,
            beside::end_text_line,
            ring::ring_view,
            ring::call_contact,
            ring::cancel_ring,
            ring::answer_ring,
            ring::decline_ring,
            ring::save_contact,
            ring::rename_contact,
            ring::forget_contact,
            ring::clear_missed,
            meetings::list_meetings,
            meetings::plan_meeting,
            meetings::import_meetings,
            meetings::open_meeting,
            meetings::save_meeting,
            meetings::forget_meeting,
        ])
        .events(collect_events![
            events::CallChanged,
            events::ChatChanged,
            events::FilesChanged,
            events::TextChanged,
            events::RingChanged,
            events::LevelsChanged,
            events::DevicesChanged,
            events::Notified,
            events::PicturesChanged,
            events::VideoChanged,
            events::SmallWindowChanged,
            events::LinkRefused,
        ])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use specta_typescript::Typescript;

    use super::builder;

    /// Tests run in the folder of their package.
    const COMMITTED: &str = "../ui/src/lib/backend/bindings.ts";

    /// `FIKA_UPDATE_BINDINGS=1 cargo test -p fika` writes the file anew.
    #[test]
    fn the_committed_bindings_are_current() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bindings.ts");
        builder().export(Typescript::default(), &path).unwrap();
        let current = std::fs::read_to_string(path).unwrap();
        if std::env::var_os("FIKA_UPDATE_BINDINGS").is_some() {
            std::fs::create_dir_all(Path::new(COMMITTED).parent().unwrap()).unwrap();
            std::fs::write(COMMITTED, &current).unwrap();
        }
        let committed = std::fs::read_to_string(COMMITTED).unwrap();
        assert!(committed == current, "bindings.ts has drifted: run FIKA_UPDATE_BINDINGS=1 cargo test -p fika");
    }

    /// The page calls exactly the commands that the capability of its window allows.
    #[test]
    fn the_capability_lists_every_command() {
        let capability: serde_json::Value = serde_json::from_str(include_str!("../capabilities/main.json")).unwrap();
        let mut allowed: Vec<String> = capability["permissions"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|p| p.as_str().unwrap().strip_prefix("allow-"))
            .map(|p| p.replace('-', "_"))
            .collect();
        let committed = std::fs::read_to_string(COMMITTED).unwrap();
        let mut called: Vec<String> = committed
            .split("__TAURI_INVOKE(\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect();
        allowed.sort();
        called.sort();
        assert_eq!(allowed, called);
    }
}
