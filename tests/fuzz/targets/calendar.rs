//! What somebody may import as a calendar.
#![no_main]

use fika_call::calendar::{MAX_MEETINGS, MAX_MINUTES, read};
use fika_call::invite::Invite;

const TUESDAY: i64 = 1_796_115_600;
const YEAR: i64 = 366 * 24 * 60 * 60;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let Ok(meetings) = read(file, "Europe/Stockholm", TUESDAY - YEAR, TUESDAY + YEAR) else { return };
    assert!(!meetings.is_empty() && meetings.len() <= MAX_MEETINGS);
    assert!(meetings.is_sorted_by_key(|meeting| meeting.start));
    for meeting in meetings {
        assert!(meeting.minutes <= MAX_MINUTES && Invite::parse(&meeting.link).is_ok());
        let from = i64::from(meeting.start);
        let again = read(meeting.file(0).as_bytes(), "UTC", from, from + 1);
        assert_eq!(again, Ok(vec![meeting]));
    }
});
