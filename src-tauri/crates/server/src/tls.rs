//! TLS on the listening socket, with a certificate that is given.
//!
//! One task accepts, each handshake has a task of its own; there are no more of them than [`crate::doors`] lets in, and
//! each has [`HANDSHAKE`] to finish. Finished ones queue in [`READY`]; full: they wait.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::doors::{Doors, Guest, Peer};

const READY: usize = 64;
const HANDSHAKE: Duration = Duration::from_secs(10);

/// PEM files: the certificate with its chain, and its key.
#[derive(Clone, Debug)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Check the path, the rights and that it is PEM.
    #[error("{path}: {error}")]
    File { path: PathBuf, error: rustls::pki_types::pem::Error },
    /// The key is not that of the certificate, or of a kind that is not known.
    #[error("certificate and key do not fit: {0}")]
    Pair(#[from] rustls::Error),
}

/// What a handshake needs.
#[derive(Clone)]
pub(crate) struct Identity(TlsAcceptor);

impl Identity {
    pub(crate) fn new(Tls { certificate, key }: &Tls) -> Result<Self, TlsError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| TlsError::File { path, error }
        };
        let chain = CertificateDer::pem_file_iter(certificate).map_err(failed(certificate))?;
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(failed(certificate))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(failed(key))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// The listening socket behind which everybody speaks TLS.
pub(crate) struct TlsDoors {
    ready: mpsc::Receiver<(TlsStream<Guest>, SocketAddr)>,
    local_addr: SocketAddr,
}

impl TlsDoors {
    pub(crate) fn new(mut doors: Doors, identity: Identity) -> io::Result<Self> {
        let local_addr = doors.local_addr()?;
        let (sender, ready) = mpsc::channel(READY);
        tokio::spawn(async move {
            loop {
                let (guest, peer) = tokio::select! {
                    accepted = doors.accept() => accepted,
                    () = sender.closed() => return,
                };
                let (identity, sender) = (identity.clone(), sender.clone());
                tokio::spawn(async move {
                    match timeout(HANDSHAKE, identity.0.accept(guest)).await {
                        // Nobody takes it when the server is gone.
                        Ok(Ok(stream)) => drop(sender.send((stream, peer)).await),
                        _ => tracing::debug!("a handshake came to nothing"),
                    }
                });
            }
        });
        Ok(Self { ready, local_addr })
    }
}

impl Listener for TlsDoors {
    type Io = TlsStream<Guest>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TlsStream<Guest>, SocketAddr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // The task that accepts ends with this receiver only.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local_addr)
    }
}

impl Connected<IncomingStream<'_, TlsDoors>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsDoors>) -> Self {
        stream.io().get_ref().0.peer()
    }
}
