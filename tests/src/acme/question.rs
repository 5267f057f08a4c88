//! The question of RFC 8737: a TLS connection that offers nothing but `acme-tls/1`, answered by a certificate that holds what only
//! the account can know. Everything in it is checked as section 3 wants it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring as provider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

const PROTOCOL: &[u8] = b"acme-tls/1";
/// id-pe-acmeIdentifier
const IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

pub(super) async fn ask(server: SocketAddr, name: &str, wanted: &[u8; 32]) -> Result<(), String> {
    let provider = Arc::new(provider::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    let stream = TcpStream::connect(server).await.map_err(|error| error.to_string())?;
    let sni = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(Arc::new(config)).connect(sni, stream).await.map_err(|error| error.to_string())?;
    let (_, connection) = stream.get_ref();
    if connection.alpn_protocol() != Some(PROTOCOL) {
        return Err("the server does not speak acme-tls/1".into());
    }
    let shown = connection.peer_certificates().and_then(|chain| chain.first()).ok_or("no certificate")?;
    check(shown, name, wanted)
}

fn check(shown: &CertificateDer<'_>, name: &str, wanted: &[u8; 32]) -> Result<(), String> {
    let (_, shown) = X509Certificate::from_der(shown).map_err(|error| error.to_string())?;
    let names = shown.subject_alternative_name().ok().flatten().ok_or("it has no name")?;
    if !matches!(names.value.general_names.as_slice(), [GeneralName::DNSName(only)] if *only == name) {
        return Err("it has another name, or more than one".into());
    }
    let identifier = shown.extensions().iter().find(|extension| extension.oid.to_id_string() == IDENTIFIER);
    let identifier = identifier.ok_or("it does not answer the question")?;
    // An OCTET STRING of 32 bytes in DER.
    let told = [&[4, 32][..], wanted].concat();
    if !identifier.critical || identifier.value != told {
        return Err("it answers another question".into());
    }
    Ok(())
}

/// Whoever answers is asked for a proof afterwards; that it has the key of its certificate is checked here.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("the server speaks TLS 1.3".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // By the key alone: whoever checks the whole certificate stumbles over the critical extension.
        let (_, shown) = X509Certificate::from_der(certificate).map_err(|error| Error::General(error.to_string()))?;
        let key = SubjectPublicKeyInfoDer::from(shown.public_key().raw);
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
