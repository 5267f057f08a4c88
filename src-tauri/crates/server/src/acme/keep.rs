//! What is kept between two runs: the account, and the certificate with its key. Files are written whole or not at all, and
//! only their owner reads them. Runs on the task of the keeper: they are small.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use instant_acme::AccountCredentials;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::AcmeError;

/// `acme` in the data folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    domain: String,
}

/// A certificate with its key.
pub(super) struct Kept {
    /// Key and chain, as they are on disk.
    pem: String,
    pub(super) key: Arc<CertifiedKey>,
    /// Seconds since 1970.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

/// The account at one authority.
#[derive(Serialize, Deserialize)]
struct Account {
    directory: String,
    credentials: AccountCredentials,
}

impl Kept {
    /// `pem`: the key, and the chain from the server's own certificate on.
    pub(super) fn read(pem: String, domain: &str) -> Result<Self, AcmeError> {
        let wrong = |why: &dyn std::fmt::Display| AcmeError::NotOurs(why.to_string());
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| wrong(&error))?;
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| wrong(&error))?;
        let own = chain.first().ok_or_else(|| wrong(&"there is none"))?;
        let (_, own) = X509Certificate::from_der(own).map_err(|error| wrong(&error))?;
        if !names(&own, domain) {
            return Err(wrong(&"it is for another name"));
        }
        let (not_before, not_after) = (own.validity().not_before.timestamp(), own.validity().not_after.timestamp());
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| wrong(&error))?;
        Ok(Self { pem, key: Arc::new(key), not_before, not_after })
    }

    pub(super) const fn days_left(&self, now: i64) -> i64 {
        self.not_after.saturating_sub(now) / (24 * 60 * 60)
    }
}

fn names(certificate: &X509Certificate<'_>, domain: &str) -> bool {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
    let ours = |name: &GeneralName<'_>| matches!(name, GeneralName::DNSName(name) if name.eq_ignore_ascii_case(domain));
    names.value.general_names.iter().any(ours)
}

impl Folder {
    pub(super) fn open(data: &Path, domain: &str) -> Result<Self, AcmeError> {
        let path = data.join("acme");
        fs::create_dir_all(&path).map_err(|error| AcmeError::Folder { path: path.clone(), error })?;
        Ok(Self { path, domain: domain.to_owned() })
    }

    pub(super) fn certificate(&self) -> Result<Option<Kept>, AcmeError> {
        let path = self.certificate_path();
        match fs::read_to_string(&path) {
            Ok(pem) => Kept::read(pem, &self.domain).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(AcmeError::Folder { path, error }),
        }
    }

    pub(super) fn keep_certificate(&self, kept: &Kept) -> Result<(), AcmeError> {
        write(&self.certificate_path(), kept.pem.as_bytes())
    }

    /// The account at this authority; one that cannot be read is none.
    pub(super) fn account(&self, directory: &url::Url) -> Option<AccountCredentials> {
        let text = fs::read(self.account_path()).ok()?;
        let account: Account = serde_json::from_slice(&text).ok()?;
        (account.directory == directory.as_str()).then_some(account.credentials)
    }

    pub(super) fn keep_account(&self, directory: &url::Url, credentials: AccountCredentials) -> Result<(), AcmeError> {
        let text = serde_json::to_vec(&Account { directory: directory.to_string(), credentials })
            .expect("strings are always JSON");
        write(&self.account_path(), &text)
    }

    pub(super) fn forget_account(&self) {
        // It is overwritten in the end.
        let _ = fs::remove_file(self.account_path());
    }

    fn certificate_path(&self) -> PathBuf {
        self.path.join(format!("{}.pem", self.domain))
    }

    fn account_path(&self) -> PathBuf {
        self.path.join("account.json")
    }
}

fn write(path: &Path, text: &[u8]) -> Result<(), AcmeError> {
    let written = || {
        // For its owner alone from the first moment on.
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    written().map_err(|error| AcmeError::Folder { path: path.to_owned(), error })
}
