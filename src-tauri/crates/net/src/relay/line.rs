//! One stream to a TURN server: opened when the first datagram is to go there, and not again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use fika_rtp::framing::{self, MAX_MESSAGE, Splitter};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Arrived, Server};
use crate::trust::Trust;

/// Datagrams on their way into the stream. Full: the next is lost, as on a network that carries no more; the peer's reports
/// show it, and less is sent.
const OUTGOING_QUEUE: usize = 64;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What the system keeps for a slow network. More would only be late.
const SEND_BUFFER: u32 = 128 * 1024;
/// Written at once.
const MAX_BATCH: usize = 16 * 1024;

/// What a line needs.
pub(super) struct Way {
    pub(super) server: Server,
    /// Of the socket that it belongs to, so that the stream takes the same way out.
    pub(super) local: Option<IpAddr>,
    pub(super) ipv4: bool,
    pub(super) trust: Trust,
    pub(super) patience: Duration,
    /// No stream is needed.
    pub(super) spared: watch::Receiver<bool>,
}

#[derive(Debug)]
pub(super) struct Line {
    outgoing: mpsc::Sender<Bytes>,
    task: AbortHandle,
}

impl Line {
    pub(super) fn open(way: Way, stand_in: SocketAddr, arrive: mpsc::Sender<Arrived>) -> Self {
        let (outgoing, datagrams) = mpsc::channel(OUTGOING_QUEUE);
        let task = tokio::spawn(async move {
            if let Err(error) = carry(way, stand_in, datagrams, arrive).await {
                tracing::debug!(%error, "a TURN server is not reached through a stream, or no longer");
            }
        });
        Self { outgoing, task: task.abort_handle() }
    }

    pub(super) fn send(&self, datagram: &[u8]) -> io::Result<()> {
        match self.outgoing.try_send(Bytes::copy_from_slice(datagram)) {
            Ok(()) | Err(TrySendError::Full(_)) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Datagrams that still fit.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.outgoing.capacity()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // The server lets an allocation go together with its stream.
        self.task.abort();
    }
}

/// Returns when the stream ends, or none is needed.
async fn carry(
    mut way: Way,
    stand_in: SocketAddr,
    datagrams: mpsc::Receiver<Bytes>,
    arrive: mpsc::Sender<Arrived>,
) -> io::Result<()> {
    if !way.patience.is_zero() && timeout(way.patience, way.spared.wait_for(|spared| *spared)).await.is_ok() {
        return Ok(());
    }
    let late = || io::Error::from(io::ErrorKind::TimedOut);
    let stream = timeout(CONNECT_TIMEOUT, connect(&way)).await.map_err(|_| late())??;
    if !way.server.tls {
        return exchange(stream, stand_in, datagrams, arrive).await;
    }
    let secure = async {
        let connector = TlsConnector::from(way.trust.config().await?);
        let name = ServerName::try_from(way.server.host.clone()).map_err(io::Error::other)?;
        connector.connect(name, stream).await
    };
    let stream = timeout(CONNECT_TIMEOUT, secure).await.map_err(|_| late())??;
    exchange(stream, stand_in, datagrams, arrive).await
}

async fn connect(way: &Way) -> io::Result<TcpStream> {
    let addresses = lookup_host((way.server.host.as_str(), way.server.port)).await?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses.filter(|address| address.is_ipv4() == way.ipv4) {
        match connect_to(address, way.local).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect_to(address: SocketAddr, local: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_send_buffer_size(SEND_BUFFER)?;
    if let Some(local) = local.filter(|local| !local.is_unspecified()) {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Both directions at once: neither waits for the other.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite,
    stand_in: SocketAddr,
    mut datagrams: mpsc::Receiver<Bytes>,
    arrive: mpsc::Sender<Arrived>,
) -> io::Result<()> {
    tracing::debug!("a stream to a TURN server is open");
    let (mut reader, mut writer) = tokio::io::split(stream);
    let write = async {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while let Some(datagram) = datagrams.recv().await {
            batch.clear();
            framing::frame(&datagram, &mut batch);
            while batch.len() < MAX_BATCH - MAX_MESSAGE
                && let Ok(datagram) = datagrams.try_recv()
            {
                framing::frame(&datagram, &mut batch);
            }
            writer.write_all(&batch).await?;
            writer.flush().await?;
        }
        Ok(())
    };
    let read = async {
        let mut splitter = Splitter::default();
        let mut buffer = vec![0; MAX_BATCH];
        loop {
            let length = reader.read(&mut buffer).await?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            splitter.push(&buffer[..length]);
            while let Some(message) = splitter.message().map_err(io::Error::other)? {
                if arrive.send((stand_in, message)).await.is_err() {
                    return Ok(());
                }
            }
        }
    };
    tokio::select! {
        end = write => end,
        end = read => end,
    }
}
