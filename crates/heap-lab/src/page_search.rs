//! Searching for pages in heaps of any size: the page allocator's tables over address space with no memory behind it.
//!
//! Called by the experiment `t18`, and by the calibration of the simulator.

use crate::error::LabError;
use crate::measure::time::timed;
use crate::unit::binary;
use heap_core::os;
use heap_core::page::{CHUNK_PAGES, PageAlloc, PageRun};
use heap_core::units::{PAGE_BYTES, PageIndex, Pages};
use std::hint::black_box;

/// A heap of that many bytes in which no run of two pages or more is free but the last: gaps of one page are spread
/// over it, so that no level of the tree may be skipped for being full.
pub(crate) fn fragmented(bytes: u64) -> Result<PageAlloc, LabError> {
    let refused =
        |error: os::OsError| LabError::Heap(format!("no page tree for {}: {error}", binary(bytes as f64)));
    let total = Pages::new(usize::try_from(bytes).unwrap_or(usize::MAX) / PAGE_BYTES);
    let mut pages = PageAlloc::new(&os::host(), total).map_err(refused)?;
    let chunks = total.get() / CHUNK_PAGES.get();
    // Sixty-three chunks with gaps, evenly spread, and the last one with the run.
    let step = (chunks / 64).max(1);
    for chunk in (0..chunks - 1).step_by(step) {
        let base = PageIndex::new(chunk * CHUNK_PAGES.get());
        pages.grow(base, CHUNK_PAGES);
        let _taken = pages.take(CHUNK_PAGES);
        for gap in (1..CHUNK_PAGES.get()).step_by(64) {
            pages.give_back(base.plus(Pages::new(gap)), Pages::new(1));
        }
    }
    pages.grow(PageIndex::new((chunks - 1) * CHUNK_PAGES.get()), CHUNK_PAGES);
    Ok(pages)
}

/// Tables that are made and searched, one after the other: which memory the system gives for one is chance, too.
pub(crate) const TABLES: usize = 4;
/// Batches of searches in each.
pub(crate) const BATCHES: usize = 15;

/// Nanoseconds of a search for `wanted` pages, more than one, that ends at the far end of a heap of that many bytes: processor time, the
/// least of a few batches in each of a few tables, since what disturbs adds.
///
/// # Errors
/// When the tables cannot be had, or the search ends elsewhere.
pub(crate) fn search(bytes: u64, wanted: Pages, rounds: u32) -> Result<f64, LabError> {
    let mut least = f64::INFINITY;
    for _ in 0..TABLES {
        let mut pages = fragmented(bytes)?;
        for _ in 0..BATCHES {
            least = least.min(batch(&mut pages, wanted, rounds)?);
        }
    }
    Ok(least)
}

/// Nanoseconds of one search, of so many.
fn batch(pages: &mut PageAlloc, wanted: Pages, rounds: u32) -> Result<f64, LabError> {
    let (found, lap) = timed(|| {
        let mut found = None;
        for _ in 0..rounds {
            let run = black_box(&mut *pages).take(wanted);
            if let Some(PageRun { base, pages: length, .. }) = run {
                pages.give_back(base, length);
                found = Some(base);
            }
        }
        found
    });
    let last = PageIndex::new(pages.total().get() - CHUNK_PAGES.get());
    if found != Some(last) {
        return Err(LabError::Measure(format!("the search ended at {found:?}, not at {last:?}")));
    }
    Ok(lap.cpu_ns_per(u64::from(rounds)))
}
