//! The window of packets that repairs are made of. One per sent stream, told of each packet as it leaves.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

use super::{HEADER, MARK, Protected, coefficient};

/// Packets of a window, as one byte counts them. Full: the oldest is not protected any more.
pub const MAX_WINDOW: usize = 128;

#[derive(Debug, Default)]
pub struct Encoder {
    /// With the number of the frame that each is of.
    window: VecDeque<(u64, Protected)>,
    frame: u64,
    /// Packets of this frame.
    fresh: usize,
    /// Parts of repairs that frames are owed.
    credit: f64,
    next: u16,
}

impl Encoder {
    /// A packet of the current frame leaves.
    pub fn on_sent(&mut self, packet: Protected) {
        if self.window.len() == MAX_WINDOW {
            self.window.pop_front();
        }
        self.window.push_back((self.frame, packet));
        self.fresh += 1;
    }

    /// The frame is out: how many repairs to send behind it. `ratio`: repairs to packets, `frames`: how many of the last
    /// ones they cover.
    pub fn end_frame(&mut self, ratio: f64, frames: u64) -> usize {
        let oldest = (self.frame + 1).saturating_sub(frames);
        while self.window.front().is_some_and(|(frame, _)| *frame < oldest) {
            self.window.pop_front();
        }
        let fresh = std::mem::take(&mut self.fresh);
        self.frame += 1;
        if ratio <= 0.0 {
            self.credit = 0.0;
            return 0;
        }
        self.credit += ratio * fresh as f64;
        let repairs = self.credit.floor();
        self.credit -= repairs;
        repairs as usize
    }

    /// A repair of the window, and the number of the newest packet in it. `None`: there is nothing to protect.
    pub fn repair(&mut self) -> Option<(u16, Bytes)> {
        let (first, newest) = (self.window.front()?.1.sequence, self.window.back()?.1.sequence);
        let id = self.next;
        self.next = id.wrapping_add(1);
        let size = self.window.iter().map(|(_, packet)| packet.len()).max()?;
        let mut data = BytesMut::with_capacity(HEADER + size);
        data.put_u8(MARK);
        data.put_u16(id);
        data.put_u16(first);
        data.put_u8(self.window.len() as u8);
        data.put_bytes(0, size);
        for (_, packet) in &self.window {
            packet.add_to(&mut data[HEADER..], coefficient(id, packet.sequence));
        }
        Some((newest, data.freeze()))
    }

    /// What was sent so far is not worth a repair.
    pub fn forget(&mut self) {
        self.window.clear();
        (self.fresh, self.credit) = (0, 0.0);
    }
}
