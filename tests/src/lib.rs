//! Test beds.

pub mod chromium;
pub mod display;
pub mod process;
pub mod webdriver;
