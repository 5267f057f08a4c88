//! What a virtual device keeps from one opening to the next, and what it offers. Any thread.

use std::sync::atomic::AtomicI32;
use std::sync::{Arc, Mutex, OnceLock};

use fika_media::Resolution;
use v4l2_sys_mit as abi;

use crate::hooks::Answer;
use crate::setup::{Format, Setup};

pub(crate) const CAPTURE: u32 = abi::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
/// Nobody holds the device's buffers.
pub(crate) const NOBODY: i32 = -1;

pub(crate) struct Device {
    pub(crate) mode: Mutex<Mode>,
    /// The descriptor that has the buffers; others get EBUSY.
    pub(crate) owner: AtomicI32,
}

#[derive(Clone, Copy)]
pub(crate) struct Mode {
    /// `None`: a format that nobody asks for, until one is set.
    pub(crate) format: Option<Format>,
    pub(crate) size: Resolution,
    /// Length of a picture as a fraction of a second.
    pub(crate) interval: (u32, u32),
}

static DEVICES: OnceLock<Vec<Arc<Device>>> = OnceLock::new();

pub(crate) fn all(setup: &Setup) -> &'static [Arc<Device>] {
    DEVICES.get_or_init(|| {
        let format = if setup.odd { None } else { setup.formats.first().copied() };
        let interval = if setup.odd { (1001, 30_000) } else { (1, setup.rates.first().copied().unwrap_or(30)) };
        let size = format.and_then(|format| setup.sizes(format).first().copied());
        let mode = Mode { format, size: size.unwrap_or(Resolution::new(640, 480)), interval };
        let device = |_| Arc::new(Device { mode: Mutex::new(mode), owner: AtomicI32::new(NOBODY) });
        setup.devices.iter().map(device).collect()
    })
}

pub(crate) fn named(fourcc: u32, setup: &Setup) -> Option<Format> {
    setup.formats.iter().copied().find(|format| format.fourcc() == fourcc)
}

/// Cuts at the last whole character that fits, and ends with a zero.
pub(crate) fn text(out: &mut [u8], text: &str) {
    out.fill(0);
    let end = text.floor_char_boundary(out.len() - 1);
    out[..end].copy_from_slice(&text.as_bytes()[..end]);
}

pub(crate) fn list_format(out: &mut abi::v4l2_fmtdesc, setup: &Setup) -> Answer {
    if out.type_ != CAPTURE {
        return Err(libc::EINVAL);
    }
    let format = setup.formats.get(out.index as usize).ok_or(libc::EINVAL)?;
    out.flags = u32::from(*format == Format::Mjpg);
    out.pixelformat = format.fourcc();
    text(&mut out.description, "virtual");
    Ok(0)
}

pub(crate) fn list_size(out: &mut abi::v4l2_frmsizeenum, setup: &Setup) -> Answer {
    let format = named(out.pixel_format, setup).ok_or(libc::EINVAL)?;
    let size = *setup.sizes(format).get(out.index as usize).ok_or(libc::EINVAL)?;
    out.type_ = abi::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE;
    out.__bindgen_anon_1.discrete = abi::v4l2_frmsize_discrete { width: size.width, height: size.height };
    Ok(0)
}

pub(crate) fn list_interval(out: &mut abi::v4l2_frmivalenum, setup: &Setup) -> Answer {
    let format = named(out.pixel_format, setup).ok_or(libc::EINVAL)?;
    if !setup.sizes(format).contains(&Resolution::new(out.width, out.height)) {
        return Err(libc::EINVAL);
    }
    let rate = *setup.rates.get(out.index as usize).ok_or(libc::EINVAL)?;
    out.type_ = abi::v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE;
    out.__bindgen_anon_1.discrete = abi::v4l2_fract { numerator: 1, denominator: rate };
    Ok(0)
}
