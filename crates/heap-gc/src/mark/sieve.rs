//! The sieve of a marker: where nulls are looked for.
//!
//! With vectors, sixty-four words are looked at in the time of a few, and a null that is not visited costs nothing: not the load,
//! and not the branch, which is mispredicted where nulls and references take turns. But where there are no nulls, it is work
//! for nothing. So a sieve that found few lets some of the words that follow through, and then looks again.

use heap_core::fault::{self, Fault};
use heap_core::racy::kernel::{Kernel, Vectors};
use heap_core::racy::words::WordRange;
use heap_core::stress::SIFTED_EVERY;
use heap_core::sync::atomic::AtomicUsize;

/// Nulls in sixty-four words below which the words that follow are let through. With four, sifting all costs a tenth more than
/// it saves; with eight, it saves a tenth (`docs/design/marking.md`).
const FEW: u32 = 6;

/// Looks for nulls where there are some. Made for one object, or one piece of one.
#[derive(Debug)]
pub(super) struct Sieve {
    kernel: Kernel,
    /// Words to let through before the next are looked at.
    through: usize,
}

impl Sieve {
    /// One that looks at the first words, if there are vectors to do it with, and otherwise lets all through.
    pub(super) fn new(kernel: Kernel) -> Self {
        // The fault is to be noticed on every processor.
        let is_wide = kernel.vectors() != Vectors::Scalar || fault::on(Fault::LaneDropped);
        Self { kernel, through: if is_wide { 0 } else { usize::MAX } }
    }

    /// Whether the next words are to be sifted.
    #[inline(always)]
    pub(super) fn is_due(&self) -> bool {
        self.through == 0
    }

    /// So many words were not sifted.
    #[inline(always)]
    pub(super) fn let_through(&mut self, words: usize) {
        // No object has as many words as a sieve without vectors lets through.
        self.through = self.through.saturating_sub(words);
    }

    /// Those bits of a mask whose words are not null: bit `i` stands for word `i` from `at`. See [`heap_core::racy::words`] for
    /// words that are overwritten meanwhile.
    ///
    /// # Safety
    /// The duties of [`Kernel::within`].
    #[inline(always)]
    pub(super) unsafe fn sift(&mut self, at: *const AtomicUsize, mask: u64) -> u64 {
        // SAFETY: the caller's duties.
        let mut found = unsafe { self.kernel.within(at, mask, WordRange::NON_NULL) };
        if fault::on(Fault::LaneDropped) {
            found &= !(1 << 63);
        }
        let nulls = (mask & !found).count_ones();
        if nulls * 64 < mask.count_ones() * FEW {
            self.through = SIFTED_EVERY;
        }
        found
    }
}

#[cfg(test)]
mod tests;
