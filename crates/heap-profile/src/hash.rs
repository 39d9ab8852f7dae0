//! A hash of words, for tables whose keys nobody chooses to be bad: addresses of code, and names of types.

use core::hash::Hasher;

/// The golden ratio in 64 bits, odd: a multiplication by it spreads low bits upwards.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Words that are hashed, one multiplication for each. See the module's text.
#[derive(Clone, Copy, Default)]
pub(crate) struct Words(u64);

impl Words {
    pub(crate) fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(STEP);
    }
}

impl Hasher for Words {
    /// Tables take their place from the low bits, which a multiplication does not reach from above.
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.add(u64::from_le_bytes(*word)));
        // With their number, so that zeros at the end count.
        let last = rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte));
        self.add(last);
    }

    fn write_u32(&mut self, number: u32) {
        self.add(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn of(bytes: &[u8]) -> u64 {
        let mut words = Words::default();
        words.write(bytes);
        words.finish()
    }

    #[test]
    fn texts_that_differ_a_little_differ_and_so_do_their_low_bits() {
        let texts = [
            "",
            "a",
            "b",
            "a\0",
            "[u64; 8]",
            "[u64; 9]",
            "[u64; 80]",
            "longer than a word",
            "longer than a wore",
        ];
        let hashes: HashSet<u64> = texts.iter().map(|text| of(text.as_bytes())).collect();
        assert_eq!(hashes.len(), texts.len());
        let low: HashSet<u64> = (0..1000_u64).map(|at| of(&(at << 40).to_le_bytes()) % 4096).collect();
        // A thousand draws of 4096 numbers: 887 different ones are expected.
        assert!(low.len() > 800, "{} of 1000", low.len());
    }
}
