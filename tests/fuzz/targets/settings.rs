//! A settings file that was damaged.
#![no_main]

#[path = "../../../src-tauri/src/settings.rs"]
#[allow(dead_code, reason = "the app uses the rest of it")]
mod settings;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(settings) = settings::parse(text) {
        let again = serde_json::to_string(&settings).expect("settings can be written");
        assert_eq!(settings::parse(&again), Ok(settings));
    }
});
