//! The call as a pure state machine: told what happens and what time it is, it says what to do and what to show.
//!
//! The engine's actor owns it and runs it: `handle_input`, then `poll_output` until `None`, then sleep until
//! `poll_timeout`. Outputs are bounded by what one input causes.

mod io;

use std::collections::VecDeque;
use std::time::Instant;

pub use io::{Attempt, Config, Device, DeviceKind, Input, Output, VideoFigures};

use crate::view::CallView;

pub struct Call {
    config: Config,
    outputs: VecDeque<Output>,
    view: CallView,
}

impl Call {
    pub fn new(config: Config) -> Self {
        Self { config, outputs: VecDeque::new(), view: CallView::default() }
    }

    pub fn handle_input(&mut self, input: Input, now: Instant) {
        let _ = (input, now, &self.config);
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call `handle_input(Input::Timeout, now)`, unless something else happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// As of the last `Output::ViewChanged`.
    pub fn view(&self) -> &CallView {
        &self.view
    }
}
