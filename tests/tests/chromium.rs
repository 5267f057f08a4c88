//! A browser in a room of ours: headless Chromium and `fika-cli` see and hear each other.

use fika_call::invite::Secret;
use fika_call::signal::{PeerBody, PeerMessage, Sealed};
use fika_call::{ParticipantId, RoomId, seal};
use fika_tests::chromium::{Browser, Launch, Pages};
use serde_json::{Value, json};

const SECRET: [u8; 16] = *b"0123456789abcdef";
const ROOM: &str = "aaaq-eaye-auda-oceb";

#[test]
fn a_browser_opens_what_we_seal_and_we_open_what_it_seals() {
    let pages = Pages::serve().unwrap();
    let browser = Browser::launch(&Launch::default()).unwrap();
    let mut page = browser.open(&pages.url()).unwrap();
    page.evaluate(&format!(
        "fika.deriveKey(new TextEncoder().encode('{}'), '{ROOM}').then((key) => {{ fika.key = key }})",
        str::from_utf8(&SECRET).unwrap()
    ))
    .unwrap();

    let key = seal::Key::derive(&Secret::from_bytes(SECRET), &RoomId(ROOM.into()));
    let (alice, bob) = (ParticipantId("alice".into()), ParticipantId("bob".into()));
    // Longer than what the page encodes in one piece.
    let sdp = "å=candidate\r\n".repeat(3000);
    let message = PeerMessage { session: "s1".into(), seq: 7, body: PeerBody::Offer { sdp } };

    let sealed = seal::seal(&key, &alice, &bob, [9; 12], &message);
    let opened = page.evaluate(&format!("fika.open(fika.key, 'alice', 'bob', {})", json!(sealed.0))).unwrap();
    assert_eq!(serde_json::from_value::<PeerMessage>(opened).unwrap(), message);

    let sealed = page.evaluate(&format!("fika.seal(fika.key, 'bob', 'alice', {})", json!(message))).unwrap();
    let Value::String(sealed) = sealed else { panic!("sealed text") };
    assert_eq!(seal::open(&key, &bob, &alice, &Sealed(sealed)).unwrap(), message);
}
