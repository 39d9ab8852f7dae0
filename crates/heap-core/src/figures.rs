//! Figures: what the heap counts, and the snapshot a reader gets.
//!
//! The allocation path counts nothing. A mutator's numbers move when it refills: the whole run is counted as
//! allocated then, and the part it did not use is taken back when it hands the run back. So between two handshakes
//! [`MemoryFigures::heap_alloc`] errs high, by at most one run per mutator and layout; right after a collection it is
//! exact. Reading stops nobody; it takes the lock of the span records for as long as it takes to read a few numbers, and that of the tallies,
//! for which only mutators wait that come or go, for as long as it takes to read some 140 numbers of each mutator.
//!
//! The fields carry the names of Go's `runtime.MemStats` where the meaning is the same
//! (Go 1.27, `runtime/mstats.go`). Fields about goroutine stacks, profiling buckets and lookups have no meaning here
//! and are not here.
//!
//! Invariants (checked by [`MemoryFigures::check`])
//!   I1  mallocs - frees = heap_objects, in all and per class
//!   B6  heap_inuse + frames + heap_idle = heap_sys, heap_released <= heap_idle

use crate::size_class::SizeClass;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use crate::units::Bytes;

/// The counters of a heap, but for those that each mutator has for itself ([`crate::tally`]). Written with relaxed read-modify-writes by
/// whoever does the thing counted.
#[derive(Debug)]
pub struct Counters {
    /// Bytes of large objects handed out, in whole pages.
    pub large_alloc_bytes: AtomicU64,
    /// Bytes of large objects freed, in whole pages.
    pub large_free_bytes: AtomicU64,
    /// Tiny objects put into a block that was there already.
    pub tiny_allocs: AtomicU64,
    /// Runs handed to a mutator, at least one per refill.
    pub runs: AtomicU64,
    /// Spans made of fresh pages.
    pub spans_made: AtomicU64,
    /// Spans made from a mutator's page cache, without the page heap's lock.
    pub page_cache_hits: AtomicU64,
    /// Spans in use.
    pub spans: AtomicUsize,
    /// Bytes of spans in use, and of frames.
    pub inuse: AtomicUsize,
    /// Bytes of frames: a part of `inuse`. Errs low while it changes.
    pub frames: AtomicUsize,
    /// Bytes handed out since the last census, as a signed number ([`crate::memory::Memory::since_count`]): what paces the next cycle.
    pub since_cycle: AtomicUsize,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            large_alloc_bytes: AtomicU64::new(0),
            large_free_bytes: AtomicU64::new(0),
            tiny_allocs: AtomicU64::new(0),
            runs: AtomicU64::new(0),
            spans_made: AtomicU64::new(0),
            page_cache_hits: AtomicU64::new(0),
            spans: AtomicUsize::new(0),
            inuse: AtomicUsize::new(0),
            frames: AtomicUsize::new(0),
            since_cycle: AtomicUsize::new(0),
        }
    }
}

impl Counters {
    /// Bytes of spans in use, without frames. Errs either way by a run of pages while frames take or give some.
    #[must_use]
    pub fn in_spans(&self) -> Bytes {
        let frames = self.frames.load(Relaxed);
        Bytes::new(self.inuse.load(Relaxed).saturating_sub(frames))
    }
}

/// Adds to a counter.
#[inline]
pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Relaxed);
}

/// One size class, in [`MemoryFigures::by_size`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct BySize {
    /// Bytes of a slot; 0 for large objects.
    pub size: Bytes,
    /// Slots handed out since the heap began.
    pub mallocs: u64,
    /// Slots freed since the heap began.
    pub frees: u64,
}

/// A snapshot of a heap's memory.
///
/// Fields are read one after another while mutators run, so two of them may be a few refills apart.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct MemoryFigures {
    /// Bytes of slots that are allocated: live objects, and dead ones not swept yet. Errs high between handshakes.
    /// (`MemStats.HeapAlloc`)
    pub heap_alloc: Bytes,
    /// Bytes of slots handed out since the heap began. Errs high like `heap_alloc`. (`TotalAlloc`)
    pub total_alloc: Bytes,
    /// Objects handed out since the heap began, tiny ones included. (`Mallocs`)
    pub mallocs: u64,
    /// Objects freed since the heap began; a tiny object counts as freed at once, since it has no slot of its own.
    /// (`Frees`)
    pub frees: u64,
    /// Slots allocated. (`HeapObjects`)
    pub heap_objects: u64,
    /// Tiny objects that shared a block. (`/gc/heap/tiny/allocs:objects`)
    pub tiny_allocs: u64,
    /// Address space for objects that the heap has grown to. (`HeapSys`)
    pub heap_sys: Bytes,
    /// Pages of mutators' frames, and kept for them. (`StackInuse`, as far as frames are stacks)
    pub frames: Bytes,
    /// Pages in no span and no frame. (`HeapIdle`)
    pub heap_idle: Bytes,
    /// Pages in spans, whole spans counted. (`HeapInuse`)
    pub heap_inuse: Bytes,
    /// Pages of `heap_idle` that were given back to the system, or never touched. (`HeapReleased`)
    pub heap_released: Bytes,
    /// Bytes of span records, mark bytes and alloc bits ever used. Errs low: the tables grow by whole pages of the
    /// system. (`MSpanSys`)
    pub span_sys: Bytes,
    /// Everything above that the process can count as its own: `heap_sys + span_sys`. (`Sys`)
    pub sys: Bytes,
    /// Address space reserved; nothing of it is memory before it is in `heap_sys`.
    pub reserved: Bytes,
    /// Spans handed to mutators.
    pub refills: u64,
    /// Runs handed to mutators.
    pub runs: u64,
    /// Spans made of pages.
    pub spans_made: u64,
    /// Spans swept.
    pub spans_swept: u64,
    /// Spans made without the page heap's lock.
    pub page_cache_hits: u64,
    /// Spans in use.
    pub spans: u64,
    /// By size class; entry 0 is large objects. (`BySize`)
    pub by_size: [BySize; SizeClass::COUNT],
}

impl MemoryFigures {
    /// `heap_inuse - heap_alloc`: bytes in spans that hold no object. Tails of spans, free slots, and runs not used
    /// up.
    #[must_use]
    pub fn unused(&self) -> Bytes {
        Bytes::new(self.heap_inuse.get().saturating_sub(self.heap_alloc.get()))
    }

    /// `heap_inuse / heap_alloc`: 1 is no fragmentation. 1 for an empty heap.
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        if self.heap_alloc == Bytes::ZERO {
            1.0
        } else {
            self.heap_inuse.get() as f64 / self.heap_alloc.get() as f64
        }
    }

    /// Checks I1 and B6.
    ///
    /// # Errors
    /// Names the invariant that does not hold, with its figures. Only a snapshot taken while nothing runs has to
    /// pass.
    pub fn check(&self) -> Result<(), String> {
        let (allocs, frees): (u64, u64) =
            self.by_size.iter().fold((0, 0), |(a, f), class| (a + class.mallocs, f + class.frees));
        if let Some(class) = self.by_size.iter().find(|class| class.frees > class.mallocs) {
            return Err(format!(
                "I1: class of {} freed {} of {} slots",
                class.size, class.frees, class.mallocs
            ));
        }
        if allocs - frees != self.heap_objects || self.mallocs - self.frees != self.heap_objects {
            return Err(format!(
                "I1: {allocs} slots - {frees} freed, {} mallocs - {} frees, {} objects",
                self.mallocs, self.frees, self.heap_objects
            ));
        }
        if self.heap_inuse + self.frames + self.heap_idle != self.heap_sys
            || self.heap_released > self.heap_idle
        {
            return Err(format!(
                "B6: inuse {} + frames {} + idle {} against sys {}, released {}",
                self.heap_inuse.get(),
                self.frames.get(),
                self.heap_idle.get(),
                self.heap_sys.get(),
                self.heap_released.get()
            ));
        }
        Ok(())
    }
}
