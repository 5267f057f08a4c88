//! Windows: Ctrl-C, or the closing console.

use tokio::signal::windows::{ctrl_c, ctrl_close};

pub(crate) async fn requested() -> std::io::Result<()> {
    let (mut interrupt, mut close) = (ctrl_c()?, ctrl_close()?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = close.recv() => {}
    }
    Ok(())
}
