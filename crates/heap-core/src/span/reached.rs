//! Reaching a slot: its mark, and its span's.
//!
//! A span has a byte, that of its first page: the last epoch in which one of its slots was reached. Where that is not the
//! current one none of its marks is, and nobody reads them: in a span of garbage a sweep and a count read one byte and not 512.
//! Who reaches a slot writes the slot's byte, and then the span's if it says something else, which is once in a cycle; for all
//! other slots of the span it is one load more.
//!
//! A span's byte may name an epoch in which nothing of it was reached: another span's, whose page that was, or the same number
//! 250 cycles ago. Then its marks are looked at in vain, and found to be old.
//!
//! **No mark is overlooked.** Two workers may reach two slots of a span at the same time. Each has stored the epoch to the
//! span's byte, or has found it there. Until marking ends nobody stores another: a marker belongs to one cycle, and a mutator,
//! whose barrier or new objects reach slots, answers a round before the next cycle begins. So whoever comes after one of the two
//! finds the epoch, even if that one has only read it: a later load cannot find what was there before a value that was read
//! before (coherence).
//!
//! Who sweeps or counts comes after all on whose marks something depends. A marker's come before its last look at the queue. A
//! mutator may have stored a slot's byte and not yet its span's when others find the slot marked and leave it to him: he answers
//! round *dry* after that, or gives up the lock of the root table, before marking can end. What is reached later was reached
//! before, or is not an object yet: a run that is handed out lies in a span of its mutator's, which nobody else sweeps.
//! (`models/loom/src/models/reached.rs`; the verifier's C10.)

use crate::fault::step::{self, Step};
use crate::fault::{self, Fault};
use crate::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// The mark of one slot.
#[derive(Clone, Copy, Debug)]
pub struct Mark<'a> {
    slot: &'a AtomicU8,
    span: &'a AtomicU8,
}

impl<'a> Mark<'a> {
    /// The bytes of a slot and of its span.
    #[inline(always)]
    pub(crate) fn new(slot: &'a AtomicU8, span: &'a AtomicU8) -> Self {
        Self { slot, span }
    }

    /// What it says: an epoch's byte, or another of those in [`marks`](super::marks).
    #[inline(always)]
    #[must_use]
    pub fn get(self) -> u8 {
        self.slot.load(Relaxed)
    }

    /// The slot is reached in the epoch with this byte, the current one.
    #[inline(always)]
    pub fn set(self, epoch: u8) {
        self.slot.store(epoch, Relaxed);
        if !fault::on(Fault::SpanUntold) {
            reach(self.span, epoch);
        }
    }

    /// The slot's byte, for who tells of the dead. An epoch is not stored there: see [`Mark::set`].
    #[inline]
    pub(crate) fn byte(self) -> &'a AtomicU8 {
        self.slot
    }
}

/// A slot of a span is reached.
#[inline(always)]
pub(crate) fn reach(span: &AtomicU8, epoch: u8) {
    let told = span.load(Relaxed);
    if told != epoch && !(step::without(Step::SpanToldOnce) && told != 0) {
        span.store(epoch, Relaxed);
    }
}
