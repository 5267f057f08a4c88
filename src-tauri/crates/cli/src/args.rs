//! The command line, as docs/cli.md promises it.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use fika_call::signal::IceServer;
use fika_media::Resolution;

use crate::ring::{Listen, Ring};
use crate::room::args::Room;

/// Of our video, in kbit/s.
const MAX_BITRATE: u32 = 2500;

/// Fika without a window: rooms, bots and measurements.
#[derive(Debug, Parser)]
#[command(name = "fika-cli", version)]
pub(crate) struct Arguments {
    /// Believe the authorities in this file too, in PEM, beside those that this computer believes.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) ca: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List cameras, microphones and speakers.
    Devices {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Run a signalling server until Ctrl-C.
    Serve {
        /// Where to listen.
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:7420")]
        listen: SocketAddr,
    },
    /// Open a room, print its link as the first line, and stay in the call.
    Call {
        #[command(flatten)]
        media: Media,
    },
    /// Join the call of a link.
    Join {
        link: String,
        #[command(flatten)]
        media: Media,
    },
    /// Call somebody who listens, and stay in the call.
    Ring(Box<Ring>),
    /// Wait for one call, and answer it.
    Listen(Box<Listen>),
    /// Open rooms, host them, and sit in them with everything that a room has.
    Room {
        #[command(subcommand)]
        command: Room,
    },
}

/// Who takes part, and how they are reached.
#[derive(Clone, Debug, Args)]
pub(crate) struct Seat {
    /// What the others see.
    #[arg(long, default_value = "fika-cli")]
    pub(crate) name: String,
    /// A STUN or TURN server: stun:HOST:PORT, or turn:HOST:PORT,USER,PASSWORD. May be repeated.
    #[arg(long = "ice-server", value_name = "URL[,USER,PASSWORD]", value_parser = ice_server)]
    pub(crate) ice_servers: Vec<IceServer>,
    /// Only through a TURN server.
    #[arg(long)]
    pub(crate) relay_only: bool,
    /// Where files that others send are kept, once they are accepted; the user's downloads without it.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) downloads: Option<PathBuf>,
    /// The largest file that is taken, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    pub(crate) max_file: u32,
    /// Give away as little as possible: only through a TURN server, and packets of sound all of one size.
    #[arg(long)]
    pub(crate) private: bool,
    /// The file with our key, made when it is not there; without one the others see a new key each time.
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// Bind the sockets of media here instead of to every interface, and ask no multicast DNS. May be repeated.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) bind: Vec<SocketAddr>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Media {
    #[command(flatten)]
    pub(crate) seat: Seat,
    /// `default`, a device's id, `file:PATH`, `test` or `none`.
    #[arg(long, value_name = "SRC", value_parser = camera)]
    pub(crate) camera: Option<Source>,
    /// `default`, a device's id, `file:PATH`, `test`, `beep` or `none`.
    #[arg(long, value_name = "SRC")]
    pub(crate) microphone: Option<Source>,
    /// `default`, a device's id or `none`.
    #[arg(long, value_name = "SINK")]
    pub(crate) speaker: Option<Sink>,
    /// Largest picture and rate to send.
    #[arg(long, value_name = "WxH@FPS", default_value_t = Video::DEFAULT)]
    pub(crate) video: Video,
    /// Most that our video takes.
    #[arg(long, value_name = "KBPS", default_value_t = MAX_BITRATE, value_parser = clap::value_parser!(u32).range(50..=50_000))]
    pub(crate) max_bitrate: u32,
    /// Leave this many seconds after the first media connection.
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) duration: Option<Duration>,
    /// Write statistics once a second, one JSON object a line.
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) stats: Option<PathBuf>,
    /// Record the first other participant's pictures as they are presented, with times in FILE.y4m.csv.
    #[arg(long, value_name = "FILE.y4m")]
    pub(crate) record_video: Option<PathBuf>,
    /// Of the recorded pictures; without it, that of the first one.
    #[arg(long, value_name = "WxH", value_parser = size, requires = "record_video")]
    pub(crate) record_size: Option<Resolution>,
    /// Record when each of these pictures was presented, and its size, without the pictures.
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) record_times: Option<PathBuf>,
    /// Record the mixed playout.
    #[arg(long, value_name = "FILE.wav")]
    pub(crate) record_audio: Option<PathBuf>,
    /// The server that opens the room; without it this computer does. `join` takes the link's.
    #[arg(long, value_name = "URL", value_parser = server)]
    pub(crate) server: Option<url::Url>,
}

impl Media {
    /// A seat where nothing is heard, seen, played or written down.
    pub(crate) fn off(seat: Seat) -> Self {
        Self {
            seat,
            camera: Some(Source::None),
            microphone: Some(Source::None),
            speaker: Some(Sink::None),
            video: Video::DEFAULT,
            max_bitrate: MAX_BITRATE,
            duration: None,
            stats: None,
            record_video: None,
            record_size: None,
            record_times: None,
            record_audio: None,
            server: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    Id(String),
    File(PathBuf),
    Test,
    /// Of a microphone only.
    Beep,
    None,
}

impl Source {
    /// Id of a device of this machine.
    pub(crate) fn device(&self) -> Option<&str> {
        if let Self::Id(id) = self { Some(id) } else { None }
    }
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "default" => Self::Default,
            "test" => Self::Test,
            "beep" => Self::Beep,
            "none" => Self::None,
            text => match text.strip_prefix("file:") {
                Some(path) => Self::File(path.into()),
                None => Self::Id(text.to_owned()),
            },
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    Default,
    Id(String),
    None,
}

impl Sink {
    /// Id of a device of this machine.
    pub(crate) fn device(&self) -> Option<&str> {
        if let Self::Id(id) = self { Some(id) } else { None }
    }
}

impl FromStr for Sink {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "default" => Self::Default,
            "none" => Self::None,
            text => Self::Id(text.to_owned()),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Video {
    pub(crate) resolution: Resolution,
    pub(crate) frame_rate: u32,
}

impl Video {
    const DEFAULT: Self = Self { resolution: Resolution::new(1280, 720), frame_rate: 30 };
}

impl fmt::Display for Video {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}@{}", self.resolution.width, self.resolution.height, self.frame_rate)
    }
}

impl FromStr for Video {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = "write it as 1280x720@30";
        let (resolution, rate) = text.split_once('@').ok_or(form)?;
        let (resolution, frame_rate) = (size(resolution)?, rate.parse().map_err(|_| form)?);
        if !(1..=60).contains(&frame_rate) {
            return Err("the rate is from 1 to 60 pictures a second");
        }
        Ok(Self { resolution, frame_rate })
    }
}

fn size(text: &str) -> Result<Resolution, &'static str> {
    let form = "write a size as 1280x720";
    let (width, height) = text.split_once('x').ok_or(form)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| form);
    let (width, height) = (number(width)?, number(height)?);
    if !(16..=3840).contains(&width) || !(16..=2160).contains(&height) || width % 2 + height % 2 > 0 {
        return Err("width and height are even, from 16x16 to 3840x2160");
    }
    Ok(Resolution::new(width, height))
}

fn camera(text: &str) -> Result<Source, &'static str> {
    match text.parse() {
        Ok(Source::Beep) => Err("a camera does not beep: test is its counterpart"),
        Ok(source) => Ok(source),
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or("this is a number of seconds, like 30 or 2.5")
}

/// As it can be shown.
pub(crate) fn name(text: &str) -> String {
    fika_call::machine::clean_name(text)
}

pub(crate) fn server(text: &str) -> Result<url::Url, &'static str> {
    let form = "write it as https://HOST[:PORT]";
    let url = url::Url::parse(text).map_err(|_| form)?;
    if matches!(url.scheme(), "http" | "https") && url.host().is_some() { Ok(url) } else { Err(form) }
}

/// `URL` or `URL,USER,PASSWORD`; the password may hold commas.
fn ice_server(text: &str) -> Result<IceServer, &'static str> {
    let form = "write stun:HOST:PORT or turn:HOST:PORT,USER,PASSWORD";
    let mut parts = text.splitn(3, ',');
    let url = parts.next().unwrap_or_default();
    let (scheme, _) = url.split_once(':').ok_or(form)?;
    let (username, credential) = (parts.next().map(str::to_owned), parts.next().map(str::to_owned));
    match scheme {
        "stun" | "stuns" if username.is_none() => {}
        "turn" | "turns" if credential.is_some() => {}
        "turn" | "turns" => return Err("a TURN server needs a user and a password: URL,USER,PASSWORD"),
        _ => return Err(form),
    }
    Ok(IceServer { urls: vec![url.to_owned()], username, credential })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Arguments::try_parse_from(line.split(' ')).map(|arguments| arguments.command)
    }

    #[test]
    fn the_documented_line_is_read() {
        let line = "fika-cli join http://h/j/a#b --name Bo --camera file:a.y4m --microphone test --speaker none \
                    --video 640x360@15 --max-bitrate 800 --duration 2.5 --stats s.jsonl --record-video v.y4m --record-times t.csv \
                    --record-audio a.wav --server https://example.org --ice-server stun:h:3478 \
                    --ice-server turn:h:3478,u,p,w --relay-only --bind [::1]:0";
        let Ok(Command::Join { link, media }) = parse(line) else { panic!("{line}") };
        assert_eq!(link, "http://h/j/a#b");
        assert_eq!(media.camera, Some(Source::File("a.y4m".into())));
        assert_eq!((media.microphone, media.speaker), (Some(Source::Test), Some(Sink::None)));
        assert_eq!(media.video, Video { resolution: Resolution::new(640, 360), frame_rate: 15 });
        assert_eq!(media.duration, Some(Duration::from_millis(2500)));
        assert_eq!(media.seat.ice_servers[1].credential.as_deref(), Some("p,w"));
        assert!(media.seat.relay_only);
        assert_eq!(media.seat.bind, [SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0))]);
    }

    #[test]
    fn what_is_no_argument_is_refused() {
        for wrong in [
            "fika-cli",
            "fika-cli join",
            "fika-cli call --video 1280x720",
            "fika-cli call --video 1281x720@30",
            "fika-cli call --video 1280x720@0",
            "fika-cli call --record-video a.y4m --record-size 1281x720",
            "fika-cli call --record-size 1280x720",
            "fika-cli call --camera beep",
            "fika-cli call --duration -1",
            "fika-cli call --duration soon",
            "fika-cli call --server example.org",
            "fika-cli call --ice-server turn:h:1",
            "fika-cli call --max-bitrate 0",
            "fika-cli call --bind here",
            "fika-cli serve --listen here",
            "fika-cli room",
            "fika-cli room open",
            "fika-cli room open --server https://example.org --until soon",
            "fika-cli room lock http://h/j/a#b",
            "fika-cli room ask http://h/j/a#b --host-key k p1 money",
        ] {
            let error = parse(wrong).expect_err(wrong);
            assert_eq!(error.exit_code(), 2, "{wrong}");
        }
    }
}
