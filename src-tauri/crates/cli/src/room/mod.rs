//! `fika-cli room`: everything that a room has. The owner acts without a seat, one connection for each command; `sit`
//! takes a seat and obeys lines from stdin; the others take one for one thing. Runs on the main task.

pub(crate) mod args;
mod calendar;
mod line;
mod owner;
mod seat;
mod sit;
mod visit;
mod words;

use fika_call::ParticipantId;
use fika_net::Trust;

use self::args::Room;
use self::visit::Errand;
use crate::fail::Failure;

pub(crate) async fn run(command: Room, trust: Trust) -> Result<(), Failure> {
    match command {
        Room::Open(open) => owner::open(open, &trust).await,
        Room::Ics(ics) => calendar::ics(&ics),
        Room::Agenda(agenda) => calendar::agenda(&agenda),
        Room::Sit(sit) => sit::run(sit, trust).await,
        Room::Chat { visit, text, to, reply_to } => visit::run(visit, Errand::Chat { text, to, reply_to }, trust).await,
        Room::Messages(visit) => visit::run(visit, Errand::Messages, trust).await,
        Room::React { visit, reaction, message } => visit::run(visit, Errand::React { reaction, message }, trust).await,
        Room::Hand(visit) => visit::run(visit, Errand::Hand, trust).await,
        Room::SendFile { visit, path, to } => visit::run(visit, Errand::SendFile { path, to }, trust).await,
        Room::ReceiveFile { visit, from } => visit::run(visit, Errand::ReceiveFile { from }, trust).await,
        command => owner::run(command, &trust).await,
    }
}

/// Whom a word means: an id, or a name that one person alone has, with `_` for blanks.
fn find<'a>(word: &str, people: impl Iterator<Item = (&'a ParticipantId, &'a str)> + Clone) -> Option<ParticipantId> {
    if let Some((id, _)) = people.clone().find(|(id, _)| id.0 == word) {
        return Some(id.clone());
    }
    let mut named = people.filter(|(_, name)| *name == word || name.replace(' ', "_") == word);
    let found = named.next().map(|(id, _)| id.clone());
    found.filter(|_| named.next().is_none())
}

/// Writes one line for whoever reads. A reader that has gone away wants no more.
fn say(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_found_by_id_and_by_a_name_that_is_theirs_alone() {
        let people = [("a1", "Maja Sund"), ("b2", "Tom"), ("c3", "Tom"), ("Tom", "Eve")];
        let ids: Vec<ParticipantId> = people.iter().map(|(id, _)| ParticipantId((*id).into())).collect();
        let find = |word: &str| find(word, ids.iter().zip(people.iter().map(|(_, name)| *name))).map(|id| id.0);
        assert_eq!(find("b2").as_deref(), Some("b2"));
        assert_eq!(find("Maja_Sund").as_deref(), Some("a1"));
        assert_eq!(find("Maja Sund").as_deref(), Some("a1"));
        assert_eq!(find("Tom").as_deref(), Some("Tom"), "an id before a name");
        assert_eq!(find("Eve").as_deref(), Some("Tom"));
        assert_eq!(find("Bo"), None);
    }
}
