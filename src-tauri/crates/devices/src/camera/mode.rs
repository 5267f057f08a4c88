//! Which of a camera's modes to use. Pure; runs on the thread that opens the camera.

use fika_media::Resolution;
use fika_media::device::CameraRequest;

/// Pixel formats that are converted here, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PixelFormat {
    Yuyv,
    #[allow(dead_code, reason = "macOS gives none that could be used")]
    Nv12,
    Mjpeg,
}

/// One mode a camera offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mode {
    pub(super) size: Resolution,
    pub(super) frame_rate: u32,
    pub(super) format: PixelFormat,
}

/// Larger pictures than this are never asked for: no encoder setting of ours uses them and a slow camera offers them
/// at one picture a second.
const MAX_PIXELS: u64 = 1920 * 1080;

/// The usable modes, best first. Size and frame rate weigh against each other: a camera that has 720p only at ten
/// pictures a second is better used at 480p; between equals the format that costs less to convert wins. The order of
/// `modes` does not matter.
pub(super) fn ranked(modes: &[Mode], request: CameraRequest) -> Vec<Mode> {
    let mut ranked: Vec<(f64, Mode)> = modes
        .iter()
        .filter(|mode| mode.frame_rate > 0 && (1..=MAX_PIXELS).contains(&mode.size.pixels()))
        .map(|mode| (cost(mode, request), *mode))
        .collect();
    ranked.sort_by(|(a, x), (b, y)| {
        let key = |mode: &Mode| (mode.format, mode.size.pixels(), mode.size.width, mode.frame_rate);
        a.total_cmp(b).then_with(|| key(x).cmp(&key(y)))
    });
    ranked.dedup_by(|(_, a), (_, b)| a == b);
    ranked.into_iter().map(|(_, mode)| mode).collect()
}

fn cost(mode: &Mode, request: CameraRequest) -> f64 {
    let wanted = request.resolution;
    let size = ratio(mode.size.pixels() as f64, wanted.pixels().max(1) as f64);
    let aspect = |size: Resolution| f64::from(size.width) / f64::from(size.height.max(1));
    let shape = ratio(aspect(mode.size), aspect(wanted));
    let (rate, wanted_rate) = (f64::from(mode.frame_rate), f64::from(request.frame_rate.max(1)));
    // Missing pictures are seen at once; surplus ones only cost bus bandwidth.
    let pace = if rate < wanted_rate { 2.5 * (1.0 - rate / wanted_rate) } else { 0.05 * (rate / wanted_rate - 1.0) };
    let convert = match mode.format {
        PixelFormat::Yuyv => 0.0,
        PixelFormat::Nv12 => 0.01,
        PixelFormat::Mjpeg => 0.04,
    };
    size + 0.5 * shape + pace + convert
}

/// Distance of two positive numbers: zero when equal, the same for twice and for half.
fn ratio(a: f64, b: f64) -> f64 {
    (a / b).ln().abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(width: u32, height: u32, frame_rate: u32, format: PixelFormat) -> Mode {
        Mode { size: Resolution::new(width, height), frame_rate, format }
    }

    fn best(modes: &[Mode]) -> Mode {
        let forward = ranked(modes, CameraRequest::default())[0];
        let mut reversed = modes.to_vec();
        reversed.reverse();
        assert_eq!(forward, ranked(&reversed, CameraRequest::default())[0], "the order of the list must not matter");
        forward
    }

    use PixelFormat::{Mjpeg, Nv12, Yuyv};

    #[test]
    fn usb2_webcam_takes_mjpeg_for_720p30() {
        // What a common USB 2 webcam lists: raw 720p fits the bus only ten times a second.
        let modes = [
            mode(640, 480, 30, Yuyv),
            mode(1280, 720, 10, Yuyv),
            mode(1920, 1080, 5, Yuyv),
            mode(640, 480, 30, Mjpeg),
            mode(1280, 720, 30, Mjpeg),
            mode(1920, 1080, 30, Mjpeg),
            mode(3840, 2160, 30, Mjpeg),
        ];
        assert_eq!(best(&modes), mode(1280, 720, 30, Mjpeg));
    }

    #[test]
    fn cheapest_format_wins_between_equals() {
        let modes = [mode(1280, 720, 30, Mjpeg), mode(1280, 720, 30, Nv12), mode(1280, 720, 30, Yuyv)];
        assert_eq!(best(&modes), mode(1280, 720, 30, Yuyv));
        assert_eq!(best(&modes[..2]), mode(1280, 720, 30, Nv12));
    }

    #[test]
    fn a_slow_large_mode_loses_against_a_fluent_smaller_one() {
        let modes = [mode(1280, 720, 5, Yuyv), mode(640, 480, 30, Yuyv), mode(3840, 2160, 1, Mjpeg)];
        assert_eq!(best(&modes), mode(640, 480, 30, Yuyv));
    }

    #[test]
    fn sixty_pictures_are_not_preferred_to_thirty() {
        assert_eq!(best(&[mode(1280, 720, 60, Yuyv), mode(1280, 720, 30, Yuyv)]), mode(1280, 720, 30, Yuyv));
    }

    #[test]
    fn unusable_modes_are_left_out() {
        let modes = [mode(1280, 720, 0, Yuyv), mode(0, 720, 30, Yuyv), mode(3840, 2160, 30, Mjpeg)];
        assert!(ranked(&modes, CameraRequest::default()).is_empty());
    }

    #[test]
    fn repeated_modes_are_listed_once() {
        let modes = [mode(1280, 720, 30, Yuyv), mode(640, 480, 30, Yuyv), mode(1280, 720, 30, Yuyv)];
        assert_eq!(ranked(&modes, CameraRequest::default()).len(), 2);
    }
}
