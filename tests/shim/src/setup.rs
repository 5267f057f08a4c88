//! What the environment asks for, read once, and the faults that tests switch on and off. Any thread.

use std::path::PathBuf;
use std::sync::OnceLock;

use fika_media::Resolution;

use crate::pictures::{Clip, Jpegs};

/// Pixel formats that can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Yuyv,
    Nv12,
    Mjpg,
}

impl Format {
    const ALL: [(Self, &'static str); 3] = [(Self::Yuyv, "YUYV"), (Self::Nv12, "NV12"), (Self::Mjpg, "MJPG")];

    pub(crate) fn fourcc(self) -> u32 {
        let name = match self {
            Self::Yuyv => *b"YUYV",
            Self::Nv12 => *b"NV12",
            Self::Mjpg => *b"MJPG",
        };
        u32::from_le_bytes(name)
    }

    /// Bytes of the largest picture.
    pub(crate) fn bytes(self, size: Resolution) -> u32 {
        let pixels = size.width * size.height;
        match self {
            Self::Yuyv | Self::Mjpg => pixels * 2,
            Self::Nv12 => pixels + pixels / 2,
        }
    }
}

pub(crate) struct Setup {
    pub(crate) devices: Vec<Device>,
    pub(crate) formats: Vec<Format>,
    sizes: Vec<Resolution>,
    pub(crate) rates: Vec<u32>,
    pub(crate) clip: Option<Clip>,
    pub(crate) jpegs: Option<Jpegs>,
    pub(crate) odd: bool,
    control: Option<PathBuf>,
}

pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) pictures: bool,
}

/// What is wrong with a device now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Unplug,
    Busy,
    Deny,
    Stall,
}

static SETUP: OnceLock<Setup> = OnceLock::new();

pub(crate) fn get() -> &'static Setup {
    SETUP.get_or_init(Setup::read)
}

impl Setup {
    fn read() -> Self {
        let text = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let jpegs = path("V4L2_SHIM_MJPEG").and_then(|path| Jpegs::read(&path));
        let wanted = text("V4L2_SHIM_FORMATS", "YUYV,NV12,MJPG");
        let named = |name: &str| Format::ALL.iter().find(|(_, known)| *known == name).map(|(format, _)| *format);
        let formats = wanted.split(',').filter_map(named);
        Self {
            devices: text("V4L2_SHIM_DEVICES", "Virtual Camera").split('|').map(Device::parse).collect(),
            formats: formats.filter(|format| *format != Format::Mjpg || jpegs.is_some()).collect(),
            sizes: text("V4L2_SHIM_SIZES", "1280x720,640x480,640x360").split(',').filter_map(size).collect(),
            rates: text("V4L2_SHIM_RATES", "30,15").split(',').filter_map(|rate| rate.parse().ok()).collect(),
            clip: path("V4L2_SHIM_CLIP").and_then(|path| Clip::open(&path)),
            jpegs,
            odd: text("V4L2_SHIM_INITIAL", "") == "odd",
            control: path("V4L2_SHIM_CTL"),
        }
    }

    /// Sizes that a format comes in.
    pub(crate) fn sizes(&self, format: Format) -> Vec<Resolution> {
        match (format, &self.jpegs, &self.clip) {
            (Format::Mjpg, Some(jpegs), _) => vec![jpegs.size],
            (Format::Yuyv | Format::Nv12, _, Some(clip)) => vec![clip.size],
            _ => self.sizes.clone(),
        }
    }

    pub(crate) fn has(&self, fault: Fault, device: usize) -> bool {
        let Some(control) = &self.control else { return false };
        let name = match fault {
            Fault::Unplug => "unplug",
            Fault::Busy => "busy",
            Fault::Deny => "deny",
            Fault::Stall => "stall",
        };
        control.join(name).exists() || control.join(format!("{name}-{device}")).exists()
    }
}

impl Device {
    fn parse(text: &str) -> Self {
        match text.strip_suffix("=metadata") {
            Some(name) => Self { name: name.to_owned(), pictures: false },
            None => Self { name: text.to_owned(), pictures: true },
        }
    }
}

fn size(text: &str) -> Option<Resolution> {
    let (width, height) = text.split_once('x')?;
    let size = Resolution::new(width.parse().ok()?, height.parse().ok()?);
    (1..=3840 * 2160).contains(&size.pixels()).then_some(size)
}
