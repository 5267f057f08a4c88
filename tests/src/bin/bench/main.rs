//! `bench`: see `linux.rs`, the one system that it measures on.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    panic!("measurements run on Linux");
}
