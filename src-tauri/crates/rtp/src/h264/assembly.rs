//! One access unit while its packets arrive in order.

use bytes::{BufMut, Bytes, BytesMut};
use fika_media::Timestamp;

use super::{
    DELIMITER, FORBIDDEN, FU_A, FU_END, FU_START, IDR, MAX_ACCESS_UNIT, NRI_MASK, PPS, SEI, SLICE, SPS, STAP_A,
    nal_type,
};
use crate::Packet;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Why the access unit cannot be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) timestamp: u32,
    pub(super) arrived: Timestamp,
    pub(super) captured: Option<Timestamp>,
    pub(super) sender_time: Option<Timestamp>,
    data: BytesMut,
    keyframe: bool,
    /// Type of the unit whose fragments are arriving.
    fragment: Option<u8>,
}

impl Assembly {
    pub(super) fn new(packet: &Packet) -> Self {
        Self {
            timestamp: packet.timestamp,
            arrived: packet.arrived,
            captured: None,
            sender_time: None,
            data: BytesMut::with_capacity(16 * 1024),
            keyframe: false,
            fragment: None,
        }
    }

    /// Takes the next packet of the unit, in order.
    pub(super) fn push(&mut self, packet: &Packet) -> Result<(), Broken> {
        self.arrived = self.arrived.min(packet.arrived);
        self.captured = self.captured.or(packet.captured);
        self.sender_time = self.sender_time.or(packet.sender_time);
        // An empty payload is padding that probes for bandwidth.
        let Some(header) = packet.payload.first() else { return Ok(()) };
        let kind = nal_type(*header);
        if kind != FU_A && self.fragment.is_some() {
            return Err(Broken);
        }
        match kind {
            1..=23 => self.unit(&packet.payload),
            STAP_A => self.aggregate(&packet.payload[1..]),
            FU_A => self.fragment(&packet.payload),
            // Interleaved mode and the reserved types are not negotiated.
            _ => Err(Broken),
        }
    }

    /// The Annex B access unit and whether it is a keyframe. `None`: empty, or a fragment is missing.
    pub(super) fn finish(self) -> Option<(Bytes, bool)> {
        (self.fragment.is_none() && !self.data.is_empty()).then(|| (self.data.freeze(), self.keyframe))
    }

    fn unit(&mut self, unit: &[u8]) -> Result<(), Broken> {
        self.begin(unit[0], unit.len())?;
        self.data.put_slice(&unit[1..]);
        Ok(())
    }

    fn begin(&mut self, header: u8, size: usize) -> Result<(), Broken> {
        self.fits(START_CODE.len() + size)?;
        self.keyframe |= nal_type(header) == IDR;
        self.data.put_slice(&START_CODE);
        self.data.put_u8(header);
        Ok(())
    }

    fn fits(&self, more: usize) -> Result<(), Broken> {
        if self.data.len() + more > MAX_ACCESS_UNIT { Err(Broken) } else { Ok(()) }
    }

    fn aggregate(&mut self, mut units: &[u8]) -> Result<(), Broken> {
        while !units.is_empty() {
            let (size, rest) = units.split_first_chunk::<2>().ok_or(Broken)?;
            let (unit, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*size))).ok_or(Broken)?;
            let header = unit.first().ok_or(Broken)?;
            if !(1..=23).contains(&nal_type(*header)) {
                return Err(Broken);
            }
            self.unit(unit)?;
            units = rest;
        }
        Ok(())
    }

    fn fragment(&mut self, payload: &[u8]) -> Result<(), Broken> {
        let (head, body) = payload.split_first_chunk::<2>().ok_or(Broken)?;
        let [indicator, fu_header] = *head;
        let kind = nal_type(fu_header);
        if fu_header & FU_START != 0 {
            // A start while another unit is open: that one's end is lost.
            if self.fragment.is_some() || !(1..=23).contains(&kind) {
                return Err(Broken);
            }
            self.begin(indicator & (FORBIDDEN | NRI_MASK) | kind, 1 + body.len())?;
            self.fragment = Some(kind);
        } else if self.fragment != Some(kind) {
            return Err(Broken);
        }
        self.fits(body.len())?;
        self.data.put_slice(body);
        if fu_header & FU_END != 0 {
            self.fragment = None;
        }
        Ok(())
    }
}

/// The packet can be the first of an access unit: it holds what stands before the first slice, or the first slice.
pub(super) fn begins_access_unit(payload: &[u8]) -> bool {
    // `first_mb_in_slice` is ue(v): its first bit is set exactly when it is 0.
    let first_slice = |kind: u8, body: Option<&u8>| match kind {
        SLICE | IDR => body.is_some_and(|byte| byte & 0x80 != 0),
        SEI | SPS | PPS | DELIMITER => true,
        _ => false,
    };
    match payload {
        [] => false,
        [header, rest @ ..] => match nal_type(*header) {
            STAP_A => first_slice(rest.get(2).map_or(0, |unit| nal_type(*unit)), rest.get(3)),
            FU_A => match rest {
                [fu_header, body @ ..] => fu_header & FU_START != 0 && first_slice(nal_type(*fu_header), body.first()),
                [] => false,
            },
            kind => first_slice(kind, rest.first()),
        },
    }
}
