//! Test beds.

pub mod chromium;
