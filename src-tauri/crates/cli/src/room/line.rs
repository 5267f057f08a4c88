//! One line from stdin: what somebody who sits in a room does.

use fika_call::ParticipantId;
use fika_call::chat::MessageId;
use fika_call::room::{Asked, Moderation, Reaction};
use fika_engine::{Command, FileInput, RoomInput, TextInput};

#[derive(Clone, Debug)]
pub(super) enum Line {
    Command(Command),
    Leave,
}

/// `find` says whom a word means. The error says how to write it.
pub(super) fn parse(line: &str, find: impl Fn(&str) -> Option<ParticipantId>) -> Result<Line, String> {
    let line = line.trim();
    let (word, rest) = line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()));
    let form = |form: &str| Err(format!("write it as: {form}"));
    let who = |word: &str| find(word).ok_or_else(|| format!("nobody is called {word}, or more than one"));
    let on = |text: &str| match text {
        "on" | "up" | "" => Some(true),
        "off" | "down" => Some(false),
        _ => None,
    };
    let room = |input| Ok(Line::Command(Command::Room(input)));
    let moderate = |action| Ok(Line::Command(Command::Room(RoomInput::Moderate(action))));
    let file = |input| Ok(Line::Command(Command::File(input)));
    let text = |input| Ok(Line::Command(Command::Text(input)));
    let two = rest.split_once(' ').map(|(first, rest)| (first, rest.trim()));
    match (word, rest) {
        ("leave", "") => Ok(Line::Leave),
        ("rejoin", "") => Ok(Line::Command(Command::Rejoin)),
        ("mic", state) => match on(state) {
            Some(on) => Ok(Line::Command(Command::SetMicrophone { on })),
            None => form("mic on|off"),
        },
        ("camera", state) => match on(state) {
            Some(on) => Ok(Line::Command(Command::SetCamera { on })),
            None => form("camera on|off"),
        },
        ("name", name) => Ok(Line::Command(Command::SetName { name: name.into() })),
        ("hand", state) => match on(state) {
            Some(up) => room(RoomInput::SetHand { up }),
            None => form("hand up|down"),
        },
        ("react", name) => match reaction(name) {
            Some(reaction) => room(RoomInput::React(reaction)),
            None => form(&format!("react {REACTIONS}")),
        },
        ("chat", said) => room(RoomInput::SendChat { text: said.into(), to: None, reply_to: None }),
        ("tell", _) => match two {
            Some((to, said)) => room(RoomInput::SendChat { text: said.into(), to: Some(who(to)?), reply_to: None }),
            None => form("tell WHO TEXT"),
        },
        ("reply", _) => match two.and_then(|(id, text)| Some((id.parse().ok()?, text))) {
            Some((id, said)) => {
                room(RoomInput::SendChat { text: said.into(), to: None, reply_to: Some(MessageId(id)) })
            }
            None => form("reply MESSAGE TEXT"),
        },
        ("retry", key) => match key.parse() {
            Ok(key) => room(RoomInput::RetryChat { key }),
            Err(_) => form("retry KEY"),
        },
        ("like", _) => {
            let words: Vec<&str> = rest.split(' ').collect();
            let (id, name, state) = match words[..] {
                [id, name] => (id, name, "on"),
                [id, name, state] => (id, name, state),
                _ => return form("like MESSAGE REACTION [off]"),
            };
            match (id.parse(), reaction(name), on(state)) {
                (Ok(id), Some(reaction), Some(on)) => {
                    room(RoomInput::ReactToMessage { message: MessageId(id), reaction, on })
                }
                _ => form("like MESSAGE REACTION [off]"),
            }
        }
        ("send", _) => match two {
            Some(("all", path)) => file(FileInput::Offer { path: path.into(), to: None }),
            Some((word, path)) => file(FileInput::Offer { path: path.into(), to: Some(who(word)?) }),
            None => form("send WHO|all PATH"),
        },
        ("accept" | "decline" | "cancel", key) => match (word, key.parse()) {
            ("accept", Ok(key)) => file(FileInput::Accept { key }),
            ("decline", Ok(key)) => file(FileInput::Decline { key }),
            (_, Ok(key)) => file(FileInput::Cancel { key }),
            (_, Err(_)) => form("accept KEY, decline KEY or cancel KEY"),
        },
        ("text", state) => match on(state) {
            Some(on) => text(TextInput::SetOn { on }),
            None => form("text on|off"),
        },
        ("type", line) => text(TextInput::SetLine(line.into())),
        ("enter", "") => text(TextInput::EndLine),
        ("same", word) => Ok(Line::Command(Command::CompareWords { participant: who(word)?, same: true })),
        ("differ", word) => Ok(Line::Command(Command::CompareWords { participant: who(word)?, same: false })),
        ("read", "") => room(RoomInput::ReadChat),
        ("dismiss", "") => room(RoomInput::DismissAsk),
        ("admit", "all") => moderate(Moderation::AdmitAll),
        ("admit", word) => moderate(Moderation::Admit { who: who(word)? }),
        ("deny", word) => moderate(Moderation::Deny { who: who(word)? }),
        ("mute", "all") => moderate(Moderation::MuteAll),
        ("mute", word) => moderate(Moderation::Mute { who: who(word)? }),
        ("ask", _) => match two {
            Some((word, "microphone")) => moderate(Moderation::Ask { who: who(word)?, what: Asked::Microphone }),
            Some((word, "camera")) => moderate(Moderation::Ask { who: who(word)?, what: Asked::Camera }),
            _ => form("ask WHO microphone|camera"),
        },
        ("stop-camera", word) => moderate(Moderation::StopCamera { who: who(word)? }),
        ("remove", word) => moderate(Moderation::Remove { who: who(word)? }),
        ("wait", word) => moderate(Moderation::MoveToWaiting { who: who(word)? }),
        ("co-host", _) => match two {
            Some((word, "off")) => moderate(Moderation::SetCoHost { who: who(word)?, on: false }),
            Some(_) => form("co-host WHO [off]"),
            None => moderate(Moderation::SetCoHost { who: who(rest)?, on: true }),
        },
        ("host", word) => moderate(Moderation::MakeHost { who: who(word)? }),
        ("lock", "") => moderate(Moderation::SetLocked { on: true }),
        ("unlock", "") => moderate(Moderation::SetLocked { on: false }),
        ("waiting-room", state) => match on(state) {
            Some(on) => moderate(Moderation::SetWaitingRoom { on }),
            None => form("waiting-room on|off"),
        },
        ("spotlight", "off") => moderate(Moderation::Spotlight { who: None }),
        ("spotlight", word) => moderate(Moderation::Spotlight { who: Some(who(word)?) }),
        ("lower-hand", word) => moderate(Moderation::LowerHand { who: who(word)? }),
        ("end", "") => moderate(Moderation::End),
        _ => Err(format!("what is {word}? See docs/cli.md")),
    }
}

pub(super) const REACTIONS: &str = "thumbsUp|heart|clap|laugh|surprised|sad|celebrate|thinking|coffee";

/// By its name in messages.
pub(super) fn reaction(name: &str) -> Option<Reaction> {
    serde_json::from_value(serde_json::Value::String(name.into())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Line, String> {
        parse(line, |word| (word == "Maja").then(|| ParticipantId("a1".into())))
    }

    fn input(line: &str) -> RoomInput {
        match read(line) {
            Ok(Line::Command(Command::Room(input))) => input,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn what_is_documented_is_understood() {
        let maja = || ParticipantId("a1".into());
        assert_eq!(input("hand up"), RoomInput::SetHand { up: true });
        assert_eq!(input("react coffee"), RoomInput::React(Reaction::Coffee));
        let text = "hej  alla".to_owned();
        assert_eq!(input("chat hej  alla"), RoomInput::SendChat { text, to: None, reply_to: None });
        let private = RoomInput::SendChat { text: "psst du".into(), to: Some(maja()), reply_to: None };
        assert_eq!(input(" tell Maja psst du "), private);
        let reply = RoomInput::SendChat { text: "ja".into(), to: None, reply_to: Some(MessageId(3)) };
        assert_eq!(input("reply 3 ja"), reply);
        let like = RoomInput::ReactToMessage { message: MessageId(3), reaction: Reaction::Heart, on: false };
        assert_eq!(input("like 3 heart off"), like);
        assert_eq!(input("mute all"), RoomInput::Moderate(Moderation::MuteAll));
        assert_eq!(input("co-host Maja"), RoomInput::Moderate(Moderation::SetCoHost { who: maja(), on: true }));
        assert_eq!(input("spotlight off"), RoomInput::Moderate(Moderation::Spotlight { who: None }));
        let ask = Moderation::Ask { who: maja(), what: Asked::Microphone };
        assert_eq!(input("ask Maja microphone"), RoomInput::Moderate(ask));
        let command = |line: &str| match read(line) {
            Ok(Line::Command(command)) => format!("{command:?}"),
            other => panic!("{line}: {other:?}"),
        };
        let offer = |to| format!("{:?}", Command::File(FileInput::Offer { path: "/tmp/a b.pdf".into(), to }));
        assert_eq!(command("send all /tmp/a b.pdf"), offer(None));
        assert_eq!(command("send Maja /tmp/a b.pdf"), offer(Some(maja())));
        assert_eq!(command("accept 3"), format!("{:?}", Command::File(FileInput::Accept { key: 3 })));
        assert_eq!(command("text on"), format!("{:?}", Command::Text(TextInput::SetOn { on: true })));
        assert_eq!(command("type hej du"), format!("{:?}", Command::Text(TextInput::SetLine("hej du".into()))));
        assert!(read("send all").is_err() && read("cancel it").is_err());
        assert!(matches!(read("mic off"), Ok(Line::Command(Command::SetMicrophone { on: false }))));
        let compared = |line| match read(line) {
            Ok(Line::Command(Command::CompareWords { participant, same })) => (participant, same),
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(compared("same Maja"), (maja(), true));
        assert_eq!(compared("differ Maja"), (maja(), false));
        assert!(matches!(read("leave"), Ok(Line::Leave)));
        assert!(matches!(read("rejoin"), Ok(Line::Command(Command::Rejoin))));
        for wrong in
            ["", "dance", "mic loud", "tell Maja", "mute Bo", "like 3", "like x heart", "ask Maja money", "leave now"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
