//! Releasing free pages, run by run.
//!
//! ```text
//!   take_free_run (short lock: the run looks in use)  →  release (the system call, no lock)  →  put_back_released
//! ```
//!
//! Highest addresses first, because the page allocator fills the lowest: what is given back is what will be wanted last.
//! While a run is at the system it is in use in the page bitmap, so nobody can take it, and nobody waits for it.

use heap_core::page_heap::PageHeap;
use heap_core::units::{Bytes, PageIndex, Pages};

/// Pages given to the system in one call, at most. The kernel takes some 60 µs a MiB; longer calls hold the process's
/// memory map longer, shorter ones cost a lock each.
const MOST_PAGES: Pages = Pages::new(512);

/// What was given back.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Released {
    /// Bytes the system took.
    pub bytes: Bytes,
    /// Calls to the system.
    pub calls: u32,
    /// Calls it refused. The pages stay with the heap, which loses nothing but the saving.
    pub refused: u32,
}

/// Gives every free page back. Pages freed meanwhile may be missed.
pub fn release_free(pages: &PageHeap) -> Released {
    let mut released = Released::default();
    let least = pages.space().os().os_page().pages_ceil();
    let mut below = PageIndex::new(pages.space().len().pages_floor().get());
    while let Some(run) = pages.with_pages(|all| all.take_free_run(below, MOST_PAGES, least)) {
        // Never the same run twice, even if it is freed again at once.
        below = run.base;
        released.calls += 1;
        heap_core::sync::point("release: run taken, before the system call");
        // SAFETY: the run is free, and in use in the bitmap until it is put back: no object is in it, and nobody can
        // take it.
        let outcome = unsafe { pages.space().release(run.base.offset(), run.pages.bytes()) };
        pages.with_pages(|all| match outcome {
            Ok(()) => {
                released.bytes += run.pages.bytes();
                all.put_back_released(run.base, run.pages);
            }
            Err(_) => {
                released.refused += 1;
                all.give_back(run.base, run.pages);
            }
        });
    }
    released
}
