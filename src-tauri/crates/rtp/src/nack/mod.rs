//! Repair by retransmission (RFC 4585 generic NACK).
//!
//! Our own because the crate's generator asks without limit, each 100 ms, also for what RTX has already brought.

mod generator;
mod history;

pub use generator::{Generator, MAX_MISSING};
pub use history::{HISTORY, History};
