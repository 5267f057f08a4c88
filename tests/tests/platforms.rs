//! What other systems are told about the app before it runs: wrong or missing, it shows only on such a system.

use std::path::PathBuf;

use serde_json::Value;

fn app(file: &str) -> PathBuf {
    fika_tests::folder().join("../src-tauri").join(file)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(app(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What follows a key of a property list: the next element.
fn value<'a>(plist: &'a str, key: &str) -> &'a str {
    let (_, rest) = plist.split_once(&format!("<key>{key}</key>")).unwrap_or_else(|| panic!("{key} is missing"));
    let end = rest.find("</string>").unwrap_or(rest.len()).min(rest.find("/>").unwrap_or(rest.len()));
    rest[..end].trim()
}

#[test]
fn macos_asks_with_a_sentence_before_it_gives_a_device() {
    let plist = read("Info.plist");
    // Without one of these the system ends the app at the first access.
    for key in ["NSCameraUsageDescription", "NSMicrophoneUsageDescription", "NSLocalNetworkUsageDescription"] {
        let sentence = value(&plist, key).strip_prefix("<string>").unwrap_or_else(|| panic!("{key} has a sentence"));
        assert!(sentence.starts_with("Fika ") && sentence.ends_with('.'), "{key}: {sentence}");
    }
    // Else it may not look for who can be called on the network, nor be found.
    let services = value(&plist, "NSBonjourServices");
    let service = fika_call::ring::nearby::SERVICE.strip_suffix(".local").expect("of the local network");
    assert_eq!(services.split_whitespace().collect::<String>(), format!("<array><string>{service}"));
    // Else the page of a bundle may not connect to ws://127.0.0.1.
    assert!(plist.contains("<key>NSAppTransportSecurity</key>"));
    assert_eq!(value(&plist, "NSAllowsLocalNetworking"), "<true");
}

#[test]
fn macos_gives_the_hardened_app_its_devices() {
    let plist = read("entitlements.plist");
    for key in [
        "com.apple.security.device.camera",
        "com.apple.security.device.audio-input",
        "com.apple.security.network.client",
        "com.apple.security.network.server",
    ] {
        assert_eq!(value(&plist, key), "<true", "{key}");
    }
    let configuration: Value = serde_json::from_str(&read("tauri.conf.json")).expect("it is JSON");
    let macos = &configuration["bundle"]["macOS"];
    assert_eq!(macos["entitlements"], "entitlements.plist");
    // VideoFrame, with which the page draws.
    assert_eq!(macos["minimumSystemVersion"], "13.3");
}

/// What is set replaces wry's own arguments, so these are repeated; a newer WebView2 keeps the page from ws://127.0.0.1
/// unless it is told not to.
#[test]
fn webview2_is_told_what_wry_would_tell_it_and_lets_the_page_reach_the_app() {
    let configuration: Value = serde_json::from_str(&read("tauri.conf.json")).expect("it is JSON");
    let windows = configuration["app"]["windows"].as_array().expect("a list");
    for window in windows {
        let arguments = window["additionalBrowserArgs"].as_str().expect("every window has the same arguments");
        assert_eq!(
            window["additionalBrowserArgs"], windows[0]["additionalBrowserArgs"],
            "else it needs another folder"
        );
        for wanted in [
            "msWebOOUI",
            "msPdfOOUI",
            "msSmartScreenProtection",
            "LocalNetworkAccessChecksWebSockets",
            "--autoplay-policy=no-user-gesture-required",
        ] {
            assert!(arguments.contains(wanted), "{wanted}");
        }
        assert_eq!(arguments.matches("--disable-features=").count(), 1, "the last one would win");
    }
}

/// The bundler writes it into the entry of the menu, Info.plist and the installer.
#[test]
fn links_of_our_scheme_are_handed_to_the_app() {
    let configuration: Value = serde_json::from_str(&read("tauri.conf.json")).expect("it is JSON");
    assert_eq!(configuration["plugins"]["deep-link"]["desktop"]["schemes"], serde_json::json!(["fika"]));
}
