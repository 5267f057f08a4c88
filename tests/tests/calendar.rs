//! Meetings as files: written by `fika-cli room ics`, read by `fika-cli room agenda`; the app has the same code.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::process::Output;

use fika_tests::rooms::{json, room};

const LINK: &str = "https://meet.example.org/j/aaaq-eaye-auda-oceb#MDEyMzQ1Njc4OWFiY2RlZg";
const START: &str = "1796115600";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_meeting_goes_through_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("review.ics").display().to_string();
    let written = room(&["ics", LINK, "--title", "Design review"], &["--start", START, "--output", &file]);
    assert_eq!(written.status.code(), Some(0), "{}", said(&written));
    let agenda = json(&room(&["agenda", &file, "--json"], &["--from", START]));
    let meeting = &agenda["meetings"][0];
    assert_eq!((&meeting["title"], &meeting["link"]), (&"Design review".into(), &LINK.into()));
    assert_eq!((&meeting["start"], &meeting["minutes"]), (&1_796_115_600_u32.into(), &45.into()));
    let printed = room(&["ics", LINK, "--title", "Design review"], &["--start", START]);
    let (printed, kept) = (String::from_utf8(printed.stdout).unwrap(), std::fs::read_to_string(&file).unwrap());
    let timeless = |text: &str| text.lines().filter(|line| !line.starts_with("DTSTAMP")).collect::<Vec<_>>().join("|");
    assert_eq!(timeless(&printed), timeless(&kept));
}

#[test]
fn what_is_no_meeting_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let large = file("large.ics", &vec![b' '; 1024 * 1024]);
    let none = folder.path().join("none.ics").display().to_string();
    let other = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261201T090000Z\r\nURL:javascript:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    for (file, why) in [
        (large, "too large"),
        (file("page.ics", b"<html>"), "not a calendar file"),
        (file("bytes.ics", &[0xff, 0]), "not a calendar file"),
        (file("other.ics", other), "has a Fika link"),
        (none, "none.ics"),
    ] {
        let output = room(&["agenda", &file], &[]);
        assert_eq!((output.status.code(), said(&output).contains(why)), (Some(2), true), "{}", said(&output));
        assert_eq!(said(&output).lines().count(), 1);
    }
    for (link, minutes, code) in [("https://example.org/", "30", 3), (LINK, "0", 2), (LINK, "100000", 2)] {
        let output = room(&["ics", link, "--title", "a"], &["--start", START, "--minutes", minutes]);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    }
}
