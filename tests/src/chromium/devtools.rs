//! The few words of the Chrome DevTools Protocol that the tests use: one WebSocket to one page, one question at a time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client::client_with_config};

pub struct Page {
    socket: WebSocket<TcpStream>,
    next_id: u64,
}

/// Connects to the page that the browser shows; an answer may take `patience`.
pub(super) fn first_page(port: u16, patience: Duration) -> anyhow::Result<Page> {
    let targets: Value = serde_json::from_str(&get(port, "/json/list")?).context("a list of targets")?;
    let pages = targets.as_array().into_iter().flatten().filter(|target| target["type"] == "page");
    let url = pages.filter_map(|page| page["webSocketDebuggerUrl"].as_str()).next().context("a page")?;
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_nodelay(true)?;
    // Frame logs of a long measurement are larger than the usual limit.
    let limits = WebSocketConfig::default().max_message_size(Some(256 << 20)).max_frame_size(Some(256 << 20));
    let (socket, _) = client_with_config(url, stream, Some(limits)).map_err(|error| anyhow!("{error}"))?;
    Ok(Page { socket, next_id: 0 })
}

fn get(port: u16, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut part = [0; 4096];
    // The browser keeps the connection open, so the length says where the body ends.
    loop {
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(str::to_owned));
            let length: usize = length.context("a length")?.trim().parse()?;
            if body.len() >= length {
                return Ok(body[..length].to_owned());
            }
        }
        match stream.read(&mut part)? {
            0 => bail!("the browser closed the connection"),
            n => answer.extend_from_slice(&part[..n]),
        }
    }
}

impl Page {
    /// Shows `url`; returns when its modules have run.
    pub fn navigate(&mut self, url: &str) -> anyhow::Result<()> {
        self.call("Page.enable", &json!({}))?;
        self.call("Page.navigate", &json!({ "url": url }))?;
        self.wait_for("Page.loadEventFired")
    }

    /// The value of a JavaScript expression; a promise is awaited.
    pub fn evaluate(&mut self, expression: &str) -> anyhow::Result<Value> {
        let arguments = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", &arguments)?;
        if let Some(exception) = answer.get("exceptionDetails") {
            bail!("{expression}: {}", exception["exception"]["description"].as_str().unwrap_or("an exception"));
        }
        Ok(answer["result"]["value"].clone())
    }

    pub fn call(&mut self, method: &str, arguments: &Value) -> anyhow::Result<Value> {
        self.next_id += 1;
        let question = json!({ "id": self.next_id, "method": method, "params": arguments });
        self.socket.send(Message::text(question.to_string())).with_context(|| method.to_owned())?;
        loop {
            let answer = self.read().with_context(|| method.to_owned())?;
            if answer["id"] == self.next_id {
                if let Some(error) = answer.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(answer["result"].clone());
            }
        }
    }

    fn wait_for(&mut self, event: &str) -> anyhow::Result<()> {
        while self.read()?["method"] != event {}
        Ok(())
    }

    fn read(&mut self) -> anyhow::Result<Value> {
        loop {
            if let Message::Text(text) = self.socket.read()? {
                return Ok(serde_json::from_str(&text)?);
            }
        }
    }
}
