//! One order after the other at the authority. Runs on the task of the keeper.

use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use instant_acme::{
    Account, AuthorizationStatus, BodyWrapper, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls_platform_verifier::Verifier;

use super::keep::{Folder, Kept};
use super::{Acme, AcmeError};
use crate::tls::Certificates;

const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));

pub(super) struct Orders {
    acme: Acme,
    folder: Folder,
    trust: ClientConfig,
}

impl Orders {
    pub(super) fn new(acme: &Acme, folder: Folder) -> Result<Self, AcmeError> {
        let trust = trust(acme.ca.as_deref())?;
        Ok(Self { acme: acme.clone(), folder, trust })
    }

    /// A new certificate with a new key. The question of the authority is answered by `certificates`.
    pub(super) async fn certificate(&self, certificates: &Certificates) -> Result<Kept, AcmeError> {
        let ordered = self.order(certificates).await;
        if matches!(ordered, Err(AcmeError::NoAccount)) {
            self.folder.forget_account();
            return self.order(certificates).await;
        }
        ordered
    }

    async fn order(&self, certificates: &Certificates) -> Result<Kept, AcmeError> {
        let domain = &self.acme.domain;
        let account = self.account().await?;
        let names = [Identifier::Dns(domain.clone())];
        let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(refused)?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(refused)?;
            // An earlier order of this account may have shown it already.
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let mut challenge = authorization.challenge(ChallengeType::TlsAlpn01).ok_or(AcmeError::NoChallenge)?;
            let answer = answer(domain, challenge.key_authorization().digest().as_ref())?;
            certificates.answer_question(domain, Arc::new(answer));
            challenge.set_ready().await.map_err(|error| match &error {
                // It may have asked at once.
                Error::Api(_) => AcmeError::NotSeen { domain: domain.clone(), why: told(&error) },
                _ => refused(error),
            })?;
        }
        let ready = order.poll_ready(&PATIENCE).await;
        if !matches!(ready, Ok(OrderStatus::Ready)) {
            let why = why_not_seen(&mut order).await.or_else(|| ready.err().map(|error| told(&error)));
            let why = why.unwrap_or_else(|| "no reason was given".into());
            return Err(AcmeError::NotSeen { domain: domain.clone(), why });
        }
        let key = order.finalize().await.map_err(refused)?;
        let chain = order.poll_certificate(&PATIENCE).await.map_err(refused)?;
        Kept::read(format!("{key}{chain}"), domain)
    }

    async fn account(&self) -> Result<Account, AcmeError> {
        let Acme { directory, contact, .. } = &self.acme;
        let connector = HttpsConnectorBuilder::new().with_tls_config(self.trust.clone());
        let connector = connector.https_only().enable_http1().build();
        let client: Client<_, BodyWrapper<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
        let builder = Account::builder_with_http(Box::new(client));
        if let Some(credentials) = self.folder.account(directory) {
            return builder.from_credentials(credentials).await.map_err(refused);
        }
        let contact = contact.as_ref().map(|address| format!("mailto:{address}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let made = builder.create(&new, directory.to_string(), None).await;
        let (account, credentials) = made.map_err(refused)?;
        self.folder.keep_account(directory, credentials)?;
        Ok(account)
    }
}

/// What is shown to the authority in place of the server's certificate (RFC 8737, section 3).
fn answer(domain: &str, digest: &[u8]) -> Result<CertifiedKey, AcmeError> {
    let failed = |error: &dyn std::fmt::Display| AcmeError::NotOurs(error.to_string());
    let mut params = CertificateParams::new([domain.to_owned()]).map_err(|error| failed(&error))?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(|error| failed(&error))?;
    let own = params.self_signed(&key).map_err(|error| failed(&error))?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    // Its extension is critical and known to nobody who only checks whether key and certificate fit.
    let key = ring::default_provider().key_provider.load_private_key(key).map_err(|error| failed(&error))?;
    Ok(CertifiedKey::new(vec![own.der().clone()], key))
}

/// What the authority says of a question that was not answered to its satisfaction.
async fn why_not_seen(order: &mut Order) -> Option<String> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let state = authorization.refresh().await.ok()?;
        let error = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(error) = error {
            return Some(error.detail.clone().unwrap_or_else(|| error.to_string()));
        }
    }
    None
}

fn trust(ca: Option<&Path>) -> Result<ClientConfig, AcmeError> {
    let wrong = |error: &dyn std::fmt::Display| {
        let (path, error) = (ca.unwrap_or(Path::new("")).to_owned(), error.to_string());
        AcmeError::Ca { path, error }
    };
    let mut more = Vec::new();
    if let Some(path) = ca {
        let read = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
        more = read.collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
        if more.is_empty() {
            return Err(wrong(&"there is no certificate in it"));
        }
    }
    let provider = Arc::new(ring::default_provider());
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned().chain(more);
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider)).map_err(|error| wrong(&error))?;
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| wrong(&error))?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn refused(error: Error) -> AcmeError {
    match &error {
        Error::Api(problem) if problem.r#type.as_deref().is_some_and(|kind| kind.ends_with(":accountDoesNotExist")) => {
            AcmeError::NoAccount
        }
        Error::Api(_) => AcmeError::Refused(told(&error)),
        Error::Timeout(_) => AcmeError::TooLong,
        _ => AcmeError::Unreachable(told(&error)),
    }
}

/// With what lies beneath, which often is the reason.
fn told(error: &Error) -> String {
    if let Error::Api(problem) = error {
        return problem.detail.clone().unwrap_or_else(|| problem.to_string());
    }
    let mut text = error.to_string();
    let mut next = match error {
        Error::Other(inner) => inner.source(),
        error => error.source(),
    };
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}
