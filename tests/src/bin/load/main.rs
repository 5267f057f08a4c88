//! Load on fika-server: people who join at a steady rate and then sit there, and what that takes of the machine.
//!
//! Needs /proc, so Linux. Each person is one WebSocket of this program, on one thread; the server is a program of its own
//! and believes the addresses that this one makes up, so that no limit of one address is met.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("the load is measured on Linux")
}
