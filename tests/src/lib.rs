//! Test beds.

pub mod bench;
pub mod camera;
pub mod chromium;
pub mod display;
pub mod isolated;
pub mod process;
pub mod pulse;
pub mod webdriver;
