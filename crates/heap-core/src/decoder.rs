//! Decoders: how the address is got out of a word that a runtime has tagged.
//!
//! An [ambiguous](crate::layout) word may be anything, so it is looked up before it is followed. Runtimes that keep their
//! values in one word put more into it than an address: a tag in its lowest bits, in its highest, or the whole in the unused
//! bits of a NaN. A [`Decoder`] takes that away.
//!
//! A decoder *adds* a way to read a word, and takes none away. The word itself is looked up as well, so plain addresses in
//! ambiguous words (of an enum of the safe interface, or under the superset mask of a heap with too many layouts) count with any
//! decoder, and a decoder that is wrong keeps garbage, or misses what only it could have found, and nothing else. What it gives
//! is judged like any other word: out of range, or in no allocated slot, it is no reference; an address inside a slot leads to
//! that slot.

use core::fmt;

/// The bits of an address.
const ADDRESS: u64 = (1 << 48) - 1;
/// All bits of the exponent, and the first of the fraction: what makes a double a NaN that is not signalling.
const QUIET_NAN: u64 = 0x7FF8 << 48;

/// How the address is got out of a tagged word. See the module's text.
///
/// ```
/// use heap_core::decoder::Decoder;
/// let address = 0x7f12_3456_7890;
/// assert_eq!(Decoder::NAN_BOX.decode(0xFFFC_0000_0000_0000 | address), address);
/// assert_eq!(Decoder::NAN_BOX.decode(1.5_f64.to_bits() as usize), 0);
/// ```
#[derive(Clone, Copy)]
pub struct Decoder(fn(u64) -> usize);

impl Decoder {
    /// The low 48 bits of a quiet NaN of either sign, whatever is in the three bits between; nothing of any other double.
    pub const NAN_BOX: Self =
        Self(|word| if word & QUIET_NAN == QUIET_NAN { address(word & ADDRESS) } else { 0 });
    /// All but the lowest three bits. A tag in these leaves an address inside its slot, which counts as it is; so this is needed
    /// only as part of another.
    pub const LOW_TAG: Self = Self(|word| address(word & !7));
    /// The low 48 bits, whatever is in the sixteen above them.
    pub const HIGH_TAG: Self = Self(|word| address(word & ADDRESS));

    /// A decoder that does what `decode` does: gives the address in a word, or 0 if there is none. It may be called on any thread
    /// and with any word, must give the same answer for the same word, and not panic (the process is aborted if it does).
    #[must_use]
    pub const fn new(decode: fn(u64) -> usize) -> Self {
        Self(decode)
    }

    /// The address in a word, or something that is none.
    #[inline]
    #[must_use]
    pub fn decode(self, word: usize) -> usize {
        /// Ends the process when it is dropped: what a word led to would be freed in use.
        struct Decoded;
        impl Drop for Decoded {
            fn drop(&mut self) {
                crate::bug!("a decoder panicked");
            }
        }
        let decoded = Decoded;
        let address = (self.0)(word as u64);
        core::mem::forget(decoded);
        address
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an address has as many bits as a word")]
const fn address(bits: u64) -> usize {
    bits as usize
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nan_box_is_read_and_no_double_is() {
        let nan = |bits: u64| Decoder::NAN_BOX.decode(address(bits));
        for tag in 0..8_u64 {
            for sign in [0, 1 << 63] {
                assert_eq!(nan(sign | QUIET_NAN | tag << 48 | 0x1234_5678), 0x1234_5678);
            }
        }
        for double in [0.0, -0.0, 1.0, -1e300, f64::MIN_POSITIVE, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(nan(double.to_bits()), 0);
        }
        assert_eq!(nan(QUIET_NAN), 0, "the NaN that arithmetic makes leads nowhere");
    }

    #[test]
    fn tags_are_taken_off() {
        assert_eq!(Decoder::LOW_TAG.decode(0x1000 | 5), 0x1000);
        assert_eq!(Decoder::HIGH_TAG.decode(address(0xABCD << 48 | 0x1008)), 0x1008);
        assert_eq!(Decoder::new(|word| address(word >> 3)).decode(80), 10);
    }
}
