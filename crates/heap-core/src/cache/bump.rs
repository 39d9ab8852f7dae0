//! A run as the hot path sees it, two addresses; and the fence that ends it early when something is to be sampled.
//!
//! ```text
//!   cursor ........ end = fence ........ end of the run
//!     open: not sampled     beyond: the first is
//! ```
//!
//! A [`Fence`] belongs to one layout of one cache. Slots pass it in two ways: open ones without anybody looking, and the one beyond
//! it through [`Fence::pass`], which draws where the next fence is.

use crate::central::Entry;
use crate::sample::{Dice, Sampling};
use crate::units::Bytes;
use core::cell::Cell;
use core::ptr::{self, NonNull};

/// Addresses of free memory: `cursor` to `end`.
#[derive(Debug)]
pub(super) struct Bump {
    pub(super) cursor: Cell<*mut u8>,
    pub(super) end: Cell<*mut u8>,
}

impl Bump {
    pub(super) const fn empty() -> Self {
        Self { cursor: Cell::new(ptr::null_mut()), end: Cell::new(ptr::null_mut()) }
    }

    /// The next `stride` bytes.
    #[inline(always)]
    pub(super) fn take(&self, stride: usize) -> Option<NonNull<u8>> {
        debug_assert!(stride > 0);
        let start = self.cursor.get();
        let next = start.wrapping_add(stride);
        if next > self.end.get() {
            return None;
        }
        self.cursor.set(next);
        // SAFETY: an empty bump has a null end, which no `next` is at or below (a stride is not 0); so `start` is inside a
        // run, and no run begins at null.
        Some(unsafe { NonNull::new_unchecked(start) })
    }

    pub(super) fn set(&self, start: *mut u8, bytes: usize) {
        self.cursor.set(start);
        self.end.set(start.wrapping_add(bytes));
    }

    pub(super) fn clear(&self) {
        self.cursor.set(ptr::null_mut());
        self.end.set(ptr::null_mut());
    }

    pub(super) fn left(&self) -> usize {
        self.end.get().addr() - self.cursor.get().addr()
    }
}

/// Where the next slot of a layout is that is to be sampled. See the module's text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fence {
    /// Slots of the current run from the fence on, of which the first is to be sampled; 0 without a fence.
    beyond: u32,
    /// Open slots that come after the current run before one is sampled; of use with the mean below only.
    pass_over: u64,
    /// The mean that was drawn with; 0 if sampling was off.
    mean: Bytes,
}

/// How a run begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Begun {
    /// Its first slot is open.
    Open,
    /// Its first slot is to be sampled.
    AtFence,
}

impl Fence {
    /// Slots of the current run from the fence on.
    pub(super) fn beyond(&self) -> u32 {
        self.beyond
    }

    /// Whether sampling is on, or was.
    #[inline]
    pub(super) fn is_wished(&self, sampling: &Sampling) -> bool {
        sampling.mean() > Bytes::ZERO || self.mean > Bytes::ZERO
    }

    /// A run has begun, which the bump has whole: sets its fence, if something of it is to be sampled. Says whether a slot is open.
    #[cold]
    #[inline(never)]
    pub(super) fn begin(
        &mut self,
        bump: &Bump,
        dice: &mut Option<Dice>,
        sampling: &Sampling,
        entry: &Entry,
    ) -> Begun {
        let stride = entry.layout().class.size();
        let mean = sampling.mean();
        if mean != self.mean {
            self.mean = mean;
            self.pass_over = Dice::of(dice, sampling).pass_over(mean, stride);
        }
        if mean > Bytes::ZERO {
            self.set(bump, stride);
        }
        if bump.left() > 0 { Begun::Open } else { Begun::AtFence }
    }

    /// Takes the slot beyond the fence, and sets the next one. Says with which mean the slot was drawn, which is an older one if
    /// that has changed; nothing, if sampling is off by now.
    #[cold]
    #[inline(never)]
    pub(super) fn pass(
        &mut self,
        bump: &Bump,
        dice: &mut Option<Dice>,
        sampling: &Sampling,
        entry: &Entry,
    ) -> (NonNull<u8>, Option<Bytes>) {
        let stride = entry.layout().class.size();
        bump.end.set(bump.end.get().wrapping_add(self.beyond as usize * stride.get()));
        let Some(start) = bump.take(stride.get()) else {
            crate::bug!("{} slots of {stride} lie beyond the fence, and none can be taken", self.beyond)
        };
        let mean = sampling.mean();
        let sample = (mean > Bytes::ZERO).then_some(self.mean);
        self.beyond = 0;
        self.mean = mean;
        if mean > Bytes::ZERO {
            self.pass_over = Dice::of(dice, sampling).pass_over(mean, stride);
            self.set(bump, stride);
        }
        (start, sample)
    }

    /// Ends the bump, which has all that is left of the run, before the next slot that is to be sampled, if that is in it.
    fn set(&mut self, bump: &Bump, stride: Bytes) {
        let slots = u32::try_from(bump.left() / stride.get()).unwrap_or(0);
        let open = u32::try_from(self.pass_over).unwrap_or(u32::MAX).min(slots);
        self.pass_over -= u64::from(open);
        self.beyond = slots - open;
        bump.end.set(bump.cursor.get().wrapping_add(open as usize * stride.get()));
    }
}
