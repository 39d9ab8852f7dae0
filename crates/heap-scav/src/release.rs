//! Releasing free pages, run by run.
//!
//! ```text
//!   take_to_release (short lock: the run looks in use)  →  release (the system call, no lock)  →  put_back
//! ```
//!
//! Highest addresses first, because the page allocator fills the lowest: what is given back is what will be wanted last.
//! While a run is at the system it is in use in the page bitmap, so nobody can take it; it counts as away, so that the
//! verifier knows of it, and so that an allocation with no room left waits for it and is not refused.
//!
//! Called by `desk.rs` and [`crate::scavenger`], which see to it that only one thread goes through a heap at a time.

use heap_core::os::OsError;
use heap_core::page::{CHUNK_PAGES, FreeRun, WantedRun};
use heap_core::page_heap::{PageHeap, RunMemory};
use heap_core::units::{Bytes, PageIndex, Pages};

/// Which runs to release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// All.
    All,
    /// All, in pieces so short that an allocation can do a few.
    Urgent,
    /// Those worth it. A chunk that is in use to [`DENSE`] or more is left alone: its few free pages will be wanted soon, and
    /// releasing them would break up the huge pages the rest may lie in.
    Sparing,
    /// Of those, the ones in chunks that were not dense when the last cycle ended either: what has been dense so lately may be
    /// so again.
    Rested,
}

/// Pages in use from which a chunk is dense: 31/32, that is 96.9 % (Go 1.27 `runtime/mgcscavenge.go`). Lower leaves more free
/// pages resident, higher takes huge pages apart for little.
pub const DENSE: Pages = Pages::new(CHUNK_PAGES.get() - CHUNK_PAGES.get() / 32);

/// Pages that are away at once: 512 KiB, some 30 µs. More make the calls to the system cheaper by the byte, from here on by
/// less than a twentieth; as many cannot be allocated meanwhile, and as long does an allocation wait that finds no room, or a
/// page fault beside them. (Go's is 64 KiB: 1.27 `runtime/mgcscavenge.go`, `scavengeQuantum`.)
pub const QUANTUM: Pages = Pages::new(64);

/// The same for an allocation that releases pages itself: 64 KiB, some 5 µs.
pub const URGENT_QUANTUM: Pages = Pages::new(8);

/// What became of one try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// So many bytes are with the system.
    Released(Bytes),
    /// The system did not take them; the heap loses nothing but the saving.
    Refused(OsError),
    /// A part of the heap was looked through, and nothing found. Go on.
    Passed,
    /// There is nothing left.
    Nothing,
}

/// A walk over the free pages of a heap, from the top down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Walk {
    below: PageIndex,
    wanted: WantedRun,
}

impl Walk {
    /// A walk from the top.
    #[must_use]
    pub fn new(pages: &PageHeap, which: Which) -> Self {
        const NOT_DENSE: Pages = Pages::new(CHUNK_PAGES.get() - DENSE.get() + 1);
        let (most, least_free, least_free_before) = match which {
            Which::All => (QUANTUM, Pages::new(1), Pages::ZERO),
            Which::Urgent => (URGENT_QUANTUM, Pages::new(1), Pages::ZERO),
            Which::Sparing => (QUANTUM, NOT_DENSE, Pages::ZERO),
            Which::Rested => (QUANTUM, NOT_DENSE, NOT_DENSE),
        };
        let align = pages.space().os().os_page().pages_ceil();
        let below = PageIndex::new(pages.space().len().pages_floor().get());
        Self { below, wanted: WantedRun { most, align, least_free, least_free_before } }
    }

    /// Releases the next run. Never the same twice, even if it is freed again at once.
    pub fn step(&mut self, pages: &PageHeap) -> Step {
        let run = match pages.take_to_release(self.below, &self.wanted) {
            FreeRun::Taken(run) => run,
            FreeRun::Further(below) => {
                self.below = below;
                return Step::Passed;
            }
            FreeRun::None => return Step::Nothing,
        };
        self.below = run.base;
        heap_core::sync::point("release: run taken, before the system call");
        // SAFETY: the run is free, and in use in the bitmap until it is put back: no object is in it, and nobody can take it.
        // All of it is ready: a page that is not released was made ready before it was first taken.
        let outcome = unsafe { pages.space().release(run.base.offset(), run.pages.bytes()) };
        match outcome {
            Ok(()) => {
                pages.put_back(run, RunMemory::Released);
                Step::Released(run.pages.bytes())
            }
            Err(error) => {
                pages.put_back(run, RunMemory::Kept);
                Step::Refused(error)
            }
        }
    }
}

/// What was given back.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Released {
    /// Bytes the system took.
    pub bytes: Bytes,
    /// Calls to the system.
    pub calls: u64,
    /// Calls it refused. The pages stay with the heap.
    pub refused: u64,
    /// Its last refusal.
    pub error: Option<OsError>,
}

impl Released {
    /// Counts a step.
    pub fn add(&mut self, step: Step) {
        match step {
            Step::Released(bytes) => {
                self.bytes += bytes;
                self.calls += 1;
            }
            Step::Refused(error) => {
                self.refused += 1;
                self.calls += 1;
                self.error = Some(error);
            }
            Step::Passed | Step::Nothing => {}
        }
    }
}
