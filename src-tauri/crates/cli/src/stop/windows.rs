//! Ctrl-C in the console.

pub(crate) async fn requested() {
    // Without a handler Ctrl-C ends the program by itself.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
