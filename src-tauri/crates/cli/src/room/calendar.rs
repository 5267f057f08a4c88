//! Meetings as files of a calendar. Runs on the main task; a file is read up to what a calendar may weigh.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use fika_call::calendar::{self, MAX_FILE, MAX_MINUTES, MAX_TITLE, Meeting};
use serde_json::json;

use super::args::{Agenda, Ics};
use super::say;
use crate::fail::{Failure, Kind};

const DAY: i64 = 24 * 60 * 60;

pub(super) fn ics(ics: &Ics) -> Result<(), Failure> {
    let Ics { link, title, start, minutes, output } = ics;
    if let Err(error) = fika_call::invite::Invite::parse(link) {
        return Err(Failure::new(Kind::Link, format!("That link does not work, {error}: copy it anew.")));
    }
    let wrong = || format!("A meeting lasts from 1 to {MAX_MINUTES} minutes, and begins before the year 2106.");
    let meeting = Meeting::new(title, *start, *minutes, link).ok_or_else(|| Failure::new(Kind::Usage, wrong()))?;
    if title.chars().count() > MAX_TITLE {
        eprintln!("fika-cli: The title is cut after {MAX_TITLE} letters.");
    }
    let file = meeting.file(u32::try_from(now()).unwrap_or(u32::MAX));
    match output {
        Some(path) => std::fs::write(path, file)
            .map_err(|error| Failure::new(Kind::Usage, format!("{} cannot be written: {error}.", path.display()))),
        None => {
            say(file.trim_end());
            Ok(())
        }
    }
}

pub(super) fn agenda(agenda: &Agenda) -> Result<(), Failure> {
    let Agenda { file, days, zone, from, json } = agenda;
    let wrong = |error: &dyn std::fmt::Display| Failure::new(Kind::Usage, format!("{}: {error}.", file.display()));
    let bytes = read(file).map_err(|error| wrong(&error))?;
    let from = from.map_or_else(now, i64::from);
    let meetings = calendar::read(&bytes, zone, from, from.saturating_add(i64::from(*days) * DAY));
    let meetings = meetings.map_err(|error| wrong(&error))?;
    if *json {
        say(&json!({ "meetings": meetings }).to_string());
    } else {
        for Meeting { title, start, minutes, link } in meetings {
            say(&format!("{start}  {minutes} min  {title}  {link}"));
        }
    }
    Ok(())
}

/// One byte more than may be is enough to know.
fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn now() -> i64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    i64::try_from(passed).unwrap_or(i64::MAX)
}
