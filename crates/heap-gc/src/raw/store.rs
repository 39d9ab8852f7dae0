//! Stores and loads of words in objects. What the collector must hear of is told here: see [`crate::barrier`].

use super::Inside;
use crate::barrier::{self, bulk};
use crate::trace::Trace;
use heap_core::layout::TypeMask;
use heap_core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Acquire};
use heap_core::units::wide;
use heap_core::verify::Word;

/// A word that is null or the address of an object.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Exact(*mut u8);

// SAFETY: 1: one word, which by R4 is null or a reference. 2, 4: nothing is elsewhere; it is `Copy`.
unsafe impl Trace for Exact {
    const MASK: TypeMask = TypeMask::pointer();
}

/// A word that may be anything.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Ambiguous(u64);

// SAFETY: as above, for a word that may be anything.
unsafe impl Trace for Ambiguous {
    const MASK: TypeMask = TypeMask::ambiguous(size_of::<u64>());
}

impl Inside<'_> {
    /// Stores a reference, or null, into an exact word of an object. Several threads may do so in one place: each store is whole,
    /// and releases what the thread has written before.
    ///
    /// # Safety
    /// `place` is an exact word of an object of this heap; R3 and R4 of `value`.
    #[inline(always)]
    pub unsafe fn write(&self, place: *mut *mut u8, value: *mut u8) {
        if self.checks() {
            self.check_store(place.addr(), Word::Exact(value.addr()));
        }
        let (barrier, to) = self.mu.barrier();
        // SAFETY: 1: a word of an object, aligned as exact words are; who else writes to it does so here, with atomics. 2: a word
        // needs no drop. 3: R4.
        unsafe { barrier::store(barrier, to, place.cast(), Exact(value)) };
    }

    /// The same for a word that may be anything, in an ambiguous word of an object.
    ///
    /// # Safety
    /// `place` is an ambiguous word of an object of this heap; R3 of `value`, if it leads to an object.
    #[inline(always)]
    pub unsafe fn write_ambiguous(&self, place: *mut u64, value: u64) {
        if self.checks() {
            self.check_store(place.addr(), Word::Ambiguous(wide(value)));
        }
        let (barrier, to) = self.mu.barrier();
        // SAFETY: as in `write`.
        unsafe { barrier::store(barrier, to, place.cast(), Ambiguous(value)) };
    }

    /// What an exact word of an object holds, with what its writer has written before.
    ///
    /// # Safety
    /// `place` is an exact word of an object of this heap.
    #[inline(always)]
    #[must_use]
    pub unsafe fn read(&self, place: *const *mut u8) -> *mut u8 {
        // SAFETY: a word of an object, aligned, changed by atomic stores (R5).
        unsafe { AtomicPtr::from_ptr(place.cast_mut()) }.load(Acquire)
    }

    /// The same for an ambiguous word.
    ///
    /// # Safety
    /// `place` is an ambiguous word of an object of this heap.
    #[inline(always)]
    #[must_use]
    pub unsafe fn read_ambiguous(&self, place: *const u64) -> u64 {
        // SAFETY: as in `read`.
        unsafe { AtomicU64::from_ptr(place.cast_mut()) }.load(Acquire)
    }

    /// Copies references over the exact words from `places` on. The two may overlap.
    ///
    /// # Safety
    /// `places` are `count` exact words of an object of this heap, to which no other thread writes. `values` can be read, nobody
    /// writes to them meanwhile, and R3 and R4 hold of them.
    pub unsafe fn copy(&self, places: *mut *mut u8, values: *const *mut u8, count: usize) {
        for index in 0..if self.checks() { count } else { 0 } {
            // SAFETY: one of the values, which can be read, and nobody writes to.
            let value = unsafe { values.wrapping_add(index).read() };
            self.check_store(places.addr(), Word::Exact(value.addr()));
        }
        let (barrier, to) = self.mu.barrier();
        // SAFETY: 1, 2: words of an object, this thread's to write. 3, 4: by the caller.
        unsafe { bulk::overwrite::<Exact>(barrier, to, values.cast(), places.cast(), count) };
    }

    /// The same for words that may be anything, in ambiguous words.
    ///
    /// # Safety
    /// As [`Inside::copy`], with ambiguous words.
    pub unsafe fn copy_ambiguous(&self, places: *mut u64, values: *const u64, count: usize) {
        for index in 0..if self.checks() { count } else { 0 } {
            // SAFETY: one of the values, which can be read, and nobody writes to.
            let value = unsafe { values.wrapping_add(index).read() };
            self.check_store(places.addr(), Word::Ambiguous(wide(value)));
        }
        let (barrier, to) = self.mu.barrier();
        // SAFETY: as in `copy`.
        unsafe { bulk::overwrite::<Ambiguous>(barrier, to, values.cast(), places.cast(), count) };
    }

    /// Stores one reference, or null, into `count` exact words from `places` on.
    ///
    /// # Safety
    /// `places` are `count` exact words of an object of this heap, to which no other thread writes; R3 and R4 of `value`.
    pub unsafe fn fill(&self, places: *mut *mut u8, value: *mut u8, count: usize) {
        if self.checks() && count > 0 {
            self.check_store(places.addr(), Word::Exact(value.addr()));
        }
        let (barrier, to) = self.mu.barrier();
        // SAFETY: 1, 2: words of an object, this thread's to write. 3: R4.
        unsafe { bulk::fill(barrier, to, places.cast(), count, Exact(value)) };
    }

    /// The same for a word that may be anything, in ambiguous words.
    ///
    /// # Safety
    /// As [`Inside::fill`], with ambiguous words.
    pub unsafe fn fill_ambiguous(&self, places: *mut u64, value: u64, count: usize) {
        if self.checks() && count > 0 {
            self.check_store(places.addr(), Word::Ambiguous(wide(value)));
        }
        let (barrier, to) = self.mu.barrier();
        // SAFETY: as in `fill`.
        unsafe { bulk::fill(barrier, to, places.cast(), count, Ambiguous(value)) };
    }
}
