//! Test beds. Those that stand on /proc, Xvfb or preloaded libraries are there on Linux only.

#[cfg(target_os = "linux")]
pub mod accessibility;
#[cfg(target_os = "linux")]
pub mod acme;
#[cfg(target_os = "linux")]
pub mod bench;
#[cfg(target_os = "linux")]
pub mod between;
pub mod camera;
#[cfg(target_os = "linux")]
pub mod chromium;
pub mod cli;
pub mod counts;
#[cfg(target_os = "linux")]
pub mod display;
#[cfg(target_os = "linux")]
pub mod flood;
#[cfg(target_os = "linux")]
pub mod guest;
#[cfg(target_os = "linux")]
pub mod house;
pub mod isolated;
pub mod link;
#[cfg(target_os = "linux")]
pub mod look;
#[cfg(target_os = "linux")]
pub mod manager;
#[cfg(target_os = "linux")]
pub mod netns;
#[cfg(target_os = "linux")]
pub mod nginx;
#[cfg(target_os = "linux")]
pub mod pair;
#[cfg(target_os = "linux")]
pub mod pipewire;
#[cfg(target_os = "linux")]
pub mod process;
pub mod program;
pub mod pulse;
#[cfg(target_os = "linux")]
pub mod redis;
#[cfg(target_os = "linux")]
pub mod rooms;
pub mod sound;
#[cfg(target_os = "linux")]
pub mod tls;
#[cfg(target_os = "linux")]
pub mod turn;
#[cfg(target_os = "linux")]
pub mod wallclock;
#[cfg(target_os = "linux")]
pub mod wayland;
pub mod webdriver;

/// Where this package lies: where cargo says now, since what was built may have been built elsewhere.
pub fn folder() -> std::path::PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).into()
}
