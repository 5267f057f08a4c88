//! A guest as people are one: the page that fika-server serves, in a Chromium of its own, on a laptop or a phone. What is
//! pressed is pressed where it can be seen, by mouse or by finger.
//!
//! Everything blocks on the calling thread. What is not so within [`PATIENCE_MS`] is never so, and the test fails with the
//! text of the page.
#![allow(clippy::unwrap_used, reason = "also what tests call is a test")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::chromium::{Browser, Launch, Page};

const PATIENCE_MS: u32 = 50_000;
/// Connections and sockets of the page, for whoever asks what is left of them.
pub const WATCHED: &str = "window.all = { RTCPeerConnection: [], WebSocket: [] };
    for (const name of Object.keys(window.all))
        window[name] = class extends window[name] {
            constructor(...given) { super(...given); window.all[name].push(this); }
        };";

/// Of somebody else, and playing.
pub const THEIR_PICTURE: &str = "[...document.querySelectorAll('[data-picture=\"true\"]:not([data-tile=\"me/camera\"]) video')]\
    .some((video) => video.videoWidth > 0 && video.currentTime > 0.2)";
pub const MY_PICTURE: &str = "document.querySelector('[data-tile=\"me/camera\"][data-picture=\"true\"]')";
/// Nothing of a call goes on.
pub const NOTHING_IS_LEFT: &str = "all.RTCPeerConnection.every((each) => each.connectionState === 'closed') && \
    all.WebSocket.every((each) => each.readyState === WebSocket.CLOSED)";

/// What a guest comes with.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// 390 x 844, three device pixels each, and a finger instead of a mouse.
    pub phone: bool,
    /// The key of a certificate that no authority has signed.
    pub trusted: Option<String>,
    /// The camera is denied, the microphone is not.
    pub no_camera: bool,
    /// Played by the camera; without one it shows Chromium's test picture.
    pub clip: Option<PathBuf>,
    /// 48 kHz wav, for the microphone; without one it beeps.
    pub sound: Option<PathBuf>,
    /// The browser has none of our format.
    pub no_h264: bool,
    /// Of the page, in CSS pixels; 800 x 600 without.
    pub size: Option<(u32, u32)>,
}

pub struct Guest {
    page: Page,
    finger: bool,
    _browser: Browser,
}

impl Guest {
    /// Opens the link; nothing is pressed yet.
    pub fn open(link: &str, way: &Way) -> Self {
        let launch = Launch {
            camera: way.clip.clone(),
            microphone: way.sound.clone(),
            trusted_key: way.trusted.clone(),
            asks_for_devices: way.no_camera,
            ..Launch::default()
        };
        let browser = Browser::launch(&launch).unwrap();
        let mut page = browser.page().unwrap();
        if way.no_camera {
            let origin = link.split("/j/").next().unwrap();
            let granted = json!({ "origin": origin, "permissions": ["audioCapture"] });
            page.call("Browser.grantPermissions", &granted).unwrap();
        }
        if let Some((width, height)) = way.size {
            let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
            page.call("Emulation.setDeviceMetricsOverride", &size).unwrap();
        }
        if way.phone {
            let size = json!({ "width": 390, "height": 844, "deviceScaleFactor": 3, "mobile": true });
            page.call("Emulation.setDeviceMetricsOverride", &size).unwrap();
            page.call("Emulation.setTouchEmulationEnabled", &json!({ "enabled": true })).unwrap();
        }
        page.call("Page.enable", &json!({})).unwrap();
        page.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": WATCHED })).unwrap();
        if way.no_h264 {
            let source = "RTCRtpReceiver.getCapabilities = () => ({ codecs: [{ mimeType: 'video/VP8' }], headerExtensions: [] })";
            page.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": source })).unwrap();
        }
        page.navigate(link).unwrap();
        Self { page, finger: way.phone, _browser: browser }
    }

    /// In the lobby: picture there, name written.
    pub fn introduce(&mut self, name: &str) {
        self.until(&format!("{MY_PICTURE} !== null"));
        self.write("name-input", name);
    }

    pub fn reload(&mut self, link: &str) {
        // The same address is no other page for a browser.
        self.page.navigate("about:blank").unwrap();
        self.page.navigate(link).unwrap();
    }

    pub fn ask(&mut self, expression: &str) -> Value {
        self.page.evaluate(expression).unwrap()
    }

    /// Resolves when the expression is true; looks again at 20 Hz.
    pub fn until(&mut self, what: &str) {
        let script = format!(
            "new Promise((resolve, reject) => {{
                const end = performance.now() + {PATIENCE_MS};
                const timer = setInterval(() => {{
                    const late = performance.now() > end;
                    if (!({what}) && !late) return;
                    clearInterval(timer);
                    late ? reject(new Error(document.body.innerText)) : resolve(true);
                }}, 50);
            }})"
        );
        self.page.evaluate(&script).unwrap_or_else(|error| panic!("{what}: {error:#}"));
    }

    pub fn until_shown(&mut self, id: &str) {
        self.until(&format!("{} !== null", shows(id)));
    }

    pub fn until_pressed(&mut self, id: &str, on: bool) {
        self.until(&format!("{}?.getAttribute('aria-pressed') === '{on}'", shows(id)));
    }

    pub fn until_phase(&mut self, phase: &str) {
        self.until(&format!("document.querySelector('[data-phase={phase}]') !== null"));
    }

    /// The text of what has this `data-testid` holds `text`, in which the only quotes are double.
    pub fn until_reads(&mut self, id: &str, text: &str) {
        self.until(&format!("{}?.textContent.includes('{text}')", shows(id)));
    }

    pub fn until_ended(&mut self, reason: &str) {
        self.until(&format!("document.querySelector('[data-phase=ended][data-end={reason}]') !== null"));
    }

    /// Where it is seen, and lies under nothing else.
    pub fn press(&mut self, id: &str) {
        let at = format!(
            "(() => {{
                for (const each of document.querySelectorAll('[data-testid=\"{id}\"]')) {{
                    each.scrollIntoView({{ block: 'nearest' }});
                    const {{ x, y, width, height }} = each.getBoundingClientRect();
                    const [left, top] = [x + width / 2, y + height / 2];
                    if (each.contains(document.elementFromPoint(left, top))) return [left, top];
                }}
                return null;
            }})()"
        );
        self.until(&format!("{at} !== null"));
        let place = self.ask(&at);
        let (x, y) = (&place[0], &place[1]);
        if self.finger {
            for (kind, points) in [("touchStart", json!([{ "x": x, "y": y }])), ("touchEnd", json!([]))] {
                self.page.call("Input.dispatchTouchEvent", &json!({ "type": kind, "touchPoints": points })).unwrap();
            }
        } else {
            for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
                let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
                self.page.call("Input.dispatchMouseEvent", &event).unwrap();
            }
        }
    }

    /// In place of what is in the field; then the field is left.
    pub fn write(&mut self, id: &str, text: &str) {
        self.until_shown(id);
        let field = shows(id);
        self.ask(&format!("({field}.focus(), {field}.select?.())"));
        self.page.call("Input.insertText", &json!({ "text": text })).unwrap();
        self.ask(&format!("{field}.blur()"));
    }

    /// What the page saves goes there without a question.
    pub fn save_downloads_in(&mut self, folder: &Path) {
        let behaviour = json!({ "behavior": "allow", "downloadPath": folder.display().to_string() });
        self.page.call("Browser.setDownloadBehavior", &behaviour).unwrap();
    }

    /// The browser writes after the page has said that it is done.
    pub fn until_saved(&mut self, file: &Path, content: &[u8]) {
        for _ in 0..PATIENCE_MS / 50 {
            if std::fs::read(file).is_ok_and(|found| found == content) {
                return;
            }
            self.ask("new Promise((resolve) => setTimeout(resolve, 50))");
        }
        panic!("{} was not saved", file.display());
    }

    /// Presses what opens the browser's dialog for files, and picks this one there.
    pub fn pick_file(&mut self, id: &str, file: &Path) {
        self.page.call("Page.setInterceptFileChooserDialog", &json!({ "enabled": true })).unwrap();
        self.press(id);
        self.until_shown("file-field");
        let field = json!({ "expression": shows("file-field") });
        let field = self.page.call("Runtime.evaluate", &field).unwrap();
        let files = json!({ "files": [file], "objectId": field["result"]["objectId"] });
        self.page.call("DOM.setFileInputFiles", &files).unwrap();
    }

    /// What somebody is called is not who they are.
    pub fn id_of(&mut self, name: &str) -> String {
        let rows = "[...document.querySelectorAll('[data-testid=people-panel] li')]";
        let found = format!(
            "{rows}.find((row) => row.textContent.includes('{name}'))?.querySelector('[data-testid^=person-menu-]')\
             ?.dataset.testid.slice('person-menu-'.length)"
        );
        self.until(&format!("{found} !== undefined"));
        self.ask(&found).as_str().unwrap().to_owned()
    }

    /// With the list of people open.
    pub fn act(&mut self, who: &str, item: &str) {
        self.press(&format!("person-menu-{who}"));
        self.press(&format!("person-{item}"));
    }

    pub fn open_people(&mut self) {
        // On a phone it stands behind "more".
        if self.finger {
            self.press("more");
        }
        self.press("people");
        self.until_shown("people-panel");
    }
}

/// The element with this `data-testid`.
pub fn shows(id: &str) -> String {
    format!("document.querySelector('[data-testid=\"{id}\"]')")
}
