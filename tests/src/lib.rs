//! Test beds.

pub mod bench;
pub mod camera;
pub mod chromium;
pub mod counts;
pub mod display;
pub mod isolated;
pub mod look;
pub mod pair;
pub mod process;
pub mod program;
pub mod pulse;
#[cfg(target_os = "linux")]
pub mod wayland;
pub mod webdriver;
