//! `Group`: sixteen control bytes, looked at together.
//!
//! A control byte says what is in one place of a table:
//!
//! | byte | the place |
//! |---|---|
//! | `0xxx_xxxx` | holds an entry; the seven bits are the *tag*, the highest of its key's hash |
//! | [`EMPTY`] | holds nothing, and no key was ever put past it |
//! | [`DELETED`] | holds nothing, but a search goes on: see `change.rs` |
//!
//! With the instructions that every x86-64 processor has (SSE2) a question to a group takes a few; `plain` answers the
//! same questions byte by byte, for other processors, and is what a test compares with.

/// Nothing in the place, and a search may end here.
pub(super) const EMPTY: u8 = 0xFF;

/// Nothing in the place, and a search goes on.
pub(super) const DELETED: u8 = 0x80;

/// Control bytes in a group: as many as one instruction compares.
pub(super) const WIDTH: usize = 16;

/// The tag of a hash. The lowest bits say where a search begins, so these are others.
#[inline(always)]
pub(super) fn tag(hash: u64) -> u8 {
    // Seven bits are left.
    (hash >> 57).to_le_bytes()[0]
}

/// Sixteen control bytes, in the order of their places in memory.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(super) struct Group(bits::Sixteen);

impl Group {
    /// The group that is these bytes.
    #[cfg(test)]
    pub(super) fn of(bytes: [u8; WIDTH]) -> Self {
        // SAFETY: both are sixteen bytes, any of which are valid.
        Self(unsafe { core::mem::transmute::<[u8; WIDTH], bits::Sixteen>(bytes) })
    }

    /// The places with that control byte.
    #[inline(always)]
    pub(super) fn with(self, byte: u8) -> Bits {
        bits::with(self, byte)
    }

    /// The places that hold nothing.
    #[inline(always)]
    pub(super) fn free(self) -> Bits {
        bits::free(self)
    }

    /// The places that hold entries.
    #[inline(always)]
    pub(super) fn full(self) -> Bits {
        Bits(!self.free().0)
    }

    /// Whether a search may end here.
    #[inline(always)]
    pub(super) fn has_empty(self) -> bool {
        self.with(EMPTY).0 != 0
    }
}

/// Places of a group, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bits(u16);

impl Bits {
    /// No place.
    pub(super) const NONE: Self = Self(0);

    /// The first place, if there is one.
    #[inline(always)]
    pub(super) fn first(self) -> Option<usize> {
        (self.0 != 0).then_some(self.0.trailing_zeros() as usize)
    }
}

impl Iterator for Bits {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let first = self.first()?;
        self.0 &= self.0 - 1;
        Some(first)
    }
}

#[cfg(not(target_arch = "x86_64"))]
use plain as bits;
#[cfg(target_arch = "x86_64")]
use sse2 as bits;

/// With SSE2, which is part of x86-64.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::{Bits, Group};
    use core::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8};

    /// A vector, so that it is loaded as one.
    pub(super) use core::arch::x86_64::__m128i as Sixteen;

    #[inline(always)]
    fn mask(vector: Sixteen) -> Bits {
        // SAFETY: every x86-64 processor has SSE2.
        let [low, high, ..] = unsafe { _mm_movemask_epi8(vector) }.to_le_bytes();
        Bits(u16::from_le_bytes([low, high]))
    }

    #[inline(always)]
    pub(super) fn with(group: Group, byte: u8) -> Bits {
        // SAFETY: every x86-64 processor has SSE2.
        let sixteen = unsafe { _mm_set1_epi8(byte.cast_signed()) };
        // SAFETY: as above.
        mask(unsafe { _mm_cmpeq_epi8(group.0, sixteen) })
    }

    #[inline(always)]
    pub(super) fn free(group: Group) -> Bits {
        // The highest bits.
        mask(group.0)
    }
}

/// Byte by byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) mod plain {
    use super::{Bits, Group, WIDTH};

    #[cfg(not(target_arch = "x86_64"))]
    pub(super) type Sixteen = u128;

    fn where_(group: Group, is: impl Fn(u8) -> bool) -> Bits {
        // SAFETY: both are sixteen bytes, any of which are valid.
        let bytes = unsafe { core::mem::transmute::<Group, [u8; WIDTH]>(group) };
        Bits((0..16).fold(0, |bits, at| bits | u16::from(is(bytes[at])) << at))
    }

    pub(in super::super) fn with(group: Group, byte: u8) -> Bits {
        where_(group, |found| found == byte)
    }

    pub(in super::super) fn free(group: Group) -> Bits {
        where_(group, |found| found & 0x80 != 0)
    }
}
