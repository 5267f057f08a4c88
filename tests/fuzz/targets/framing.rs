//! What a hostile TURN server sends on a stream.
//!
//! Input: records of a length (1 byte) and as many bytes, each of which is one read.
#![no_main]

use fika_rtp::framing::{self, MAX_MESSAGE, Splitter};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut splitter = Splitter::default();
    let mut rest = data;
    while let [length, tail @ ..] = rest {
        let (read, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        splitter.push(read);
        loop {
            match splitter.message() {
                Ok(Some(message)) => {
                    assert!((4..=MAX_MESSAGE).contains(&message.len()));
                    let mut stream = Vec::new();
                    assert!(framing::frame(&message, &mut stream) && stream.starts_with(&message));
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(splitter.kept() < MAX_MESSAGE + 4);
    }
});
