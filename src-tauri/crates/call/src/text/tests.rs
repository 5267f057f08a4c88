use proptest::prelude::*;

use super::*;
use crate::signal::MediaState;

const MS: Duration = Duration::from_millis(1);

fn id(name: &str) -> ParticipantId {
    ParticipantId(name.into())
}

/// Two people and the wire between them.
struct Two {
    a: Texts,
    b: Texts,
    now: Instant,
    told: Vec<Notification>,
    wire: Vec<String>,
}

impl Two {
    fn meet() -> Self {
        let mut two =
            Self { a: Texts::default(), b: Texts::default(), now: Instant::now(), told: Vec::new(), wire: Vec::new() };
        for (texts, other) in [(&mut two.a, "b"), (&mut two.b, "a")] {
            let participant = Participant { id: id(other), name: other.to_uppercase(), media: MediaState::default() };
            texts.handle_session(&SessionEvent::ParticipantJoined(participant), two.now);
            texts.handle_data(&id(other), DataEvent::Open, two.now);
        }
        two.a.handle_input(TextInput::SetOn { on: true }, two.now);
        two
    }

    fn write(&mut self, line: &str) {
        self.a.handle_input(TextInput::SetLine(line.into()), self.now);
        self.pass(MS);
    }

    /// Time goes on, and what was said arrives.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.a.handle_timeout(self.now);
        while let Some(output) = self.a.poll_output() {
            if let Output::Send { text, .. } = output {
                self.wire.push(text.clone());
                self.b.handle_data(&id("a"), DataEvent::Text(text), self.now);
            }
        }
        self.b.handle_timeout(self.now);
        while let Some(output) = self.b.poll_output() {
            if let Output::Notify(notification) = output {
                self.told.push(notification);
            }
        }
    }

    fn read(&self) -> Vec<(String, bool)> {
        self.b.view().lines.into_iter().map(|line| (line.text, line.done)).collect()
    }
}

#[test]
fn letters_arrive_as_they_are_typed_and_can_be_erased() {
    let mut two = Two::meet();
    two.write("H");
    two.write("Hej");
    two.pass(SEND_EVERY);
    assert_eq!(two.read(), [("Hej".into(), false)]);
    assert_eq!(two.b.view().lines[0].name, "A");
    two.write("Hek");
    two.write("He");
    two.pass(SEND_EVERY);
    assert_eq!(two.read(), [("He".into(), false)]);
    two.a.handle_input(TextInput::EndLine, two.now);
    two.pass(SEND_EVERY);
    assert_eq!(two.read(), [("He".into(), true)]);
    two.write("2");
    two.pass(SEND_EVERY);
    assert_eq!(two.read(), [("He".into(), true), ("2".into(), false)]);
    assert_eq!(two.wire, ["Hej", "\u{8}k\u{8}", "\u{2028}", "2"]);
    assert_eq!(two.told, [Notification::RealTimeText { name: "A".into() }], "told once");
}

#[test]
fn what_others_send_is_read_as_t140() {
    let mut two = Two::meet();
    let mut say = |text: &str| {
        two.b.handle_data(&id("a"), DataEvent::Text(text.into()), two.now);
        two.b.view().lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(say("\u{feff}ab\r\ncd"), ["ab", "cd"]);
    assert_eq!(say("\u{8}\u{8}\u{8}x"), ["abx"], "the end of a line is erased too");
    assert_eq!(say("\u{1b}\u{7}\u{202e}y"), ["abxy"]);
    assert!(say("\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}").is_empty(), "no further than the beginning");
    assert_eq!(say("<b>"), ["<b>"]);
}

#[test]
fn off_means_silent_and_a_line_that_is_open_is_ended() {
    let mut two = Two::meet();
    two.write("half");
    two.a.handle_input(TextInput::SetOn { on: false }, two.now);
    two.pass(SEND_EVERY);
    assert_eq!(two.read(), [("half".into(), true)]);
    two.write("more");
    two.pass(SEND_EVERY);
    assert_eq!(two.read().len(), 1);
}

#[test]
fn after_a_broken_way_the_line_goes_on_and_the_gap_is_marked() {
    let mut two = Two::meet();
    two.write("one ");
    two.pass(SEND_EVERY);
    two.b.handle_data(&id("a"), DataEvent::Open, two.now);
    two.a.handle_data(&id("b"), DataEvent::Open, two.now);
    two.write("one two");
    two.pass(SEND_EVERY);
    assert_eq!(two.read(), [("one \u{fffd}".into(), true), ("one two".into(), false)]);
}

#[test]
fn who_writes_without_end_is_bounded() {
    let mut two = Two::meet();
    for _ in 0..200 {
        two.b.handle_data(&id("a"), DataEvent::Text("å".repeat(1000)), two.now);
    }
    let view = two.b.view();
    assert!(view.lines.len() <= MAX_LINES + 1, "{}", view.lines.len());
    assert!(view.lines.iter().all(|line| line.text.chars().count() <= MAX_LINE));
    two.now += MS;
    two.b.handle_timeout(two.now);
    let changes = std::iter::from_fn(|| two.b.poll_output()).filter(|output| *output == Output::Changed).count();
    assert!(changes <= 3, "{changes}");
}

#[test]
fn leaving_the_room_leaves_nothing() {
    let mut two = Two::meet();
    two.write("x");
    two.a.leave();
    assert_eq!(two.a.view(), TextView::default());
    assert!(two.a.poll_timeout().is_none());
}

proptest! {
    /// However the line was edited, the other side reads it as it is.
    #[test]
    fn the_other_side_reads_what_is_written(edits in prop::collection::vec(("[a-cå🙂 ]{0,8}", any::<bool>()), 1..20)) {
        let mut two = Two::meet();
        let mut last = String::new();
        for (line, wait) in edits {
            two.write(&line);
            if wait {
                two.pass(SEND_EVERY);
            }
            last = line;
        }
        two.pass(SEND_EVERY);
        let open: Vec<String> = two.read().into_iter().filter(|(_, done)| !done).map(|(text, _)| text).collect();
        prop_assert_eq!(open.concat(), last);
    }

    #[test]
    fn nothing_that_is_sent_panics(text in any::<String>()) {
        let mut two = Two::meet();
        two.b.handle_data(&id("a"), DataEvent::Text(text), two.now);
        prop_assert!(two.b.view().lines.len() <= MAX_LINES);
    }
}
