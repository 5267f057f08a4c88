//! The WebSocket itself: JSON text, capped, checked. Used by one task; what is sent waits for the socket.

use fika_call::session::CertificateFault;
use fika_call::signal::{ClientMessage, MAX_MESSAGE, PATH, ServerMessage};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::plausible::plausible;
use crate::trust::{self, Trust};

pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketError {
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
    pub(super) async fn open(server: &url::Url, trust: &Trust) -> Result<Self, SocketError> {
        let url = signal_url(server).ok_or(SocketError::Nonsense)?;
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let connector = match url.scheme() {
            "wss" => Connector::Rustls(trust.config().await.map_err(|error| classify(&Error::Io(error)))?),
            _ => Connector::Plain,
        };
        let connect = connect_async_tls_with_config(url.as_str(), Some(config), true, Some(connector));
        let (stream, _) = connect.await.map_err(|error| classify(&error))?;
        Ok(Self(stream))
    }

    pub(super) async fn send(&mut self, message: &ClientMessage) -> Result<(), SocketError> {
        let text = serde_json::to_string(message).expect("strings and numbers are always JSON");
        if text.len() > MAX_MESSAGE {
            tracing::warn!("a message is too long for the server and is left out");
            return Ok(());
        }
        self.0.send(Message::text(text)).await.map_err(|error| classify(&error))
    }

    /// Waits for the next message. Safe to cancel.
    pub(super) async fn receive(&mut self) -> Result<ServerMessage, SocketError> {
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

    pub(super) async fn close(mut self) {
        let _ = self.0.close(None).await;
    }
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
