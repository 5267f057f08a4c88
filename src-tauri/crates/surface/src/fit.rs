//! Which part of a picture a tile shows, and how many pixels of it are sent. Pure arithmetic.

use fika_media::Resolution;

use crate::layout::{Fit, TileRect};

/// Largest side of a tile in device pixels; larger values from the page are cut.
const MAX_SIDE: f64 = 8192.0;

/// What a tile wants, in device pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    pub width: u32,
    pub height: u32,
    pub fit: Fit,
    pub mirror: bool,
}

/// The part of the source to take and the size to send it in. Every number is even, for the halved colour planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub x: u32,
    pub y: u32,
    pub crop: Resolution,
    pub size: Resolution,
}

impl Target {
    /// `None`: the tile is too small to show anything.
    pub(crate) fn of(rect: &TileRect, device_pixel_ratio: f64) -> Option<Self> {
        let side = |css: f64| (css * device_pixel_ratio).round().clamp(0.0, MAX_SIDE) as u32;
        let (width, height) = (side(rect.width), side(rect.height));
        (width >= 2 && height >= 2).then_some(Self { width, height, fit: rect.fit, mirror: rect.mirror })
    }

    /// A `Cover` tile gets exactly the part it shows; a `Contain` tile the whole picture, without bars: the page
    /// centres it. Never larger than the source. `None`: the source has less than two pixels on a side.
    pub(crate) fn plan(&self, source: Resolution) -> Option<Plan> {
        if source.width < 2 || source.height < 2 {
            return None;
        }
        let (source_width, source_height) = (f64::from(source.width), f64::from(source.height));
        let aspect = f64::from(self.width) / f64::from(self.height);
        let (crop_width, crop_height) = match self.fit {
            Fit::Contain => (source_width, source_height),
            Fit::Cover => (source_width.min(source_height * aspect), source_height.min(source_width / aspect)),
        };
        let shrink = (f64::from(self.width) / crop_width).min(f64::from(self.height) / crop_height).min(1.0);
        let crop = Resolution::new(even(crop_width, source.width), even(crop_height, source.height));
        Some(Plan {
            x: ((source.width - crop.width) / 2) & !1,
            y: ((source.height - crop.height) / 2) & !1,
            crop,
            size: Resolution::new(even(crop_width * shrink, crop.width), even(crop_height * shrink, crop.height)),
        })
    }
}

/// The nearest even number, at least 2 and at most `limit`.
fn even(value: f64, limit: u32) -> u32 {
    ((value / 2.0).round() as u32 * 2).clamp(2, limit.max(2) & !1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(width: u32, height: u32, fit: Fit) -> Target {
        Target { width, height, fit, mirror: false }
    }

    fn plan(source: (u32, u32), target: Target) -> (u32, u32, (u32, u32), (u32, u32)) {
        let plan = target.plan(Resolution::new(source.0, source.1)).unwrap();
        (plan.x, plan.y, (plan.crop.width, plan.crop.height), (plan.size.width, plan.size.height))
    }

    #[test]
    fn cover_cuts_the_sides_that_do_not_fit() {
        assert_eq!(plan((1280, 720), target(640, 360, Fit::Cover)), (0, 0, (1280, 720), (640, 360)));
        assert_eq!(plan((1280, 720), target(480, 360, Fit::Cover)), (160, 0, (960, 720), (480, 360)));
        assert_eq!(plan((640, 480), target(640, 360, Fit::Cover)), (0, 60, (640, 360), (640, 360)));
    }

    #[test]
    fn contain_keeps_the_whole_picture_and_adds_no_bars() {
        assert_eq!(plan((1280, 720), target(400, 400, Fit::Contain)), (0, 0, (1280, 720), (400, 226)));
        assert_eq!(plan((480, 640), target(400, 320, Fit::Contain)), (0, 0, (480, 640), (240, 320)));
    }

    #[test]
    fn nothing_is_enlarged() {
        assert_eq!(plan((640, 360), target(2560, 1440, Fit::Cover)), (0, 0, (640, 360), (640, 360)));
        assert_eq!(plan((640, 360), target(2560, 2560, Fit::Cover)), (140, 0, (360, 360), (360, 360)));
    }

    #[test]
    fn a_tile_without_area_and_a_speck_of_a_picture_are_left_out() {
        let rect = TileRect {
            id: crate::TileId("me/camera".into()),
            x: 0.0,
            y: 0.0,
            width: 100.0,
            height: f64::NAN,
            radius: 0.0,
            fit: Fit::Cover,
            mirror: true,
            z: 0,
            dim: false,
            zoom: None,
        };
        assert_eq!(Target::of(&rect, 1.0), None);
        assert_eq!(Target::of(&TileRect { height: 0.9, ..rect.clone() }, 1.0), None);
        let tile = Target::of(&TileRect { height: 50.2, ..rect }, 1.5).unwrap();
        assert_eq!((tile.width, tile.height, tile.mirror), (150, 75, true));
        assert_eq!(tile.plan(Resolution::new(1, 100)), None);
    }

    proptest! {
        #[test]
        fn every_plan_is_even_and_inside_the_source(
            source in (2u32..4000, 2u32..4000), tile in (2u32..8192, 2u32..8192), contain: bool,
        ) {
            let fit = if contain { Fit::Contain } else { Fit::Cover };
            let (x, y, crop, size) = plan(source, target(tile.0, tile.1, fit));
            prop_assert!([x, y, crop.0, crop.1, size.0, size.1].iter().all(|n| n % 2 == 0));
            prop_assert!(x + crop.0 <= source.0 && y + crop.1 <= source.1);
            prop_assert!(size.0 >= 2 && size.1 >= 2 && size.0 <= crop.0 && size.1 <= crop.1);
            prop_assert!(size.0 <= tile.0 + 2 && size.1 <= tile.1 + 2);
        }
    }
}
