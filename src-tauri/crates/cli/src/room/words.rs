//! Messages and files in words, for who reads them in a terminal.

use fika_call::chat::ChatMessageView;
use fika_call::files::{FileEnd, FileState, FileView};

pub(super) fn message_words(message: &ChatMessageView) -> String {
    let private = if message.to.is_some() { " (private)" } else { "" };
    format!("{}{private}: {}", message.name, message.text)
}

/// How it is with a file, and what to type where an answer is waited for.
pub(super) fn file_words(file: &FileView) -> String {
    let FileView { key, person, name, size, incoming, .. } = file;
    let way = if *incoming { "from" } else { "to" };
    let how = match (file.state, incoming) {
        (FileState::Offered, true) => format!("{size} bytes: accept {key} or decline {key}"),
        (FileState::Offered, false) => "offered".into(),
        (FileState::Preparing | FileState::Queued, _) => "waits for its turn".into(),
        (FileState::Moving, _) => "is moving".into(),
        (FileState::Interrupted, _) => "waits for the connection".into(),
        (FileState::Checking, _) => "is being checked".into(),
        (FileState::Done, _) => match &file.saved_as {
            Some(saved) => format!("kept as {saved}"),
            None => "has arrived".into(),
        },
        (FileState::Declined, _) => "declined".into(),
        (FileState::Ended, _) => file.end.map_or_else(String::new, |end| why(end).into()),
    };
    format!("* file {key}, {name} {way} {person}: {how}")
}

/// Why a file does not come.
pub(super) fn why(end: FileEnd) -> &'static str {
    match end {
        FileEnd::Cancelled => "cancelled.",
        FileEnd::TooLarge => "it is larger than the receiver takes.",
        FileEnd::TooMany => "too many files wait for an answer: wait until some are answered.",
        FileEnd::DiskFull => "the receiver's disk is full: make room and send it again.",
        FileEnd::CannotWrite => "it cannot be written to the receiver's downloads.",
        FileEnd::CannotRead => "it cannot be read: check the path, and that it is a file.",
        FileEnd::Changed => "it was changed while it was sent: send it again.",
        FileEnd::WrongHash => "what came is not what was sent, and was thrown away: send it again.",
        FileEnd::BrokeRules => "the other side sent something else than it had offered.",
        FileEnd::Stalled => "nothing moves any more: send it again.",
        FileEnd::PeerLeft => "the other one has left.",
        FileEnd::NoChannel => "this participant's app takes no files.",
        FileEnd::Unknown => "it does not come: send it again.",
    }
}
