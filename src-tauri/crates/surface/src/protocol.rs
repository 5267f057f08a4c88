//! What passes between the surface and the page over the socket.
//!
//! To the page: text `{"tiles":["me/camera",…]}` first and at each change, which gives tiles their indices;
//! `{"clear":"me/camera"}`; and one binary message for each picture: [`Header`], then packed I420 (Y, U, V), BT.601
//! limited range. From the page: [`Ack`] after each picture that it drew.

use crate::layout::TileId;

pub(crate) const HEADER_BYTES: usize = 32;
pub(crate) const ACK_BYTES: usize = 8;
/// "FIKA" as a little-endian number.
const MAGIC: u32 = 0x414B_4946;
const KIND_I420: u8 = 1;

/// Little-endian: u32 magic, u8 kind, u8 flags (0), u16 tile, u32 seq, u16 width, u16 height, f64 sent, u32 serial,
/// u32 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Header {
    /// Index in the last `tiles` text.
    pub tile: u16,
    /// Counts all pictures of this surface; wraps.
    pub seq: u32,
    pub width: u16,
    pub height: u16,
    /// Unix time in milliseconds, as `Date.now()` has it.
    pub sent: f64,
    /// Of the tile: another value after the tile was away.
    pub serial: u32,
}

impl Header {
    pub(crate) fn write(&self, out: &mut [u8; HEADER_BYTES]) {
        out[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        out[4..6].copy_from_slice(&[KIND_I420, 0]);
        out[6..8].copy_from_slice(&self.tile.to_le_bytes());
        out[8..12].copy_from_slice(&self.seq.to_le_bytes());
        out[12..14].copy_from_slice(&self.width.to_le_bytes());
        out[14..16].copy_from_slice(&self.height.to_le_bytes());
        out[16..24].copy_from_slice(&self.sent.to_le_bytes());
        out[24..28].copy_from_slice(&self.serial.to_le_bytes());
        out[28..32].fill(0);
    }
}

/// Little-endian: u32 tile, u32 seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ack {
    pub seq: u32,
}

impl Ack {
    /// `None`: the page speaks nonsense. The tile's index is not needed: `seq` is unique.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let message: &[u8; ACK_BYTES] = message.try_into().ok()?;
        Some(Self { seq: u32::from_le_bytes([message[4], message[5], message[6], message[7]]) })
    }
}

pub(crate) fn tiles_text<'a>(tiles: impl Iterator<Item = &'a TileId>) -> String {
    serde_json::json!({ "tiles": tiles.collect::<Vec<_>>() }).to_string()
}

pub(crate) fn clear_text(tile: &TileId) -> String {
    serde_json::json!({ "clear": tile }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_what_the_page_reads() {
        let mut out = [0xff; HEADER_BYTES];
        Header { tile: 2, seq: 0x01020304, width: 1280, height: 720, sent: 1.5, serial: 9 }.write(&mut out);
        assert_eq!(&out[0..8], b"FIKA\x01\x00\x02\x00");
        assert_eq!(&out[8..16], [4, 3, 2, 1, 0x00, 0x05, 0xd0, 0x02]);
        assert_eq!(out[16..24], 1.5f64.to_le_bytes());
        assert_eq!(out[24..32], [9, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn an_ack_has_exactly_eight_bytes() {
        assert_eq!(Ack::read(&[1, 0, 0, 0, 7, 1, 0, 0]), Some(Ack { seq: 263 }));
        assert_eq!(Ack::read(&[0; 7]), None);
        assert_eq!(Ack::read(&[0; 9]), None);
    }

    #[test]
    fn texts_are_json() {
        let tiles = [TileId("me/camera".into()), TileId("\"".into())];
        assert_eq!(tiles_text(tiles.iter()), r#"{"tiles":["me/camera","\""]}"#);
        assert_eq!(clear_text(&tiles[0]), r#"{"clear":"me/camera"}"#);
    }
}
