//! TLS on the listening socket, with a certificate that is given or one of [`crate::acme`].
//!
//! One task accepts, each handshake has a task of its own; there are no more of them than [`crate::doors`] lets in, and
//! each has [`HANDSHAKE`] to finish. Finished ones queue in [`READY`]; full: they wait.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::acme::{self, Acme, AcmeError, Keeper};
use crate::doors::{Doors, Guest, Peer};

const READY: usize = 64;
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What a connection offers that only wants to see who is here (RFC 8737).
const QUESTION: &[u8] = b"acme-tls/1";

/// Where the certificate comes from.
#[derive(Clone, Debug)]
pub enum Tls {
    /// PEM files: the certificate with its chain, and its key.
    Given { certificate: PathBuf, key: PathBuf },
    /// Ordered and renewed by the server itself.
    Automatic(Acme),
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
    #[error(transparent)]
    Automatic(#[from] AcmeError),
}

/// What is shown to whom.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    shown: RwLock<Option<Arc<CertifiedKey>>>,
    question: RwLock<Option<Question>>,
}

#[derive(Debug)]
struct Question {
    name: String,
    answer: Arc<CertifiedKey>,
}

impl Certificates {
    /// To everybody who comes from now on; who is here keeps the connection.
    pub(crate) fn show(&self, key: Arc<CertifiedKey>) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }

    /// To the authority that wants to know whether this is the server with this name.
    pub(crate) fn answer_question(&self, name: &str, answer: Arc<CertifiedKey>) {
        let question = Question { name: name.to_owned(), answer };
        *self.question.write().unwrap_or_else(PoisonError::into_inner) = Some(question);
    }

    pub(crate) fn forget_question(&self) {
        *self.question.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut offered = hello.alpn().into_iter().flatten();
        if (offered.next(), offered.next()) == (Some(QUESTION), None) {
            let question = self.question.read().unwrap_or_else(PoisonError::into_inner);
            let asked = question.as_ref().filter(|question| hello.server_name() == Some(question.name.as_str()))?;
            return Some(Arc::clone(&asked.answer));
        }
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a handshake needs, and who sees to the certificate, if somebody has to.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) keeper: Option<Keeper>,
}

impl Identity {
    pub(crate) fn new(tls: &Tls) -> Result<Self, TlsError> {
        let certificates = Arc::new(Certificates::default());
        let mut protocols = vec![b"http/1.1".to_vec()];
        let keeper = match tls {
            Tls::Given { certificate, key } => {
                certificates.show(given(certificate, key)?);
                None
            }
            Tls::Automatic(acme) => {
                protocols.push(QUESTION.to_vec());
                Some(acme::start(acme, Arc::clone(&certificates))?)
            }
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        config.alpn_protocols = protocols;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), keeper })
    }
}

fn given(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, TlsError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| TlsError::File { path, error }
    };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(failed(certificate))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(failed(certificate))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(failed(key))?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &ring::default_provider())?))
}

/// The listening socket behind which everybody speaks TLS.
pub(crate) struct TlsDoors {
    ready: mpsc::Receiver<(TlsStream<Guest>, SocketAddr)>,
    local_addr: SocketAddr,
}

impl TlsDoors {
    pub(crate) fn new(mut doors: Doors, acceptor: TlsAcceptor) -> io::Result<Self> {
        let local_addr = doors.local_addr()?;
        let (sender, ready) = mpsc::channel(READY);
        tokio::spawn(async move {
            loop {
                let (guest, peer) = tokio::select! {
                    accepted = doors.accept() => accepted,
                    () = sender.closed() => return,
                };
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    match timeout(HANDSHAKE, acceptor.accept(guest)).await {
                        // It has seen what it wanted to see.
                        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(QUESTION) => {}
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
