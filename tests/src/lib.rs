//! Test beds. Those that stand on /proc, Xvfb or preloaded libraries are there on Linux only.

#[cfg(target_os = "linux")]
pub mod bench;
pub mod camera;
#[cfg(target_os = "linux")]
pub mod chromium;
pub mod cli;
pub mod counts;
#[cfg(target_os = "linux")]
pub mod display;
pub mod isolated;
#[cfg(target_os = "linux")]
pub mod look;
#[cfg(target_os = "linux")]
pub mod netns;
#[cfg(target_os = "linux")]
pub mod pair;
#[cfg(target_os = "linux")]
pub mod process;
pub mod program;
pub mod pulse;
pub mod sound;
pub mod turn;
#[cfg(target_os = "linux")]
pub mod wayland;
pub mod webdriver;
