//! What a person may paste as a link.
#![no_main]

use fika_call::invite::Invite;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(invite) = Invite::parse(text) {
        let _ = invite.is_local();
        assert_eq!(Invite::parse(&invite.link()), Ok(invite));
    }
});
