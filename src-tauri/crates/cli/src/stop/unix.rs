//! SIGINT and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};

pub(crate) async fn requested() {
    // Without a handler the signal ends the program by itself.
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
