//! Whom we believe to be the server: whom the operating system believes, the public authorities, and who is named beside.
//!
//! A plain value, shared by its clones. The system's store is read once, on tokio's blocking pool, when the first connection
//! with TLS is opened; nothing is queued.

use std::io;
use std::path::Path;
use std::sync::Arc;

use fika_call::session::CertificateFault;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::Verifier;
use tokio::sync::OnceCell;

#[derive(Clone, Debug, Default)]
pub struct Trust(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    more: Vec<CertificateDer<'static>>,
    config: OnceCell<Arc<ClientConfig>>,
}

/// Why nobody can be believed because of this file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Check the path, the rights, and that it is PEM.
    #[error("{0}")]
    File(#[from] pem::Error),
    /// Name a file with a certificate in it.
    #[error("there is no certificate in it")]
    Empty,
    /// Name the certificate of an authority.
    #[error("{0}")]
    Certificate(#[from] rustls::Error),
}

impl Trust {
    /// Believes the authorities in this PEM file too, and servers whose own certificate it is.
    pub fn with_file(path: &Path) -> Result<Self, TrustError> {
        let more = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
        if more.is_empty() {
            return Err(TrustError::Empty);
        }
        let mut roots = rustls::RootCertStore::empty();
        more.iter().try_for_each(|certificate| roots.add(certificate.clone()))?;
        Ok(Self(Arc::new(Inner { more, config: OnceCell::new() })))
    }

    pub(crate) async fn config(&self) -> io::Result<Arc<ClientConfig>> {
        let read = || async {
            let more = self.0.more.clone();
            let config = tokio::task::spawn_blocking(move || config(more)).await.map_err(io::Error::other)?;
            config.map(Arc::new).map_err(io::Error::other)
        };
        self.0.config.get_or_try_init(read).await.cloned()
    }
}

fn config(more: Vec<CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    // A system without a store of its own, or with an old one, still knows the public authorities.
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned().chain(more);
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// What is wrong with the certificate, if that is what is wrong.
pub(crate) fn fault(error: &rustls::Error) -> Option<CertificateFault> {
    use CertificateError as E;
    Some(match error {
        rustls::Error::InvalidCertificate(error) => match error {
            E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => {
                CertificateFault::Expired
            }
            E::NotValidForName | E::NotValidForNameContext { .. } => CertificateFault::WrongName,
            E::UnknownIssuer => CertificateFault::UnknownAuthority,
            _ => CertificateFault::Invalid,
        },
        rustls::Error::NoCertificatesPresented => CertificateFault::Invalid,
        _ => return None,
    })
}
