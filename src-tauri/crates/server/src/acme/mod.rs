//! Certificates by themselves (RFC 8555, with the challenge of RFC 8737): ordered, kept in the data folder, renewed.
//!
//! One tokio task, which ends with the server. It answers the authority's question on the listening socket itself
//! ([`crate::tls`]), so no other port is needed. Nothing is queued; an attempt that fails is made again, later each time.

mod keep;
mod order;
mod plan;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use self::keep::{Folder, Kept};
use self::order::Orders;
use self::plan::Plan;
use crate::tls::Certificates;

/// Let's Encrypt.
pub const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5 * 60);
/// A computer that slept, or whose clock was set, is noticed so soon.
const LOOK: Duration = Duration::from_secs(10 * 60);

/// Whose certificates, from whom, and where they are kept.
#[derive(Clone, Debug)]
pub struct Acme {
    /// Port 443 of this name leads here.
    pub domain: String,
    pub directory: url::Url,
    /// The authority's own certificate is signed by this one, in PEM, if not by one that everybody knows.
    pub ca: Option<PathBuf>,
    /// Where the authority may write to.
    pub contact: Option<String>,
    pub folder: PathBuf,
}

/// Why there is no certificate, in words for whoever runs the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcmeError {
    /// Check the rights of the data folder.
    #[error("{path} cannot be used: {error}")]
    Folder { path: PathBuf, error: std::io::Error },
    /// Check the file.
    #[error("the authority of the authority, {path}: {error}")]
    Ca { path: PathBuf, error: String },
    /// Check the network and the address of the directory.
    #[error("the authority does not answer as one: {0}")]
    Unreachable(String),
    /// See what it says.
    #[error("the authority refuses: {0}")]
    Refused(String),
    /// Port 443 of the name has to lead here.
    #[error("the authority could not see that this server is {domain}: {why}; port 443 of {domain} has to lead here")]
    NotSeen { domain: String, why: String },
    /// Take another authority.
    #[error("the authority does not ask by TLS-ALPN-01, which is the only way here")]
    NoChallenge,
    /// Try again, or take another authority.
    #[error("what the authority has sent is no certificate for this name: {0}")]
    NotOurs(String),
    #[error("the authority takes too long")]
    TooLong,
    /// The account is not known there (any more): a new one is made.
    #[error("the authority does not know our account (any more)")]
    NoAccount,
}

/// What is kept of earlier runs is shown from now on; an error is one that only a person can mend.
pub(crate) fn start(acme: &Acme, certificates: Arc<Certificates>) -> Result<Keeper, AcmeError> {
    let folder = Folder::open(&acme.folder, &acme.domain)?;
    let orders = Orders::new(acme, folder.clone())?;
    let mut keeper = Keeper { acme: acme.clone(), folder, orders, certificates, plan: Plan::default() };
    match keeper.folder.certificate() {
        Ok(Some(kept)) => keeper.show(&kept),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the certificate that was kept is not used"),
    }
    Ok(keeper)
}

pub(crate) struct Keeper {
    acme: Acme,
    folder: Folder,
    orders: Orders,
    certificates: Arc<Certificates>,
    plan: Plan,
}

impl Keeper {
    /// Until the server is dropped.
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<()>) {
        loop {
            tokio::select! {
                () = self.due() => {}
                _ = stopped.changed() => return,
            }
            tokio::select! {
                () = self.attempt() => {}
                _ = stopped.changed() => return,
            }
        }
    }

    async fn due(&self) {
        while let Some(wait) = self.plan.wait(unix()) {
            sleep(wait.min(LOOK)).await;
        }
    }

    async fn attempt(&mut self) {
        let order = timeout(ATTEMPT, self.orders.certificate(&self.certificates)).await;
        self.certificates.forget_question();
        match order.unwrap_or(Err(AcmeError::TooLong)) {
            Ok(kept) => {
                if let Err(error) = self.folder.keep_certificate(&kept) {
                    tracing::error!(%error, "the new certificate is not kept: the next start orders another one");
                }
                self.show(&kept);
                tracing::info!(domain = self.acme.domain, days = kept.days_left(unix()), "there is a new certificate");
            }
            Err(error) => {
                let again = self.plan.failed(unix());
                let again = again.as_secs().div_ceil(60);
                tracing::error!(%error, again_in_minutes = again, "there is no new certificate");
            }
        }
    }

    fn show(&mut self, kept: &Kept) {
        self.plan.succeeded(kept.not_before, kept.not_after);
        self.certificates.show(Arc::clone(&kept.key));
    }
}

/// Seconds since 1970.
fn unix() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    i64::try_from(passed).unwrap_or(i64::MAX)
}
