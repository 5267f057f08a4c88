//! GF(256) with the polynomial x^8 + x^4 + x^3 + x^2 + 1. Tables are made by the compiler.

const POLYNOMIAL: u16 = 0x11d;

const TABLES: ([u8; 255], [u8; 256]) = {
    let (mut exp, mut log) = ([0; 255], [0; 256]);
    let (mut value, mut power) = (1u16, 0);
    while power < 255 {
        exp[power] = value as u8;
        log[value as usize] = power as u8;
        value <<= 1;
        if value & 0x100 != 0 {
            value ^= POLYNOMIAL;
        }
        power += 1;
    }
    (exp, log)
};

pub(super) const fn mul(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    let power = TABLES.1[a as usize] as usize + TABLES.1[b as usize] as usize;
    TABLES.0[power % 255]
}

/// `a` is not zero.
pub(super) const fn inverse(a: u8) -> u8 {
    TABLES.0[(255 - TABLES.1[a as usize] as usize) % 255]
}

/// All products of one factor.
pub(super) struct Row([u8; 256]);

impl Row {
    pub(super) fn new(factor: u8) -> Self {
        let mut row = [0; 256];
        for (value, product) in (0..=255).zip(&mut row) {
            *product = mul(factor, value);
        }
        Self(row)
    }

    /// `to += factor * from`, as far as both reach.
    pub(super) fn add(&self, to: &mut [u8], from: &[u8]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to ^= self.0[usize::from(*from)];
        }
    }

    pub(super) fn scale(&self, values: &mut [u8]) {
        values.iter_mut().for_each(|value| *value = self.0[usize::from(*value)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_field() {
        for a in 1..=255 {
            assert_eq!(mul(a, inverse(a)), 1, "{a}");
            assert_eq!((mul(a, 1), mul(a, 0)), (a, 0));
            for b in 0..=255 {
                assert_eq!(mul(a, b), mul(b, a));
                assert_eq!(mul(a, b ^ 77), mul(a, b) ^ mul(a, 77), "sums may be taken apart");
            }
        }
    }
}
