//! Marks: one byte a slot, and the epochs that make clearing them unnecessary. [`reached`](super::reached) sets them.
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

use crate::racy::equal_bytes;
use crate::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

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

/// Sixty-four slots of a span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    /// Which of them are allocated ([`slots`](super::slots)).
    pub(crate) bits: &'a AtomicU64,
    /// Their marks.
    pub(crate) marks: &'a [AtomicU8; 64],
}

impl Block<'_> {
    /// The slots that are allocated and were reached in the current epoch. Others may set marks meanwhile.
    #[inline]
    #[must_use]
    pub(crate) fn live(self, epoch: Epoch) -> u64 {
        self.bits.load(Relaxed) & equal_bytes(self.marks, epoch.byte())
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
}
