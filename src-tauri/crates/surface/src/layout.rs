//! What the page tells: one message for each layout change, at most one per animation frame.

use serde::{Deserialize, Serialize};

/// `participant "/" source`, for example `me/camera`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, specta::Type)]
pub struct TileId(pub String);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct Layout {
    /// Device pixels per CSS pixel.
    pub device_pixel_ratio: f64,
    /// What lies behind the tiles.
    pub stage: Rgb,
    /// Milliseconds in which tiles that were there before come to their new places; 0: at once.
    pub glide: u32,
    pub tiles: Vec<TileRect>,
    /// Everything that lies over video: labels, menus, dialogs, toasts. Painted in the order of `z`, then of the list.
    pub overlays: Vec<Overlay>,
}

/// An opaque colour, 0 to 255 each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
pub struct Rgb {
    pub r: u8,
    pub g: u8,
    pub b: u8,
}

/// A box of the page in CSS pixels from the window's top left corner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct TileRect {
    pub id: TileId,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub radius: f64,
    pub fit: Fit,
    pub mirror: bool,
    /// Higher lies above.
    pub z: u8,
    /// The picture stands still: it is shown dark.
    pub dim: bool,
    /// `None`: the whole picture.
    pub zoom: Option<Zoom>,
}

/// A part of the picture, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, specta::Type)]
pub struct Zoom {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Fit {
    /// Crop to fill.
    #[default]
    Cover,
    /// Bars at the sides.
    Contain,
}

/// A box over video, CSS pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct Overlay {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub radius: f64,
    /// Lies over the tiles whose `z` is not higher.
    pub z: u8,
    /// 1: what the page shows there; less: mixed with the video below.
    pub opacity: f64,
}
