//! The app as its user has it, driven over WebDriver: WebKitWebDriver starts it, finds things, clicks and types.
//!
//! Everything blocks on the calling thread. What takes time is waited for inside the page, until it is so or the
//! deadline has passed; nothing waits for a fixed time. The app and its driver end with the [`Window`].

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::isolated::Env;
use crate::program;

/// How long the page may take for what it is asked.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long the app may take to start.
const START: Duration = Duration::from_secs(20);
/// W3C WebDriver's name for an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One running app.
pub struct Window {
    driver: Child,
    agent: ureq::Agent,
    session: String,
}

impl Window {
    /// Starts `program` with its arguments in this environment, beside what the tests run in.
    pub fn open(program: &Path, args: &[&str], env: Env) -> anyhow::Result<Self> {
        let port = program::free_port()?;
        let mut driver = Command::new("WebKitWebDriver")
            .args(["--host=127.0.0.1", &format!("--port={port}")])
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .envs(env)
            .stdin(Stdio::null())
            .spawn()
            .context("WebKitWebDriver starts (Debian: webkit2gtk-driver)")?;
        program::listens(&mut driver, "WebKitWebDriver", port)?;
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE + START))
            .build()
            .into();
        let mut window = Self { driver, agent, session: format!("http://127.0.0.1:{port}/session") };
        let app = json!({ "binary": program, "args": args });
        let timeouts = json!({ "script": PATIENCE.as_millis() as u64 });
        let wanted = json!({ "webkitgtk:browserOptions": app, "timeouts": timeouts });
        let session = window.post("", &json!({ "capabilities": { "alwaysMatch": wanted } }))?;
        let id = session["sessionId"].as_str().context("a session has an id")?;
        window.session = format!("{}/{id}", window.session);
        Ok(window)
    }

    /// Waits until the JavaScript expression is truthy, and returns its value.
    pub fn until(&self, expression: &str) -> anyhow::Result<Value> {
        let script = format!(
            "const done = arguments[0];
             const look = () => {{ const value = ({expression}); value ? done(value) : setTimeout(look, 25); }};
             look();"
        );
        self.post("/execute/async", &json!({ "script": script, "args": [] })).with_context(|| {
            format!(
                "waited for {expression}; the page shows: {}",
                self.shown().unwrap_or_else(|error| error.to_string())
            )
        })
    }

    /// The value of a JavaScript expression now.
    pub fn evaluate(&self, expression: &str) -> anyhow::Result<Value> {
        self.post("/execute/sync", &json!({ "script": format!("return ({expression});"), "args": [] }))
    }

    /// Waits for the thing that this CSS selector names and presses it.
    pub fn click(&self, selector: &str) -> anyhow::Result<()> {
        self.element(selector, "click", &json!({}))
    }

    /// Waits for the field, empties it and types.
    pub fn type_into(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        self.element(selector, "clear", &json!({}))?;
        self.element(selector, "value", &json!({ "text": text }))
    }

    /// Presses and releases a key, given as the character or as W3C WebDriver's code for it.
    pub fn press(&self, key: char) -> anyhow::Result<()> {
        let keys = [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": keys }] });
        self.post("/actions", &actions).map(drop)
    }

    /// Waits for the thing and returns its visible text.
    pub fn text(&self, selector: &str) -> anyhow::Result<String> {
        let text = self.until(&format!("document.querySelector({selector:?})?.innerText.trim()"))?;
        text.as_str().map(str::to_owned).with_context(|| format!("{selector} has a text"))
    }

    /// Of the driver; the app and WebKit's processes descend from it.
    pub fn pid(&self) -> u32 {
        self.driver.id()
    }

    fn shown(&self) -> anyhow::Result<String> {
        let text = self.evaluate("document.body.innerText")?;
        Ok(text.as_str().unwrap_or_default().replace('\n', " | "))
    }

    fn element(&self, selector: &str, action: &str, body: &Value) -> anyhow::Result<()> {
        self.until(&format!(
            "(() => {{ const found = document.querySelector({selector:?}); return found && !found.disabled && found.ariaDisabled !== 'true'; }})()"
        ))?;
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }))?;
        let id = found[ELEMENT].as_str().with_context(|| format!("{selector} is an element"))?;
        self.post(&format!("/element/{id}/{action}"), body).with_context(|| format!("{action} on {selector}"))?;
        Ok(())
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.session);
        let answer = self.agent.post(&url).content_type("application/json").send(body.to_string())?;
        let answered = answer.status();
        let mut value: Value = serde_json::from_str(&answer.into_body().read_to_string()?).context("JSON")?;
        if !answered.is_success() {
            bail!("{}: {}", value["value"]["error"], value["value"]["message"]);
        }
        Ok(value["value"].take())
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // Ends the app in good order; what is left of it ends with the driver.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
