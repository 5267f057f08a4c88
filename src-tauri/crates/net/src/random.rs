//! Randomness from the system.

pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

pub(crate) fn u32() -> u32 {
    u32::from_ne_bytes(bytes())
}

/// 128 bits in hexadecimal.
pub(crate) fn session_id() -> String {
    bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}
