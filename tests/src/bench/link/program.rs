//! Who takes part: the programs, and what each of them is told and tells.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use fika_media::Timestamp;

use super::picture::Record;
use super::{chromium, fika};
use crate::bench::hearing::Heard;
use crate::netns::Right;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    Fika,
    Chromium,
    /// With VP8 instead of H.264.
    ChromiumVp8,
}

impl Program {
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Fika, "fika", "Fika"),
        (Self::Chromium, "chromium", "Chromium"),
        (Self::ChromiumVp8, "vp8", "Chromium VP8"),
    ];

    /// As it is named on the command line and in files; for people.
    fn names(self) -> (&'static str, &'static str) {
        Self::ALL.iter().find(|(program, ..)| *program == self).map_or(("", ""), |(_, key, title)| (key, title))
    }

    pub(super) fn start(self, place: &Place<'_>) -> anyhow::Result<Box<dyn End>> {
        Ok(match self {
            Self::Fika => Box::new(fika::Cli::start(place)?),
            Self::Chromium => Box::new(chromium::Tab::start(place, "h264")?),
            Self::ChromiumVp8 => Box::new(chromium::Tab::start(place, "vp8")?),
        })
    }
}

/// Who sends and who receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    pub sender: Program,
    pub receiver: Program,
}

impl Pair {
    pub const fn both(program: Program) -> Self {
        Self { sender: program, receiver: program }
    }

    /// As it is named on the command line and in files.
    pub fn key(self) -> String {
        format!("{}-{}", self.sender.names().0, self.receiver.names().0)
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}", self.sender.names().1, self.receiver.names().1)
    }
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let program = |name: &str| Program::ALL.iter().find(|(_, key, _)| *key == name).map(|(program, ..)| *program);
        let (sender, receiver) = text.split_once('-').unwrap_or((text, ""));
        match (program(sender), program(receiver)) {
            (Some(sender), Some(receiver)) => Ok(Self { sender, receiver }),
            _ => Err("a pair is SENDER-RECEIVER, each of them fika, chromium or vp8".to_owned()),
        }
    }
}

/// What is sent.
pub struct Media {
    /// 720p30, y4m: a talking head.
    pub clip: PathBuf,
    /// 720p30, y4m: full of detail, and marked.
    pub marked: PathBuf,
    /// 48 kHz, WAV.
    pub speech: PathBuf,
    /// The tone of [`crate::cli::TONE`].
    pub tone: PathBuf,
}

/// What is looked at, beside when which picture came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    Times,
    /// A tone is sent, and when it is heard.
    Sound,
    /// The clip is marked, and each picture kept.
    Pictures,
    /// When an answer was applied.
    Join,
}

/// Where a program stands.
pub(super) struct Place<'a> {
    pub(super) link: &'a str,
    pub(super) media: &'a Media,
    pub(super) watch: Watch,
    pub(super) sends: bool,
    /// `None`: the left one.
    pub(super) right: Option<&'a Right>,
    /// Who receives gives its pictures here, with [`Watch::Pictures`].
    pub(super) record: Option<&'a Arc<Mutex<Record>>>,
}

impl Place<'_> {
    pub(super) fn clip(&self) -> &Path {
        if self.watch == Watch::Pictures { &self.media.marked } else { &self.media.clip }
    }
}

/// A picture as its receiver tells of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture {
    /// On the clock that all processes share.
    pub(super) at: Timestamp,
    pub(super) captured: Option<Timestamp>,
    pub(super) lines: u32,
}

/// What a program tells at the end.
#[derive(Default)]
pub(super) struct Evidence {
    /// Of who receives.
    pub(super) pictures: Vec<Picture>,
    /// Of who receives, with [`Watch::Sound`].
    pub(super) heard: Heard,
    /// When the other's answer was applied, with [`Watch::Join`], by who has offered.
    pub(super) answered: Option<Timestamp>,
}

/// A program that takes part. Sends from its start on, or tells at the end what it has shown.
pub(super) trait End {
    fn pid(&self) -> u32;
    /// Returns when pictures arrive.
    fn wait(&mut self) -> anyhow::Result<()>;
    /// Leaves.
    fn finish(self: Box<Self>) -> anyhow::Result<Evidence>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_names() {
        for text in ["fika-fika", "fika-chromium", "vp8-vp8"] {
            assert_eq!(text.parse::<Pair>().unwrap().key(), text);
        }
        for wrong in ["", "fika", "fika-", "chromium-firefox"] {
            wrong.parse::<Pair>().unwrap_err();
        }
    }
}
