//! Meetings as calendars write them (iCalendar, RFC 5545 and 7986): an invite as a file, and the meetings of a file that lead to
//! one of our rooms. Pure: told the time. A file is read up to [`MAX_FILE`], a list is cut at [`MAX_MEETINGS`].

use std::fmt::Write as _;

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::dates::TimeOrDelta;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarParameter, ICalendarProperty, ICalendarStatus,
    ICalendarValue, ICalendarValueType, Uri,
};
use calcard::{Entry, Parser};
use serde::{Deserialize, Serialize};

use crate::chat::clean_text;
use crate::invite::{Invite, MAX_LINK};

/// Longest file that is looked at, in bytes.
pub const MAX_FILE: usize = 512 * 1024;
/// Most meetings that are taken out of a file; those to come are nearest.
pub const MAX_MEETINGS: usize = 200;
/// Longest title in characters.
pub const MAX_TITLE: usize = 120;
/// The longest meeting, in minutes.
pub const MAX_MINUTES: u32 = 24 * 60;
/// Repetitions that are counted out, of all meetings of a file together: more than ten years of ten daily ones.
const MAX_REPEATS: usize = 40_000;
/// Words of a text that may be a link.
const MAX_WORDS: usize = 2_000;

/// One meeting in one room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct Meeting {
    pub title: String,
    /// Seconds since 1970.
    pub start: u32,
    pub minutes: u32,
    pub link: String,
}

/// Why there are no meetings in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// Export fewer meetings.
    #[error("the file is too large for a calendar")]
    TooLarge,
    /// Choose another file.
    #[error("this is not a calendar file")]
    NotACalendar,
    /// Nothing to join in it.
    #[error("no meeting in this file, from today on, has a Fika link")]
    NoMeetings,
}

impl Meeting {
    /// `None`: the link is none, or the time is none that a calendar knows.
    pub fn new(title: &str, start: u32, minutes: u32, link: &str) -> Option<Self> {
        let link = Invite::parse(link).ok()?.link();
        let title: String = clean_text(title).replace('\n', " ").chars().take(MAX_TITLE).collect();
        let wanted = (1..=MAX_MINUTES).contains(&minutes) && start.checked_add(minutes * 60).is_some();
        wanted.then_some(Self { title, start, minutes, link })
    }

    /// As a file, written at `now`. The same meeting has the same name in it each time, so a calendar takes a second file as a
    /// change.
    pub fn file(&self, now: u32) -> String {
        let Self { title, start, minutes, link } = self;
        let room = Invite::parse(link).map(|invite| invite.room.0).unwrap_or_default();
        let at = |time: u32| PartialDateTime::from_utc_timestamp(i64::from(time));
        let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
        event.add_uid(&format!("{room}-{start}@fika"));
        event.add_dtstamp(at(now));
        event.add_property(ICalendarProperty::Dtstart, at(*start));
        event.add_property(ICalendarProperty::Dtend, at(start.saturating_add(minutes.saturating_mul(60))));
        event.add_property(ICalendarProperty::Summary, title.clone());
        event.add_property(ICalendarProperty::Location, link.clone());
        event.add_property(ICalendarProperty::Description, link.clone());
        event.add_property(ICalendarProperty::Url, Uri::Location(link.clone()));
        let uri = ICalendarParameter::value(ICalendarValueType::Uri);
        event.add_property_with_params(ICalendarProperty::Conference, [uri], Uri::Location(link.clone()));
        let mut calendar = ICalendarComponent::new(ICalendarComponentType::VCalendar);
        calendar.add_property(ICalendarProperty::Version, "2.0".to_owned());
        calendar.add_property(ICalendarProperty::Prodid, "-//Fika//Fika//EN".to_owned());
        calendar.component_ids = vec![1];
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = write!(text, "{}", ICalendar { components: vec![calendar, event] });
        text
    }
}

/// The meetings of a file that begin in `from..until` (seconds since 1970) or still go on at `from`, the first ones first.
/// `zone`: the IANA name of the time zone of times that name none.
pub fn read(file: &[u8], zone: &str, from: i64, until: i64) -> Result<Vec<Meeting>, CalendarError> {
    if file.len() > MAX_FILE {
        return Err(CalendarError::TooLarge);
    }
    let text = std::str::from_utf8(file).map_err(|_| CalendarError::NotACalendar)?;
    let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
    let (mut meetings, mut calendars) = (Vec::new(), 0);
    let mut parser = Parser::new(text);
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) if is_calendar(&calendar) => {
                calendars += 1;
                meetings.extend(meetings_of(&calendar, zone, from, until));
            }
            Entry::Eof => break,
            _ if calendars == 0 => return Err(CalendarError::NotACalendar),
            // What is behind a calendar is none of ours.
            _ => break,
        }
    }
    if calendars == 0 {
        return Err(CalendarError::NotACalendar);
    }
    meetings.sort_by_key(|meeting| meeting.start);
    meetings.dedup();
    meetings.truncate(MAX_MEETINGS);
    if meetings.is_empty() { Err(CalendarError::NoMeetings) } else { Ok(meetings) }
}

fn is_calendar(calendar: &ICalendar) -> bool {
    calendar.components.first().is_some_and(|first| first.component_type == ICalendarComponentType::VCalendar)
}

fn meetings_of(calendar: &ICalendar, zone: Tz, from: i64, until: i64) -> Vec<Meeting> {
    // Each text is read once, not for each repetition.
    let links: Vec<Option<String>> = calendar.components.iter().map(link_of).collect();
    if links.iter().all(Option::is_none) {
        return Vec::new();
    }
    let mut meetings = Vec::new();
    for event in calendar.expand_dates(zone, MAX_REPEATS).events {
        let at = event.comp_id as usize;
        let (Some(component), Some(Some(link))) = (calendar.components.get(at), links.get(at)) else { continue };
        let start = event.start.timestamp();
        let seconds = match event.end {
            TimeOrDelta::Time(end) => end.timestamp().saturating_sub(start),
            TimeOrDelta::Delta(delta) => delta.num_seconds(),
        };
        let minutes = u32::try_from(seconds / 60).unwrap_or(0).clamp(1, MAX_MINUTES);
        let goes_on = start.saturating_add(i64::from(minutes) * 60) > from;
        if goes_on && start < until {
            let title = text_of(component, &ICalendarProperty::Summary).next().unwrap_or_default();
            meetings.extend(u32::try_from(start).ok().and_then(|start| Meeting::new(title, start, minutes, link)));
        }
        if meetings.len() > 4 * MAX_MEETINGS {
            meetings.sort_by_key(|meeting: &Meeting| meeting.start);
            meetings.truncate(MAX_MEETINGS);
        }
    }
    meetings
}

/// The room that a meeting leads to: the first link in what says where it is.
fn link_of(component: &ICalendarComponent) -> Option<String> {
    let cancelled = ICalendarValue::Status(ICalendarStatus::Cancelled);
    let is_over = |entry: &calcard::icalendar::ICalendarEntry| entry.values.contains(&cancelled);
    if component.component_type != ICalendarComponentType::VEvent || component.entries.iter().any(is_over) {
        return None;
    }
    let places = [
        ICalendarProperty::Conference,
        ICalendarProperty::Url,
        ICalendarProperty::Location,
        ICalendarProperty::Description,
    ];
    places.iter().flat_map(|place| text_of(component, place)).find_map(link_in)
}

fn text_of<'a>(component: &'a ICalendarComponent, name: &'a ICalendarProperty) -> impl Iterator<Item = &'a str> {
    component.properties(name).flat_map(|entry| entry.values.iter().filter_map(ICalendarValue::as_text))
}

fn link_in(text: &str) -> Option<String> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '(' | ')' | ';');
    let words = text.split(ends).filter(|word| word.len() <= MAX_LINK && word.contains("://")).take(MAX_WORDS);
    words.filter_map(|word| Invite::parse(word.trim_end_matches([',', '.'])).ok()).map(|invite| invite.link()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://meet.example.org/j/aaaq-eaye-auda-oceb#MDEyMzQ1Njc4OWFiY2RlZg";
    /// 2026-12-01 09:00 UTC, a Tuesday.
    const TUESDAY: u32 = 1_796_115_600;
    const DAY: u32 = 24 * 60 * 60;

    fn event(lines: &str) -> String {
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    }

    fn on(text: &str, day: u32) -> Result<Vec<Meeting>, CalendarError> {
        let from = i64::from(TUESDAY - 9 * 3600 + day * DAY);
        read(text.as_bytes(), "Europe/Stockholm", from, from + i64::from(DAY))
    }

    #[test]
    fn what_is_written_is_read() {
        let title = "Budget; 2027, \\ \"Lars & Åsa\"";
        let meeting = Meeting::new(title, TUESDAY, 45, LINK).unwrap();
        let file = meeting.file(TUESDAY - DAY);
        assert!(file.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"), "{file}");
        assert!(file.contains("\r\nDTSTART:20261201T090000Z\r\n") && file.contains("\r\nDTEND:20261201T094500Z\r\n"));
        assert!(file.lines().all(|line| line.len() <= 75), "{file}");
        assert_eq!(file, meeting.file(TUESDAY - DAY), "the same each time");
        assert_eq!(on(&file, 0), Ok(vec![meeting]));
        assert_eq!(on(&file, 1), Err(CalendarError::NoMeetings));
    }

    #[test]
    fn a_title_is_text_on_one_line() {
        let meeting = Meeting::new("a\r\nATTACH:evil\r\n\u{202e}b", TUESDAY, 30, LINK).unwrap();
        assert!(!meeting.file(TUESDAY).contains("\nATTACH"));
        assert_eq!(Meeting::new(&"å".repeat(500), TUESDAY, 30, LINK).unwrap().title.chars().count(), MAX_TITLE);
        assert_eq!(Meeting::new("a", TUESDAY, 30, "https://example.org/"), None);
        assert_eq!(Meeting::new("a", u32::MAX, 30, LINK), None);
        assert_eq!(Meeting::new("a", TUESDAY, 0, LINK), None);
    }

    #[test]
    fn links_are_found_where_calendars_put_them_and_others_are_not_taken() {
        let at = "DTSTART:20261201T090000Z\r\nDURATION:PT1H\r\nSUMMARY:Interview";
        for place in ["LOCATION:", "URL:", "CONFERENCE;VALUE=URI:", "DESCRIPTION:Join here: <", "DESCRIPTION:(at \\n"] {
            let meetings = on(&event(&format!("{at}\r\n{place}{LINK}")), 0).unwrap();
            assert_eq!(meetings, [Meeting::new("Interview", TUESDAY, 60, LINK).unwrap()], "{place}");
        }
        for other in
            ["https://meet.example.org/j/", "javascript:alert(1)", "file:///etc/passwd", "https://zoom.us/j/123"]
        {
            let text = event(&format!("{at}\r\nLOCATION:{other}"));
            assert_eq!(on(&text, 0), Err(CalendarError::NoMeetings), "{other}");
        }
        let text = event(&format!("{at}\r\nLOCATION:{LINK}\r\nSTATUS:CANCELLED"));
        assert_eq!(on(&text, 0), Err(CalendarError::NoMeetings));
    }

    #[test]
    fn times_are_those_of_their_zone_and_repeat() {
        let text = event(&format!("DTSTART;TZID=America/New_York:20261201T090000\r\nSUMMARY:a\r\nURL:{LINK}"));
        assert_eq!(on(&text, 0).unwrap()[0].start, TUESDAY + 5 * 3600);
        let text = event(&format!("DTSTART:20261201T090000\r\nDTEND:20261201T093000\r\nSUMMARY:a\r\nURL:{LINK}"));
        let meeting = &on(&text, 0).unwrap()[0];
        assert_eq!((meeting.start, meeting.minutes), (TUESDAY - 3600, 30), "of this computer");
        let rule = "RRULE:FREQ=WEEKLY;BYDAY=TU\r\nEXDATE:20261208T090000Z";
        let text = event(&format!("DTSTART:20200107T090000Z\r\nDURATION:PT30M\r\n{rule}\r\nURL:{LINK}"));
        assert_eq!(on(&text, 0).unwrap()[0].start, TUESDAY);
        assert_eq!(on(&text, 1), Err(CalendarError::NoMeetings));
        assert_eq!(on(&text, 7), Err(CalendarError::NoMeetings), "left out");
        assert_eq!(on(&text, 14).unwrap()[0].start, TUESDAY + 14 * DAY);
    }

    #[test]
    fn what_is_no_calendar_is_said_to_be_none() {
        for text in ["", "hello", "BEGIN:VCARD\r\nEND:VCARD\r\n", "BEGIN:VEVENT\r\nEND:VEVENT\r\n", "{\"a\":1}"] {
            assert_eq!(on(text, 0), Err(CalendarError::NotACalendar), "{text}");
        }
        assert_eq!(read(&[0xff, 0xfe, 0], "UTC", 0, 1), Err(CalendarError::NotACalendar));
        assert_eq!(read(&vec![b'a'; MAX_FILE + 1], "UTC", 0, 1), Err(CalendarError::TooLarge));
    }

    #[test]
    fn many_repetitions_are_cut() {
        let text = event(&format!("DTSTART:20261201T000000Z\r\nDURATION:PT1M\r\nRRULE:FREQ=SECONDLY\r\nURL:{LINK}"));
        assert_eq!(on(&text, 0).unwrap().len(), MAX_MEETINGS);
    }
}
