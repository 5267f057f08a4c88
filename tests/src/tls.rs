//! TLS as the tests have it: a certificate made for one test, which a browser trusts by its key, and a way to the server for
//! programs that know the public authorities alone.
//!
//! [`Way`] has a thread of its own, which accepts; each connection is a task on it. All end with the value.
#![allow(clippy::unwrap_used, reason = "also what tests call is a test")]

use std::sync::Arc;

use base64::Engine as _;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest as _, Sha256};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

const HOST: &str = "127.0.0.1";

/// For `127.0.0.1`.
pub struct Certificate {
    folder: tempfile::TempDir,
    der: CertificateDer<'static>,
    /// What names its key: SHA-256 of the SubjectPublicKeyInfo in base64.
    pub pin: String,
}

impl Certificate {
    pub fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        std::fs::write(folder.path().join("cert.pem"), own.cert.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), own.signing_key.serialize_pem()).unwrap();
        let key = rcgen::PublicKeyData::subject_public_key_info(&own.signing_key);
        let pin = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(key));
        Self { folder, der: own.cert.der().clone(), pin }
    }

    /// For `fika-server`.
    pub fn arguments(&self) -> Vec<String> {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        vec!["--tls-certificate".into(), file("cert.pem"), "--tls-key".into(), file("key.pem")]
    }

    fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

/// Listens in the clear on this machine alone, and speaks TLS with the server.
pub struct Way {
    _runtime: Runtime,
    /// `http://127.0.0.1:PORT/`
    pub address: String,
}

impl Way {
    /// `server`: `https://127.0.0.1:PORT/`.
    pub fn to(server: &str, certificate: &Certificate) -> Self {
        let target = server.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let connector = certificate.connector();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_io().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((HOST, 0))).unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        runtime.spawn(async move {
            while let Ok((mut plain, _)) = listener.accept().await {
                let (target, connector) = (target.clone(), connector.clone());
                tokio::spawn(async move {
                    let stream = TcpStream::connect(target).await?;
                    let mut secure = connector.connect(ServerName::try_from(HOST).unwrap(), stream).await?;
                    copy_bidirectional(&mut plain, &mut secure).await
                });
            }
        });
        Self { _runtime: runtime, address }
    }
}
