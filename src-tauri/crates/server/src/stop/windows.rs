//! Windows: Ctrl-C, or the closing console.

use tokio::signal::windows::{CtrlC, CtrlClose, ctrl_c, ctrl_close};

pub(crate) struct Requests {
    interrupt: CtrlC,
    close: CtrlClose,
}

impl Requests {
    /// From now on requests are kept until they are asked for.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: ctrl_c()?, close: ctrl_close()? })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.close.recv() => {}
        }
    }
}
