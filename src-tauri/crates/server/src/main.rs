//! fika-server
fn main() {}
