//! TLS as the tests have it: an authority of a test's own and certificates by it. A browser trusts one by its key, `fika-cli` by
//! the authority's file.
//!
//! Everything runs on the calling thread.
#![allow(clippy::unwrap_used, reason = "also what tests call is a test")]

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer as _, X509Certificate};

pub const HOST: &str = "127.0.0.1";

pub struct Certificate {
    folder: tempfile::TempDir,
    /// What names its key: SHA-256 of the SubjectPublicKeyInfo in base64.
    pub pin: String,
}

impl Certificate {
    /// For `127.0.0.1`.
    pub fn make() -> Self {
        Self::named(HOST, |_| ())
    }

    /// Nobody believes it any more.
    pub fn expired() -> Self {
        Self::named(HOST, |params| params.not_after = date_time_ymd(2021, 1, 1))
    }

    /// Without an authority.
    pub fn self_signed() -> Self {
        let (params, key) = (CertificateParams::new([HOST.to_owned()]).unwrap(), KeyPair::generate().unwrap());
        let own = params.self_signed(&key).unwrap().pem();
        Self::keep(&own, &own, &key)
    }

    /// `more`: what is not as usual.
    pub fn named(name: &str, more: impl FnOnce(&mut CertificateParams)) -> Self {
        let (authority, pem) = authority();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        more(&mut params);
        let key = KeyPair::generate().unwrap();
        Self::keep(&params.signed_by(&key, &authority).unwrap().pem(), &pem, &key)
    }

    fn keep(certificate: &str, authority: &str, key: &KeyPair) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("cert.pem", certificate), ("ca.pem", authority), ("key.pem", &key.serialize_pem())] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let info = rcgen::PublicKeyData::subject_public_key_info(key);
        Self { folder, pin: base64::engine::general_purpose::STANDARD.encode(Sha256::digest(info)) }
    }

    /// `cert.pem`, `key.pem` or `ca.pem`.
    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// For `fika-server`.
    pub fn arguments(&self) -> Vec<String> {
        vec!["--tls-certificate".into(), self.file("cert.pem"), "--tls-key".into(), self.file("key.pem")]
    }

    /// Files of the certificate and its key, in PEM.
    pub fn files(&self) -> [String; 2] {
        [self.file("cert.pem"), self.file("key.pem")]
    }

    /// Who has signed it, in PEM: for `fika-cli --ca`.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// For `fika-cli`.
    pub fn trusted(&self) -> [String; 2] {
        ["--ca".into(), self.file("ca.pem")]
    }
}

/// One that nobody knows, and its certificate.
pub fn authority() -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "An authority of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}

/// A connection as somebody has one who knows the server by this name and believes this authority alone.
pub struct Visit {
    pub stream: tokio_rustls::client::TlsStream<TcpStream>,
    /// The serial number of the certificate that was shown.
    pub serial: String,
}

impl Visit {
    pub async fn open(server: SocketAddr, name: &str, authority: &Path) -> std::io::Result<Self> {
        Self::over(TcpStream::connect(server).await?, name, authority).await
    }

    /// From this address of ours.
    pub async fn open_from(from: IpAddr, server: SocketAddr, name: &str, authority: &Path) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        Self::over(socket.connect(server).await?, name, authority).await
    }

    async fn over(stream: TcpStream, name: &str, authority: &Path) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
        let serial = X509Certificate::from_der(&shown).unwrap().1.raw_serial_as_string();
        Ok(Self { stream, serial })
    }
}
