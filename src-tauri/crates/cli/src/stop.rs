//! Ctrl-C and what else asks the program to end, one file's worth for all platforms.

#[cfg(unix)]
pub(crate) async fn requested() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
pub(crate) async fn requested() {
    // Without a handler Ctrl-C ends the program by itself.
    let _ = tokio::signal::ctrl_c().await;
}
