//! Declares the app's commands, so that a window may call only those that its capability lists, and makes sure that
//! there is a page to embed.

use std::path::Path;

/// Every command of `src/commands.rs`, `src/meetings.rs`, `src/ring.rs`, `src/room.rs` and `src/beside.rs`; a test compares the two and the capability.
const COMMANDS: &[&str] = &[
    "start",
    "key_place",
    "new_call",
    "open_invite",
    "join",
    "leave",
    "home",
    "rejoin",
    "set_microphone",
    "set_camera",
    "select_device",
    "retry_device",
    "play_test_sound",
    "set_name",
    "save_settings",
    "set_layout",
    "surface_stats",
    "set_fullscreen",
    "set_small_window",
    "set_passcode",
    "moderate",
    "set_hand",
    "react",
    "send_chat",
    "retry_chat",
    "react_to_message",
    "compare_words",
    "forget_contacts",
    "read_chat",
    "dismiss_ask",
    "send_file",
    "accept_file",
    "decline_file",
    "cancel_file",
    "set_text_on",
    "set_text_line",
    "end_text_line",
    "ring_view",
    "call_contact",
    "cancel_ring",
    "answer_ring",
    "decline_ring",
    "save_contact",
    "rename_contact",
    "forget_contact",
    "clear_missed",
    "list_meetings",
    "plan_meeting",
    "import_meetings",
    "open_meeting",
    "save_meeting",
    "forget_meeting",
];

/// What `cargo build` embeds when the page was not built before; `./dev` builds it.
const NO_PAGE: &str = "<!doctype html><title>Fika</title><p>The page is not built. Run ./dev run.</p>";

fn main() {
    let page = Path::new("../ui/dist/index.html");
    if !page.exists() {
        std::fs::create_dir_all("../ui/dist").expect("ui/dist can be made");
        std::fs::write(page, NO_PAGE).expect("ui/dist can be written");
        println!(
            "cargo:warning=ui/dist is empty: the app shows a notice instead of its page. Run npm run build in ui."
        );
    }
    println!("cargo:rerun-if-changed=../ui/dist");
    println!("cargo:rerun-if-changed=../icons");
    let attributes = tauri_build::Attributes::new().app_manifest(tauri_build::AppManifest::new().commands(COMMANDS));
    tauri_build::try_build(attributes).expect("tauri.conf.json and the capabilities are valid");
}
