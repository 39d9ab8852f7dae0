//! Marks: one byte a slot, and the epochs that make clearing them unnecessary.
//!
//! A slot is marked when its byte equals the *epoch* of the current cycle. The next cycle has another epoch, so
//! every mark of the last one is void without being touched. Epochs run from [`Epoch::FIRST`] to
//! [`Epoch::LAST`] and begin again; before they do, all bytes are cleared once.
//!
//! ```text
//!   0            never reached, or cleared
//!   1 ..= 250    reached by the cycle with that epoch
//!   254          dead, its drop is queued: the slot stays allocated
//!   255          dead, its drop has run: the next sweep frees the slot
//! ```
//!
//! Mark bytes are relaxed atomics: on every machine of interest a plain load and a plain store.

use crate::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// The mark value of one cycle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(transparent)]
pub struct Epoch(u8);

impl Epoch {
    /// The first epoch.
    pub const FIRST: Self = Self(1);
    /// The last one before all bytes are cleared.
    pub const LAST: Self = Self(if crate::stress::STRESSED { 5 } else { 250 });

    /// The byte of a slot reached in this cycle.
    #[inline]
    #[must_use]
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// The epoch with this byte, if it is one.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        if byte >= Self::FIRST.0 && byte <= Self::LAST.0 { Some(Self(byte)) } else { None }
    }

    /// The next epoch; `None` when the bytes have to be cleared first.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        if self.0 == Self::LAST.0 { None } else { Some(Self(self.0 + 1)) }
    }
}

/// The byte of a dead slot whose drop is queued.
pub const QUEUED: u8 = 254;
/// The byte of a dead slot whose drop has run.
pub const DROPPED: u8 = 255;

/// Sixty-four slots' marks as one word: bit `i` is set if byte `i` equals the epoch's.
///
/// The fast twin of [`live_word_reference`], for bytes that nobody else writes meanwhile: sweeping a span whose layout has
/// no drop.
///
/// # Panics
/// If there are not exactly 64 bytes.
#[inline]
#[must_use]
pub fn live_word(bytes: &[AtomicU8], epoch: Epoch) -> u64 {
    assert_eq!(bytes.len(), 64);
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri), not(loom)))]
    {
        // SAFETY: every x86-64 processor has SSE2, and the block is compiled only where the target says so.
        unsafe { sse2::live_word(bytes, epoch) }
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(miri), not(loom))))]
    {
        live_word_reference(bytes, epoch)
    }
}

/// The plain form of [`live_word`].
#[must_use]
pub fn live_word_reference(bytes: &[AtomicU8], epoch: Epoch) -> u64 {
    bytes.iter().enumerate().fold(0, |word, (i, byte)| word | u64::from(byte.load(Relaxed) == epoch.0) << i)
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri), not(loom)))]
mod sse2 {
    use super::{AtomicU8, Epoch};
    use core::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_set1_epi8};

    #[inline]
    #[target_feature(enable = "sse2")]
    #[expect(clippy::cast_ptr_alignment, reason = "the load is an unaligned one")]
    pub(super) fn live_word(bytes: &[AtomicU8], epoch: Epoch) -> u64 {
        let wanted = _mm_set1_epi8(epoch.byte().cast_signed());
        let mut word = 0;
        for (i, part) in bytes.chunks_exact(16).enumerate() {
            let at = part.as_ptr().cast::<__m128i>();
            // SAFETY: the chunk has sixteen bytes; unaligned loads are allowed. The slots' owner calls this (nobody
            // marks in a span that is being swept), for a layout without drops (a running drop writes to its mark), so no
            // other thread writes them meanwhile.
            let part = unsafe { _mm_loadu_si128(at) };
            let equal = _mm_movemask_epi8(_mm_cmpeq_epi8(part, wanted));
            word |= u64::from(equal.cast_unsigned()) << (16 * i);
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_end_and_never_collide_with_the_dead() {
        let mut epoch = Epoch::FIRST;
        let mut seen = 1;
        while let Some(next) = epoch.next() {
            assert!(next.byte() != 0 && next.byte() < QUEUED);
            epoch = next;
            seen += 1;
        }
        assert_eq!(seen, u32::from(Epoch::LAST.byte()));
        assert_eq!(Epoch::from_byte(0), None);
        assert_eq!(Epoch::from_byte(QUEUED), None);
        assert_eq!(Epoch::from_byte(DROPPED), None);
    }

    #[test]
    fn the_fast_word_is_the_plain_word() {
        let mut state = 0x1234_5678_9abc_def1_u64;
        for _ in 0..2000 {
            let bytes: Vec<AtomicU8> = (0..64)
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    AtomicU8::new((state >> 60) as u8 % 3)
                })
                .collect();
            assert_eq!(live_word(&bytes, Epoch::FIRST), live_word_reference(&bytes, Epoch::FIRST));
        }
    }
}
