//! Splits an access unit at its start codes (H.264 annex B).

/// The NAL units of an access unit with three- or four-byte start codes. What stands before the first start code is left
/// out; zeros at the very end are kept, because an encrypted payload may end with one.
pub fn nal_units(access_unit: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = match start_code(access_unit) {
        Some(at) => &access_unit[at + 3..],
        None => &[],
    };
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let unit = match start_code(rest) {
                Some(at) => {
                    let unit = trim_zeros(&rest[..at]);
                    rest = &rest[at + 3..];
                    unit
                }
                None => std::mem::take(&mut rest),
            };
            if !unit.is_empty() {
                return Some(unit);
            }
        }
        None
    })
}

/// Where the next `00 00 01` begins.
fn start_code(data: &[u8]) -> Option<usize> {
    // Steps by what the third byte allows: most bytes are looked at once in three.
    let mut at = 0;
    while at + 2 < data.len() {
        match data[at + 2] {
            0 => at += 1,
            1 if data[at] == 0 && data[at + 1] == 0 => return Some(at),
            _ => at += 3,
        }
    }
    None
}

fn trim_zeros(unit: &[u8]) -> &[u8] {
    let end = unit.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    &unit[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(data: &[u8]) -> Vec<&[u8]> {
        nal_units(data).collect()
    }

    #[test]
    fn both_start_codes_and_trailing_zeros() {
        let data = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 0, 1, 0x68, 3, 0, 0, 1, 0x65, 0, 0, 3, 0];
        assert_eq!(split(&data), [&[0x67, 1, 2][..], &[0x68, 3], &[0x65, 0, 0, 3, 0]]);
    }

    #[test]
    fn nothing_without_a_start_code() {
        assert!(split(&[]).is_empty());
        assert!(split(&[0, 0]).is_empty());
        assert!(split(&[0x65, 1, 2, 3]).is_empty());
        assert!(split(&[0, 0, 1]).is_empty());
        assert!(split(&[0, 0, 1, 0, 0, 1]).is_empty());
        assert_eq!(split(&[9, 9, 0, 0, 1, 7]), [&[7][..]]);
    }
}
