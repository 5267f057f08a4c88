//! The WebSocket itself: JSON text, capped, checked. Used by one task; what is sent waits for the socket.

use std::net::SocketAddr;
use std::time::Duration;

use fika_call::session::CertificateFault;
use fika_call::signal::{ClientMessage, MAX_MESSAGE, PATH, ServerMessage};
use futures_util::future::select_ok;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::plausible::plausible;
use crate::trust::{self, Trust};

/// Of several addresses the next one is tried while those before have not answered for so long (RFC 8305, section 5).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// How long the server's computer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// For the system to ask three times.
    Usual,
    /// For the network to come back: asked anew each time, since the system waits longer and longer between its questions.
    Short,
}

impl Patience {
    const fn duration(self) -> Duration {
        match self {
            Self::Usual => Duration::from_secs(5),
            Self::Short => Duration::from_millis(1200),
        }
    }
}

pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketError {
    /// Whoever answers there is not shown to be the server.
    Certificate(CertificateFault),
    /// No connection, or no longer.
    Gone,
    /// The server has no place for this connection now.
    TooManyRequests,
    /// What answers there is no fika-server.
    Nonsense,
}

impl Socket {
    pub(crate) async fn open(server: &url::Url, trust: &Trust, patience: Patience) -> Result<Self, SocketError> {
        let url = signal_url(server).ok_or(SocketError::Nonsense)?;
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let connector = match url.scheme() {
            "wss" => Connector::Rustls(trust.config().await.map_err(|error| classify(&Error::Io(error)))?),
            _ => Connector::Plain,
        };
        let Ok(Some(stream)) = timeout(patience.duration(), connect(&url)).await else { return Err(SocketError::Gone) };
        let upgrade = client_async_tls_with_config(url.as_str(), stream, Some(config), Some(connector));
        let (stream, _) = upgrade.await.map_err(|error| classify(&error))?;
        Ok(Self(stream))
    }

    pub(crate) async fn send(&mut self, message: &ClientMessage) -> Result<(), SocketError> {
        let text = serde_json::to_string(message).expect("strings and numbers are always JSON");
        if text.len() > MAX_MESSAGE {
            tracing::warn!("a message is too long for the server and is left out");
            return Ok(());
        }
        self.0.send(Message::text(text)).await.map_err(|error| classify(&error))
    }

    /// Waits for the next message. Safe to cancel.
    pub(crate) async fn receive(&mut self) -> Result<ServerMessage, SocketError> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message = serde_json::from_str(&text).map_err(|_| SocketError::Nonsense)?;
                    return if plausible(&message) { Ok(message) } else { Err(SocketError::Nonsense) };
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(SocketError::Nonsense),
                Some(Ok(Message::Close(_))) | None => return Err(SocketError::Gone),
                Some(Err(error)) => return Err(classify(&error)),
            }
        }
    }

    pub(crate) async fn close(mut self) {
        let _ = self.0.close(None).await;
    }
}

/// The first of the server's addresses that answers.
async fn connect(url: &url::Url) -> Option<TcpStream> {
    let port = url.port_or_known_default()?;
    let addresses: Vec<SocketAddr> = match url.host()? {
        url::Host::Ipv4(ip) => vec![(ip, port).into()],
        url::Host::Ipv6(ip) => vec![(ip, port).into()],
        url::Host::Domain(name) => lookup_host((name, port)).await.ok()?.collect(),
    };
    let attempts = (0..).zip(addresses).map(|(before, address)| {
        Box::pin(async move {
            sleep(NEXT_ADDRESS * before).await;
            TcpStream::connect(address).await
        })
    });
    let attempts: Vec<_> = attempts.collect();
    if attempts.is_empty() {
        return None;
    }
    let (stream, _) = select_ok(attempts).await.ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// The signalling endpoint of the server with this base address.
fn signal_url(server: &url::Url) -> Option<url::Url> {
    let scheme = match server.scheme() {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return None,
    };
    let mut url = server.clone();
    url.set_scheme(scheme).ok()?;
    url.set_path(PATH);
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

fn classify(error: &Error) -> SocketError {
    match error {
        Error::Io(error) => {
            match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()).and_then(trust::fault) {
                Some(fault) => SocketError::Certificate(fault),
                None => SocketError::Gone,
            }
        }
        Error::Http(response) if matches!(response.status().as_u16(), 429 | 503) => SocketError::TooManyRequests,
        // A proxy in front of a server that restarts.
        Error::Http(response) if response.status().is_server_error() => SocketError::Gone,
        Error::Http(_) | Error::HttpFormat(_) | Error::Capacity(_) | Error::Utf8(_) | Error::Url(_) => {
            SocketError::Nonsense
        }
        Error::Protocol(error) => match error {
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
            | tokio_tungstenite::tungstenite::error::ProtocolError::HandshakeIncomplete => SocketError::Gone,
            _ => SocketError::Nonsense,
        },
        _ => SocketError::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_follows_from_the_base_address() {
        let url = |text: &str| signal_url(&url::Url::parse(text).unwrap()).map(String::from);
        assert_eq!(url("http://192.168.1.5:7420/").as_deref(), Some("ws://192.168.1.5:7420/api/v1/signal"));
        assert_eq!(url("https://meet.example.org/x?y#z").as_deref(), Some("wss://meet.example.org/api/v1/signal"));
        assert_eq!(url("wss://meet.example.org").as_deref(), Some("wss://meet.example.org/api/v1/signal"));
        assert_eq!(url("ftp://meet.example.org"), None);
    }
}
