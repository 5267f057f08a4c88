//! Unix: Ctrl-C, or the service manager's SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

pub(crate) async fn requested() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
