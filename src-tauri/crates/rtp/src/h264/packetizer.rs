//! Access unit to RTP payloads. Runs in the task that sends to a peer; nothing is kept between two calls.

use bytes::{BufMut, Bytes, BytesMut};

use super::{DELIMITER, FILLER, FORBIDDEN, FU_A, FU_END, FU_START, NRI_MASK, PPS, SPS, STAP_A, nal_type, nal_units};

/// Payloads of one access unit in Annex B, each at most `max_payload` bytes (at least 16); the last one carries the
/// marker. Parameter sets that stand together share a STAP-A, large units become FU-A, the others stand alone. Access unit
/// delimiters and filler are left out, as all senders do.
pub fn packetize(access_unit: &Bytes, max_payload: usize) -> Vec<Bytes> {
    let max_payload = max_payload.max(16);
    let mut payloads = Vec::with_capacity(access_unit.len() / max_payload + 4);
    let mut sets: Vec<&[u8]> = Vec::new();
    for unit in nal_units(access_unit) {
        match nal_type(unit[0]) {
            DELIMITER | FILLER => continue,
            SPS | PPS => sets.push(unit),
            _ => {
                aggregate(&mut payloads, &mut sets, access_unit, max_payload);
                single_or_fragments(&mut payloads, unit, access_unit, max_payload);
            }
        }
    }
    aggregate(&mut payloads, &mut sets, access_unit, max_payload);
    payloads
}

/// STAP-A (RFC 6184 section 5.7.1), or one by one where they do not fit together.
fn aggregate(payloads: &mut Vec<Bytes>, sets: &mut Vec<&[u8]>, whole: &Bytes, max_payload: usize) {
    let size = 1 + sets.iter().map(|unit| 2 + unit.len()).sum::<usize>();
    if sets.len() < 2 || size > max_payload {
        for unit in sets.drain(..) {
            single_or_fragments(payloads, unit, whole, max_payload);
        }
        return;
    }
    let importance = sets.iter().map(|unit| unit[0] & NRI_MASK).max().unwrap_or_default();
    let forbidden = sets.iter().fold(0, |bit, unit| bit | unit[0] & FORBIDDEN);
    let mut payload = BytesMut::with_capacity(size);
    payload.put_u8(forbidden | importance | STAP_A);
    for unit in sets.drain(..) {
        payload.put_u16(unit.len() as u16);
        payload.put_slice(unit);
    }
    payloads.push(payload.freeze());
}

/// FU-A (RFC 6184 section 5.8) where the unit is too large to stand alone.
fn single_or_fragments(payloads: &mut Vec<Bytes>, unit: &[u8], whole: &Bytes, max_payload: usize) {
    if unit.len() <= max_payload {
        payloads.push(whole.slice_ref(unit));
        return;
    }
    let (header, body) = (unit[0], &unit[1..]);
    // Fragments of equal size: a short last packet costs as much as a long one.
    let count = body.len().div_ceil(max_payload - 2);
    let size = body.len().div_ceil(count);
    let last = body.len().div_ceil(size) - 1;
    for (index, part) in body.chunks(size).enumerate() {
        let mut fu_header = nal_type(header);
        if index == 0 {
            fu_header |= FU_START;
        }
        if index == last {
            fu_header |= FU_END;
        }
        let mut payload = BytesMut::with_capacity(2 + part.len());
        payload.put_u8(header & (FORBIDDEN | NRI_MASK) | FU_A);
        payload.put_u8(fu_header);
        payload.put_slice(part);
        payloads.push(payload.freeze());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(units: &[&[u8]]) -> Bytes {
        units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
    }

    #[test]
    fn parameter_sets_share_a_packet_and_slices_stand_alone() {
        let payloads = packetize(&unit(&[&[9, 0xf0], &[0x67, 1, 2], &[0x68, 3], &[0x65, 4, 5, 6], &[12, 0xff]]), 100);
        assert_eq!(payloads.len(), 2);
        assert_eq!(payloads[0][..], [0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 3]);
        assert_eq!(payloads[1][..], [0x65, 4, 5, 6]);
    }

    #[test]
    fn large_units_are_fragmented_evenly() {
        let slice: Vec<u8> = std::iter::once(0x65).chain((0..250).map(|i| i as u8 | 1)).collect();
        let payloads = packetize(&unit(&[&slice]), 100);
        assert_eq!(payloads.len(), 3);
        assert!(payloads.iter().all(|p| p.len() <= 100 && p[0] == 0x7c));
        assert_eq!(payloads.iter().map(|p| p[1]).collect::<Vec<_>>(), [0x85, 0x05, 0x45]);
        let body: Vec<u8> = payloads.iter().flat_map(|p| p[2..].to_vec()).collect();
        assert_eq!(body, slice[1..]);
    }

    #[test]
    fn sets_that_do_not_fit_together_go_alone() {
        let payloads = packetize(&unit(&[&[0x67; 60], &[0x68; 60]]), 100);
        assert_eq!(payloads.iter().map(|p| p[0]).collect::<Vec<_>>(), [0x67, 0x68]);
    }

    #[test]
    fn nothing_to_send() {
        assert!(packetize(&Bytes::new(), 1150).is_empty());
        assert!(packetize(&Bytes::from_static(&[1, 2, 3]), 1150).is_empty());
        assert!(packetize(&unit(&[&[9, 0xf0]]), 1150).is_empty());
    }
}
