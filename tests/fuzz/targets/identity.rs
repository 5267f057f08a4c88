//! What a peer with the link's secret may say of who it is, and what whoever calls may send.
#![no_main]

use fika_call::identity::{Answering, Identity, IdentityKey, Offering, Seats};
use fika_call::ring::{self, CallId};
use fika_call::signal::{Binding, Sealed};
use fika_call::{ParticipantId, RoomId};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let id = |text: &str| ParticipantId(text.into());
    let seats = Seats { room: RoomId("aaaa-aaaa-aaaa-aaaa".into()), us: id("alice"), them: id("bob") };
    if let Some(key) = IdentityKey::parse(text) {
        assert_eq!(key.to_string(), text);
    }
    let (us, call) = (Identity::from_seed(&[1; 32], true), CallId("A".repeat(22)));
    assert!(ring::open(&us, &call, &Sealed(text.to_owned()), 0).is_err(), "nobody guesses a tag");
    assert!(!ring::proves(&us.public(), text, text) && !ring::proves(&us.public(), "nonce", text));
    let Ok(binding) = serde_json::from_str::<Binding>(text) else { return };
    let now = u64::from(binding.expires);
    // Whatever it says, it is not signed for this certificate.
    assert!(Answering::new(&seats, "s1", &[0xfe; 32], Some(&binding), now).is_err());
    let (offering, _) = Offering::new(&seats, Some(&Identity::from_seed(&[1; 32], true)), "s1", &[1; 32], [2; 64], now);
    assert!(offering.answered(&[0xfe; 32], Some(&binding), now).is_err());
});
