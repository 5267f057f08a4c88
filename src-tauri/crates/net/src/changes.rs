//! Tells when this computer gets or loses an address: another network, a cable, a VPN. Connections over what was before are
//! dead from then on, or take a way that nobody wants, long before silence shows it.
//!
//! The crate's own thread watches, as long as [`run`] runs; changes count up in one number, so none is queued.

use std::net::IpAddr;
use std::time::Duration;

use netwatcher::{Update, watch_interfaces_with_callback};
use tokio::sync::watch;
use tokio::time::timeout;

/// Changes come in bursts: the link, an IPv4 address, then IPv6 ones. This long without one, and they are one.
const SETTLED: Duration = Duration::from_millis(150);
/// Somebody waits for the call to come back.
const LONGEST: Duration = Duration::from_millis(600);

/// Counts in `told` how often the addresses have changed, until it is dropped.
pub(crate) async fn run(told: watch::Sender<u32>) {
    let (seen, mut changes) = watch::channel(());
    let watching = watch_interfaces_with_callback(move |update| {
        if matters(&update) {
            seen.send_replace(());
        }
    });
    let Ok(_watching) = watching else {
        tracing::warn!("changes of the network are not noticed before connections fall silent");
        // Whoever listens goes on without.
        return told.closed().await;
    };
    while changes.changed().await.is_ok() {
        let quiet = async { while let Ok(Ok(())) = timeout(SETTLED, changes.changed()).await {} };
        let _ = timeout(LONGEST, quiet).await;
        tracing::info!("the addresses of this computer have changed");
        told.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The next change. Never where nothing is watched.
pub(crate) async fn next(changes: &mut watch::Receiver<u32>) {
    if changes.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn matters(update: &Update) -> bool {
    !update.is_initial && update.addrs_added().chain(update.addrs_removed()).any(|(_, record)| is_usable(record.ip))
}

/// An address that may lead to somebody else.
fn is_usable(ip: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !ip.is_loopback() && !ip.is_unspecified() && !link_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_lead_somewhere_matter() {
        let usable = |ip: &str| is_usable(ip.parse().unwrap());
        assert!(usable("192.168.1.7") && usable("10.0.0.1") && usable("2001:db8::7") && usable("fd77::1"));
        assert!(!usable("127.0.0.1") && !usable("::1") && !usable("169.254.3.4") && !usable("fe80::1"));
    }

    #[tokio::test]
    async fn where_nothing_is_watched_nothing_changes() {
        let (_, mut nothing) = watch::channel(0);
        assert!(timeout(Duration::from_millis(1), next(&mut nothing)).await.is_err());
    }
}
