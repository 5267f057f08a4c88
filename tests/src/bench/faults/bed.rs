//! What a call has beside two programs and a server: relays, a wire that can break, clocks that can be set.

use std::ffi::OsString;

use super::wire::Wire;
use super::{HOME, RELAYS};
use crate::between::{Attack, Between};
use crate::isolated::Env;
use crate::netns;
use crate::tls::Certificate;
use crate::turn::{PASSWORD, Turn, USER};
use crate::wallclock::WallClock;

const SECRET: &str = "kept between two servers";
/// Credentials hold for an hour. To a TURN server whose clock is so much ahead, they hold for five minutes and a half: longer
/// than new ones take to come, which is five minutes.
pub(super) const AHEAD: i32 = 3600 - 330;

#[derive(Clone, Copy)]
pub(super) struct Bed {
    /// Two instances are the server.
    pub(super) instances: bool,
    pub(super) turn: Relays,
    /// Whoever joins reaches the server over a [`Wire`].
    pub(super) wire: bool,
    /// The addresses that whoever joins tells are overheard.
    pub(super) overheard: bool,
    /// The wall clocks of who joins and of the server can be set.
    pub(super) clocks: bool,
}

/// The TURN servers that are named to both.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Relays {
    None,
    /// One, over UDP and TCP. Nobody has to go through it.
    Streams,
    /// So many, and both go through them alone.
    Alone(usize),
    /// One, and both go through it alone, with credentials that run out.
    RunningOut,
}

pub(super) const PLAIN: Bed =
    Bed { instances: false, turn: Relays::None, wire: false, overheard: false, clocks: false };

/// What of it runs as long as the call.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) turn: Vec<Turn>,
    pub(super) wire: Option<Wire>,
    pub(super) between: Option<Between>,
    /// Of who joins, and of the server.
    pub(super) clocks: Option<[WallClock; 2]>,
    /// Of the TURN server.
    pub(super) turn_clock: Option<WallClock>,
    /// What the server is told of the TURN servers.
    pub(super) named: Vec<OsString>,
}

impl Beside {
    /// What has to be there before the server is. `folder`: for its files.
    pub(super) fn open(bed: Bed, folder: &std::path::Path) -> anyhow::Result<Self> {
        let mut beside = Self::default();
        for relay in RELAYS.iter().take(bed.turn.count()) {
            netns::ip(&format!("address replace {relay}/32 dev lo"));
        }
        match bed.turn {
            Relays::None => {}
            Relays::Streams => {
                let turn = Turn::with_streams(RELAYS[0], &Certificate::named(RELAYS[0], |_| ()))?;
                beside.name(&turn.server(PASSWORD));
                beside.name(&format!("{},{USER},{PASSWORD}", turn.tcp_url()));
                beside.turn.push(turn);
            }
            Relays::Alone(count) => {
                for relay in RELAYS.iter().take(count) {
                    let turn = Turn::start(relay)?;
                    beside.name(&turn.server(PASSWORD));
                    beside.turn.push(turn);
                }
            }
            Relays::RunningOut => {
                let clock = WallClock::new(AHEAD)?;
                let turn = Turn::with_secret_in(RELAYS[0], SECRET, clock.env())?;
                let file = folder.join("turn.secret");
                std::fs::write(&file, SECRET)?;
                beside.name(&turn.url());
                beside.named.extend(["--turn-secret-file".into(), file.into()]);
                beside.turn.push(turn);
                beside.turn_clock = Some(clock);
            }
        }
        if bed.clocks {
            beside.clocks = Some([WallClock::new(0)?, WallClock::new(0)?]);
        }
        Ok(beside)
    }

    fn name(&mut self, turn: &str) {
        self.named.extend(["--ice-server".into(), turn.into()]);
    }

    /// The link for whoever joins, to a server at this address.
    pub(super) fn link(&mut self, bed: Bed, link: &str, server: &str) -> anyhow::Result<String> {
        if bed.overheard {
            let between = Between::listen(HOME, link, Attack::None);
            let link = between.link.clone();
            self.between = Some(between);
            return Ok(link);
        }
        if bed.wire {
            let wire = Wire::lay(HOME, server.parse()?)?;
            let link = link.replace(server, &wire.address.to_string());
            self.wire = Some(wire);
            return Ok(link);
        }
        Ok(link.to_owned())
    }

    /// For who joins, and for the server.
    pub(super) fn environments(&self) -> [Env; 2] {
        self.clocks.as_ref().map(|clocks| clocks.each_ref().map(WallClock::env)).unwrap_or_default()
    }
}

impl Relays {
    const fn count(self) -> usize {
        match self {
            Self::None => 0,
            Self::Streams | Self::RunningOut => 1,
            Self::Alone(count) => count,
        }
    }

    /// For both.
    pub(super) const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::None | Self::Streams => &[],
            Self::Alone(_) | Self::RunningOut => &["--relay-only"],
        }
    }
}
