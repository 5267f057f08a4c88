//! `fika-cli room …` on the command line, as docs/cli.md promises it.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand, ValueEnum};
use fika_call::door::{InviteOptions, Preset, RoomOptions};
use fika_call::room::{Asked, Reaction};

use super::line::{REACTIONS, reaction as named};
use crate::args::{Media, Seat, server};

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one, and it is read once")]
#[allow(clippy::enum_variant_names, reason = "`fika-cli room waiting-room` is what people expect")]
pub(crate) enum Room {
    /// Open a room on a server without joining it.
    Open(Open),
    /// Who is there, who waits, and what holds.
    Show(Owner),
    /// Let somebody in who waits.
    Admit(Someone),
    /// Say no to somebody who waits.
    Deny(Person),
    /// Switch somebody's microphone off.
    Mute(Someone),
    /// Ask somebody to switch something on.
    Ask {
        #[command(flatten)]
        person: Person,
        what: What,
    },
    /// Switch somebody's camera off.
    StopCamera(Person),
    /// Put somebody out, for good.
    Remove(Person),
    /// Send somebody out before the door.
    Wait(Person),
    /// Make somebody a co-host.
    CoHost {
        #[command(flatten)]
        person: Person,
        /// Take the role away again.
        #[arg(long)]
        off: bool,
    },
    /// Make somebody the host.
    Host(Person),
    /// Nobody more can join.
    Lock(Owner),
    Unlock(Owner),
    /// Whether guests wait until they are let in.
    WaitingRoom {
        #[command(flatten)]
        owner: Owner,
        state: OnOff,
    },
    /// Show somebody large for all.
    Spotlight {
        #[command(flatten)]
        owner: Owner,
        /// Nobody when it is left out.
        who: Option<String>,
    },
    LowerHand(Person),
    /// End the meeting for all.
    End(Owner),
    /// Make an invite and print its link.
    Invite {
        #[command(flatten)]
        owner: Owner,
        #[command(flatten)]
        options: InviteArgs,
    },
    /// List the invites.
    Invites(Owner),
    /// Make an invite open nothing any more.
    Revoke {
        #[command(flatten)]
        owner: Owner,
        /// The id of the invite.
        id: String,
    },
    /// Write a meeting in a room as a file that every calendar reads.
    Ics(Ics),
    /// The meetings of a calendar file that lead to a room.
    Agenda(Agenda),
    /// Say something to everybody, or to one, and leave again.
    Chat {
        #[command(flatten)]
        visit: Visit,
        text: String,
        /// To one person alone: an id, or a name that nobody else has.
        #[arg(long, value_name = "WHO")]
        to: Option<String>,
        /// The number of a message.
        #[arg(long, value_name = "MESSAGE")]
        reply_to: Option<u32>,
    },
    /// What was said to everybody, as far as the room remembers it.
    Messages(Visit),
    /// Show a reaction, or react to a message, and leave again.
    React {
        #[command(flatten)]
        visit: Visit,
        #[arg(value_parser = reaction)]
        reaction: Reaction,
        /// The number of a message.
        #[arg(long)]
        message: Option<u32>,
    },
    /// Raise a hand and stay until a host lowers it.
    Hand(Visit),
    /// Offer a file and stay until it was taken or refused.
    SendFile {
        #[command(flatten)]
        visit: Visit,
        path: String,
        /// To one person alone: an id, or a name that nobody else has.
        #[arg(long, value_name = "WHO")]
        to: Option<String>,
    },
    /// Take the next file that is offered and leave again.
    ReceiveFile {
        #[command(flatten)]
        visit: Visit,
        /// By nobody else: an id or a name.
        #[arg(long, value_name = "WHO")]
        from: Option<String>,
    },
    /// Sit in a room; commands come line by line from stdin.
    Sit(Sit),
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    #[arg(long, value_name = "URL", value_parser = server)]
    pub(crate) server: url::Url,
    /// Settings for a kind of meeting; the other options add to it.
    #[arg(long)]
    pub(crate) preset: Option<Kind>,
    /// Guests wait until they are let in.
    #[arg(long)]
    pub(crate) waiting_room: bool,
    /// The link alone opens nothing: an invite is needed too.
    #[arg(long)]
    pub(crate) invite_only: bool,
    /// Everybody is asked for it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) passcode: Option<String>,
    /// Keep the room until then: from now, as 90m, 8h or 30d, or seconds since 1970.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub(crate) until: Option<u32>,
    /// One JSON object instead of words.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Owner {
    pub(crate) link: String,
    /// What `room open` has printed.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) host_key: String,
    /// One JSON object instead of words.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Person {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// An id, or a name that nobody else has.
    pub(crate) who: String,
}

#[derive(Debug, Args)]
pub(crate) struct Someone {
    #[command(flatten)]
    pub(crate) owner: Owner,
    /// An id, or a name that nobody else has.
    #[arg(required_unless_present = "all")]
    pub(crate) who: Option<String>,
    /// Everybody whom it may concern.
    #[arg(long, conflicts_with = "who")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InviteArgs {
    /// For whom; hosts see it beside the name.
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// Opens the door once.
    #[arg(long)]
    pub(crate) single_use: bool,
    /// As for `room open`.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub(crate) until: Option<u32>,
    /// Straight in, past the waiting room.
    #[arg(long)]
    pub(crate) skip_waiting: bool,
    #[arg(long)]
    pub(crate) co_host: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Ics {
    pub(crate) link: String,
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: String,
    /// As for `room open --until`.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub(crate) start: u32,
    #[arg(long, value_name = "N", default_value_t = 45)]
    pub(crate) minutes: u32,
    /// Instead of stdout.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Agenda {
    pub(crate) file: PathBuf,
    /// From now on.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) days: u32,
    /// The time zone of times that name none.
    #[arg(long, value_name = "NAME", default_value = "UTC")]
    pub(crate) zone: String,
    /// Instead of now, in seconds since 1970.
    #[arg(long, value_name = "UNIX")]
    pub(crate) from: Option<u32>,
    /// One JSON object instead of words.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What opens the door beside the link.
#[derive(Debug, Args)]
pub(crate) struct Door {
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) host_key: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) passcode: Option<String>,
}

/// A seat for one thing, without camera, microphone and speaker.
#[derive(Debug, Args)]
pub(crate) struct Visit {
    pub(crate) link: String,
    #[command(flatten)]
    pub(crate) seat: Seat,
    #[command(flatten)]
    pub(crate) door: Door,
    /// JSON objects, one a line, instead of words.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Sit {
    /// Without one a room is opened, as `call` does.
    pub(crate) link: Option<String>,
    #[command(flatten)]
    pub(crate) media: Media,
    #[command(flatten)]
    pub(crate) door: Door,
    /// One JSON object for each change, on a line of its own.
    #[arg(long)]
    pub(crate) json: bool,
    /// Stay when the call is lost, for the line `rejoin`.
    #[arg(long)]
    pub(crate) stay: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Interview,
    OfficeHours,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    Microphone,
    Camera,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnOff {
    On,
    Off,
}

impl From<What> for Asked {
    fn from(what: What) -> Self {
        match what {
            What::Microphone => Self::Microphone,
            What::Camera => Self::Camera,
        }
    }
}

impl Open {
    pub(crate) fn options(&self) -> RoomOptions {
        // A preset without a date is for today.
        let until = self.until.or_else(|| self.preset.and_then(|_| when("24h").ok()));
        let preset = self.preset.map(|kind| match kind {
            Kind::Interview => Preset::Interview,
            Kind::OfficeHours => Preset::OfficeHours,
        });
        let base = match (preset, until) {
            (Some(preset), Some(until)) => preset.room(until),
            _ => RoomOptions { until, ..RoomOptions::default() },
        };
        RoomOptions {
            waiting_room: base.waiting_room || self.waiting_room,
            invite_only: base.invite_only || self.invite_only,
            passcode: self.passcode.clone(),
            ..base
        }
    }
}

impl InviteArgs {
    pub(crate) fn options(&self) -> InviteOptions {
        let Self { label, single_use, until, skip_waiting, co_host } = self;
        InviteOptions {
            label: label.clone(),
            single_use: *single_use,
            until: *until,
            skip_waiting: *skip_waiting,
            co_host: *co_host,
        }
    }
}

fn reaction(name: &str) -> Result<Reaction, &'static str> {
    named(name).ok_or(REACTIONS)
}

fn when(text: &str) -> Result<u32, &'static str> {
    let form = "write it as 90m, 8h or 30d from now, or in seconds since 1970";
    if let Ok(unix) = text.parse() {
        return Ok(unix);
    }
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(form)?;
    let number: u64 = number.parse().map_err(|_| form)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(form),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| "the clock is wrong")?.as_secs();
    let unix = number.checked_mul(seconds).and_then(|time| time.checked_add(now)).ok_or(form)?;
    u32::try_from(unix).map_err(|_| form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_from_now_or_since_1970() {
        let hour = when("1h").unwrap();
        assert!(when("60m").unwrap().abs_diff(hour) < 2);
        assert!(when("1d").unwrap().abs_diff(hour + 23 * 3600) < 2);
        assert_eq!(when("1900000000"), Ok(1_900_000_000));
        for wrong in ["", "h", "1w", "soon", "9999999999d", "å"] {
            assert!(when(wrong).is_err(), "{wrong}");
        }
    }
}
