//! What a participant may send that nobody wants: too much, too large, out of order, badly named or not a message at all.

use proptest::prelude::*;

use super::*;

#[test]
fn what_is_too_large_or_too_much_is_not_offered_to_the_user() {
    let mut two = Two::meet();
    two.b.files.handle_input(FileInput::SetMaxSize(1000), two.now);
    two.offer("a", &bytes(1001));
    assert_eq!((two.a.only().end, two.b.only().end), (Some(FileEnd::TooLarge), Some(FileEnd::TooLarge)));
    assert!(two.b.told.is_empty());
    let mut two = Two::meet();
    (0..MAX_OFFERS + 3).for_each(|at| two.offer(&at.to_string(), &[1]));
    let refused = two.a.files.view().files.iter().filter(|file| file.end == Some(FileEnd::TooMany)).count();
    assert_eq!((two.b.files.view().files.len(), refused), (MAX_OFFERS, 3));
}

#[test]
fn a_flood_that_nobody_asked_for_ends_the_way() {
    let mut two = Two::meet();
    let piece = wire::piece(7, 0, &[0; wire::MAX_PIECE]);
    let mut count = 0;
    while !two.b.closed {
        two.b.files.handle_data(&id("a"), DataEvent::Binary(piece.clone()), two.now);
        two.pass(false);
        count += 1;
        assert!(count < 1000);
    }
    let mut two = Two::meet();
    let mut count = 0;
    while !two.b.closed {
        two.b.files.handle_data(&id("a"), DataEvent::Text("{}".into()), two.now);
        two.pass(false);
        count += 1;
        assert!(count < 100_000);
    }
}

#[test]
fn pieces_that_do_not_fit_end_the_file() {
    for (offset, length) in [(1, 10), (0, 11), (wire::MAX_SIZE, 1)] {
        let mut two = Two::meet();
        two.b.files.handle_data(
            &id("a"),
            DataEvent::Text(
                FileMessage::Offer { id: 1, name: "a".into(), size: 10, media_type: String::new() }.to_text(),
            ),
            two.now,
        );
        two.accept();
        two.b.files.handle_data(&id("a"), DataEvent::Binary(wire::piece(1, offset, &vec![0; length])), two.now);
        assert_eq!(two.b.only().end, Some(FileEnd::BrokeRules), "{offset} {length}");
    }
}

#[test]
fn hostile_names_are_shown_as_they_will_be_kept() {
    let mut two = Two::meet();
    two.offer("../../.ssh/id\u{202e}gpj.exe", &bytes(10));
    two.accept();
    assert_eq!(two.b.only().name, "idgpj.exe");
    assert!(two.b.disk.kept.contains_key("idgpj.exe"));
}

#[test]
fn the_messages_read_as_they_are_documented() {
    let offer = FileMessage::Offer { id: 1, name: "a.txt".into(), size: 5, media_type: "text/plain".into() };
    let text = r#"{"type":"offer","id":1,"name":"a.txt","size":5,"mediaType":"text/plain"}"#;
    assert_eq!((offer.to_text().as_str(), FileMessage::parse(text)), (text, Some(offer)));
    let stop = FileMessage::parse(r#"{"type":"stop","id":1,"reason":"aliens"}"#);
    assert_eq!(stop, Some(FileMessage::Stop { id: 1, reason: FileEnd::Unknown }));
    for wrong in [
        "",
        "[]",
        r#"{"type":"offer","id":1,"name":"a","size":-1,"mediaType":""}"#,
        r#"{"type":"offer","id":1,"name":"a","size":9007199254740992,"mediaType":""}"#,
        r#"{"type":"end","id":1,"sha256":"x"}"#,
        r#"{"type":"dance","id":1}"#,
    ] {
        assert_eq!(FileMessage::parse(wrong), None, "{wrong}");
    }
    assert_eq!(wire::read_piece(&wire::piece(258, 3, b"hej")), Some((258, 3, &b"hej"[..])));
    assert_eq!(wire::read_piece(&[0; 12]), None);
    assert_eq!(wire::read_piece(&vec![0; 13 + wire::MAX_PIECE]), None);
}

fn event() -> impl Strategy<Value = DataEvent> {
    let message = prop_oneof![
        (0u32..3, any::<String>(), any::<u64>()).prop_map(|(id, name, size)| FileMessage::Offer {
            id,
            name,
            size: size >> 11,
            media_type: String::new()
        }),
        (0u32..3, 0u64..40_000).prop_map(|(id, offset)| FileMessage::Accept { id, offset }),
        (0u32..3, 0u64..40_000).prop_map(|(id, offset)| FileMessage::Ack { id, offset }),
        (0u32..3).prop_map(|id| FileMessage::Resume { id }),
        (0u32..3).prop_map(|id| FileMessage::Saved { id }),
        (0u32..3).prop_map(|id| FileMessage::End { id, sha256: "0".repeat(64) }),
        (0u32..3).prop_map(|id| FileMessage::Stop { id, reason: FileEnd::Cancelled }),
        (0u32..3).prop_map(|id| FileMessage::Withdraw { id, reason: FileEnd::Cancelled }),
    ];
    prop_oneof![
        4 => message.prop_map(|message| DataEvent::Text(message.to_text())),
        1 => any::<String>().prop_map(DataEvent::Text),
        3 => (0u32..3, 0u64..60_000, 0usize..20_000)
            .prop_map(|(id, offset, length)| DataEvent::Binary(wire::piece(id, offset, &vec![1; length]))),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(DataEvent::Binary),
        1 => Just(DataEvent::Open),
        1 => Just(DataEvent::Closed),
        1 => prop::option::of(0u32..10_000).prop_map(DataEvent::Budget),
    ]
}

proptest! {
    /// Whatever a participant sends: no panic, nothing beyond the bounds, nothing written that was not accepted.
    #[test]
    fn no_order_of_messages_breaks_it(events in prop::collection::vec((event(), any::<bool>()), 0..60)) {
        let mut two = Two::meet();
        two.offer("mine", &bytes(50_000));
        for (event, accept) in events {
            two.b.files.handle_data(&id("a"), event.clone(), two.now);
            two.a.files.handle_data(&id("b"), event, two.now);
            if accept {
                two.accept();
            }
            two.now += MS;
            two.pass(true);
            two.pass(false);
            let view = two.b.files.view();
            prop_assert!(view.files.len() <= MAX_SHOWN);
            prop_assert!(view.files.iter().all(|file| file.done <= file.size));
        }
        for (_, kept) in two.b.disk.writing.values() {
            prop_assert!(kept.len() <= 200_000);
        }
    }
}
