//! fika-cli
fn main() {}
