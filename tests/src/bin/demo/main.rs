//! `demo`: see `linux.rs`, the one system with virtual cameras.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    panic!("the demo runs on Linux");
}
